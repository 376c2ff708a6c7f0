//! The same node over gRPC: a real tonic server of weft.da.v1 on a free port.

use std::sync::Arc;

use futures::stream::{BoxStream, StreamExt};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};
use weft_light::source::{RowAnswer, SourceError};
use weft_primitives::Namespace;
use weft_wire::convert::{blob_ref, hash};
use weft_wire::pb::da::v1 as pb;
use weft_wire::pb::da::v1::data_availability_server::{DataAvailability, DataAvailabilityServer};

use crate::node::TestNode;

/// Starts a server that lives as long as the test's runtime; returns its URL.
pub async fn start(node: Arc<TestNode>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = DataAvailabilityServer::new(Service(node));
    let server = tonic::transport::Server::builder().add_service(service);
    // Without this, tonic leaves Nagle's algorithm on for sockets that it did not open: 40 ms a round trip.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    tokio::spawn(server.serve_with_incoming(incoming));
    url
}

struct Service(Arc<TestNode>);

fn status(error: SourceError) -> Status {
    match error {
        SourceError::NotFound => Status::not_found("nothing here"),
        SourceError::Unreachable(words) => Status::unavailable(words),
        other => Status::internal(other.to_string()),
    }
}

type Answers<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl DataAvailability for Service {
    type GetBlobStream = Answers<pb::GetBlobResponse>;
    type SubscribeHeadersStream = Answers<pb::SubscribeHeadersResponse>;
    type GetRowsStream = Answers<pb::GetRowsResponse>;
    type ListBlobsStream = Answers<pb::ListBlobsResponse>;

    async fn get_info(&self, _: Request<pb::GetInfoRequest>) -> Result<Response<pb::GetInfoResponse>, Status> {
        let info = self.0.node_info();
        Ok(Response::new(pb::GetInfoResponse {
            oldest_sampled_height: 1,
            network_id: info.network_id,
            signer_address: info.signer.to_vec().into(),
            latest_height: info.latest_height,
            ..Default::default()
        }))
    }

    async fn put_blob(
        &self,
        _: Request<Streaming<pb::PutBlobRequest>>,
    ) -> Result<Response<pb::PutBlobResponse>, Status> {
        Err(Status::unimplemented("not for light clients"))
    }

    async fn get_blob(&self, _: Request<pb::GetBlobRequest>) -> Result<Response<Self::GetBlobStream>, Status> {
        Err(Status::unimplemented("not for light clients"))
    }

    async fn get_blob_proof(
        &self,
        request: Request<pb::GetBlobProofRequest>,
    ) -> Result<Response<pb::GetBlobProofResponse>, Status> {
        let request = request.into_inner();
        let (name, content) = (hash("namespace", &request.namespace)?, hash("content_hash", &request.content_hash)?);
        let (header, proof) = self.0.shown_blob_proof(Namespace(name.0), content).await.map_err(status)?;
        Ok(Response::new(pb::GetBlobProofResponse {
            blob: Some(blob_ref(header.header.height, &proof)),
            header: Some((&header).into()),
            proof: Some((&proof).into()),
        }))
    }

    async fn list_namespace(
        &self,
        _: Request<pb::ListNamespaceRequest>,
    ) -> Result<Response<pb::ListNamespaceResponse>, Status> {
        Err(Status::unimplemented("not for light clients"))
    }

    async fn list_blobs(&self, _: Request<pb::ListBlobsRequest>) -> Result<Response<Self::ListBlobsStream>, Status> {
        Err(Status::unimplemented("not for light clients"))
    }

    async fn get_header(
        &self,
        request: Request<pb::GetHeaderRequest>,
    ) -> Result<Response<pb::GetHeaderResponse>, Status> {
        let header = self.0.shown_header(request.into_inner().height).await.map_err(status)?;
        Ok(Response::new(pb::GetHeaderResponse { header: Some((&header).into()) }))
    }

    async fn list_headers(
        &self,
        request: Request<pb::ListHeadersRequest>,
    ) -> Result<Response<pb::ListHeadersResponse>, Status> {
        let pb::ListHeadersRequest { from_height, limit } = request.into_inner();
        let headers = self.0.shown_headers(from_height, limit).await.map_err(status)?;
        Ok(Response::new(pb::ListHeadersResponse { headers: headers.iter().map(Into::into).collect() }))
    }

    async fn subscribe_headers(
        &self,
        request: Request<pb::SubscribeHeadersRequest>,
    ) -> Result<Response<Self::SubscribeHeadersStream>, Status> {
        let from_height = request.into_inner().from_height.unwrap_or(self.0.world.latest() + 1);
        let headers = self.0.shown_stream(from_height).map(|header| {
            let header = header.map_err(status)?;
            Ok(pb::SubscribeHeadersResponse { header: Some((&header).into()) })
        });
        Ok(Response::new(headers.boxed()))
    }

    async fn get_digests(
        &self,
        request: Request<pb::GetDigestsRequest>,
    ) -> Result<Response<pb::GetDigestsResponse>, Status> {
        let digests = self.0.shown_digests(request.into_inner().height).await.map_err(status)?;
        Ok(Response::new(pb::GetDigestsResponse { digests: digests.into() }))
    }

    async fn get_rows(&self, request: Request<pb::GetRowsRequest>) -> Result<Response<Self::GetRowsStream>, Status> {
        let pb::GetRowsRequest { height, indices } = request.into_inner();
        let rows = self.0.shown_row_stream(height, &indices).await.map_err(status)?;
        let answers = rows.map(|answer| {
            Ok(match answer.map_err(status)? {
                RowAnswer::Missing(index) => {
                    pb::GetRowsResponse { index, result: Some(pb::get_rows_response::Result::Missing(true)) }
                }
                RowAnswer::Row(proof) => {
                    let index = proof.index;
                    pb::GetRowsResponse { index, result: Some(pb::get_rows_response::Result::Row(proof.into())) }
                }
            })
        });
        Ok(Response::new(answers.boxed()))
    }
}
