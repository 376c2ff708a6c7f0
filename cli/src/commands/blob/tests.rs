//! `weft blob list` against nodes that hide something.
#![allow(clippy::unwrap_used)]

use std::pin::Pin;

use futures::{Stream, stream};
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};
use weft_da::{Blob, ChainPosition, EncodedBlock, NamespaceProof, Packed, Schedule, SignedHeader};
use weft_primitives::{B256, Namespace, Signer};
use weft_service::Shutdown;
use weft_wire::pb::da::v1 as pb;
use weft_wire::{DaClient, FILE_DESCRIPTOR_SET};

use super::list::{Disproved, Proved, Range, scan};

const MINE: Namespace = Namespace([4; 32]);
const HEIGHTS: u64 = 6;

type Shown = Vec<(SignedHeader, NamespaceProof)>;
type Boxed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn signer(number: u8) -> Signer {
    Signer::from_bytes([number; 32]).unwrap()
}

/// A chain of 6 blocks with a foreign blob in each and one or two of ours in each second; `seed` makes another one.
fn chain(seed: u8, signer: &Signer) -> Shown {
    let mut prev_hash = B256::ZERO;
    let block = |height: u64| {
        let ours: &[u8] = &[seed, height as u8];
        let mut blobs = vec![Blob::new(Namespace([1; 32]), b"foreign"), Blob::new(Namespace([9; 32]), b"foreign")];
        if height.is_multiple_of(2) {
            blobs.push(Blob::new(MINE, ours));
            blobs.push(Blob::new(MINE, &ours[1..]));
        }
        let block = EncodedBlock::encode(Packed::new(&blobs, 1 << 20).unwrap(), Schedule::Sequential);
        let header = block.header(ChainPosition { network_id: 1, height, prev_hash, time_ms: height });
        prev_hash = header.hash();
        (SignedHeader::sign(header, signer), block.index().prove_namespace(&MINE))
    };
    (1..=HEIGHTS).map(block).collect()
}

/// Shows `shown` as the listing from height 1, and `last` as its newest header.
struct Node {
    shown: Shown,
    last: SignedHeader,
}

fn unused<T>() -> Result<T, Status> {
    Err(Status::unimplemented("a listing does not ask for this"))
}

#[tonic::async_trait]
impl pb::data_availability_server::DataAvailability for Node {
    type GetBlobStream = Boxed<pb::GetBlobResponse>;
    type GetRowsStream = Boxed<pb::GetRowsResponse>;
    type SubscribeHeadersStream = Boxed<pb::SubscribeHeadersResponse>;
    type ListBlobsStream = Boxed<pb::ListBlobsResponse>;

    async fn get_header(&self, _: Request<pb::GetHeaderRequest>) -> Result<Response<pb::GetHeaderResponse>, Status> {
        Ok(Response::new(pb::GetHeaderResponse { header: Some((&self.last).into()) }))
    }

    async fn list_blobs(
        &self,
        request: Request<pb::ListBlobsRequest>,
    ) -> Result<Response<Self::ListBlobsStream>, Status> {
        let first = request.into_inner().from_height;
        let height = |(header, proof): &(SignedHeader, NamespaceProof)| pb::HeightListing {
            header: Some(header.into()),
            proof: Some(proof.into()),
        };
        let wanted = self.shown.iter().filter(|(header, _)| header.header.height >= first);
        let heights: Vec<_> = wanted.map(height).collect();
        // Two heights a message.
        let pages = heights.chunks(2).map(|heights| Ok(pb::ListBlobsResponse { heights: heights.to_vec() }));
        Ok(Response::new(Box::pin(stream::iter(pages.collect::<Vec<_>>()))))
    }

    async fn get_info(&self, _: Request<pb::GetInfoRequest>) -> Result<Response<pb::GetInfoResponse>, Status> {
        unused()
    }

    async fn put_blob(
        &self,
        _: Request<Streaming<pb::PutBlobRequest>>,
    ) -> Result<Response<pb::PutBlobResponse>, Status> {
        unused()
    }

    async fn get_blob(&self, _: Request<pb::GetBlobRequest>) -> Result<Response<Self::GetBlobStream>, Status> {
        unused()
    }

    async fn get_blob_proof(
        &self,
        _: Request<pb::GetBlobProofRequest>,
    ) -> Result<Response<pb::GetBlobProofResponse>, Status> {
        unused()
    }

    async fn list_namespace(
        &self,
        _: Request<pb::ListNamespaceRequest>,
    ) -> Result<Response<pb::ListNamespaceResponse>, Status> {
        unused()
    }

    async fn list_headers(
        &self,
        _: Request<pb::ListHeadersRequest>,
    ) -> Result<Response<pb::ListHeadersResponse>, Status> {
        unused()
    }

    async fn subscribe_headers(
        &self,
        _: Request<pb::SubscribeHeadersRequest>,
    ) -> Result<Response<Self::SubscribeHeadersStream>, Status> {
        unused()
    }

    async fn get_digests(&self, _: Request<pb::GetDigestsRequest>) -> Result<Response<pb::GetDigestsResponse>, Status> {
        unused()
    }

    async fn get_rows(&self, _: Request<pb::GetRowsRequest>) -> Result<Response<Self::GetRowsStream>, Status> {
        unused()
    }
}

/// What the command makes of a node that shows this: the heights of the blobs it printed, and its outcome.
async fn ask(node: Node, range: Range) -> (Vec<u64>, Result<Proved, Disproved>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = DaClient::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let server = pb::data_availability_server::DataAvailabilityServer::new(node);
    let shutdown = Shutdown::new();
    let name = "weft.da.v1.DataAvailability";
    let served = tokio::spawn(weft_service::grpc::serve(
        listener,
        Routes::new(server),
        FILE_DESCRIPTOR_SET,
        name,
        shutdown.clone(),
    ));
    let mut heights = Vec::new();
    let outcome = scan(&client, range, |height, _| heights.push(height)).await.unwrap();
    shutdown.trigger();
    drop(client);
    served.await.unwrap().unwrap();
    (heights, outcome)
}

fn all() -> Range {
    Range { namespace: MINE, trusted: Some(signer(1).address()), from: 1, to: None }
}

fn honest() -> Node {
    let shown = chain(0, &signer(1));
    Node { last: shown.last().unwrap().0, shown }
}

#[tokio::test]
async fn an_honest_listing_is_proved() {
    let (heights, outcome) = ask(honest(), all()).await;
    assert_eq!(heights, [2, 2, 4, 4, 6, 6]);
    let proved = outcome.unwrap();
    assert_eq!((proved.from, proved.to, proved.blobs, proved.bytes), (1, HEIGHTS, 6, 9));
    let (heights, outcome) = ask(honest(), Range { from: 4, trusted: None, ..all() }).await;
    assert_eq!((heights, outcome.unwrap().signer), (vec![4, 4, 6, 6], signer(1).address()));
}

#[tokio::test]
async fn whatever_is_hidden_is_missed() {
    let caught = async |change: fn(&mut Node), words: &str| {
        let mut node = honest();
        change(&mut node);
        let Disproved(fault) = ask(node, all()).await.1.unwrap_err();
        assert!(fault.contains(words), "{fault}");
    };
    caught(|node| node.shown[3].1.entries.truncate(2), "DA block 4: proof does not lead to the root").await;
    // A height with blobs of ours, one without, the last ones, all.
    caught(|node| drop(node.shown.remove(3)), "DA block 4: header has height 5, must be 4").await;
    caught(|node| drop(node.shown.remove(2)), "DA block 3: header has height 4, must be 3").await;
    caught(|node| node.shown.truncate(4), "DA blocks 5 to 6 are missing").await;
    caught(|node| node.shown.clear(), "DA blocks 1 to 6 are missing").await;
    // The same height twice, instead of the next.
    caught(|node| node.shown[3] = node.shown[2].clone(), "DA block 4: header has height 3, must be 4").await;
    // A block of another chain of the same signer; a whole other chain; one whose end is not the newest header.
    caught(|node| node.shown[3] = chain(1, &signer(1))[3].clone(), "DA block 4: header links to").await;
    caught(|node| node.shown = chain(1, &signer(2)), "is signed by").await;
    caught(|node| node.shown = chain(1, &signer(1)), "the signer contradicts itself").await;
    caught(|node| node.last = chain(0, &signer(2))[5].0, "is signed by").await;
    // A proof of another namespace's absence.
    caught(|node| node.shown[3].1 = node.shown[2].1.clone(), "DA block 4: ").await;
}
