//! Client of a settlement service.

use alloy_primitives::B256;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tonic::transport::Channel;
use weft_primitives::{InboxItem, SignedBatch};
use weft_settlement::LogEntry;

use super::call::{CALL_TIMEOUT, EndpointError, channel, page, same, timed, within};
use crate::MAX_MESSAGE_BYTES;
use crate::convert::{CommitmentView, hash, required};
use crate::pb::settlement::v1 as pb;
use crate::status::RemoteError;
use pb::settlement_client::SettlementClient as Inner;

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
    /// Items in the inbox since the beginning.
    pub inbox_len: u64,
    /// Whether posting is frozen.
    pub frozen: bool,
}

/// Calls one settlement service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SettlementClient {
    inner: Inner<Channel>,
}

impl SettlementClient {
    /// For a URL like `http://127.0.0.1:9300`. Connects on first use.
    pub fn new(url: &str) -> Result<Self, EndpointError> {
        let inner = Inner::new(channel(url)?).max_decoding_message_size(MAX_MESSAGE_BYTES);
        Ok(Self { inner })
    }

    /// What the service settles.
    pub async fn info(&self) -> Result<pb::GetInfoResponse, RemoteError> {
        within(CALL_TIMEOUT, self.inner.clone().get_info(timed(pb::GetInfoRequest {}, CALL_TIMEOUT))).await
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
        let request = timed(pb::GetCommitmentRequest { id: Some(id) }, CALL_TIMEOUT);
        let answer = within(CALL_TIMEOUT, self.inner.clone().get_commitment(request)).await?;
        Ok(required("commitment", answer.commitment)?.try_into()?)
    }

    /// Canonical commitments from an index on.
    pub async fn commitments(&self, from_index: u64, limit: u32) -> Result<Vec<CommitmentView>, RemoteError> {
        let request = timed(pb::ListCommitmentsRequest { from_index, limit }, CALL_TIMEOUT);
        let answer = within(CALL_TIMEOUT, self.inner.clone().list_commitments(request)).await?;
        page(limit, answer.commitments)?.into_iter().map(|view| Ok(view.try_into()?)).collect()
    }

    /// Heads of chain, log and inbox.
    pub async fn tip(&self) -> Result<Tip, RemoteError> {
        let tip = within(CALL_TIMEOUT, self.inner.clone().get_tip(timed(pb::GetTipRequest {}, CALL_TIMEOUT))).await?;
        let tip_hash = hash("tip_hash", &tip.tip_hash)?;
        Ok(Tip {
            tip: tip.tip_index.map(|index| (index, tip_hash)),
            finalized_index: tip.finalized_index,
            finalized_block: tip.finalized_block,
            log: (tip.log_seq, hash("log_hash", &tip.log_hash)?),
            inbox_len: tip.inbox_len,
            frozen: tip.frozen,
        })
    }

    /// Every log entry from a sequence number on, then each new one. Each entry has the hash that it came with; the
    /// chain of hashes is the caller's to check.
    pub async fn subscribe_log(
        &self,
        from_seq: u64,
    ) -> Result<impl Stream<Item = Result<LogEntry, RemoteError>> + Send + Unpin + use<>, RemoteError> {
        let stream =
            within(CALL_TIMEOUT, self.inner.clone().subscribe_log(pb::SubscribeLogRequest { from_seq })).await?;
        Ok(stream.map(|message| Ok(required("entry", message?.entry)?.try_into()?)))
    }

    /// Puts a signed transaction into the inbox.
    pub async fn submit_inbox(&self, transaction: Bytes) -> Result<pb::SubmitInboxResponse, RemoteError> {
        let request = timed(pb::SubmitInboxRequest { transaction }, CALL_TIMEOUT);
        within(CALL_TIMEOUT, self.inner.clone().submit_inbox(request)).await
    }

    /// Inbox items from an index on.
    pub async fn inbox(&self, from_index: u64, limit: u32) -> Result<Vec<InboxItem>, RemoteError> {
        let request = timed(pb::ListInboxRequest { from_index, limit }, CALL_TIMEOUT);
        let answer = within(CALL_TIMEOUT, self.inner.clone().list_inbox(request)).await?;
        page(limit, answer.items)?.into_iter().map(|item| Ok(item.try_into()?)).collect()
    }
}
