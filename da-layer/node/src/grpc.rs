//! `weft.da.v1` over gRPC: check the request, ask the node, translate the answer. A file for each thing that is asked.

mod blob;
mod headers;
mod listing;
mod put;
mod refusals;
mod sampling;

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use tokio::sync::{Semaphore, watch};
use tonic::{Request, Response, Status, Streaming};
use weft_da::SignedHeader;
use weft_primitives::{Address, Namespace};
use weft_wire::convert::hash;
use weft_wire::pb::da::v1 as pb;
use weft_wire::status::Plain;

use crate::config::Config;
use crate::custody::Custody;
use crate::intake::Intake;
use crate::reader::{ReadError, Reader};

pub(crate) use refusals::unreadable;

/// Full name of the service.
pub const SERVICE: &str = "weft.da.v1.DataAvailability";

/// The service of one node.
pub struct DaService {
    config: Config,
    /// `None`: another node makes the blocks.
    intake: Option<Intake>,
    reader: Reader,
    custody: Option<Arc<Custody>>,
    latest: watch::Receiver<Option<SignedHeader>>,
    subscribers: Arc<Semaphore>,
    listings: Arc<Semaphore>,
}

impl DaService {
    /// Serves what `reader` reads, puts through `intake`, and asks `custody` for what is not here.
    pub fn new(
        config: Config,
        intake: Option<Intake>,
        reader: Reader,
        custody: Option<Arc<Custody>>,
        latest: watch::Receiver<Option<SignedHeader>>,
    ) -> Self {
        let subscribers = Arc::new(Semaphore::new(config.limits.max_subscribers));
        let listings = Arc::new(Semaphore::new(config.limits.max_listings));
        Self { config, intake, reader, custody, latest, subscribers, listings }
    }

    /// Who signs the headers.
    fn producer(&self) -> Address {
        self.custody.as_ref().map_or_else(|| self.config.signer.address(), |custody| custody.producer())
    }

    /// Runs a blocking read off the async threads.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Status> {
        let reader = self.reader.clone();
        match tokio::task::spawn_blocking(move || work(reader)).await {
            Ok(result) => result.map_err(unreadable),
            Err(error) => Err(Plain::internal(error).into()),
        }
    }
}

fn namespace(bytes: &[u8]) -> Result<Namespace, Status> {
    Ok(Namespace(hash("namespace", bytes)?.0))
}

type Boxed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl pb::data_availability_server::DataAvailability for DaService {
    async fn get_info(&self, _: Request<pb::GetInfoRequest>) -> Result<Response<pb::GetInfoResponse>, Status> {
        let oldest_sampled_height = self.read(|reader| reader.first_whole()).await?;
        Ok(Response::new(pb::GetInfoResponse {
            oldest_sampled_height,
            network_id: self.config.network_id,
            signer_address: Bytes::copy_from_slice(self.producer().as_slice()),
            latest_height: self.latest.borrow().as_ref().map(|signed| signed.header.height),
            max_blob_bytes: self.config.limits.max_blob_bytes,
            max_block_bytes: self.config.limits.max_block_bytes,
            version: weft_service::VERSION.to_owned(),
        }))
    }

    async fn put_blob(
        &self,
        request: Request<Streaming<pb::PutBlobRequest>>,
    ) -> Result<Response<pb::PutBlobResponse>, Status> {
        self.put(request).await
    }

    type GetBlobStream = Boxed<pb::GetBlobResponse>;

    async fn get_blob(&self, request: Request<pb::GetBlobRequest>) -> Result<Response<Self::GetBlobStream>, Status> {
        self.blob(request).await
    }

    async fn get_blob_proof(
        &self,
        request: Request<pb::GetBlobProofRequest>,
    ) -> Result<Response<pb::GetBlobProofResponse>, Status> {
        self.blob_proof(request).await
    }

    async fn list_namespace(
        &self,
        request: Request<pb::ListNamespaceRequest>,
    ) -> Result<Response<pb::ListNamespaceResponse>, Status> {
        self.listing(request).await
    }

    type ListBlobsStream = Boxed<pb::ListBlobsResponse>;

    async fn list_blobs(
        &self,
        request: Request<pb::ListBlobsRequest>,
    ) -> Result<Response<Self::ListBlobsStream>, Status> {
        self.listings_of(request).await
    }

    async fn get_header(
        &self,
        request: Request<pb::GetHeaderRequest>,
    ) -> Result<Response<pb::GetHeaderResponse>, Status> {
        self.header(request).await
    }

    async fn list_headers(
        &self,
        request: Request<pb::ListHeadersRequest>,
    ) -> Result<Response<pb::ListHeadersResponse>, Status> {
        self.headers(request).await
    }

    type SubscribeHeadersStream = Boxed<pb::SubscribeHeadersResponse>;

    async fn subscribe_headers(
        &self,
        request: Request<pb::SubscribeHeadersRequest>,
    ) -> Result<Response<Self::SubscribeHeadersStream>, Status> {
        self.subscription_to_headers(request).await
    }

    async fn get_digests(
        &self,
        request: Request<pb::GetDigestsRequest>,
    ) -> Result<Response<pb::GetDigestsResponse>, Status> {
        self.digests(request).await
    }

    type GetRowsStream = Boxed<pb::GetRowsResponse>;

    async fn get_rows(&self, request: Request<pb::GetRowsRequest>) -> Result<Response<Self::GetRowsStream>, Status> {
        self.rows(request).await
    }
}
