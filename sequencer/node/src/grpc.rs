//! `weft.sequencer.v1` over gRPC: check the request, ask the backend, translate the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tonic::{Code, Request, Response, Status, Streaming};
use weft_execution::Receipt;
use weft_primitives::{B256, Block, SignedPromise};
use weft_wire::CHUNK_BYTES;
use weft_wire::convert::{hash, receipt};
use weft_wire::pb::sequencer::v1 as pb;
use weft_wire::status::{Plain, Reason, status};

use crate::admission::{self, Gap};
use crate::backend::{Backend, Stage, TransactionStatus};
use crate::chain::{Forgotten, FullBlock, Heads, Reader};
use crate::mempool::PoolError;
use crate::store::{BatchRecord, BatchStage, StoreError, StoredBlock};
use crate::watch::Watched;
use crate::witness::{self, WitnessError};

/// Full name of the service.
pub const SERVICE: &str = "weft.sequencer.v1.Sequencer";

/// Batches in one answer, and by default.
const MAX_BATCHES: u32 = 1_000;
const DEFAULT_BATCHES: u32 = 100;

/// Groups of transactions of one stream that are checked at once.
const STREAM_GROUPS: usize = 8;

/// Waiting for a receipt: by default, and at most.
const DEFAULT_WAIT_MS: u64 = 2_000;
const MAX_WAIT_MS: u64 = 60_000;

/// Witnesses that are made or sent at once. Each may take a second copy of the state while it is made.
const MAX_WITNESSES: usize = 1;

impl Reason for PoolError {
    fn code(&self) -> Code {
        match self {
            Self::Transaction(_) | Self::TipAboveFeeCap | Self::Unprotected | Self::IntrinsicGas { .. } => {
                Code::InvalidArgument
            }
            Self::NonceTooLow { .. }
            | Self::NonceTooFar { .. }
            | Self::NonceGap { .. }
            | Self::InsufficientFunds { .. }
            | Self::FeeTooLow { .. }
            | Self::GasLimit { .. } => Code::FailedPrecondition,
            Self::AlreadyKnown | Self::ReplacementUnderpriced { .. } => Code::AlreadyExists,
            Self::SenderFull { .. } | Self::Full { .. } | Self::Backpressure(_) => Code::ResourceExhausted,
            Self::Unavailable(_) => Code::Unavailable,
            Self::Follower => Code::Unimplemented,
            Self::Forwarded { code, .. } => *code,
        }
    }

    fn reason(&self) -> &'static str {
        Self::reason(self)
    }
}

impl Reason for WitnessError {
    fn code(&self) -> Code {
        match self {
            Self::NoBatch(_) => Code::NotFound,
            Self::TooOld { .. } => Code::FailedPrecondition,
            Self::Store(_) | Self::Damaged(_) => Code::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NoBatch(_) => "NOT_FOUND",
            Self::TooOld { .. } => "WITNESS_TOO_OLD",
            Self::Store(_) | Self::Damaged(_) => "INTERNAL",
        }
    }
}

fn internal(error: StoreError) -> Status {
    tracing::error!(%error, "store");
    Plain::internal(error).into()
}

/// The service.
pub struct SequencerService {
    backend: Backend,
    subscribers: Arc<Semaphore>,
    witnesses: Arc<Semaphore>,
}

impl SequencerService {
    /// Over a backend.
    pub fn new(backend: Backend) -> Self {
        let subscribers = Arc::new(Semaphore::new(backend.limits().max_subscribers));
        Self { backend, subscribers, witnesses: Arc::new(Semaphore::new(MAX_WITNESSES)) }
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(Backend) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Status> {
        let backend = self.backend.clone();
        match tokio::task::spawn_blocking(move || work(backend)).await {
            Ok(result) => result.map_err(internal),
            Err(error) => Err(Plain::internal(error).into()),
        }
    }

    fn subscriber(&self) -> Result<OwnedSemaphorePermit, Status> {
        self.subscribers.clone().try_acquire_owned().map_err(|_| {
            let limit = self.backend.limits().max_subscribers;
            Plain::exhausted("MAX_SUBSCRIBERS", format!("{limit} subscriptions (max_subscribers) are open")).into()
        })
    }

    async fn full_block(&self, id: Option<pb::BlockId>) -> Result<FullBlock, Status> {
        let number = self.number(id.and_then(|id| id.id)).await?;
        let found = self.read(move |backend| backend.full_block(number)).await?;
        found.ok_or_else(|| Plain::not_found(format_args!("block {number}")).into())
    }

    async fn number(&self, id: Option<pb::block_id::Id>) -> Result<u64, Status> {
        let heads = self.backend.heads();
        match id {
            None => Ok(heads.latest),
            Some(pb::block_id::Id::Number(number)) => Ok(number),
            Some(pb::block_id::Id::Hash(bytes)) => {
                let hash = hash("hash", &bytes)?;
                let number = self.read(move |backend| backend.block_number(&hash)).await?;
                number.ok_or_else(|| Plain::not_found(format_args!("block {hash}")).into())
            }
            Some(pb::block_id::Id::Tag(tag)) => match pb::BlockTag::try_from(tag) {
                Ok(pb::BlockTag::Earliest) => Ok(0),
                Ok(pb::BlockTag::Latest) => Ok(heads.latest),
                Ok(pb::BlockTag::Safe) => Ok(heads.safe),
                Ok(pb::BlockTag::Finalized) => Ok(heads.finalized),
                Ok(pb::BlockTag::Unspecified) | Err(_) => Err(Plain::invalid("MALFORMED", "unknown block tag").into()),
            },
        }
    }

    async fn find_receipt(&self, hash: B256) -> Result<Option<pb::Receipt>, Status> {
        self.read(move |backend| {
            let Some(located) = backend.locate(&hash)? else { return Ok(None) };
            let receipts = backend.receipts(located.block.header.number)?.unwrap_or_default();
            Ok(wire_receipts(&located.block, &receipts).nth(located.index))
        })
        .await
    }
}

/// Receipts for the wire, with the places of their logs.
fn wire_receipts<'a>(block: &'a StoredBlock, receipts: &'a [Receipt]) -> impl Iterator<Item = pb::Receipt> + 'a {
    let mut first_log_index = 0;
    (0u32..).zip(receipts).map(move |(transaction_index, own)| {
        let encoded = receipt::encode(receipt::Parts {
            transaction_hash: own.transaction_hash,
            transaction_index,
            block_number: block.header.number,
            block_hash: block.hash,
            transaction_type: own.transaction_type,
            success: own.success,
            from: own.from,
            to: own.to,
            contract_address: own.contract_address,
            gas_used: own.gas_used,
            cumulative_gas_used: own.cumulative_gas_used,
            effective_gas_price: own.effective_gas_price,
            logs: &own.logs,
            first_log_index,
        });
        first_log_index += own.logs.len() as u32;
        encoded
    })
}

fn wire_block(block: &StoredBlock) -> pb::Block {
    let plain = Block { header: block.header.clone(), body: block.body.clone() };
    weft_wire::convert::block(&plain, block.hash)
}

fn wire_status(found: TransactionStatus) -> pb::GetTransactionStatusResponse {
    let stage = match found.stage {
        Stage::Unknown => pb::TransactionStage::Unknown,
        Stage::Queued => pb::TransactionStage::Queued,
        Stage::Pending => pb::TransactionStage::Pending,
        Stage::Executed => pb::TransactionStage::Executed,
        Stage::Posted => pb::TransactionStage::Posted,
        Stage::Available => pb::TransactionStage::Available,
        Stage::Finalized => pb::TransactionStage::Finalized,
    };
    pb::GetTransactionStatusResponse {
        stage: stage.into(),
        block_number: found.location.map(|(number, _)| number),
        transaction_index: found.location.map(|(_, index)| index),
        batch_index: found.batch,
    }
}

fn wire_batch(record: &BatchRecord) -> pb::Batch {
    let stage = match record.stage {
        BatchStage::Sealed => pb::BatchStage::Sealed,
        BatchStage::Published => pb::BatchStage::Published,
        BatchStage::Posted => pb::BatchStage::Posted,
        BatchStage::Available => pb::BatchStage::Available,
        BatchStage::Finalized => pb::BatchStage::Finalized,
        BatchStage::Rejected => pb::BatchStage::Rejected,
    };
    let header = &record.header;
    pb::Batch {
        index: header.batch_index,
        first_block: header.first_block,
        last_block: header.last_block,
        tx_count: header.tx_count,
        payload_len: header.payload_len,
        payload_hash: Bytes::copy_from_slice(header.payload_hash.as_slice()),
        stage: stage.into(),
        da_height: record.signed.as_ref().map(|signed| signed.header.da_height),
        commitment: record.signed.as_ref().map(Into::into),
    }
}

fn bytes(hash: B256) -> Bytes {
    Bytes::copy_from_slice(hash.as_slice())
}

type Boxed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl pb::sequencer_server::Sequencer for SequencerService {
    async fn get_info(&self, _: Request<pb::GetInfoRequest>) -> Result<Response<pb::GetInfoResponse>, Status> {
        let genesis = self.read(|backend| backend.block(0)).await?;
        let heads = self.backend.heads();
        let counts = self.backend.pool().counts();
        Ok(Response::new(pb::GetInfoResponse {
            chain_id: self.backend.config().chain_id(),
            config_hash: bytes(self.backend.config().hash()),
            genesis_hash: bytes(genesis.map(|block| block.hash).unwrap_or_default()),
            sequencer_address: self
                .backend
                .signer()
                .map_or_else(Bytes::new, |it| Bytes::copy_from_slice(it.as_slice())),
            latest_block: heads.latest,
            safe_block: heads.safe,
            finalized_block: heads.finalized,
            pool_pending: counts.pending as u64,
            pool_queued: counts.queued as u64,
            version: weft_service::VERSION.to_owned(),
        }))
    }

    async fn submit_transaction(
        &self,
        request: Request<pb::SubmitTransactionRequest>,
    ) -> Result<Response<pb::SubmitTransactionResponse>, Status> {
        let hash = self.backend.submit(request.into_inner().transaction.into(), Gap::Wait).await;
        let transaction_hash = bytes(hash.map_err(|error| status(&error))?);
        Ok(Response::new(pb::SubmitTransactionResponse { transaction_hash }))
    }

    type SubmitTransactionsStream = Boxed<pb::SubmitResult>;

    async fn submit_transactions(
        &self,
        request: Request<Streaming<pb::SubmitTransactionRequest>>,
    ) -> Result<Response<Self::SubmitTransactionsStream>, Status> {
        let backend = self.backend.clone();
        // What has come in together is checked together.
        let groups = request.into_inner().ready_chunks(admission::GROUP).map(move |messages| {
            let backend = backend.clone();
            async move {
                let mut broken = None;
                let mut raw = Vec::with_capacity(messages.len());
                for message in messages {
                    match message {
                        Ok(message) => raw.push(message.transaction.into()),
                        Err(status) => broken = Some(status),
                    }
                }
                let outcomes = backend.submit_all(raw).await;
                stream::iter(outcomes.into_iter().map(Ok).chain(broken.map(Err)))
            }
        });
        let results = groups.buffered(STREAM_GROUPS).flatten().enumerate().map(|(ordinal, outcome)| {
            let result = match outcome? {
                Ok(hash) => pb::submit_result::Result::TransactionHash(bytes(hash)),
                Err(error) => pb::submit_result::Result::Refusal(pb::Refusal {
                    reason: error.reason().to_owned(),
                    message: error.to_string(),
                }),
            };
            Ok(pb::SubmitResult { ordinal: ordinal as u64, result: Some(result) })
        });
        Ok(Response::new(Box::pin(results)))
    }

    async fn submit_and_wait(
        &self,
        request: Request<pb::SubmitAndWaitRequest>,
    ) -> Result<Response<pb::SubmitAndWaitResponse>, Status> {
        let pb::SubmitAndWaitRequest { transaction, timeout_ms } = request.into_inner();
        let limit = Duration::from_millis(match timeout_ms {
            0 => DEFAULT_WAIT_MS,
            wanted => wanted.min(MAX_WAIT_MS),
        });
        let hash = self.backend.submit(transaction.into(), Gap::Wait).await.map_err(|error| status(&error))?;
        let included = self.backend.wait_included(hash, limit).await.map_err(|error| status(&error))?;
        let receipt = if included { self.find_receipt(hash).await? } else { None };
        match receipt {
            Some(receipt) => Ok(Response::new(pb::SubmitAndWaitResponse { receipt: Some(receipt) })),
            None => Err(Status::deadline_exceeded(format!("transaction {hash} is in the pool; ask again by its hash"))),
        }
    }

    async fn get_transaction_status(
        &self,
        request: Request<pb::GetTransactionStatusRequest>,
    ) -> Result<Response<pb::GetTransactionStatusResponse>, Status> {
        let hash = hash("transaction_hash", &request.into_inner().transaction_hash)?;
        let found = self.read(move |backend| backend.transaction_status(&hash)).await?;
        Ok(Response::new(wire_status(found)))
    }

    type WatchTransactionStream = Boxed<pb::WatchTransactionResponse>;

    async fn watch_transaction(
        &self,
        request: Request<pb::WatchTransactionRequest>,
    ) -> Result<Response<Self::WatchTransactionStream>, Status> {
        let hash = hash("transaction_hash", &request.into_inner().transaction_hash)?;
        let watched = (Watched::new(self.backend.clone(), hash), self.subscriber()?);
        let stages = stream::try_unfold(watched, |(mut watched, permit)| async move {
            let next = watched.next().await.map_err(|error| {
                tracing::error!(%error, "a transaction cannot be followed");
                Status::from(Plain::internal(error))
            })?;
            let answer = |status| pb::WatchTransactionResponse { status: Some(wire_status(status)) };
            Ok(next.map(|status| (answer(status), (watched, permit))))
        });
        Ok(Response::new(Box::pin(stages)))
    }

    async fn get_block(&self, request: Request<pb::GetBlockRequest>) -> Result<Response<pb::GetBlockResponse>, Status> {
        let full = self.full_block(request.into_inner().block).await?;
        Ok(Response::new(pb::GetBlockResponse { block: Some(wire_block(&full.block)) }))
    }

    async fn get_receipt(
        &self,
        request: Request<pb::GetReceiptRequest>,
    ) -> Result<Response<pb::GetReceiptResponse>, Status> {
        let hash = hash("transaction_hash", &request.into_inner().transaction_hash)?;
        let receipt = self.find_receipt(hash).await?;
        let receipt = receipt.ok_or_else(|| Plain::not_found(format_args!("receipt of {hash}")))?;
        Ok(Response::new(pb::GetReceiptResponse { receipt: Some(receipt) }))
    }

    async fn get_block_receipts(
        &self,
        request: Request<pb::GetBlockReceiptsRequest>,
    ) -> Result<Response<pb::GetBlockReceiptsResponse>, Status> {
        let full = self.full_block(request.into_inner().block).await?;
        let receipts = wire_receipts(&full.block, &full.receipts).collect();
        Ok(Response::new(pb::GetBlockReceiptsResponse { receipts }))
    }

    type SubscribeBlocksStream = Boxed<pb::SubscribeBlocksResponse>;

    async fn subscribe_blocks(
        &self,
        request: Request<pb::SubscribeBlocksRequest>,
    ) -> Result<Response<Self::SubscribeBlocksStream>, Status> {
        let permit = self.subscriber()?;
        let (backend, heads) = (self.backend.clone(), self.backend.chain().watch_heads());
        let mut reader = backend.chain().reader();
        reader.next = request.into_inner().from_number.unwrap_or(reader.next);
        let blocks = subscription(Subscription { backend, heads, reader, _permit: permit });
        Ok(Response::new(Box::pin(blocks)))
    }

    async fn get_batch(&self, request: Request<pb::GetBatchRequest>) -> Result<Response<pb::GetBatchResponse>, Status> {
        let index = request.into_inner().index;
        let record = self.read(move |backend| backend.batch(index)).await?;
        let record = record.ok_or_else(|| Plain::not_found(format_args!("batch {index}")))?;
        Ok(Response::new(pb::GetBatchResponse { batch: Some(wire_batch(&record)) }))
    }

    async fn list_batches(
        &self,
        request: Request<pb::ListBatchesRequest>,
    ) -> Result<Response<pb::ListBatchesResponse>, Status> {
        let pb::ListBatchesRequest { from_index, limit } = request.into_inner();
        if limit > MAX_BATCHES {
            return Err(Plain::invalid("LIMIT", format!("limit {limit} is above {MAX_BATCHES}")).into());
        }
        let limit = if limit == 0 { DEFAULT_BATCHES } else { limit } as usize;
        let batches = self
            .read(move |backend| {
                let found = (from_index..).take(limit).map_while(|index| backend.batch(index).transpose());
                found.map(|record| record.map(|record| wire_batch(&record))).collect::<Result<Vec<_>, _>>()
            })
            .await?;
        Ok(Response::new(pb::ListBatchesResponse { batches }))
    }

    type GetWitnessStream = Boxed<pb::GetWitnessResponse>;

    async fn get_witness(
        &self,
        request: Request<pb::GetWitnessRequest>,
    ) -> Result<Response<Self::GetWitnessStream>, Status> {
        let index = request.into_inner().batch_index;
        // Held until the last byte is sent: only so many witnesses are in memory.
        let permit = self.witnesses.clone().try_acquire_owned().map_err(|_| {
            let why = format!("{MAX_WITNESSES} witnesses are being made or sent; try again later");
            Plain::exhausted("BUSY", why)
        })?;
        let backend = self.backend.clone();
        let made = tokio::task::spawn_blocking(move || witness::make(backend.chain(), index)).await;
        let made = made.map_err(Plain::internal)?.map_err(|error| status(&error))?;
        let part = |part| Ok(pb::GetWitnessResponse { part: Some(part) });
        let start = pb::get_witness_response::Part::Start(pb::WitnessStart {
            commitment_hash: bytes(made.commitment),
            parent_header_rlp: alloy_rlp::encode(&made.parent).into(),
            length: made.bytes.len() as u64,
        });
        let data = Bytes::from(made.bytes);
        let chunks = (0..data.len()).step_by(CHUNK_BYTES).map(move |from| {
            let _held = &permit;
            let chunk = data.slice(from..data.len().min(from + CHUNK_BYTES));
            part(pb::get_witness_response::Part::Chunk(chunk))
        });
        Ok(Response::new(Box::pin(stream::iter(std::iter::once(part(start)).chain(chunks)))))
    }
}

struct Subscription {
    backend: Backend,
    heads: watch::Receiver<Heads>,
    reader: Reader,
    _permit: OwnedSemaphorePermit,
}

fn rolled_back(from: &str) -> Status {
    Plain::precondition("ROLLED_BACK", format!("settlement rejected blocks that were given: ask again from {from}"))
        .into()
}

async fn read_block(backend: &Backend, number: u64) -> Result<Option<(FullBlock, Option<SignedPromise>)>, Status> {
    let backend = backend.clone();
    let read = move || -> Result<_, StoreError> {
        let Some(full) = backend.full_block(number)? else { return Ok(None) };
        let promise = backend.promise(number, full.block.hash)?;
        Ok(Some((full, promise)))
    };
    let found = tokio::task::spawn_blocking(read).await.map_err(Plain::internal)?;
    found.map_err(internal)
}

/// Blocks from the store, in order, as they become durable: a slow reader misses nothing.
fn subscription(state: Subscription) -> impl Stream<Item = Result<pb::SubscribeBlocksResponse, Status>> + Send {
    stream::try_unfold(state, |mut state| async move {
        loop {
            let latest = state.heads.borrow_and_update().latest;
            let gone = state.reader.go_back(state.backend.chain());
            let gone = gone.map_err(|Forgotten| rolled_back("a block that is final"))?;
            if !gone.is_empty() {
                return Err(rolled_back(&format!("block {}", state.reader.next)));
            }
            let number = state.reader.next;
            let found = if number <= latest { read_block(&state.backend, number).await? } else { None };
            let is_current = state.reader.is_current(state.backend.chain());
            let Some((full, promise)) = found.filter(|_| is_current) else {
                if number <= latest && is_current {
                    return Err(Plain::internal(format_args!("block {number} is gone")).into());
                }
                // The end of a rollback moves the head, too.
                if state.heads.changed().await.is_err() {
                    return Ok(None);
                }
                continue;
            };
            state.reader.pass();
            let receipts = wire_receipts(&full.block, &full.receipts).collect();
            let (block, promise) = (Some(wire_block(&full.block)), promise.as_ref().map(Into::into));
            let answer = pb::SubscribeBlocksResponse { block, receipts, promise };
            return Ok(Some((answer, state)));
        }
    })
}
