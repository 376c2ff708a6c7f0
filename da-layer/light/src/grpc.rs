//! `weft.light.v1` over gRPC: check the request, ask the client, translate the answer.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tonic::{Code, Request, Response, Status};
use weft_da::BlobProof;
use weft_verdict::{BlobClaim, Judgement};
use weft_wire::CHUNK_BYTES;
use weft_wire::convert::{blob_proof, blob_ref, required};
use weft_wire::pb::da::v1::BlobRef;
use weft_wire::pb::light::v1 as pb;
use weft_wire::pb::light::v1::light_client_server::LightClient;
use weft_wire::status::{Plain, Reason, status};

use crate::blob::{BlobError, BlobVerdict, ProofSource};
use crate::client::Client;
use crate::nodes::NodeReport;
use crate::store::Store;
use crate::trust::TrustSource;

/// Judgements in one answer, and by default.
const MAX_JUDGEMENTS: u32 = 1_000;
const DEFAULT_JUDGEMENTS: u32 = 100;

/// Judgements read at once for a subscription.
const SUBSCRIPTION_PAGE: usize = 100;

/// Full name of the service.
pub(crate) const SERVICE: &str = "weft.light.v1.LightClient";

/// The service of one client.
pub(crate) struct LightService {
    client: Client,
    subscribers: Arc<Semaphore>,
}

impl LightService {
    pub(crate) fn new(client: Client) -> Self {
        let subscribers = Arc::new(Semaphore::new(client.config.limits.max_subscribers));
        Self { client, subscribers }
    }
}

impl From<BlobError> for Status {
    fn from(error: BlobError) -> Self {
        if error.code() == Code::Internal {
            tracing::error!(%error, "a blob call failed");
        }
        status(&error)
    }
}

/// A height that lies below the judgements kept.
#[derive(Debug, thiserror::Error)]
#[error("DA block {0} lies below the judgements that are kept")]
struct NotKept(u64);

impl Reason for NotKept {
    fn code(&self) -> Code {
        Code::OutOfRange
    }

    fn reason(&self) -> &'static str {
        "NOT_KEPT"
    }
}

fn record(report: NodeReport) -> pb::NodeRecord {
    pb::NodeRecord {
        url: report.url,
        lies: report.lies,
        missing: report.missing,
        timed_out: report.timed_out,
        failed: report.failed,
        share: report.share,
        last_fault: report.last_fault,
    }
}

/// The claim of a request, and the proof if there is one.
fn claim_and_proof(
    claim: Option<pb::BlobClaim>,
    proof: Option<weft_wire::pb::da::v1::BlobProof>,
) -> Result<(BlobClaim, Option<BlobProof>), Status> {
    let claim: BlobClaim = required("claim", claim)?.try_into()?;
    let Some(proof) = proof else { return Ok((claim, None)) };
    let (Some(height), Some(offset), Some(length)) = (claim.height, claim.offset, claim.length) else {
        return Err(BlobError::ProofWithoutPlace.into());
    };
    let blob = BlobRef {
        namespace: Bytes::copy_from_slice(claim.namespace.as_bytes()),
        content_hash: Bytes::copy_from_slice(claim.hash.as_slice()),
        height,
        index: proof.index,
        offset,
        length,
    };
    Ok((claim, Some(blob_proof(&blob, &proof)?)))
}

fn verdict(verdict: &BlobVerdict) -> pb::VerifyBlobResponse {
    let (proof_source, proof_node) = match &verdict.proof_source {
        ProofSource::Given => (pb::ProofSource::Given, ""),
        ProofSource::Node(name) => (pb::ProofSource::Node, name.as_str()),
        ProofSource::Index => (pb::ProofSource::Index, ""),
    };
    let mut answer = pb::VerifyBlobResponse {
        included: verdict.inclusion.is_ok(),
        proof_source: proof_source.into(),
        proof_node: proof_node.to_owned(),
        header: Some((&verdict.header).into()),
        judgement: Some((&verdict.judgement).into()),
        ..Default::default()
    };
    match &verdict.inclusion {
        Ok(proof) => {
            answer.blob = Some(blob_ref(verdict.header.header.height, proof));
            answer.proof = Some(proof.into());
        }
        Err(why) => {
            answer.reason = why.reason().to_owned();
            answer.reason_text = why.to_string();
        }
    }
    answer
}

type Boxed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl LightClient for LightService {
    async fn get_status(&self, _: Request<pb::GetStatusRequest>) -> Result<Response<pb::GetStatusResponse>, Status> {
        let Client { store, nodes, board, config, .. } = &self.client;
        let anchor = store.anchor();
        Ok(Response::new(pb::GetStatusResponse {
            trusted_address: anchor.map(|anchor| Bytes::copy_from_slice(anchor.address.as_slice())),
            trusted_on_first_use: anchor.is_some_and(|anchor| anchor.source == TrustSource::FirstUse),
            network_id: anchor.map(|anchor| anchor.network_id),
            header_height: board.header_height(),
            judged_height: store.through().map(|header| header.header.height),
            target_confidence: config.target.confidence(),
            chain: store.chain_confidence().as_ref().map(Into::into),
            chain_fault: board.chain_fault_in_words(),
            nodes: nodes.reports().into_iter().map(record).collect(),
            version: weft_service::VERSION.to_owned(),
        }))
    }

    async fn get_confidence(
        &self,
        request: Request<pb::GetConfidenceRequest>,
    ) -> Result<Response<pb::GetConfidenceResponse>, Status> {
        let pb::GetConfidenceRequest { from_height, to_height } = request.into_inner();
        if from_height > to_height {
            return Err(Plain::invalid("RANGE", format!("from {from_height} is above to {to_height}")).into());
        }
        let confidence = self.client.store.confidence_between(from_height, to_height).ok_or_else(|| {
            Plain::not_found(format_args!("a judged and linked height from {from_height} to {to_height}"))
        })?;
        Ok(Response::new(pb::GetConfidenceResponse { confidence: Some((&confidence).into()) }))
    }

    async fn get_judgement(
        &self,
        request: Request<pb::GetJudgementRequest>,
    ) -> Result<Response<pb::GetJudgementResponse>, Status> {
        let height = request.into_inner().height;
        let record = self.client.store.get(height);
        let record = record.ok_or_else(|| Plain::not_found(format_args!("a judgement of DA block {height}")))?;
        Ok(Response::new(pb::GetJudgementResponse { judgement: Some((&record.judgement).into()) }))
    }

    async fn list_judgements(
        &self,
        request: Request<pb::ListJudgementsRequest>,
    ) -> Result<Response<pb::ListJudgementsResponse>, Status> {
        let pb::ListJudgementsRequest { from_height, limit } = request.into_inner();
        if limit > MAX_JUDGEMENTS {
            return Err(Plain::invalid("LIMIT", format!("limit {limit} is above {MAX_JUDGEMENTS}")).into());
        }
        let limit = if limit == 0 { DEFAULT_JUDGEMENTS } else { limit } as usize;
        let judgements = self.client.store.judgements_from(from_height, limit);
        Ok(Response::new(pb::ListJudgementsResponse { judgements: judgements.iter().map(Into::into).collect() }))
    }

    type SubscribeJudgementsStream = Boxed<pb::SubscribeJudgementsResponse>;

    async fn subscribe_judgements(
        &self,
        request: Request<pb::SubscribeJudgementsRequest>,
    ) -> Result<Response<Self::SubscribeJudgementsStream>, Status> {
        let permit = self.subscribers.clone().try_acquire_owned().map_err(|_| {
            let limit = self.client.config.limits.max_subscribers;
            Plain::exhausted("MAX_SUBSCRIBERS", format!("{limit} subscriptions (max_subscribers) are open"))
        })?;
        let store = self.client.store.clone();
        let through = store.watch_through();
        let next = match request.into_inner().from_height {
            Some(height) => height.max(weft_da::header::FIRST_HEIGHT),
            None => *through.borrow() + 1,
        };
        if store.run_from(next, 0).is_none() {
            return Err(status(&NotKept(next)));
        }
        let state = Subscription { store, through, next, page: Vec::new().into_iter(), _permit: permit };
        Ok(Response::new(Box::pin(subscription(state))))
    }

    async fn verify_blob(
        &self,
        request: Request<pb::VerifyBlobRequest>,
    ) -> Result<Response<pb::VerifyBlobResponse>, Status> {
        let pb::VerifyBlobRequest { claim, proof } = request.into_inner();
        let (claim, proof) = claim_and_proof(claim, proof)?;
        Ok(Response::new(verdict(&self.client.verify_blob(claim, proof).await?)))
    }

    type GetBlobStream = Boxed<pb::GetBlobResponse>;

    async fn get_blob(&self, request: Request<pb::GetBlobRequest>) -> Result<Response<Self::GetBlobStream>, Status> {
        let claim: BlobClaim = required("claim", request.into_inner().claim)?.try_into()?;
        let restored = self.client.get_blob(claim, |_| {}).await?;
        let part = |part| Ok(pb::GetBlobResponse { part: Some(part) });
        let first = pb::RestoredBlob {
            blob: Some(BlobRef {
                namespace: Bytes::copy_from_slice(restored.namespace.as_bytes()),
                content_hash: Bytes::copy_from_slice(restored.content_hash.as_slice()),
                height: restored.height,
                index: restored.index,
                offset: restored.offset,
                length: restored.length,
            }),
            rows: restored.rows as u32,
            rows_downloaded: restored.rows_downloaded as u32,
            rows_kept: restored.rows_kept as u32,
            rebuilt: restored.rebuilt,
            downloaded_bytes: restored.downloaded_bytes,
            elapsed_ms: restored.elapsed_ms,
        };
        let bytes = Bytes::from(restored.bytes);
        let chunks = (0..bytes.len()).step_by(CHUNK_BYTES).map(move |from| {
            part(pb::get_blob_response::Part::Chunk(bytes.slice(from..bytes.len().min(from + CHUNK_BYTES))))
        });
        let first = part(pb::get_blob_response::Part::Blob(first));
        Ok(Response::new(Box::pin(stream::iter(std::iter::once(first).chain(chunks)))))
    }
}

struct Subscription {
    store: Arc<Store>,
    through: watch::Receiver<u64>,
    next: u64,
    page: std::vec::IntoIter<Judgement>,
    _permit: OwnedSemaphorePermit,
}

/// Judgements from the store until it is exhausted, then whenever there is a new one: a slow reader misses nothing, or
/// is told that it did.
fn subscription(state: Subscription) -> impl Stream<Item = Result<pb::SubscribeJudgementsResponse, Status>> + Send {
    stream::try_unfold(state, |mut state| async move {
        loop {
            if let Some(judgement) = state.page.next() {
                state.next = judgement.height + 1;
                return Ok(Some((pb::SubscribeJudgementsResponse { judgement: Some((&judgement).into()) }, state)));
            }
            if *state.through.borrow_and_update() < state.next {
                // The client has ended: so does the stream.
                if state.through.changed().await.is_err() {
                    return Ok(None);
                }
                continue;
            }
            let page = state.store.run_from(state.next, SUBSCRIPTION_PAGE);
            let page = page.ok_or_else(|| status(&NotKept(state.next)))?;
            state.page = page.into_iter();
        }
    })
}
