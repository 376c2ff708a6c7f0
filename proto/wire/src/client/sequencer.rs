//! Client of a sequencer.

use std::time::Duration;

use alloy_primitives::B256;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tonic::transport::Channel;

use super::{CALL_TIMEOUT, EndpointError, channel, timed};
use crate::MAX_MESSAGE_BYTES;
use crate::convert::{WireBlock, hash, required};
use crate::pb::sequencer::v1 as pb;
use crate::status::RemoteError;
use pb::sequencer_client::SequencerClient as Inner;

/// Calls one sequencer. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SequencerClient {
    inner: Inner<Channel>,
}

impl SequencerClient {
    /// For a URL like `http://127.0.0.1:9100`. Connects on first use.
    pub fn new(url: &str) -> Result<Self, EndpointError> {
        let inner = Inner::new(channel(url)?).max_decoding_message_size(MAX_MESSAGE_BYTES);
        Ok(Self { inner })
    }

    /// What the node runs.
    pub async fn info(&self) -> Result<pb::GetInfoResponse, RemoteError> {
        Ok(self.inner.clone().get_info(timed(pb::GetInfoRequest {}, CALL_TIMEOUT)).await?.into_inner())
    }

    /// Puts a transaction into the pool.
    pub async fn submit(&self, transaction: Bytes) -> Result<B256, RemoteError> {
        let request = timed(pb::SubmitTransactionRequest { transaction }, CALL_TIMEOUT);
        let answer = self.inner.clone().submit_transaction(request).await?.into_inner();
        Ok(hash("transaction_hash", &answer.transaction_hash)?)
    }

    /// Submits many; one result for each, in order.
    pub async fn submit_stream<S: Stream<Item = Bytes> + Send + 'static>(
        &self,
        transactions: S,
    ) -> Result<impl Stream<Item = Result<pb::SubmitResult, RemoteError>> + Send + Unpin + use<S>, RemoteError> {
        let requests = transactions.map(|transaction| pb::SubmitTransactionRequest { transaction });
        let stream = self.inner.clone().submit_transactions(requests).await?.into_inner();
        Ok(stream.map(|result| result.map_err(RemoteError::from)))
    }

    /// Submits and waits for the durable receipt.
    pub async fn submit_and_wait(&self, transaction: Bytes, limit: Duration) -> Result<pb::Receipt, RemoteError> {
        let timeout_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let request = timed(pb::SubmitAndWaitRequest { transaction, timeout_ms }, limit + CALL_TIMEOUT);
        let answer = self.inner.clone().submit_and_wait(request).await?.into_inner();
        Ok(required("receipt", answer.receipt)?)
    }

    /// Where a transaction is on its way.
    pub async fn transaction_status(&self, hash: B256) -> Result<pb::GetTransactionStatusResponse, RemoteError> {
        let transaction_hash = Bytes::copy_from_slice(hash.as_slice());
        let request = timed(pb::GetTransactionStatusRequest { transaction_hash }, CALL_TIMEOUT);
        Ok(self.inner.clone().get_transaction_status(request).await?.into_inner())
    }

    /// One block; its header fits its hash.
    pub async fn block(&self, id: pb::block_id::Id) -> Result<WireBlock, RemoteError> {
        let request = timed(pb::GetBlockRequest { block: Some(pb::BlockId { id: Some(id) }) }, CALL_TIMEOUT);
        let answer = self.inner.clone().get_block(request).await?.into_inner();
        Ok(required("block", answer.block)?.try_into()?)
    }

    /// The receipt of a transaction.
    pub async fn receipt(&self, hash: B256) -> Result<pb::Receipt, RemoteError> {
        let transaction_hash = Bytes::copy_from_slice(hash.as_slice());
        let request = timed(pb::GetReceiptRequest { transaction_hash }, CALL_TIMEOUT);
        Ok(required("receipt", self.inner.clone().get_receipt(request).await?.into_inner().receipt)?)
    }

    /// Every block from a number on, then each new one.
    pub async fn subscribe_blocks(
        &self,
        from_number: Option<u64>,
    ) -> Result<
        impl Stream<Item = Result<(WireBlock, Vec<pb::Receipt>), RemoteError>> + Send + Unpin + use<>,
        RemoteError,
    > {
        let request = pb::SubscribeBlocksRequest { from_number };
        let stream = self.inner.clone().subscribe_blocks(request).await?.into_inner();
        Ok(stream.map(|message| {
            let message = message?;
            Ok((required("block", message.block)?.try_into()?, message.receipts))
        }))
    }

    /// One batch.
    pub async fn batch(&self, index: u64) -> Result<pb::Batch, RemoteError> {
        let request = timed(pb::GetBatchRequest { index }, CALL_TIMEOUT);
        Ok(required("batch", self.inner.clone().get_batch(request).await?.into_inner().batch)?)
    }

    /// Batches from an index on.
    pub async fn batches(&self, from_index: u64, limit: u32) -> Result<Vec<pb::Batch>, RemoteError> {
        let request = timed(pb::ListBatchesRequest { from_index, limit }, CALL_TIMEOUT);
        Ok(self.inner.clone().list_batches(request).await?.into_inner().batches)
    }
}
