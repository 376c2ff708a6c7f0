//! The operator's HTTP port: `/metrics`, `/health/live`, `/health/ready`, `/status`, `/log-filter`, and `/`, the page for
//! people.
//!
//! Everything here may be read by pages of any origin, so that one service's page can show the others: answers to GET
//! say so, nothing else does, and no answer depends on who asks, but for `/log-filter`, which is for this machine alone.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::connections::{Connections, Peer};
use crate::{Readiness, Shutdown, log_level, page, telemetry};

/// Connections at once; more wait until one ends.
pub const MAX_CONNECTIONS: usize = 256;

/// How long open requests may take to end once the server stops; then their connections are cut.
pub const DRAIN: Duration = Duration::from_secs(2);

/// Tells the page what to show: a JSON object of figures.
pub type Status = Arc<dyn Fn() -> Value + Send + Sync>;

/// The routes that every service has. `name` is told to the page; `/status` gives `status` as JSON.
pub fn router(name: &'static str, readiness: Readiness, status: Status) -> Router {
    Router::new()
        .route("/metrics", get(|| async { telemetry::metrics().render() }))
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(move || ready(readiness.clone())))
        .route("/status", get(move || async move { Json(status()) }))
        .merge(page::router(name))
        .merge(log_level::routes())
}

/// Lets pages of every origin read, and only read.
async fn readable(request: Request, next: Next) -> Response {
    let reads = request.method() == Method::GET;
    let mut response = next.run(request).await;
    if reads {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    response
}

async fn ready(readiness: Readiness) -> impl IntoResponse {
    let missing = readiness.missing();
    let code = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, [(header::CACHE_CONTROL, "no-store")], Json(json!({ "ready": missing.is_empty(), "missing": missing })))
}

/// A refusal, in words and with its stable reason, as every service answers it.
pub fn refusal(code: Code, reason: &str, error: &str) -> Response {
    let status = match code {
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::NotFound | Code::OutOfRange => StatusCode::NOT_FOUND,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::FailedPrecondition => StatusCode::CONFLICT,
        Code::DataLoss => StatusCode::BAD_GATEWAY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, Json(json!({ "error": error, "reason": reason }))).into_response()
}

/// Serves until shutdown. Keeps the process's metrics small meanwhile, whether or not anyone reads them.
pub async fn serve(listener: TcpListener, router: Router, shutdown: Shutdown) -> std::io::Result<()> {
    let cut = CancellationToken::new();
    // However this function is left, no connection outlives it.
    let _cut_at_the_end = cut.clone().drop_guard();
    let connections = Connections::new(listener, MAX_CONNECTIONS, cut);
    let stop = shutdown.clone();
    let router = router.layer(middleware::from_fn(readable)).into_make_service_with_connect_info::<Peer>();
    let server = axum::serve(connections, router).with_graceful_shutdown(async move { stop.wait().await });
    tokio::select! {
        ended = async { server.await } => ended,
        () = async { shutdown.wait().await; tokio::time::sleep(DRAIN).await } => Ok(()),
        never = telemetry::upkeep() => match never {},
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn health_follows_the_conditions() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let readiness = Readiness::new(&["store"]);
        let status: Status = Arc::new(|| json!({ "height": 7 }));
        let shutdown = Shutdown::new();
        let server = tokio::spawn(serve(listener, router("test", readiness.clone(), status), shutdown.clone()));
        let get = async |path: &str| {
            let answer = reqwest::get(format!("{url}{path}")).await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        assert_eq!(get("/health/live").await.0, 200);
        let (code, text) = get("/health/ready").await;
        assert_eq!((code, text.as_str()), (503, r#"{"missing":{"store":"starting"},"ready":false}"#));
        readiness.set("store");
        assert_eq!(get("/health/ready").await.0, 200);
        assert!(get("/metrics").await.1.contains("weft_build_info"));
        assert_eq!(get("/status").await.1, r#"{"height":7}"#);
        shutdown.trigger();
        server.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn the_page_is_whole_and_others_may_read_but_not_write() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = Shutdown::new();
        let status: Status = Arc::new(|| json!({}));
        let extra = Router::new().route("/put", axum::routing::post(|| async { "done" }));
        let routes = router("test", Readiness::new(&[]), status).merge(extra);
        let server = tokio::spawn(serve(listener, routes, shutdown.clone()));
        let client = reqwest::Client::new();
        let page = client.get(&url).send().await.unwrap();
        let header = |name: &str| page.headers().get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            (header("content-type").as_str(), header("access-control-allow-origin").as_str()),
            ("text/html; charset=utf-8", "*")
        );
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"), "{policy}");
        let tag = header("etag");
        let text = page.text().await.unwrap();
        for part in text.split('"').filter(|part| part.starts_with("/page/")) {
            assert_eq!(client.get(format!("{url}{part}")).send().await.unwrap().status(), 200, "{part}");
        }
        let again = client.get(&url).header("if-none-match", tag).send().await.unwrap();
        assert_eq!((again.status().as_u16(), again.text().await.unwrap().len()), (304, 0));
        let services: Value = client.get(format!("{url}/services")).send().await.unwrap().json().await.unwrap();
        assert_eq!((&services["self"], services["services"]["da"].is_string()), (&json!("test"), true));
        let posted = client.post(format!("{url}/put")).send().await.unwrap();
        assert!(posted.status().is_success() && posted.headers().get("access-control-allow-origin").is_none());
        shutdown.trigger();
        server.await.unwrap().unwrap();
    }
}
