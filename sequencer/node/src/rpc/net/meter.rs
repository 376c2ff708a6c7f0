//! Around every call: what it counts for, and refusals that the server library words badly.
//!
//! Metrics: `weft_rpc_requests_total{method}`, `weft_rpc_errors_total{method, code}`, `weft_rpc_seconds{method}`.
//! The label is the registered name, or `unknown`, so clients cannot make labels.

use std::sync::Arc;
use std::time::Instant;

use jsonrpsee::server::middleware::rpc::{Batch, BatchEntry, MethodResponse, Notification, Request, RpcServiceT};
use jsonrpsee::server::{BatchResponseBuilder, Methods};
use jsonrpsee::types::{ErrorObjectOwned, Id};

use super::gate::Gate;
use crate::rpc::absent;
use crate::rpc::error::{PARAMS, RpcError};

/// Name of a method that does not exist, as repeated to the client, in characters.
const MAX_NAME_CHARS: usize = 64;

/// How a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One request, one answer.
    Http,
    /// Both sides may speak.
    WebSocket,
}

/// Measures the calls of a service.
#[derive(Clone, Debug)]
pub struct Meter<S> {
    inner: S,
    methods: Methods,
    max_response_bytes: usize,
}

impl<S> Meter<S> {
    /// Around `inner`, which serves `methods`.
    pub const fn new(inner: S, methods: Methods, max_response_bytes: usize) -> Self {
        Self { inner, methods, max_response_bytes }
    }

    /// Why the request goes no further.
    fn refusal(&self, request: &Request<'_>, known: Option<&str>) -> Option<ErrorObjectOwned> {
        let Some(method) = known else {
            let name: String = request.method_name().chars().take(MAX_NAME_CHARS).collect();
            let why = absent::why(&name).map(|why| format!(": {why}")).unwrap_or_default();
            return Some(
                RpcError::Unsupported(format!("the method {name} does not exist/is not available{why}")).into(),
            );
        };
        let pushes = matches!(method, "eth_subscribe" | "eth_unsubscribe");
        (pushes && request.extensions().get::<Transport>() == Some(&Transport::Http))
            .then(|| RpcError::Unsupported("notifications not supported over HTTP: use a WebSocket".to_owned()).into())
    }
}

impl<S> RpcServiceT for Meter<S>
where
    S: RpcServiceT<
            MethodResponse = MethodResponse,
            BatchResponse = MethodResponse,
            NotificationResponse = MethodResponse,
        > + Clone
        + Send
        + Sync
        + 'static,
{
    type MethodResponse = MethodResponse;
    type NotificationResponse = MethodResponse;
    type BatchResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let this = self.clone();
        async move {
            let _running = request.extensions().get::<Arc<Gate>>().map(Gate::enter);
            let start = Instant::now();
            let known = this.methods.method_with_name(request.method_name()).map(|(name, _)| name);
            let response = match this.refusal(&request, known) {
                Some(error) => MethodResponse::error(request.id, error),
                None => {
                    let id = request.id.clone().into_owned();
                    say_why(id, this.inner.call(request).await)
                }
            };
            record(known.unwrap_or("unknown"), &response, start);
            response
        }
    }

    /// One call after the other: a batch of transactions keeps its order.
    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let this = self.clone();
        async move {
            let mut answers = BatchResponseBuilder::new_with_limit(this.max_response_bytes);
            let mut notified = false;
            for entry in batch {
                let answer = match entry {
                    Ok(BatchEntry::Call(request)) => this.call(request).await,
                    Ok(BatchEntry::Notification(notification)) => {
                        notified = true;
                        this.notification(notification).await;
                        continue;
                    }
                    Err(error) => {
                        let (error, id) = error.into_parts();
                        MethodResponse::error(id, error)
                    }
                };
                // A subscription has answered by itself.
                if answer.is_subscription() {
                    notified = true;
                    continue;
                }
                if let Err(too_large) = answers.append(answer) {
                    return too_large;
                }
            }
            if notified && answers.is_empty() {
                return MethodResponse::notification();
            }
            MethodResponse::from_batch(answers.finish())
        }
    }

    fn notification<'a>(&self, notification: Notification<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        self.inner.notification(notification)
    }
}

/// Parameters that the library refuses: what it says of them beside its error becomes the error's message, which people
/// see.
fn say_why(id: Id<'static>, response: MethodResponse) -> MethodResponse {
    if response.as_error_code() != Some(PARAMS) {
        return response;
    }
    match serde_json::from_str::<Refused>(response.as_json().get()) {
        Ok(Refused { error: LibraryError { data } }) => {
            MethodResponse::error(id, ErrorObjectOwned::from(RpcError::Params(format!("invalid params: {data}"))))
        }
        // One of ours, which has no data.
        Err(_) => response,
    }
}

/// An error of the server library.
#[derive(serde::Deserialize)]
struct Refused {
    error: LibraryError,
}

/// See [`Refused`].
#[derive(serde::Deserialize)]
struct LibraryError {
    data: String,
}

fn record(method: &'static str, response: &MethodResponse, start: Instant) {
    metrics::counter!("weft_rpc_requests_total", "method" => method).increment(1);
    metrics::histogram!("weft_rpc_seconds", "method" => method).record(start.elapsed().as_secs_f64());
    if let Some(code) = response.as_error_code() {
        metrics::counter!("weft_rpc_errors_total", "method" => method, "code" => code.to_string()).increment(1);
    }
}
