//! A DA node in memory that can be told to lie. Honest answers are those of the real one's protocol.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};
use weft_da::{Blob, ChainPosition, EncodedBlock, Packed, Schedule, SignedHeader, adversary, blob_hash};
use weft_primitives::{B256, Namespace, Signer};
use weft_service::Shutdown;
use weft_wire::FILE_DESCRIPTOR_SET;
use weft_wire::convert::blob_ref;
use weft_wire::pb::da::v1 as pb;
use weft_wire::status::Plain;

pub(super) fn signer() -> Signer {
    Signer::from_bytes([0xda; 32]).unwrap()
}

struct Stored {
    block: EncodedBlock,
    header: SignedHeader,
}

/// Blocks, and what the node does not tell.
#[derive(Default)]
pub(super) struct Da {
    blocks: Mutex<Vec<Arc<Stored>>>,
    blobs: Mutex<HashMap<B256, Bytes>>,
    /// Serves no rows.
    pub(super) withholds: AtomicBool,
    /// Signs headers with another key.
    pub(super) forges_headers: AtomicBool,
}

/// Where a payload was put.
pub(super) struct Place {
    pub(super) height: u64,
    pub(super) data_root: B256,
}

impl Da {
    /// Publishes a payload in a block of its own.
    pub(super) fn put(&self, namespace: Namespace, payload: &[u8]) -> Place {
        self.publish(namespace, payload, |packed| EncodedBlock::encode(packed, Schedule::Sequential))
    }

    /// The same, with a matrix that is no codeword.
    pub(super) fn put_wrongly_encoded(&self, namespace: Namespace, payload: &[u8]) -> Place {
        self.publish(namespace, payload, |packed| {
            let rows: Vec<u32> = (0..packed.shape().rows() as u32).collect();
            adversary::wrong_encoding(packed, &rows)
        })
    }

    fn publish(&self, namespace: Namespace, payload: &[u8], encode: impl Fn(Packed) -> EncodedBlock) -> Place {
        let packed = Packed::new(&[Blob::new(namespace, payload)], 1 << 20).unwrap();
        let block = encode(packed);
        let mut blocks = self.blocks.lock().unwrap();
        let height = blocks.len() as u64 + 1;
        let prev_hash = blocks.last().map_or(B256::ZERO, |stored| stored.header.header.hash());
        let header = block.header(ChainPosition { network_id: 1, height, prev_hash, time_ms: height });
        let data_root = header.data_root();
        blocks.push(Arc::new(Stored { block, header: SignedHeader::sign(header, &signer()) }));
        self.blobs.lock().unwrap().insert(blob_hash(payload), Bytes::copy_from_slice(payload));
        Place { height, data_root }
    }

    /// A payload that was put.
    pub(super) fn payload(&self, hash: B256) -> Bytes {
        self.blobs.lock().unwrap()[&hash].clone()
    }

    fn at(&self, height: u64) -> Result<Arc<Stored>, Status> {
        let blocks = self.blocks.lock().unwrap();
        let at = usize::try_from(height).unwrap().wrapping_sub(1);
        blocks.get(at).cloned().ok_or_else(|| Plain::not_found("block").into())
    }

    fn header(&self, stored: &Stored) -> SignedHeader {
        if self.forges_headers.load(Ordering::Relaxed) {
            return SignedHeader::sign(stored.header.header, &Signer::from_bytes([9; 32]).unwrap());
        }
        stored.header
    }
}

/// Serves `da` until shutdown.
pub(super) fn serve(da: Arc<Da>, listener: TcpListener, shutdown: Shutdown) -> tokio::task::JoinHandle<()> {
    let server = pb::data_availability_server::DataAvailabilityServer::new(Node(da));
    tokio::spawn(async move {
        let name = "weft.da.v1.DataAvailability";
        let served = weft_service::grpc::serve(listener, Routes::new(server), FILE_DESCRIPTOR_SET, name, shutdown);
        served.await.unwrap();
    })
}

struct Node(Arc<Da>);

type Stream<T> = BoxStream<'static, Result<T, Status>>;

fn unused<T>() -> Result<T, Status> {
    Err(Status::unimplemented("settlement does not ask for this"))
}

#[tonic::async_trait]
impl pb::data_availability_server::DataAvailability for Node {
    type GetBlobStream = Stream<pb::GetBlobResponse>;
    type GetRowsStream = Stream<pb::GetRowsResponse>;
    type ListBlobsStream = Stream<pb::ListBlobsResponse>;
    type SubscribeHeadersStream = Stream<pb::SubscribeHeadersResponse>;

    async fn get_header(
        &self,
        request: Request<pb::GetHeaderRequest>,
    ) -> Result<Response<pb::GetHeaderResponse>, Status> {
        let stored = self.0.at(request.into_inner().height.unwrap())?;
        Ok(Response::new(pb::GetHeaderResponse { header: Some((&self.0.header(&stored)).into()) }))
    }

    async fn list_namespace(
        &self,
        request: Request<pb::ListNamespaceRequest>,
    ) -> Result<Response<pb::ListNamespaceResponse>, Status> {
        let request = request.into_inner();
        let stored = self.0.at(request.height)?;
        let namespace = Namespace(request.namespace.as_ref().try_into().unwrap());
        let proof = stored.block.index().prove_namespace(&namespace);
        Ok(Response::new(pb::ListNamespaceResponse {
            entries: proof.entries.iter().map(Into::into).collect(),
            proof: Some((&proof).into()),
            header: Some((&stored.header).into()),
        }))
    }

    async fn list_blobs(&self, _: Request<pb::ListBlobsRequest>) -> Result<Response<Self::ListBlobsStream>, Status> {
        unused()
    }

    async fn get_digests(
        &self,
        request: Request<pb::GetDigestsRequest>,
    ) -> Result<Response<pb::GetDigestsResponse>, Status> {
        let stored = self.0.at(request.into_inner().height)?;
        let digests = Bytes::copy_from_slice(stored.block.rows().digest_bytes());
        Ok(Response::new(pb::GetDigestsResponse { digests }))
    }

    async fn get_rows(&self, request: Request<pb::GetRowsRequest>) -> Result<Response<Self::GetRowsStream>, Status> {
        let request = request.into_inner();
        let stored = self.0.at(request.height)?;
        let withheld = self.0.withholds.load(Ordering::Relaxed);
        let answers: Vec<_> = request
            .indices
            .into_iter()
            .map(|index| {
                let row = stored.block.row(index).filter(|_| !withheld);
                let result = match row {
                    Some(row) => pb::get_rows_response::Result::Row(row.into()),
                    None => pb::get_rows_response::Result::Missing(true),
                };
                Ok(pb::GetRowsResponse { index, result: Some(result) })
            })
            .collect();
        Ok(Response::new(Box::pin(stream::iter(answers))))
    }

    async fn get_blob(&self, request: Request<pb::GetBlobRequest>) -> Result<Response<Self::GetBlobStream>, Status> {
        let hash = B256::from_slice(&request.into_inner().content_hash);
        let data = self.0.blobs.lock().unwrap().get(&hash).cloned().ok_or_else(|| Plain::not_found("blob"))?;
        let blocks = self.0.blocks.lock().unwrap();
        let holds = |stored: &&Arc<Stored>| stored.block.index().entries()[0].hash == hash;
        let stored = blocks.iter().find(holds).unwrap();
        let blob = blob_ref(stored.header.header.height, &stored.block.index().prove(0).unwrap());
        let parts = [pb::get_blob_response::Part::Blob(blob), pb::get_blob_response::Part::Chunk(data)];
        let parts = parts.map(|part| Ok(pb::GetBlobResponse { part: Some(part) }));
        Ok(Response::new(Box::pin(stream::iter(parts))))
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

    async fn get_blob_proof(
        &self,
        _: Request<pb::GetBlobProofRequest>,
    ) -> Result<Response<pb::GetBlobProofResponse>, Status> {
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
}
