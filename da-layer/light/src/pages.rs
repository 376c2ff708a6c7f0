//! The HTTP port: what every service has, the verdicts, and blobs.
//!
//! | request | answer |
//! |---|---|
//! | `GET /judgements?last=N` | the newest first, 100 unless told otherwise, at most 1,000 |
//! | `GET /judgements/HEIGHT` | one; 404 if that height was not judged or is no longer kept |
//! | `GET /blocks/HEIGHT` | the judgement, and the rows that were sampled as long as that is remembered; `null` for what is not there |
//! | `GET /confidence?from=A&to=B` | over the chain, or the judged heights of a range |
//! | `GET /blobs/NAMESPACE/HASH?height=H` | the bytes, restored from rows |
//! | `GET /blobs/NAMESPACE/HASH/verdict?height=H&offset=O&length=L` | whether the blob is there |
//! | `POST` to the same, with the JSON of `weft blob prove --json` | whether that proof holds |
//!
//! Errors are JSON with `error`, in words, and `reason`, which is stable.

use alloy_primitives::{B256, hex};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};
use tonic::Code;
use weft_da::{BlobEntry, BlobProof};
use weft_primitives::Namespace;
use weft_service::Readiness;
use weft_service::http::Status;
use weft_verdict::BlobClaim;
use weft_wire::status::{Plain, Reason};

use crate::blob::{BlobError, BlobVerdict};
use crate::client::Client;
use crate::judge::Judgement;

/// Judgements in an answer, unless told otherwise.
const DEFAULT_LAST: usize = 100;

/// Most judgements in an answer.
const MAX_LAST: usize = 1_000;

#[derive(Deserialize)]
struct Last {
    last: Option<usize>,
}

#[derive(Deserialize)]
struct Range {
    from: Option<u64>,
    to: Option<u64>,
}

/// Where a blob is said to be.
#[derive(Deserialize)]
struct Place {
    height: Option<u64>,
    offset: Option<u64>,
    length: Option<u64>,
}

/// A proof as `weft blob prove --json` prints it; what else is there is not looked at.
#[derive(Deserialize)]
struct GivenProof {
    height: u64,
    index: u32,
    offset: u64,
    length: u64,
    path: Vec<B256>,
}

/// An error as it is answered.
struct Refusal(Code, &'static str, String);

impl<E: Reason> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.code(), error.reason(), error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        weft_service::http::refusal(self.0, self.1, &self.2)
    }
}

pub(crate) fn router(client: Client, readiness: Readiness, status: Status) -> axum::Router {
    let verdicts = axum::Router::new()
        .route("/judgements", get(judgements))
        .route("/judgements/{height}", get(judgement))
        .route("/blocks/{height}", get(block))
        .route("/confidence", get(confidence))
        .route("/blobs/{namespace}/{hash}", get(blob))
        .route("/blobs/{namespace}/{hash}/verdict", get(verify).post(verify_given))
        .with_state(client);
    weft_service::http::router("light client", readiness, status).merge(verdicts)
}

async fn judgements(State(client): State<Client>, Query(query): Query<Last>) -> Json<Vec<Judgement>> {
    Json(client.store.recent(query.last.unwrap_or(DEFAULT_LAST).min(MAX_LAST)))
}

async fn judgement(State(client): State<Client>, Path(height): Path<u64>) -> Result<Json<Judgement>, Refusal> {
    let record = client.store.get(height);
    let record = record.ok_or_else(|| Plain::not_found(format_args!("a judgement of height {height}")))?;
    Ok(Json(record.judgement))
}

/// What is known of a block, which may be nothing.
async fn block(State(client): State<Client>, Path(height): Path<u64>) -> Result<Json<Value>, Refusal> {
    let judgement = client.store.get(height).map(|record| record.judgement);
    let store = client.store.clone();
    let rows = tokio::task::spawn_blocking(move || store.sampled_rows(height)).await.map_err(Plain::internal)?;
    Ok(Json(json!({ "height": height, "judgement": judgement, "sampled_rows": rows })))
}

async fn confidence(
    State(client): State<Client>,
    Query(Range { from, to }): Query<Range>,
) -> Result<Json<weft_verdict::ChainConfidence>, Refusal> {
    let (from, to) = (from.unwrap_or(0), to.unwrap_or(u64::MAX));
    let confidence = client.store.confidence_between(from, to);
    Ok(Json(confidence.ok_or_else(|| Plain::not_found("a judged and linked height in this range"))?))
}

/// The claim that a path and its query make.
fn claim(namespace: &str, hash: &str, place: Place) -> Result<BlobClaim, Refusal> {
    let malformed = |message: String| Plain::invalid("MALFORMED", message);
    let namespace: Namespace = namespace.parse().map_err(|error| malformed(format!("{error}")))?;
    let hash: B256 = hash.parse().map_err(|error| malformed(format!("content hash: {error}")))?;
    let Place { height, offset, length } = place;
    Ok(BlobClaim { namespace, hash, height, offset, length })
}

async fn blob(
    State(client): State<Client>,
    Path((namespace, hash)): Path<(String, String)>,
    Query(place): Query<Place>,
) -> Result<Response, Refusal> {
    let restored = client.get_blob(claim(&namespace, &hash, place)?, |_| {}).await?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert("weft-da-height", HeaderValue::from(restored.height));
    Ok((headers, restored.bytes).into_response())
}

async fn verify(
    State(client): State<Client>,
    Path((namespace, hash)): Path<(String, String)>,
    Query(place): Query<Place>,
) -> Result<Json<Value>, Refusal> {
    Ok(in_json(&client.verify_blob(claim(&namespace, &hash, place)?, None).await?))
}

async fn verify_given(
    State(client): State<Client>,
    Path((namespace, hash)): Path<(String, String)>,
    Json(given): Json<GivenProof>,
) -> Result<Json<Value>, Refusal> {
    let GivenProof { height, index, offset, length, path } = given;
    let place = Place { height: Some(height), offset: Some(offset), length: Some(length) };
    let claim = claim(&namespace, &hash, place)?;
    let entry = BlobEntry { namespace: claim.namespace, hash: claim.hash, offset, length };
    let proof = BlobProof { position: index, entry, path };
    let verdict: Result<BlobVerdict, BlobError> = client.verify_blob(claim, Some(proof)).await;
    Ok(in_json(&verdict?))
}

fn in_json(verdict: &BlobVerdict) -> Json<Value> {
    let header = &verdict.header;
    let mut value = json!({
        "included": verdict.inclusion.is_ok(),
        "good": verdict.is_good(),
        "proof_source": verdict.proof_source,
        "height": header.header.height,
        "header": hex::encode_prefixed(header.encode()),
        "judgement": verdict.judgement,
    });
    match &verdict.inclusion {
        Ok(proof) => {
            let BlobProof { position, entry, path } = proof;
            value["proof"] = json!({ "index": position, "offset": entry.offset, "length": entry.length, "path": path });
        }
        Err(why) => {
            value["reason"] = json!(why.reason());
            value["why"] = json!(why.to_string());
        }
    }
    Json(value)
}
