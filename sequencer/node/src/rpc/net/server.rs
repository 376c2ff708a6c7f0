//! The accept loop.
//!
//! Invariant: at most `rpc.max_connections` sockets are held; one more is told so and closed. Everything that a
//! connection may do is bounded by the server library's limits (body, batch, answer, subscriptions) and by its
//! [`Gate`].

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jsonrpsee::server::middleware::rpc::RpcServiceBuilder;
use jsonrpsee::server::{
    BatchRequestConfig, HttpBody, HttpRequest, HttpResponse, Methods, PingConfig, Server, ServerConfig, StopHandle,
    serve_with_graceful_shutdown, stop_channel, ws,
};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Service;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};
use weft_service::Shutdown;

use super::gate::Gate;
use super::meter::{Meter, Transport};
use super::stream::GatedStream;
use crate::config::RpcConfig;
use crate::rpc::ids::Ids;

/// Subscriptions of one connection.
const MAX_SUBSCRIPTIONS_PER_CONNECTION: u32 = 1_024;

/// A WebSocket client is asked this often whether it lives.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// A WebSocket client that does not answer for this long is gone.
const INACTIVE_LIMIT: Duration = Duration::from_secs(90);

/// How long open calls may take to end when the node stops.
const DRAIN: Duration = Duration::from_secs(2);

/// Pause after a failed accept: mostly no file descriptor is left, and asking at once does not make one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why the server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// `rpc.cors` holds something that is no origin.
    #[error("rpc.cors: {0:?} is not an origin; give `*`, or origins as `https://app.example`")]
    Origin(String),
    /// Two methods have one name; a defect of the build.
    #[error(transparent)]
    Method(#[from] jsonrpsee::core::RegisterMethodError),
}

/// Answers one HTTP request, or makes a WebSocket of it.
type Handler = Arc<dyn Fn(HttpRequest) -> BoxFuture<'static, io::Result<HttpResponse>> + Send + Sync>;

/// Answers `methods` on `listener` until shutdown.
pub async fn serve(
    listener: TcpListener,
    methods: Methods,
    config: &RpcConfig,
    shutdown: Shutdown,
) -> Result<(), ServeError> {
    let (stop, server) = stop_channel();
    let handler = handler(methods, config, stop.clone())?;
    let slots = Arc::new(Semaphore::new(config.max_connections as usize));
    while let Some(accepted) = shutdown.unless(listener.accept()).await {
        let socket = match accepted {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::warn!(%error, "rpc.accept_failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        match slots.clone().try_acquire_owned() {
            Ok(slot) => drop(tokio::spawn(connection(socket, handler.clone(), stop.clone(), slot))),
            Err(_) => drop(tokio::spawn(refuse(socket, config.max_connections))),
        }
    }
    // Nobody left to tell is as good as told.
    let _ = server.stop();
    let _ = tokio::time::timeout(DRAIN, slots.acquire_many(config.max_connections)).await;
    Ok(())
}

fn handler(methods: Methods, config: &RpcConfig, stop: StopHandle) -> Result<Handler, ServeError> {
    let metered = methods.clone();
    let max_response_bytes = config.max_response_bytes as usize;
    let builder = Server::builder()
        .set_config(server_config(config))
        .set_rpc_middleware(
            RpcServiceBuilder::new().layer_fn(move |service| Meter::new(service, metered.clone(), max_response_bytes)),
        )
        .set_http_middleware(tower::ServiceBuilder::new().layer(cors(&config.cors)?))
        .to_service_builder();
    Ok(Arc::new(move |request| {
        let mut service = builder.clone().build(methods.clone(), stop.clone());
        Box::pin(async move { service.call(request).await.map_err(io::Error::other) })
    }))
}

/// The library's limits. Connections are counted by sockets here, not by requests there.
fn server_config(config: &RpcConfig) -> ServerConfig {
    ServerConfig::builder()
        .max_request_body_size(config.max_body_bytes)
        .max_response_body_size(config.max_response_bytes)
        .max_connections(u32::MAX)
        .max_subscriptions_per_connection(MAX_SUBSCRIPTIONS_PER_CONNECTION)
        .set_batch_request_config(BatchRequestConfig::Limit(config.max_batch))
        .set_message_buffer_capacity(config.max_subscription_lag.max(1))
        .set_id_provider(Ids::default())
        .enable_ws_ping(PingConfig::new().ping_interval(PING_INTERVAL).inactive_limit(INACTIVE_LIMIT))
        .build()
}

fn cors(origins: &[String]) -> Result<CorsLayer, ServeError> {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        let parse = |origin: &String| origin.parse().map_err(|_| ServeError::Origin(origin.clone()));
        AllowOrigin::list(origins.iter().map(parse).collect::<Result<Vec<_>, _>>()?)
    };
    Ok(CorsLayer::new().allow_origin(allowed).allow_methods(Any).allow_headers(Any))
}

/// Serves one socket. A WebSocket goes on in a task of the library's; the slot goes with the stream.
async fn connection(socket: TcpStream, handler: Handler, stop: StopHandle, slot: OwnedSemaphorePermit) {
    // Answers are small and waited for; a socket that refuses the option works all the same.
    let _ = socket.set_nodelay(true);
    let gate = Arc::new(Gate::default());
    let stream = GatedStream::new(socket, gate.clone(), slot);
    let service = tower::service_fn(move |request: HttpRequest<_>| {
        let upgrade = ws::is_upgrade_request(&request);
        let mut request = request.map(HttpBody::new);
        request.extensions_mut().insert(if upgrade { Transport::WebSocket } else { Transport::Http });
        request.extensions_mut().insert(gate.clone());
        handler(request)
    });
    if let Err(error) = serve_with_graceful_shutdown(stream, service, stop.shutdown()).await {
        tracing::debug!(%error, "rpc.connection_failed");
    }
}

/// Says why, if the socket takes it, and closes.
async fn refuse(mut socket: TcpStream, limit: u32) {
    metrics::counter!("weft_rpc_connections_refused_total").increment(1);
    let body = format!("{limit} connections are open, the limit (rpc.max_connections)\n");
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let told: io::Result<()> = async {
        socket.write_all(answer.as_bytes()).await?;
        socket.shutdown().await
    }
    .await;
    if let Err(error) = told {
        tracing::debug!(%error, "rpc.refusal_failed");
    }
}
