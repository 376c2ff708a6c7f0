//! `weft.settlement.v1` over gRPC: check the request, ask the engine or the store, translate the answer.

mod refusals;
mod subscription;

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use bytes::Bytes;
use futures::stream::BoxStream;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};
use weft_execution::STF_VERSION;
use weft_settlement::Record;
use weft_wire::convert::{hash, required};
use weft_wire::pb::settlement::v1 as pb;
use weft_wire::status::Plain;

use crate::engine::EngineHandle;
use crate::store::{MAX_PAGE, Store, StoreError};

/// Full name of the service.
pub(crate) const SERVICE: &str = "weft.settlement.v1.Settlement";

/// Rows in one answer unless asked otherwise.
const DEFAULT_PAGE: u32 = 100;

/// The service of one chain.
pub(crate) struct SettlementService {
    pub(crate) engine: EngineHandle,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) da_signer: Address,
    pub(crate) subscribers: Arc<Semaphore>,
    pub(crate) max_subscribers: usize,
}

fn internal(error: StoreError) -> Status {
    tracing::error!(%error, "settlement store");
    Plain::unavailable(format!("the settlement database failed: {error}; try again")).into()
}

fn page(limit: u32) -> Result<u32, Status> {
    match limit {
        0 => Ok(DEFAULT_PAGE),
        limit if limit > MAX_PAGE => {
            Err(Plain::invalid("LIMIT", format!("limit is {limit}, at most {MAX_PAGE} are given at once")).into())
        }
        limit => Ok(limit),
    }
}

fn wire(hash: B256) -> Bytes {
    Bytes::copy_from_slice(hash.as_slice())
}

impl SettlementService {
    async fn record(&self, id: pb::get_commitment_request::Id) -> Result<Record, Status> {
        let (record, what) = match id {
            pb::get_commitment_request::Id::BatchIndex(index) => {
                let found = self.store.canonical(index, 1).await.map_err(internal)?;
                let record = found.into_iter().find(|record| record.signed.header.batch_index == index);
                (record, format!("a canonical commitment for batch {index}"))
            }
            pb::get_commitment_request::Id::CommitmentHash(bytes) => {
                let hash = hash("commitment_hash", &bytes)?;
                (self.store.record(hash).await.map_err(internal)?, format!("commitment {hash}"))
            }
        };
        record.ok_or_else(|| Plain::not_found(what).into())
    }
}

#[tonic::async_trait]
impl pb::settlement_server::Settlement for SettlementService {
    async fn get_info(&self, _: Request<pb::GetInfoRequest>) -> Result<Response<pb::GetInfoResponse>, Status> {
        let rules = *self.engine.chain().rules();
        Ok(Response::new(pb::GetInfoResponse {
            chain_id: rules.chain_id,
            config_hash: wire(rules.config_hash),
            genesis_hash: wire(rules.genesis.block_hash),
            sequencer_address: Bytes::copy_from_slice(rules.sequencer.as_slice()),
            da_signer_address: Bytes::copy_from_slice(self.da_signer.as_slice()),
            mode: "verified".to_owned(),
            stf_version: STF_VERSION,
            version: weft_service::VERSION.to_owned(),
        }))
    }

    async fn post_commitment(
        &self,
        request: Request<pb::PostCommitmentRequest>,
    ) -> Result<Response<pb::PostCommitmentResponse>, Status> {
        let signed = required("commitment", request.into_inner().commitment)?.try_into()?;
        let receipt = self.engine.post(signed).await.map_err(refusals::post)?;
        Ok(Response::new(pb::PostCommitmentResponse {
            commitment_hash: wire(receipt.commitment),
            log_seq: receipt.log_seq,
            duplicate: receipt.duplicate,
        }))
    }

    async fn get_commitment(
        &self,
        request: Request<pb::GetCommitmentRequest>,
    ) -> Result<Response<pb::GetCommitmentResponse>, Status> {
        let record = self.record(required("id", request.into_inner().id)?).await?;
        Ok(Response::new(pb::GetCommitmentResponse { commitment: Some((&record).into()) }))
    }

    async fn list_commitments(
        &self,
        request: Request<pb::ListCommitmentsRequest>,
    ) -> Result<Response<pb::ListCommitmentsResponse>, Status> {
        let pb::ListCommitmentsRequest { from_index, limit } = request.into_inner();
        let records = self.store.canonical(from_index, page(limit)?).await.map_err(internal)?;
        Ok(Response::new(pb::ListCommitmentsResponse { commitments: records.iter().map(Into::into).collect() }))
    }

    async fn get_tip(&self, _: Request<pb::GetTipRequest>) -> Result<Response<pb::GetTipResponse>, Status> {
        let chain = self.engine.chain();
        let head = chain.head();
        Ok(Response::new(pb::GetTipResponse {
            tip_index: head.tip.map(|(index, _)| index),
            tip_hash: wire(head.tip.map_or(B256::ZERO, |(_, hash)| hash)),
            finalized_index: head.finalized_index,
            finalized_block: chain.final_parent().block,
            available_block: chain.available_block(),
            log_seq: head.log_seq,
            log_hash: wire(head.log_hash),
            inbox_len: head.inbox_len,
            inbox_acc: wire(head.inbox_acc),
            inbox_cursor: chain.parent().inbox_cursor,
            generation: head.generation,
            frozen: head.frozen,
        }))
    }

    type SubscribeLogStream = BoxStream<'static, Result<pb::SubscribeLogResponse, Status>>;

    async fn subscribe_log(
        &self,
        request: Request<pb::SubscribeLogRequest>,
    ) -> Result<Response<Self::SubscribeLogStream>, Status> {
        let permit = self.subscribers.clone().try_acquire_owned().map_err(|_| {
            let words = format!("{} log subscriptions are open (max_subscribers)", self.max_subscribers);
            Plain::exhausted("MAX_SUBSCRIBERS", words)
        })?;
        let from_seq = request.into_inner().from_seq.max(1);
        let entries = subscription::entries(self.store.clone(), self.engine.watch(), from_seq, permit);
        Ok(Response::new(Box::pin(entries)))
    }

    async fn submit_inbox(
        &self,
        request: Request<pb::SubmitInboxRequest>,
    ) -> Result<Response<pb::SubmitInboxResponse>, Status> {
        let transaction = request.into_inner().transaction.into();
        let receipt = self.engine.submit_inbox(transaction).await.map_err(refusals::inbox)?;
        Ok(Response::new(pb::SubmitInboxResponse {
            index: receipt.index,
            time_ms: receipt.time_ms,
            deadline_ms: receipt.deadline_ms,
            log_seq: receipt.log_seq,
        }))
    }

    async fn list_inbox(
        &self,
        request: Request<pb::ListInboxRequest>,
    ) -> Result<Response<pb::ListInboxResponse>, Status> {
        let pb::ListInboxRequest { from_index, limit } = request.into_inner();
        let rows = self.store.inbox(from_index, page(limit)?).await.map_err(internal)?;
        Ok(Response::new(pb::ListInboxResponse { items: rows.iter().map(|row| (&row.item).into()).collect() }))
    }
}
