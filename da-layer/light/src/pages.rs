//! The HTTP port: what every service has, and the verdicts.
//!
//! `GET /judgements?last=N` gives the newest first (100 unless told otherwise, at most 1,000);
//! `GET /judgements/HEIGHT` gives one, 404 if that height was not judged or is no longer kept.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json};
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;
use weft_service::Readiness;
use weft_service::http::Status;

use crate::judge::Judgement;
use crate::store::Store;

/// Judgements in an answer, unless told otherwise.
const DEFAULT_LAST: usize = 100;

/// Most judgements in an answer.
const MAX_LAST: usize = 1_000;

#[derive(Deserialize)]
struct Last {
    last: Option<usize>,
}

pub(crate) fn router(store: Arc<Store>, readiness: Readiness, status: Status) -> axum::Router {
    let verdicts = axum::Router::new()
        .route("/judgements", get(judgements))
        .route("/judgements/{height}", get(judgement))
        .with_state(store);
    weft_service::http::router("light client", readiness, status).merge(verdicts)
}

async fn judgements(State(store): State<Arc<Store>>, Query(query): Query<Last>) -> Json<Vec<Judgement>> {
    Json(store.recent(query.last.unwrap_or(DEFAULT_LAST).min(MAX_LAST)))
}

async fn judgement(State(store): State<Arc<Store>>, Path(height): Path<u64>) -> impl IntoResponse {
    match store.get(height) {
        Some(record) => (StatusCode::OK, Json(json!(record.judgement))),
        None => (StatusCode::NOT_FOUND, Json(json!({ "error": format!("no judgement of height {height} is kept") }))),
    }
}
