//! `/log-filter` on the operator's HTTP port: what is logged, asked (GET) and changed (PUT) while the service runs.
//!
//! Who may read metrics need not be one who may fill the disk with logs, so
//! only this machine is answered: the connection comes from a loopback
//! address, and neither a browser (`Origin`) nor a proxy (`Forwarded`,
//! `X-Forwarded-For`) asks for somebody else. The change lasts until the
//! service ends.

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::json;

use crate::connections::Peer;
use crate::telemetry::{self, SetFilterError};

/// Longest filter, bytes.
pub const MAX_FILTER_BYTES: usize = 1_024;

/// Headers that say that somebody else asks through this machine.
const FOREIGN: [&str; 3] = ["origin", "forwarded", "x-forwarded-for"];

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/log-filter", get(tell).put(change))
        .layer(DefaultBodyLimit::max(MAX_FILTER_BYTES))
        .layer(from_fn(this_machine_only))
}

async fn this_machine_only(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<Peer>>();
    let local = peer.is_some_and(|ConnectInfo(Peer(address))| address.ip().to_canonical().is_loopback());
    if local && !FOREIGN.iter().any(|name| request.headers().contains_key(*name)) {
        return next.run(request).await;
    }
    refusal(StatusCode::FORBIDDEN, "LOOPBACK_ONLY", "only this machine may ask")
}

async fn tell() -> Response {
    match telemetry::filter() {
        Some(filter) => Json(json!({ "filter": filter })).into_response(),
        None => refusal(StatusCode::CONFLICT, "NO_LOGS", &SetFilterError::NotStarted.to_string()),
    }
}

async fn change(filter: String) -> Response {
    match telemetry::set_filter(filter.trim()) {
        Ok(()) => tell().await,
        Err(error @ SetFilterError::NotStarted) => refusal(StatusCode::CONFLICT, "NO_LOGS", &error.to_string()),
        Err(error @ SetFilterError::Malformed(_)) => refusal(StatusCode::BAD_REQUEST, "BAD_FILTER", &error.to_string()),
    }
}

fn refusal(code: StatusCode, reason: &str, error: &str) -> Response {
    (code, Json(json!({ "error": error, "reason": reason }))).into_response()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use tokio::net::TcpListener;

    use crate::{Readiness, Shutdown, http};

    use super::*;

    #[tokio::test]
    async fn this_machine_changes_what_is_logged_and_nobody_else() {
        telemetry::init_logs("info", false);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/log-filter", listener.local_addr().unwrap());
        let shutdown = Shutdown::new();
        let router = http::router("test", Readiness::default(), Arc::new(|| json!({})));
        let server = tokio::spawn(http::serve(listener, router, shutdown.clone()));
        let client = reqwest::Client::new();
        let put = async |filter: String, header: Option<&str>| {
            let request = client.put(&url).body(filter);
            let request = header.into_iter().fold(request, |request, name| request.header(name, "http://else.where"));
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        let (code, text) = put("warn,weft_test=trace".to_owned(), None).await;
        assert_eq!((code, text.as_str()), (200, r#"{"filter":"weft_test=trace,warn"}"#));
        assert_eq!(telemetry::filter().as_deref(), Some("weft_test=trace,warn"));
        for header in FOREIGN {
            let (code, text) = put("trace".to_owned(), Some(header)).await;
            assert!(code == 403 && text.contains("LOOPBACK_ONLY"), "{code} {text}");
        }
        let (code, text) = put("weft=loud".to_owned(), None).await;
        assert!(code == 400 && text.contains("BAD_FILTER"), "{code} {text}");
        assert_eq!(put("a".repeat(MAX_FILTER_BYTES + 1), None).await.0, 413);
        let text = client.get(&url).send().await.unwrap().text().await.unwrap();
        assert_eq!(text, r#"{"filter":"weft_test=trace,warn"}"#, "a refusal changes nothing");
        shutdown.trigger();
        server.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn whoever_is_not_known_is_refused() {
        use tower::ServiceExt;
        let ask = async |peer: Option<&str>| {
            let mut request = Request::get("/log-filter").body(axum::body::Body::empty()).unwrap();
            if let Some(peer) = peer {
                request.extensions_mut().insert(ConnectInfo(Peer(peer.parse().unwrap())));
            }
            routes().oneshot(request).await.unwrap().status().as_u16()
        };
        assert_eq!(ask(None).await, 403);
        assert_eq!(ask(Some("10.0.0.7:1")).await, 403);
        assert_eq!(ask(Some("[2001:db8::1]:1")).await, 403);
        assert_ne!(ask(Some("[::1]:1")).await, 403);
        assert_ne!(ask(Some("[::ffff:127.0.0.1]:1")).await, 403);
    }
}
