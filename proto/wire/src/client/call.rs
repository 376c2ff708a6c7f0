//! What all calls have in common: channels, time limits, and answers that fit their questions.

use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, Instant};

use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Response, Status};

use crate::status::RemoteError;

/// Longest time for a connection to come about.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest time for a call that is not a subscription, and for a subscription to be accepted.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// Longest time for a blob to be stored or read, and for a block's rows to arrive.
pub const BLOB_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a quiet connection is asked whether it lives.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// How long it may stay silent then.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Entries that services give where the limit asked for is 0.
const DEFAULT_PAGE: u32 = 100;

/// The URL cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{url:?} is not a URL like http://127.0.0.1:9200: {reason}")]
pub struct EndpointError {
    /// As given.
    pub url: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A channel that connects on first use, and again after each loss.
pub(super) fn channel(url: &str) -> Result<Channel, EndpointError> {
    let refused = |reason: &str| EndpointError { url: url.to_owned(), reason: reason.to_owned() };
    let uri: Uri = url.parse().map_err(|error| refused(&format!("{error}")))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => return Err(refused("TLS is not supported; use http, or a proxy that ends TLS")),
        _ => return Err(refused("it must begin with http://")),
    }
    let endpoint = Endpoint::from(uri)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true);
    Ok(endpoint.connect_lazy())
}

/// A request that tells the service, too, how long its answer is waited for, and which traces it
/// is a part of.
pub(super) fn timed<T>(message: T, limit: Duration) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(limit);
    crate::trace::inject(request.metadata_mut());
    request
}

/// The answer to a call, whole, within `limit`. The request's own limit is not enough: it ends with the answer's
/// headers, and a peer may send nothing after them.
pub(super) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, RemoteError> {
    let start = Instant::now();
    match tokio::time::timeout(limit, call).await {
        Ok(Ok(answer)) => Ok(answer.into_inner()),
        // So tonic names the request's own limit, which passes at the same time.
        Ok(Err(status)) if status.code() == Code::Cancelled && start.elapsed() >= limit => Err(too_late(limit)),
        Ok(Err(status)) => Err(status.into()),
        Err(_) => Err(too_late(limit)),
    }
}

/// All of a streamed answer within `limit`.
pub(super) async fn all_within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, RemoteError>>,
) -> Result<T, RemoteError> {
    tokio::time::timeout(limit, call).await.unwrap_or_else(|_| Err(too_late(limit)))
}

fn too_late(limit: Duration) -> RemoteError {
    RemoteError {
        code: Code::DeadlineExceeded,
        reason: String::new(),
        message: format!("no answer within {} s", limit.as_secs_f64()),
        retry_after: None,
    }
}

/// A peer that answers another question than the one asked breaks the protocol.
pub(super) fn same<T: PartialEq + Display>(what: &str, asked: T, answered: T) -> Result<(), RemoteError> {
    if asked == answered {
        return Ok(());
    }
    Err(RemoteError::protocol(format!("asked for {what} {asked}, the answer is about {answered}")))
}

/// A page must not be longer than was asked for.
pub(super) fn page<T>(limit: u32, entries: Vec<T>) -> Result<Vec<T>, RemoteError> {
    let most = if limit == 0 { DEFAULT_PAGE } else { limit };
    if entries.len() > most as usize {
        return Err(RemoteError::protocol(format!("{} entries, {most} were asked for", entries.len())));
    }
    Ok(entries)
}
