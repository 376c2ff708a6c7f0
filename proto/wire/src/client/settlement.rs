//! Client of a settlement service.

use std::time::Duration;

use alloy_primitives::{Address, B256};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tonic::transport::Channel;
use weft_primitives::withdrawal::Claim;
use weft_primitives::{BlockHeader, Deposit, Evidence, Funding, InboxItem, Signature, SignedBatch};
use weft_settlement::{Account, Credited, InboxReceipt, LogEntry, SignedKeyChange, SignedVerdict, Totals};

use super::call::{CALL_TIMEOUT, EndpointError, channel, page, same, timed, within};
use crate::MAX_MESSAGE_BYTES;
use crate::convert::{CommitmentView, address, hash, required, u128};
use crate::pb::settlement::v1 as pb;
use crate::status::RemoteError;
use pb::settlement_client::SettlementClient as Inner;

/// Bytes of a witness in one message.
const WITNESS_CHUNK_BYTES: usize = 256 << 10;

/// Headers of evidence in one message: within the 1 MiB that a service takes by default.
const HEADERS_IN_MESSAGE: usize = 256;

/// Longest time for evidence to be received and judged.
const EVIDENCE_TIMEOUT: Duration = Duration::from_secs(90);

/// Longest time for a challenge to be received and judged.
const CHALLENGE_TIMEOUT: Duration = Duration::from_secs(600);

/// Answer to a posted commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Its hash.
    pub commitment: B256,
    /// Its log entry.
    pub log_seq: u64,
    /// Whether it had been posted before.
    pub duplicate: bool,
}

/// Heads of chain, log and inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Newest canonical commitment.
    pub tip: Option<(u64, B256)>,
    /// Newest final one.
    pub finalized_index: Option<u64>,
    /// Its last block.
    pub finalized_block: u64,
    /// Newest log entry: sequence number and hash.
    pub log: (u64, B256),
    /// Time of that entry in milliseconds.
    pub log_time_ms: u64,
    /// Items in the inbox since the beginning.
    pub inbox_len: u64,
    /// First of them that the newest canonical commitment has not consumed.
    pub inbox_cursor: u64,
    /// Whether posting is frozen.
    pub frozen: bool,
    /// Highest epoch that was accepted.
    pub epoch: u64,
    /// Whose commitments are taken now.
    pub posting_key: Address,
}

/// What becomes part of the log by one call, and whether it had before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Sequence number of its log entry.
    pub log_seq: u64,
    /// Whether it was there before.
    pub duplicate: bool,
}

/// What came of a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChallengeOutcome {
    /// The commitment is false, and was rejected.
    Invalid {
        /// A stable reason.
        reason: String,
        /// Block that broke the rules, if one did.
        block: Option<u64>,
        /// The same in words.
        message: String,
        /// Sequence number of the challenge in the log.
        log_seq: u64,
    },
    /// The commitment is true.
    Valid {
        /// Sequence number of the challenge in the log, unless it had been found true before.
        log_seq: Option<u64>,
    },
    /// The witness does not decide it; nothing has changed.
    Undecided {
        /// What is missing.
        missing: String,
    },
}

/// Calls one settlement service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SettlementClient {
    inner: Inner<Channel>,
    chain_id: u64,
}

impl SettlementClient {
    /// For a URL like `http://127.0.0.1:9300`. Connects on first use.
    pub fn new(url: &str) -> Result<Self, EndpointError> {
        let inner = Inner::new(channel(url)?).max_decoding_message_size(MAX_MESSAGE_BYTES);
        Ok(Self { inner, chain_id: 0 })
    }

    /// The same, for one of several chains of the service; 0 for the only one.
    pub fn for_chain(self, chain_id: u64) -> Self {
        Self { chain_id, ..self }
    }

    /// What the service settles.
    pub async fn info(&self) -> Result<pb::GetInfoResponse, RemoteError> {
        let request = timed(pb::GetInfoRequest { chain_id: self.chain_id }, CALL_TIMEOUT);
        within(CALL_TIMEOUT, self.inner.clone().get_info(request)).await
    }

    /// Posts a commitment.
    pub async fn post(&self, signed: &SignedBatch) -> Result<Posted, RemoteError> {
        let request = pb::PostCommitmentRequest { commitment: Some(signed.into()) };
        let answer = within(CALL_TIMEOUT, self.inner.clone().post_commitment(timed(request, CALL_TIMEOUT))).await?;
        let commitment = hash("commitment_hash", &answer.commitment_hash)?;
        same("commitment", signed.header.hash(), commitment)?;
        Ok(Posted { commitment, log_seq: answer.log_seq, duplicate: answer.duplicate })
    }

    /// The canonical commitment at an index.
    pub async fn commitment(&self, batch_index: u64) -> Result<CommitmentView, RemoteError> {
        let view = self.get(pb::get_commitment_request::Id::BatchIndex(batch_index)).await?;
        same("batch", batch_index, view.signed.header.batch_index)?;
        Ok(view)
    }

    /// A commitment by hash.
    pub async fn commitment_by_hash(&self, commitment: B256) -> Result<CommitmentView, RemoteError> {
        let bytes = Bytes::copy_from_slice(commitment.as_slice());
        let view = self.get(pb::get_commitment_request::Id::CommitmentHash(bytes)).await?;
        same("commitment", commitment, view.commitment)?;
        Ok(view)
    }

    async fn get(&self, id: pb::get_commitment_request::Id) -> Result<CommitmentView, RemoteError> {
        let request = timed(pb::GetCommitmentRequest { id: Some(id), chain_id: self.chain_id }, CALL_TIMEOUT);
        let answer = within(CALL_TIMEOUT, self.inner.clone().get_commitment(request)).await?;
        Ok(required("commitment", answer.commitment)?.try_into()?)
    }

    /// Canonical commitments from an index on.
    pub async fn commitments(&self, from_index: u64, limit: u32) -> Result<Vec<CommitmentView>, RemoteError> {
        let request = timed(pb::ListCommitmentsRequest { from_index, limit, chain_id: self.chain_id }, CALL_TIMEOUT);
        let answer = within(CALL_TIMEOUT, self.inner.clone().list_commitments(request)).await?;
        page(limit, answer.commitments)?.into_iter().map(|view| Ok(view.try_into()?)).collect()
    }

    /// Heads of chain, log and inbox.
    pub async fn tip(&self) -> Result<Tip, RemoteError> {
        let request = timed(pb::GetTipRequest { chain_id: self.chain_id }, CALL_TIMEOUT);
        let tip = within(CALL_TIMEOUT, self.inner.clone().get_tip(request)).await?;
        let tip_hash = hash("tip_hash", &tip.tip_hash)?;
        Ok(Tip {
            tip: tip.tip_index.map(|index| (index, tip_hash)),
            finalized_index: tip.finalized_index,
            finalized_block: tip.finalized_block,
            log: (tip.log_seq, hash("log_hash", &tip.log_hash)?),
            log_time_ms: tip.log_time_ms,
            inbox_cursor: tip.inbox_cursor,
            inbox_len: tip.inbox_len,
            frozen: tip.frozen,
            epoch: tip.epoch,
            posting_key: address("posting_key", &tip.posting_key)?,
        })
    }

    /// Every log entry from a sequence number on, then each new one. Each entry has the hash that it came with; the
    /// chain of hashes is the caller's to check.
    pub async fn subscribe_log(
        &self,
        from_seq: u64,
    ) -> Result<impl Stream<Item = Result<LogEntry, RemoteError>> + Send + Unpin + use<>, RemoteError> {
        let signed = self.subscribe_signed_log(from_seq).await?;
        Ok(signed.map(|entry| entry.map(|(entry, _)| entry)))
    }

    /// The same; with an entry that was the newest also the service's signature over the log's head, unchecked.
    pub async fn subscribe_signed_log(
        &self,
        from_seq: u64,
    ) -> Result<
        impl Stream<Item = Result<(LogEntry, Option<Signature>), RemoteError>> + Send + Unpin + use<>,
        RemoteError,
    > {
        let request = pb::SubscribeLogRequest { from_seq, chain_id: self.chain_id };
        let stream = within(CALL_TIMEOUT, self.inner.clone().subscribe_log(request)).await?;
        Ok(stream.map(|message| {
            let message = message?;
            let signature = Signature::from_slice(&message.head_signature).ok();
            Ok((required("entry", message.entry)?.try_into()?, signature))
        }))
    }

    /// Puts a signed transaction into the inbox.
    pub async fn submit_inbox(&self, transaction: Bytes) -> Result<pb::SubmitInboxResponse, RemoteError> {
        let request = timed(pb::SubmitInboxRequest { transaction, chain_id: self.chain_id }, CALL_TIMEOUT);
        within(CALL_TIMEOUT, self.inner.clone().submit_inbox(request)).await
    }

    /// Inbox items from an index on.
    pub async fn inbox(&self, from_index: u64, limit: u32) -> Result<Vec<InboxItem>, RemoteError> {
        let request = timed(pb::ListInboxRequest { from_index, limit, chain_id: self.chain_id }, CALL_TIMEOUT);
        let answer = within(CALL_TIMEOUT, self.inner.clone().list_inbox(request)).await?;
        page(limit, answer.items)?.into_iter().map(|item| Ok(item.try_into()?)).collect()
    }

    /// Changes the posting key.
    pub async fn change_key(&self, signed: &SignedKeyChange) -> Result<Logged, RemoteError> {
        let request = timed(pb::ChangeKeyRequest { change: Some(signed.into()) }, CALL_TIMEOUT);
        let answer = within(CALL_TIMEOUT, self.inner.clone().change_key(request)).await?;
        Ok(Logged { log_seq: answer.log_seq, duplicate: answer.duplicate })
    }

    /// Shows that the sequencer has broken a promise.
    pub async fn report_promise(&self, evidence: &Evidence) -> Result<Logged, RemoteError> {
        use pb::report_promise_request::Part;
        let start = pb::ReportPromiseStart {
            promise: Some((&evidence.promise).into()),
            commitment_hash: Bytes::copy_from_slice(evidence.commitment.as_slice()),
        };
        let headers = evidence.headers.chunks(HEADERS_IN_MESSAGE).map(|headers| {
            let rlp = headers.iter().map(|header| header.0.clone()).collect();
            Part::Headers(pb::PromiseHeaders { rlp })
        });
        let parts: Vec<Part> = std::iter::once(Part::Start(start)).chain(headers).collect();
        let messages = parts.into_iter().map(|part| pb::ReportPromiseRequest { part: Some(part) });
        let request = timed(futures::stream::iter(messages), EVIDENCE_TIMEOUT);
        let answer = within(EVIDENCE_TIMEOUT, self.inner.clone().report_promise(request)).await?;
        Ok(Logged { log_seq: answer.log_seq, duplicate: answer.duplicate })
    }

    /// Submits a verifier's verdict.
    pub async fn submit_verdict(&self, signed: &SignedVerdict) -> Result<Logged, RemoteError> {
        let request = pb::SubmitVerdictRequest { chain_id: self.chain_id, verdict: Some(signed.into()) };
        let answer = within(CALL_TIMEOUT, self.inner.clone().submit_verdict(timed(request, CALL_TIMEOUT))).await?;
        Ok(Logged { log_seq: answer.log_seq, duplicate: answer.duplicate })
    }

    /// Challenges a commitment. `parent_header` is the header of the block before its batch.
    pub async fn challenge(
        &self,
        commitment: B256,
        parent_header: &BlockHeader,
        witness: Bytes,
    ) -> Result<ChallengeOutcome, RemoteError> {
        use pb::challenge_request::Part;
        let start = pb::ChallengeStart {
            chain_id: self.chain_id,
            commitment_hash: Bytes::copy_from_slice(commitment.as_slice()),
            parent_header: alloy_rlp::encode(parent_header).into(),
            witness_len: witness.len() as u64,
        };
        let mut parts = vec![Part::Start(start)];
        parts.extend(chunks(&witness).map(Part::Chunk));
        let messages = parts.into_iter().map(|part| pb::ChallengeRequest { part: Some(part) });
        let request = timed(futures::stream::iter(messages), CHALLENGE_TIMEOUT);
        let answer = within(CHALLENGE_TIMEOUT, self.inner.clone().challenge(request)).await?;
        Ok(required("outcome", answer.outcome)?.into())
    }
}

/// A witness in pieces that fit into messages.
fn chunks(witness: &Bytes) -> impl Iterator<Item = Bytes> + '_ {
    (0..witness.len()).step_by(WITNESS_CHUNK_BYTES).map(|from| {
        let end = witness.len().min(from + WITNESS_CHUNK_BYTES);
        witness.slice(from..end)
    })
}

impl From<pb::challenge_response::Outcome> for ChallengeOutcome {
    fn from(outcome: pb::challenge_response::Outcome) -> Self {
        use pb::challenge_response::Outcome;
        match outcome {
            Outcome::Invalid(found) => Self::Invalid {
                reason: found.reason,
                block: found.block_number,
                message: found.message,
                log_seq: found.log_seq,
            },
            Outcome::Valid(found) => Self::Valid { log_seq: found.log_seq },
            Outcome::Undecided(found) => Self::Undecided { missing: found.missing },
        }
    }
}

/// Forced batches, accounts, deposits and claims.
impl SettlementClient {
    /// Has settlement append the forced batch that is due. Its commitment hash and log entry.
    pub async fn force_batch(&self) -> Result<(B256, u64), RemoteError> {
        let request = timed(pb::ForceBatchRequest { chain_id: self.chain_id }, CALL_TIMEOUT);
        let answer = within(CALL_TIMEOUT, self.inner.clone().force_batch(request)).await?;
        Ok((hash("commitment_hash", &answer.commitment_hash)?, answer.log_seq))
    }

    /// The same in mode `optimistic`, on a witness. `parent_header` is the header of the newest commitment's last block.
    pub async fn force_batch_on_witness(
        &self,
        parent_header: &BlockHeader,
        witness: Bytes,
    ) -> Result<(B256, u64), RemoteError> {
        use pb::force_batch_on_witness_request::Part;
        let start = pb::ForceBatchStart {
            chain_id: self.chain_id,
            parent_header: alloy_rlp::encode(parent_header).into(),
            witness_len: witness.len() as u64,
        };
        let parts: Vec<Part> = std::iter::once(Part::Start(start)).chain(chunks(&witness).map(Part::Chunk)).collect();
        let messages = parts.into_iter().map(|part| pb::ForceBatchOnWitnessRequest { part: Some(part) });
        let request = timed(futures::stream::iter(messages), CHALLENGE_TIMEOUT);
        let answer = within(CHALLENGE_TIMEOUT, self.inner.clone().force_batch_on_witness(request)).await?;
        Ok((hash("commitment_hash", &answer.commitment_hash)?, answer.log_seq))
    }

    /// Credits an account, on the admin's word.
    pub async fn fund(&self, funding: &Funding) -> Result<Credited, RemoteError> {
        let request = pb::FundRequest { funding: Some(funding.into()), chain_id: self.chain_id };
        let answer = within(CALL_TIMEOUT, self.inner.clone().fund(timed(request, CALL_TIMEOUT))).await?;
        Ok(Credited { balance: u128("balance", &answer.balance)?, log_seq: answer.log_seq })
    }

    /// Moves value of an account to the rollup.
    pub async fn deposit(&self, deposit: &Deposit) -> Result<InboxReceipt, RemoteError> {
        let request = pb::MakeDepositRequest { deposit: Some(deposit.into()), chain_id: self.chain_id };
        let answer = within(CALL_TIMEOUT, self.inner.clone().make_deposit(timed(request, CALL_TIMEOUT))).await?;
        let pb::MakeDepositResponse { index, time_ms, deadline_ms, log_seq, force_ms } = answer;
        Ok(InboxReceipt { index, time_ms, deadline_ms, force_ms, log_seq })
    }

    /// Pays a withdrawal.
    pub async fn claim(&self, claim: &Claim) -> Result<Credited, RemoteError> {
        let request = pb::ClaimWithdrawalRequest { claim: Some(claim.into()), chain_id: self.chain_id };
        let answer = within(CALL_TIMEOUT, self.inner.clone().claim_withdrawal(timed(request, CALL_TIMEOUT))).await?;
        Ok(Credited { balance: u128("balance", &answer.balance)?, log_seq: answer.log_seq })
    }

    /// An account, and the sums over all.
    pub async fn account(&self, address: Address) -> Result<(Account, Totals), RemoteError> {
        let request =
            pb::GetAccountRequest { address: Bytes::copy_from_slice(address.as_slice()), chain_id: self.chain_id };
        let answer = within(CALL_TIMEOUT, self.inner.clone().get_account(timed(request, CALL_TIMEOUT))).await?;
        let account = Account { address, balance: u128("balance", &answer.balance)?, nonce: answer.nonce };
        let totals = Totals {
            fundings: answer.fundings,
            funded: u128("funded", &answer.funded)?,
            deposited: u128("deposited", &answer.deposited)?,
            escrow: u128("escrow", &answer.escrow)?,
        };
        Ok((account, totals))
    }

    /// The log entry that has paid a withdrawal; `None` if none has.
    pub async fn paid(&self, index: u64) -> Result<Option<u64>, RemoteError> {
        let request = timed(pb::GetClaimRequest { index, chain_id: self.chain_id }, CALL_TIMEOUT);
        Ok(within(CALL_TIMEOUT, self.inner.clone().get_claim(request)).await?.log_seq)
    }
}
