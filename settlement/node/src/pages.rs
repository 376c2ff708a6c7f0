//! The log and the commitments for people and their pages, read-only, on the HTTP port.
//!
//! | request | answer |
//! |---|---|
//! | `GET /log?last=N&before=SEQ` | entries, the newest first (below a sequence number) |
//! | `GET /commitments?last=N&before=INDEX` | canonical commitments, the newest first (below a batch) |
//! | `GET /commitments/ID` | one: canonical by the index of its batch, any by its hash |
//!
//! 50 unless told otherwise, at most 500; of a service of several chains `chain=ID` names one. Errors are JSON with
//! `error`, in words, and `reason`, which is stable.

mod json;

use std::sync::Arc;

use alloy_primitives::B256;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};
use tonic::Status;
use weft_primitives::Namespace;
use weft_settlement::Record;
use weft_wire::status::{Plain, RemoteError};

use crate::chains::{Chains, Served};
use crate::grpc::internal;

/// Rows in an answer, unless told otherwise.
const DEFAULT_LAST: u32 = 50;

/// Most rows in an answer.
const MAX_LAST: u32 = 500;

#[derive(Deserialize)]
struct Window {
    #[serde(default)]
    chain: u64,
    last: Option<u32>,
    before: Option<u64>,
}

#[derive(Deserialize)]
struct Which {
    #[serde(default)]
    chain: u64,
}

/// An error as it is answered: what gRPC would say.
struct Refusal(Status);

impl<E: Into<Status>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let RemoteError { code, reason, message, .. } = RemoteError::from(self.0);
        weft_service::http::refusal(code, &reason, &message)
    }
}

pub(crate) fn router(chains: Arc<Chains>) -> Router {
    Router::new()
        .route("/log", get(log))
        .route("/commitments", get(commitments))
        .route("/commitments/{id}", get(commitment))
        .with_state(chains)
}

/// First number and count of the window that ends below `before`, of rows numbered `first..=newest`.
fn span(window: &Window, first: u64, newest: Option<u64>) -> (u64, u32) {
    let end = newest.map_or(first, |newest| newest.saturating_add(1));
    let end = window.before.map_or(end, |before| before.min(end)).max(first);
    let count = u64::from(window.last.unwrap_or(DEFAULT_LAST).min(MAX_LAST)).min(end - first);
    (end - count, count as u32)
}

async fn log(State(chains): State<Arc<Chains>>, Query(window): Query<Window>) -> Result<Json<Value>, Refusal> {
    let served = chains.get(window.chain)?;
    let newest = served.engine.chain().head().log_seq;
    let (from, count) = span(&window, 1, Some(newest));
    let mut entries =
        if count == 0 { Vec::new() } else { served.store.entries(from, count).await.map_err(internal)? };
    entries.reverse();
    Ok(Json(json!({ "newest": newest, "entries": entries.iter().map(json::entry).collect::<Vec<_>>() })))
}

async fn commitments(State(chains): State<Arc<Chains>>, Query(window): Query<Window>) -> Result<Json<Value>, Refusal> {
    let served = chains.get(window.chain)?;
    let newest = served.engine.chain().head().tip.map(|(index, _)| index);
    let (from, count) = span(&window, 0, newest);
    let mut records =
        if count == 0 { Vec::new() } else { served.store.canonical(from, count).await.map_err(internal)? };
    records.reverse();
    let namespace = Namespace::for_chain(served.engine.chain().rules().chain_id).to_string();
    let records: Vec<Value> = records.iter().map(json::record).collect();
    Ok(Json(json!({ "newest": newest, "namespace": namespace, "commitments": records })))
}

async fn commitment(
    State(chains): State<Arc<Chains>>,
    Path(id): Path<String>,
    Query(Which { chain }): Query<Which>,
) -> Result<Json<Value>, Refusal> {
    let served = chains.get(chain)?;
    let found = find(served, &id).await?;
    let found = found.ok_or_else(|| Plain::not_found(format_args!("commitment {id}")))?;
    Ok(Json(json::record(&found)))
}

async fn find(served: &Served, id: &str) -> Result<Option<Record>, Refusal> {
    if let Ok(index) = id.parse::<u64>() {
        let found = served.store.canonical(index, 1).await.map_err(internal)?;
        return Ok(found.into_iter().find(|record| record.signed.header.batch_index == index));
    }
    let hash: B256 = id.parse().map_err(|_| {
        Plain::invalid("MALFORMED", format!("{id:?} is neither the index of a batch nor the hash of a commitment"))
    })?;
    Ok(served.store.record(hash).await.map_err(internal)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_stay_within_what_there_is() {
        let window = |last, before| Window { chain: 0, last, before };
        assert_eq!(span(&window(None, None), 1, Some(7)), (1, 7));
        assert_eq!(span(&window(Some(2), None), 1, Some(7)), (6, 2));
        assert_eq!(span(&window(Some(2), Some(6)), 1, Some(7)), (4, 2));
        assert_eq!(span(&window(Some(2), Some(0)), 1, Some(7)), (1, 0));
        assert_eq!(span(&window(None, Some(u64::MAX)), 0, None), (0, 0));
        assert_eq!(span(&window(Some(u32::MAX), None), 0, Some(u64::MAX - 1)), (u64::MAX - 500, MAX_LAST));
    }
}
