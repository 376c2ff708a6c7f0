//! A DA node that holds one blob and can be told to lie.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};
use weft_da::{Blob, BlobProof, ChainPosition, EncodedBlock, Packed, PutClaim, Schedule, SignedHeader};
use weft_primitives::{B256, Namespace, Signature, Signer};

use crate::convert::blob_ref;
use crate::pb::da::v1 as pb;
use crate::status::Plain;
use crate::{CHUNK_BYTES, MAX_MESSAGE_BYTES};

/// What the node tells wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    None,
    /// Another blob of the same length.
    OtherBytes,
    /// More than it announces.
    MoreBytes,
    /// Announces more than any block can hold.
    EndlessBlob,
    /// Does not announce.
    ChunkFirst,
    OtherRows,
    FewerRows,
    /// Pages of a listing that hold nothing.
    EmptyPages,
    /// Always the place of its one blob, always its one header.
    OtherPlace,
}

struct Node {
    block: EncodedBlock,
    header: SignedHeader,
    signer: Signer,
    data: Bytes,
    lie: Lie,
}

/// Whose signature the node takes where there is one.
pub(super) fn publisher() -> Signer {
    Signer::from_bytes([8; 32]).unwrap()
}

/// Serves a node with one block of one blob.
pub(super) fn serve(listener: TcpListener, namespace: Namespace, data: Bytes, lie: Lie) {
    let signer = Signer::from_bytes([6; 32]).unwrap();
    let packed = Packed::new(&[Blob::new(namespace, &data)], 1 << 22).unwrap();
    let block = EncodedBlock::encode(packed, Schedule::Sequential);
    let position = ChainPosition { network_id: 1, height: 1, prev_hash: B256::ZERO, time_ms: 5 };
    let header = SignedHeader::sign(block.header(position), &signer);
    let node = Node { block, header, signer, data, lie };
    let server = pb::data_availability_server::DataAvailabilityServer::new(node)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    tokio::spawn(Server::builder().add_service(server).serve_with_incoming(TcpIncoming::from(listener)));
}

impl Node {
    fn proof(&self) -> BlobProof {
        self.block.index().prove(0).unwrap()
    }

    fn place(&self) -> pb::GetBlobProofResponse {
        let proof = self.proof();
        pb::GetBlobProofResponse {
            blob: Some(blob_ref(1, &proof)),
            header: Some((&self.header).into()),
            proof: Some((&proof).into()),
        }
    }
}

type Boxed<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl pb::data_availability_server::DataAvailability for Node {
    type GetBlobStream = Boxed<pb::GetBlobResponse>;
    type GetRowsStream = Boxed<pb::GetRowsResponse>;
    type ListBlobsStream = Boxed<pb::ListBlobsResponse>;
    type SubscribeHeadersStream = Boxed<pb::SubscribeHeadersResponse>;

    async fn get_info(&self, _: Request<pb::GetInfoRequest>) -> Result<Response<pb::GetInfoResponse>, Status> {
        let signer_address = Bytes::copy_from_slice(self.signer.address().as_slice());
        Ok(Response::new(pb::GetInfoResponse {
            oldest_sampled_height: 1,
            network_id: 1,
            signer_address,
            latest_height: Some(1),
            ..Default::default()
        }))
    }

    async fn put_blob(
        &self,
        request: Request<Streaming<pb::PutBlobRequest>>,
    ) -> Result<Response<pb::PutBlobResponse>, Status> {
        use pb::put_blob_request::Part;
        let mut parts = request.into_inner();
        let mut received = 0;
        while let Some(part) = parts.next().await {
            match part?.part {
                Some(Part::Start(start)) if !start.signature.is_empty() => {
                    let claim = PutClaim {
                        network_id: 1,
                        namespace: Namespace(start.namespace.as_ref().try_into().unwrap()),
                        content: self.proof().entry.hash,
                        length: start.length,
                    };
                    let signature = Signature::from_slice(&start.signature).unwrap();
                    assert_eq!(claim.signer(&signature), Ok(publisher().address()));
                }
                Some(Part::Chunk(chunk)) => {
                    assert!(chunk.len() <= CHUNK_BYTES);
                    received += chunk.len();
                }
                _ => {}
            }
        }
        assert_eq!(received, self.data.len());
        let pb::GetBlobProofResponse { blob, header, proof } = self.place();
        Ok(Response::new(pb::PutBlobResponse { blob, header, proof, duplicate: true }))
    }

    async fn get_blob(&self, _: Request<pb::GetBlobRequest>) -> Result<Response<Self::GetBlobStream>, Status> {
        use pb::get_blob_response::Part;
        let mut blob = blob_ref(1, &self.proof());
        let mut chunks: Vec<Bytes> = self.data.chunks(CHUNK_BYTES).map(Bytes::copy_from_slice).collect();
        match self.lie {
            Lie::OtherBytes => chunks[0] = vec![8; CHUNK_BYTES].into(),
            Lie::MoreBytes => chunks.push(Bytes::from_static(b"!")),
            Lie::EndlessBlob => blob.length = u64::MAX,
            _ => {}
        }
        let mut parts: Vec<_> = chunks.into_iter().map(Part::Chunk).collect();
        if self.lie != Lie::ChunkFirst {
            parts.insert(0, Part::Blob(blob));
        }
        let parts = parts.into_iter().map(|part| Ok(pb::GetBlobResponse { part: Some(part) }));
        Ok(Response::new(stream::iter(parts).boxed()))
    }

    async fn get_blob_proof(
        &self,
        _: Request<pb::GetBlobProofRequest>,
    ) -> Result<Response<pb::GetBlobProofResponse>, Status> {
        Ok(Response::new(self.place()))
    }

    async fn list_namespace(
        &self,
        _: Request<pb::ListNamespaceRequest>,
    ) -> Result<Response<pb::ListNamespaceResponse>, Status> {
        Err(Plain::not_found("namespace").into())
    }

    async fn list_blobs(
        &self,
        request: Request<pb::ListBlobsRequest>,
    ) -> Result<Response<Self::ListBlobsStream>, Status> {
        let namespace = Namespace(request.into_inner().namespace.as_ref().try_into().unwrap());
        let proof = self.block.index().prove_namespace(&namespace);
        let height = pb::HeightListing { header: Some((&self.header).into()), proof: Some((&proof).into()) };
        let heights = if self.lie == Lie::EmptyPages { vec![] } else { vec![height] };
        Ok(Response::new(stream::iter([Ok(pb::ListBlobsResponse { heights })]).boxed()))
    }

    async fn get_header(&self, _: Request<pb::GetHeaderRequest>) -> Result<Response<pb::GetHeaderResponse>, Status> {
        Ok(Response::new(pb::GetHeaderResponse { header: Some((&self.header).into()) }))
    }

    async fn list_headers(
        &self,
        _: Request<pb::ListHeadersRequest>,
    ) -> Result<Response<pb::ListHeadersResponse>, Status> {
        Ok(Response::new(pb::ListHeadersResponse { headers: vec![(&self.header).into()] }))
    }

    async fn subscribe_headers(
        &self,
        _: Request<pb::SubscribeHeadersRequest>,
    ) -> Result<Response<Self::SubscribeHeadersStream>, Status> {
        Err(Plain::exhausted("MAX_SUBSCRIBERS", "none are allowed").into())
    }

    async fn get_digests(&self, _: Request<pb::GetDigestsRequest>) -> Result<Response<pb::GetDigestsResponse>, Status> {
        Err(Plain::not_found("DA block 1").into())
    }

    async fn get_rows(&self, request: Request<pb::GetRowsRequest>) -> Result<Response<Self::GetRowsStream>, Status> {
        use pb::get_rows_response::Result as Answer;
        let mut indices = request.into_inner().indices;
        match self.lie {
            Lie::OtherRows => indices.reverse(),
            Lie::FewerRows => indices.truncate(1),
            _ => {}
        }
        let answer = |index| match self.block.row(index) {
            Some(row) => Answer::Row(row.into()),
            None => Answer::Missing(true),
        };
        let rows = indices.into_iter().map(|index| Ok(pb::GetRowsResponse { index, result: Some(answer(index)) }));
        Ok(Response::new(stream::iter(rows.collect::<Vec<_>>()).boxed()))
    }
}
