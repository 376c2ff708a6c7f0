//! Client of a sequencer.

use std::time::Duration;

use alloy_primitives::{B256, keccak256};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use tonic::Streaming;
use tonic::transport::Channel;
use weft_primitives::{BlockHeader, SignedPromise};

use super::call::{BLOB_TIMEOUT, CALL_TIMEOUT, EndpointError, all_within, channel, page, same, timed, within};
use crate::MAX_MESSAGE_BYTES;
use crate::convert::{WireBlock, hash, header, required};
use crate::pb::sequencer::v1 as pb;
use crate::status::RemoteError;
use pb::sequencer_client::SequencerClient as Inner;

/// Longest witness that is taken, in bytes: as the state tree's decoder.
const MAX_WITNESS_BYTES: u64 = 256 << 20;

/// A witness from a node that nobody trusts.
#[derive(Clone, Debug)]
pub struct WireWitness {
    /// The commitment of the batch that it is for, by the node's word.
    pub commitment: B256,
    /// The block before the batch, by the node's word.
    pub parent: BlockHeader,
    /// For the judge.
    pub bytes: Bytes,
}

async fn next_part(
    parts: &mut Streaming<pb::GetWitnessResponse>,
) -> Result<Option<pb::get_witness_response::Part>, RemoteError> {
    match parts.next().await {
        None => Ok(None),
        Some(message) => Ok(Some(required("part", message?.part)?)),
    }
}

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
        within(CALL_TIMEOUT, self.inner.clone().get_info(timed(pb::GetInfoRequest {}, CALL_TIMEOUT))).await
    }

    /// Puts a transaction into the pool.
    pub async fn submit(&self, transaction: Bytes) -> Result<B256, RemoteError> {
        let sent = keccak256(&transaction);
        let request = timed(pb::SubmitTransactionRequest { transaction }, CALL_TIMEOUT);
        let answer = within(CALL_TIMEOUT, self.inner.clone().submit_transaction(request)).await?;
        same("transaction", sent, hash("transaction_hash", &answer.transaction_hash)?)?;
        Ok(sent)
    }

    /// Submits many; one result for each, in order.
    pub async fn submit_stream<S: Stream<Item = Bytes> + Send + 'static>(
        &self,
        transactions: S,
    ) -> Result<impl Stream<Item = Result<pb::SubmitResult, RemoteError>> + Send + Unpin + use<S>, RemoteError> {
        let requests = transactions.map(|transaction| pb::SubmitTransactionRequest { transaction });
        let stream = within(CALL_TIMEOUT, self.inner.clone().submit_transactions(requests)).await?;
        Ok(stream.enumerate().map(|(ordinal, result)| {
            let result = result?;
            same("the outcome of transaction", ordinal as u64, result.ordinal)?;
            Ok(result)
        }))
    }

    /// Submits and waits for the durable receipt.
    pub async fn submit_and_wait(&self, transaction: Bytes, limit: Duration) -> Result<pb::Receipt, RemoteError> {
        let timeout_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let sent = keccak256(&transaction);
        // The service's own limit ends the call; ours is for a service that does not answer.
        let limit = limit.saturating_add(CALL_TIMEOUT);
        let request = timed(pb::SubmitAndWaitRequest { transaction, timeout_ms }, limit);
        let answer = within(limit, self.inner.clone().submit_and_wait(request)).await?;
        receipt_of(sent, answer.receipt)
    }

    /// Where a transaction is on its way.
    pub async fn transaction_status(&self, hash: B256) -> Result<pb::GetTransactionStatusResponse, RemoteError> {
        let transaction_hash = Bytes::copy_from_slice(hash.as_slice());
        let request = timed(pb::GetTransactionStatusRequest { transaction_hash }, CALL_TIMEOUT);
        within(CALL_TIMEOUT, self.inner.clone().get_transaction_status(request)).await
    }

    /// A transaction's way: where it is, then each stage as it is reached, to finality.
    pub async fn watch_transaction(
        &self,
        hash: B256,
    ) -> Result<
        impl Stream<Item = Result<pb::GetTransactionStatusResponse, RemoteError>> + Send + Unpin + use<>,
        RemoteError,
    > {
        let request = pb::WatchTransactionRequest { transaction_hash: Bytes::copy_from_slice(hash.as_slice()) };
        let stream = within(CALL_TIMEOUT, self.inner.clone().watch_transaction(request)).await?;
        Ok(stream.map(|message| Ok(required("status", message?.status)?)))
    }

    /// One block; its header fits its hash.
    pub async fn block(&self, id: pb::block_id::Id) -> Result<WireBlock, RemoteError> {
        let block = Some(pb::BlockId { id: Some(id.clone()) });
        let request = timed(pb::GetBlockRequest { block }, CALL_TIMEOUT);
        let answer = within(CALL_TIMEOUT, self.inner.clone().get_block(request)).await?;
        let block: WireBlock = required("block", answer.block)?.try_into()?;
        fits(&id, block.header.number, block.hash)?;
        Ok(block)
    }

    /// All receipts of one block, in order.
    pub async fn block_receipts(&self, id: pb::block_id::Id) -> Result<Vec<pb::Receipt>, RemoteError> {
        let block = Some(pb::BlockId { id: Some(id.clone()) });
        let request = timed(pb::GetBlockReceiptsRequest { block }, CALL_TIMEOUT);
        let receipts = within(CALL_TIMEOUT, self.inner.clone().get_block_receipts(request)).await?.receipts;
        for receipt in &receipts {
            fits(&id, receipt.block_number, hash("block_hash", &receipt.block_hash)?)?;
        }
        Ok(receipts)
    }

    /// The receipt of a transaction.
    pub async fn receipt(&self, hash: B256) -> Result<pb::Receipt, RemoteError> {
        let transaction_hash = Bytes::copy_from_slice(hash.as_slice());
        let request = timed(pb::GetReceiptRequest { transaction_hash }, CALL_TIMEOUT);
        receipt_of(hash, within(CALL_TIMEOUT, self.inner.clone().get_receipt(request)).await?.receipt)
    }

    /// Every block from a number on, then each new one; with its receipts, and the sequencer's promise if it gave one.
    pub async fn subscribe_blocks(
        &self,
        from_number: Option<u64>,
    ) -> Result<
        impl Stream<Item = Result<(WireBlock, Vec<pb::Receipt>, Option<SignedPromise>), RemoteError>> + Send + Unpin + use<>,
        RemoteError,
    > {
        let request = pb::SubscribeBlocksRequest { from_number };
        let stream = within(CALL_TIMEOUT, self.inner.clone().subscribe_blocks(request)).await?;
        Ok(stream.map(|message| {
            let message = message?;
            let block: WireBlock = required("block", message.block)?.try_into()?;
            let promise: Option<SignedPromise> = message.promise.map(TryInto::try_into).transpose()?;
            if let Some(SignedPromise { promise, .. }) = &promise {
                same("a promise for block", block.header.number, promise.number)?;
                same("a promise for block", block.hash, promise.block_hash)?;
            }
            Ok((block, message.receipts, promise))
        }))
    }

    /// One batch.
    pub async fn batch(&self, index: u64) -> Result<pb::Batch, RemoteError> {
        let request = timed(pb::GetBatchRequest { index }, CALL_TIMEOUT);
        let batch = required("batch", within(CALL_TIMEOUT, self.inner.clone().get_batch(request)).await?.batch)?;
        same("batch", index, batch.index)?;
        Ok(batch)
    }

    /// What is needed to execute a batch again without the rest of the state. Its bytes prove themselves against the
    /// state root in the header; the header against a hash that the caller knows.
    pub async fn witness(&self, batch_index: u64) -> Result<WireWitness, RemoteError> {
        let request = timed(pb::GetWitnessRequest { batch_index }, BLOB_TIMEOUT);
        all_within(BLOB_TIMEOUT, async {
            let mut parts = within(BLOB_TIMEOUT, self.inner.clone().get_witness(request)).await?;
            let Some(pb::get_witness_response::Part::Start(start)) = next_part(&mut parts).await? else {
                return Err(RemoteError::protocol("the witness's parts are out of order"));
            };
            if start.length > MAX_WITNESS_BYTES {
                return Err(RemoteError::protocol("the witness is longer than any that is read"));
            }
            let commitment = hash("commitment_hash", &start.commitment_hash)?;
            let parent = header(&start.parent_header_rlp)?;
            let mut bytes = BytesMut::new();
            while let Some(part) = next_part(&mut parts).await? {
                match part {
                    pb::get_witness_response::Part::Chunk(chunk)
                        if (bytes.len() + chunk.len()) as u64 <= start.length =>
                    {
                        bytes.extend_from_slice(&chunk);
                    }
                    _ => return Err(RemoteError::protocol("the witness is longer than announced")),
                }
            }
            same("a witness of length", start.length, bytes.len() as u64)?;
            Ok(WireWitness { commitment, parent, bytes: bytes.freeze() })
        })
        .await
    }

    /// Batches from an index on.
    pub async fn batches(&self, from_index: u64, limit: u32) -> Result<Vec<pb::Batch>, RemoteError> {
        let request = timed(pb::ListBatchesRequest { from_index, limit }, CALL_TIMEOUT);
        page(limit, within(CALL_TIMEOUT, self.inner.clone().list_batches(request)).await?.batches)
    }
}

/// The block that was asked for; which one has a tag, only the service knows.
fn fits(asked: &pb::block_id::Id, number: u64, block_hash: B256) -> Result<(), RemoteError> {
    match asked {
        pb::block_id::Id::Number(asked) => same("block", *asked, number),
        pb::block_id::Id::Hash(asked) => same("block", hash("hash", asked)?, block_hash),
        pb::block_id::Id::Tag(_) => Ok(()),
    }
}

/// The receipt of the transaction that was asked for.
fn receipt_of(transaction: B256, receipt: Option<pb::Receipt>) -> Result<pb::Receipt, RemoteError> {
    let receipt = required("receipt", receipt)?;
    same("transaction", transaction, hash("transaction_hash", &receipt.transaction_hash)?)?;
    Ok(receipt)
}
