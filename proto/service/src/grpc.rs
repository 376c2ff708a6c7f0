//! A gRPC server with the standard health service and reflection (v1 and v1alpha).
//!
//! Stopping is bounded: no new calls, open calls have [`DRAIN`] to end, then
//! their connections are cut, so that a subscription without an end cannot
//! hold its service's data. Sizes of messages are limited where the caller
//! builds its service.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::connections::Connections;
use crate::{Readiness, Shutdown};

/// Connections at once; more wait until one ends.
pub const MAX_CONNECTIONS: usize = 1_024;

/// Calls at once on one connection, open streams among them; more wait.
pub const MAX_CALLS_PER_CONNECTION: u32 = 256;

/// Connections that say nothing for so long are asked whether they live, and have as long to answer.
pub const KEEPALIVE: Duration = Duration::from_secs(20);

/// Full name of the standard health service.
const HEALTH: &str = "grpc.health.v1.Health";

/// How long open calls may take to end once the server stops.
pub const DRAIN: Duration = Duration::from_secs(2);

/// How long connections may take to notice that they were cut.
const CUT: Duration = Duration::from_secs(1);

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

/// Serves `routes` until shutdown. `service` is the full name that the health service reports: serving until then.
pub async fn serve(
    listener: TcpListener,
    routes: Routes,
    descriptors: &'static [u8],
    service: &'static str,
    shutdown: Shutdown,
) -> Result<(), GrpcError> {
    serve_with_readiness(listener, routes, descriptors, service, Readiness::default(), shutdown).await
}

/// The same; the health service says `NOT_SERVING` while a condition of `readiness` does not hold. Calls are answered
/// all the same: what they need is theirs to judge.
pub async fn serve_with_readiness(
    listener: TcpListener,
    routes: Routes,
    descriptors: &'static [u8],
    service: &'static str,
    readiness: Readiness,
    shutdown: Shutdown,
) -> Result<(), GrpcError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    tell(&reporter, service, status(readiness.is_ready())).await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(descriptors)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name(service)
            .with_service_name(HEALTH)
    };
    let routes =
        routes.add_service(health).add_service(reflection().build_v1()?).add_service(reflection().build_v1alpha()?);
    let cut = CancellationToken::new();
    // However this function is left, no connection outlives it.
    let _cut_at_the_end = cut.clone().drop_guard();
    let server = Server::builder()
        .concurrency_limit_per_connection(MAX_CALLS_PER_CONNECTION as usize)
        .max_concurrent_streams(MAX_CALLS_PER_CONNECTION)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .add_routes(routes)
        .serve_with_incoming_shutdown(Connections::new(listener, MAX_CONNECTIONS, cut.clone()).into_stream(), {
            let shutdown = shutdown.clone();
            async move { shutdown.wait().await }
        });
    let stop = async {
        shutdown.unless(report(&reporter, service, &readiness)).await;
        tell(&reporter, service, ServingStatus::NotServing).await;
        tokio::time::sleep(DRAIN).await;
        cut.cancel();
        tokio::time::sleep(CUT).await;
        tracing::warn!("gRPC calls still run; left behind");
    };
    tokio::select! {
        ended = server => Ok(ended?),
        () = stop => Ok(()),
    }
}

/// Tells the health service of every change, for ever.
async fn report(reporter: &HealthReporter, service: &'static str, readiness: &Readiness) {
    loop {
        let ready = readiness.is_ready();
        tell(reporter, service, status(ready)).await;
        readiness.until(!ready).await;
    }
}

const fn status(ready: bool) -> ServingStatus {
    if ready { ServingStatus::Serving } else { ServingStatus::NotServing }
}

/// Both the service and, under the empty name, the whole server.
async fn tell(reporter: &HealthReporter, service: &'static str, status: ServingStatus) {
    reporter.set_service_status(service, status).await;
    reporter.set_service_status("", status).await;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
