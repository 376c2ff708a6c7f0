//! The operator's HTTP port: `/metrics`, `/health/live`, `/health/ready`, `/log`, and `/`, a page for people.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Json};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::connections::{Connections, Peer};
use crate::{Readiness, Shutdown, log_level, telemetry};

/// Connections at once; more wait until one ends.
pub const MAX_CONNECTIONS: usize = 256;

/// How long open requests may take to end once the server stops; then their connections are cut.
pub const DRAIN: Duration = Duration::from_secs(2);

/// Tells the page what to show: a JSON object of figures.
pub type Status = Arc<dyn Fn() -> Value + Send + Sync>;

/// The routes that every service has. `name` is the page's title; `/status` gives `status` as JSON.
pub fn router(name: &'static str, readiness: Readiness, status: Status) -> Router {
    let page_status = status.clone();
    Router::new()
        .route("/metrics", get(|| async { telemetry::metrics().render() }))
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(move || ready(readiness.clone())))
        .route("/status", get(move || async move { Json(status()) }))
        .route("/", get(move || async move { Html(page(name, &page_status())) }))
        .merge(log_level::routes())
}

async fn ready(readiness: Readiness) -> impl IntoResponse {
    let missing = readiness.missing();
    let code = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, [(header::CACHE_CONTROL, "no-store")], Json(json!({ "ready": missing.is_empty(), "missing": missing })))
}

/// A table of the status's figures; it asks for `/status` again every second.
fn page(name: &str, status: &Value) -> String {
    let empty = serde_json::Map::new();
    let rows: String = status
        .as_object()
        .unwrap_or(&empty)
        .iter()
        .map(|(key, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("<tr><th scope=\"row\">{}</th><td id=\"{}\">{}</td></tr>", escape(key), escape(key), escape(&text))
        })
        .collect();
    include_str!("page.html").replace("{name}", name).replace("{rows}", &rows)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Serves until shutdown. Keeps the process's metrics small meanwhile, whether or not anyone reads them.
pub async fn serve(listener: TcpListener, router: Router, shutdown: Shutdown) -> std::io::Result<()> {
    let cut = CancellationToken::new();
    // However this function is left, no connection outlives it.
    let _cut_at_the_end = cut.clone().drop_guard();
    let connections = Connections::new(listener, MAX_CONNECTIONS, cut);
    let stop = shutdown.clone();
    let router = router.into_make_service_with_connect_info::<Peer>();
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
        let status: Status = Arc::new(|| json!({ "height": 7, "note": "<b>" }));
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
        let page = get("/").await.1;
        assert!(page.contains("&lt;b&gt;") && page.contains("<title>Weft test"), "{page}");
        shutdown.trigger();
        server.await.unwrap().unwrap();
    }
}
