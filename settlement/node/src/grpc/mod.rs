//! `weft.settlement.v1` over gRPC: check the request, ask the engine or the store, translate the answer.

mod challenge;
mod force;
mod promise;
mod refusals;
mod subscription;

use std::sync::Arc;
use std::time::SystemTime;

use alloy_primitives::{B256, U256};
use bytes::Bytes;
use futures::stream::BoxStream;
use tonic::{Request, Response, Status, Streaming};
use weft_execution::STF_VERSION;
use weft_primitives::SignedBatch;
use weft_service::trace::Span;
use weft_settlement::{InboxReceipt, Record, SignedKeyChange, SignedVerdict};
use weft_wire::convert::{address, hash, required, wei};
use weft_wire::pb::settlement::v1 as pb;
use weft_wire::status::Plain;
use weft_wire::trace::TraceContext;

use crate::chains::{Chains, Served};
use crate::store::{MAX_PAGE, StoreError};
use crate::traces;

/// Full name of the service.
pub(crate) const SERVICE: &str = "weft.settlement.v1.Settlement";

/// Rows in one answer unless asked otherwise.
const DEFAULT_PAGE: u32 = 100;

/// The service of all chains.
pub(crate) struct SettlementService {
    pub(crate) chains: Arc<Chains>,
}

pub(crate) fn internal(error: StoreError) -> Status {
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

impl Served {
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
    async fn get_info(&self, request: Request<pb::GetInfoRequest>) -> Result<Response<pb::GetInfoResponse>, Status> {
        let served = self.chains.get(request.into_inner().chain_id)?;
        let chain = served.engine.chain();
        let (rules, terms) = (chain.rules(), &chain.rules().terms);
        Ok(Response::new(pb::GetInfoResponse {
            chain_id: rules.chain_id,
            config_hash: wire(rules.config_hash),
            genesis_hash: wire(rules.genesis.block_hash),
            sequencer_address: Bytes::copy_from_slice(terms.sequencer.as_slice()),
            da_signer_address: Bytes::copy_from_slice(served.da_signer.as_slice()),
            mode: terms.mode.as_str().to_owned(),
            stf_version: STF_VERSION,
            version: weft_service::VERSION.to_owned(),
            challenge_window_ms: terms.mode.window_ms(),
            admin_address: terms.admin.map(|admin| Bytes::copy_from_slice(admin.as_slice())).unwrap_or_default(),
            verifiers: terms.verifiers.iter().map(|key| Bytes::copy_from_slice(key.as_slice())).collect(),
            verifiers_needed: terms.verifiers_needed as u32,
            availability_deadline_ms: terms.availability_deadline_ms,
            max_witness_bytes: served.challenges.max_witness_bytes(),
            chain_ids: self.chains.ids().collect(),
            inbox_deadline_ms: rules.inbox_deadline_ms,
            inbox_grace_ms: rules.inbox_grace_ms,
            log_signer_address: served
                .log_signer
                .as_ref()
                .map(|signer| Bytes::copy_from_slice(signer.address().as_slice()))
                .unwrap_or_default(),
        }))
    }

    async fn post_commitment(
        &self,
        request: Request<pb::PostCommitmentRequest>,
    ) -> Result<Response<pb::PostCommitmentResponse>, Status> {
        let (start, context) = (SystemTime::now(), TraceContext::of(request.metadata()));
        let signed: SignedBatch = required("commitment", request.into_inner().commitment)?.try_into()?;
        let served = self.chains.named(signed.header.chain_id)?;
        let (index, commitment) = (signed.header.batch_index, signed.header.hash());
        // Before the commitment is seen by the verifier.
        traces::remember(commitment, &context);
        let receipt = served.engine.post(signed).await.map_err(refusals::post)?;
        Span::since(traces::SERVICE, "settlement.post", start).number("weft.batch", index).under(&context.parents);
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
        let pb::GetCommitmentRequest { id, chain_id } = request.into_inner();
        let record = self.chains.get(chain_id)?.record(required("id", id)?).await?;
        Ok(Response::new(pb::GetCommitmentResponse { commitment: Some((&record).into()) }))
    }

    async fn list_commitments(
        &self,
        request: Request<pb::ListCommitmentsRequest>,
    ) -> Result<Response<pb::ListCommitmentsResponse>, Status> {
        let pb::ListCommitmentsRequest { from_index, limit, chain_id } = request.into_inner();
        let served = self.chains.get(chain_id)?;
        let records = served.store.canonical(from_index, page(limit)?).await.map_err(internal)?;
        Ok(Response::new(pb::ListCommitmentsResponse { commitments: records.iter().map(Into::into).collect() }))
    }

    async fn get_tip(&self, request: Request<pb::GetTipRequest>) -> Result<Response<pb::GetTipResponse>, Status> {
        let chain = self.chains.get(request.into_inner().chain_id)?.engine.chain();
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
            epoch: head.epoch,
            posting_key: Bytes::copy_from_slice(chain.posting_key().as_slice()),
            log_time_ms: head.log_time_ms,
        }))
    }

    type SubscribeLogStream = BoxStream<'static, Result<pb::SubscribeLogResponse, Status>>;

    async fn subscribe_log(
        &self,
        request: Request<pb::SubscribeLogRequest>,
    ) -> Result<Response<Self::SubscribeLogStream>, Status> {
        let pb::SubscribeLogRequest { from_seq, chain_id } = request.into_inner();
        let served = self.chains.get(chain_id)?;
        let permit = served.subscribers.clone().try_acquire_owned().map_err(|_| {
            let words = format!("{} log subscriptions are open (max_subscribers)", served.max_subscribers);
            Plain::exhausted("MAX_SUBSCRIBERS", words)
        })?;
        let entries = subscription::entries(served, from_seq.max(1), permit);
        Ok(Response::new(Box::pin(entries)))
    }

    async fn submit_inbox(
        &self,
        request: Request<pb::SubmitInboxRequest>,
    ) -> Result<Response<pb::SubmitInboxResponse>, Status> {
        let pb::SubmitInboxRequest { transaction, chain_id } = request.into_inner();
        let (served, transaction) = (self.chains.get(chain_id)?, transaction.into());
        let receipt = served.engine.submit_inbox(transaction).await.map_err(refusals::inbox)?;
        Ok(Response::new(pb::SubmitInboxResponse {
            index: receipt.index,
            time_ms: receipt.time_ms,
            deadline_ms: receipt.deadline_ms,
            log_seq: receipt.log_seq,
            force_ms: receipt.force_ms,
        }))
    }

    async fn list_inbox(
        &self,
        request: Request<pb::ListInboxRequest>,
    ) -> Result<Response<pb::ListInboxResponse>, Status> {
        let pb::ListInboxRequest { from_index, limit, chain_id } = request.into_inner();
        let rows = self.chains.get(chain_id)?.store.inbox(from_index, page(limit)?).await.map_err(internal)?;
        Ok(Response::new(pb::ListInboxResponse { items: rows.iter().map(|row| (&row.item).into()).collect() }))
    }

    async fn change_key(
        &self,
        request: Request<pb::ChangeKeyRequest>,
    ) -> Result<Response<pb::ChangeKeyResponse>, Status> {
        let signed: SignedKeyChange = required("change", request.into_inner().change)?.try_into()?;
        let served = self.chains.named(signed.change.chain_id)?;
        let receipt = served.engine.change_key(signed).await.map_err(refusals::key)?;
        tracing::warn!(new_key = %signed.change.new_key, epoch = signed.change.epoch, "posting key changed");
        Ok(Response::new(pb::ChangeKeyResponse { log_seq: receipt.log_seq, duplicate: receipt.duplicate }))
    }

    async fn challenge(
        &self,
        request: Request<Streaming<pb::ChallengeRequest>>,
    ) -> Result<Response<pb::ChallengeResponse>, Status> {
        challenge::answer(&self.chains, request.into_inner()).await.map(Response::new)
    }

    async fn report_promise(
        &self,
        request: Request<Streaming<pb::ReportPromiseRequest>>,
    ) -> Result<Response<pb::ReportPromiseResponse>, Status> {
        promise::answer(&self.chains, request.into_inner()).await.map(Response::new)
    }

    async fn submit_verdict(
        &self,
        request: Request<pb::SubmitVerdictRequest>,
    ) -> Result<Response<pb::SubmitVerdictResponse>, Status> {
        let pb::SubmitVerdictRequest { chain_id, verdict } = request.into_inner();
        let signed: SignedVerdict = required("verdict", verdict)?.try_into()?;
        let receipt = self.chains.get(chain_id)?.engine.vote(signed).await.map_err(refusals::vote)?;
        if !signed.verdict.valid && !receipt.duplicate {
            let (batch, commitment) = (signed.verdict.batch_index, signed.verdict.commitment);
            tracing::error!(batch, %commitment, verifier = ?signed.verifier(), "a verifier finds the batch invalid");
        }
        Ok(Response::new(pb::SubmitVerdictResponse { log_seq: receipt.log_seq, duplicate: receipt.duplicate }))
    }

    async fn force_batch(
        &self,
        request: Request<pb::ForceBatchRequest>,
    ) -> Result<Response<pb::ForceBatchResponse>, Status> {
        let served = self.chains.get(request.into_inner().chain_id)?;
        let receipt = served.forces.force().await.map_err(refusals::force)?;
        Ok(Response::new(pb::ForceBatchResponse {
            commitment_hash: wire(receipt.commitment),
            log_seq: receipt.log_seq,
        }))
    }

    async fn force_batch_on_witness(
        &self,
        request: Request<Streaming<pb::ForceBatchOnWitnessRequest>>,
    ) -> Result<Response<pb::ForceBatchResponse>, Status> {
        force::answer(&self.chains, request.into_inner()).await.map(Response::new)
    }

    async fn fund(&self, request: Request<pb::FundRequest>) -> Result<Response<pb::FundResponse>, Status> {
        let request = request.into_inner();
        let served = self.chains.get(request.chain_id)?;
        let funding = required("funding", request.funding)?.try_into()?;
        let credited = served.engine.fund(funding).await.map_err(refusals::bridge)?;
        Ok(Response::new(pb::FundResponse { balance: wei(U256::from(credited.balance)), log_seq: credited.log_seq }))
    }

    async fn make_deposit(
        &self,
        request: Request<pb::MakeDepositRequest>,
    ) -> Result<Response<pb::MakeDepositResponse>, Status> {
        let request = request.into_inner();
        let served = self.chains.get(request.chain_id)?;
        let deposit = required("deposit", request.deposit)?.try_into()?;
        let InboxReceipt { index, time_ms, deadline_ms, force_ms, log_seq } =
            served.engine.deposit(deposit).await.map_err(refusals::bridge)?;
        Ok(Response::new(pb::MakeDepositResponse { index, time_ms, deadline_ms, log_seq, force_ms }))
    }

    async fn claim_withdrawal(
        &self,
        request: Request<pb::ClaimWithdrawalRequest>,
    ) -> Result<Response<pb::ClaimWithdrawalResponse>, Status> {
        let request = request.into_inner();
        let served = self.chains.get(request.chain_id)?;
        let claim = required("claim", request.claim)?.try_into()?;
        let credited = served.engine.claim(claim).await.map_err(refusals::bridge)?;
        let balance = wei(U256::from(credited.balance));
        Ok(Response::new(pb::ClaimWithdrawalResponse { balance, log_seq: credited.log_seq }))
    }

    async fn get_account(
        &self,
        request: Request<pb::GetAccountRequest>,
    ) -> Result<Response<pb::GetAccountResponse>, Status> {
        let pb::GetAccountRequest { address: bytes, chain_id } = request.into_inner();
        let served = self.chains.get(chain_id)?;
        let account = served.store.account(address("address", &bytes)?).await.map_err(internal)?;
        let totals = served.engine.chain().head().bridge;
        Ok(Response::new(pb::GetAccountResponse {
            balance: wei(U256::from(account.balance)),
            nonce: account.nonce,
            fundings: totals.fundings,
            funded: wei(U256::from(totals.funded)),
            deposited: wei(U256::from(totals.deposited)),
            escrow: wei(U256::from(totals.escrow)),
        }))
    }

    async fn get_claim(&self, request: Request<pb::GetClaimRequest>) -> Result<Response<pb::GetClaimResponse>, Status> {
        let pb::GetClaimRequest { index, chain_id } = request.into_inner();
        let log_seq = self.chains.get(chain_id)?.store.paid(index).await.map_err(internal)?;
        Ok(Response::new(pb::GetClaimResponse { log_seq }))
    }
}
