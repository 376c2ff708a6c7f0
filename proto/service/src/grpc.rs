//! A gRPC server with the standard health service and reflection.

use std::time::Duration;

use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::Shutdown;

/// Requests in flight on one connection.
const CONCURRENCY_PER_CONNECTION: usize = 256;

/// Connections that say nothing are asked whether they live.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Full name of the standard health service.
const HEALTH: &str = "grpc.health.v1.Health";

/// How long open calls may take to end.
const DRAIN: Duration = Duration::from_secs(2);

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum GrpcError {
    /// The descriptor set is damaged; a defect of the build.
    #[error("gRPC reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The connection layer failed.
    #[error("gRPC server: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves `routes` until shutdown. `service` is the full name that the health service reports as serving.
pub async fn serve(
    listener: TcpListener,
    routes: Routes,
    descriptors: &'static [u8],
    service: &'static str,
    shutdown: Shutdown,
) -> Result<(), GrpcError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status(service, tonic_health::ServingStatus::Serving).await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(descriptors)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name(service)
            .with_service_name(HEALTH)
    };
    let routes =
        routes.add_service(health).add_service(reflection().build_v1()?).add_service(reflection().build_v1alpha()?);
    // Set here, because the server's own setting does not reach listeners that it was given.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = Server::builder()
        .concurrency_limit_per_connection(CONCURRENCY_PER_CONNECTION)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, {
            let shutdown = shutdown.clone();
            async move { shutdown.wait().await }
        });
    tokio::select! {
        ended = server => Ok(ended?),
        () = async { shutdown.wait().await; tokio::time::sleep(DRAIN).await } => Ok(()),
    }
}
