//! Typed clients. They connect when first used, so a service may be away at start; every call has a time limit.

mod da;
mod sequencer;
mod settlement;

use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

pub use da::{DaClient, DaInfo, PutResult, StoredBlob};
pub use sequencer::SequencerClient;
pub use settlement::{Posted, SettlementClient, Tip};

/// Longest time for a connection to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A silent connection is asked whether it lives this often, and given up when it does not answer for as long.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Longest time for a call that is not a subscription.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// Longest time for a blob to be stored or read.
pub const BLOB_TIMEOUT: Duration = Duration::from_secs(60);

/// The URL cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{url} is not a URL like http://127.0.0.1:9200: {source}")]
pub struct EndpointError {
    /// As given.
    pub url: String,
    /// What is wrong with it.
    pub source: tonic::transport::Error,
}

/// A channel that connects on first use.
fn channel(url: &str) -> Result<Channel, EndpointError> {
    let endpoint = Endpoint::from_shared(url.to_owned())
        .map_err(|source| EndpointError { url: url.to_owned(), source })?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE);
    Ok(endpoint.connect_lazy())
}

/// A request with a time limit.
fn timed<T>(message: T, limit: Duration) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(limit);
    request
}
