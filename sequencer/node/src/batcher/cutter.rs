//! Cuts whole blocks into batches.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use weft_primitives::batch::{Batch, BatchBlock, BatchEncodeError, Level};
use weft_primitives::limits::MAX_BATCH_TRANSACTIONS;
use weft_primitives::{B256, BatchHeader};
use weft_service::Shutdown;

use super::submitter::blocking;
use super::{Stages, effort};
use crate::backend::Backend;
use crate::chain::FullBlock;
use crate::store::{BatchRecord, BatchStage, StoreError, StoredBlock};

/// What a block adds to a batch beside its transactions, at most.
const BLOCK_OVERHEAD_BYTES: usize = 24;

/// Why no batch can be made. None of it heals by itself.
#[derive(Debug, thiserror::Error)]
pub enum CutError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A block does not fit into a batch.
    #[error("blocks do not encode to a batch: {0}")]
    Encode(#[from] BatchEncodeError),
    /// A block is not in the store.
    #[error("block {0} is not in the store")]
    NoBlock(u64),
}

/// Blocks that wait for their batch.
#[derive(Debug, Default)]
struct Open {
    blocks: u64,
    transactions: usize,
    bytes: usize,
    since: Option<Instant>,
}

/// What is to be done next.
enum Turn {
    Cut,
    Add(Arc<FullBlock>),
    CatchUp,
}

/// Cuts batches from the newest blocks.
pub struct Cutter {
    backend: Backend,
    stages: Stages,
    /// First block in no batch yet.
    next: u64,
    open: Open,
}

impl Cutter {
    /// Goes on after the last stored batch.
    pub fn new(backend: Backend, stages: Stages) -> Result<Self, StoreError> {
        let next = backend.chain().store().last_batch()?.map_or(1, |batch| batch.header.last_block + 1);
        Ok(Self { backend, stages, next, open: Open::default() })
    }

    /// Cuts until shutdown. What is left then is cut after the next start.
    pub async fn run(mut self, shutdown: Shutdown) -> Result<(), CutError> {
        let mut blocks = self.backend.chain().subscribe();
        self = blocking(move || self.take(Turn::CatchUp)).await?;
        loop {
            let deadline = self.open.since.map(|since| since + self.max_age());
            let aged = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            let turn = tokio::select! {
                () = shutdown.wait() => return Ok(()),
                () = aged => Turn::Cut,
                block = blocks.recv() => match block {
                    Ok(full) => Turn::Add(full),
                    Err(RecvError::Lagged(_)) => Turn::CatchUp,
                    Err(RecvError::Closed) => return Ok(()),
                },
            };
            self = blocking(move || self.take(turn)).await?;
        }
    }

    fn take(mut self, turn: Turn) -> Result<Self, CutError> {
        match turn {
            Turn::Cut => self.cut()?,
            Turn::Add(full) if full.block.header.number == self.next + self.open.blocks => self.add(&full.block)?,
            Turn::Add(_) | Turn::CatchUp => self.catch_up()?,
        }
        Ok(self)
    }

    fn max_age(&self) -> Duration {
        Duration::from_millis(self.backend.limits().batch_max_age_ms)
    }

    /// Takes in the blocks that are in the store and in no batch.
    pub(crate) fn catch_up(&mut self) -> Result<(), CutError> {
        loop {
            let number = self.next + self.open.blocks;
            match self.backend.block(number)? {
                Some(block) => self.add(&block)?,
                None => return Ok(()),
            }
        }
    }

    fn add(&mut self, block: &StoredBlock) -> Result<(), CutError> {
        let own = block.body.sequenced();
        let bytes = own.iter().map(|transaction| transaction.raw().len()).sum::<usize>() + BLOCK_OVERHEAD_BYTES;
        let limits = *self.backend.limits();
        let fits = self.open.bytes + bytes <= limits.batch_max_bytes
            && self.open.transactions + block.body.transactions.len() <= MAX_BATCH_TRANSACTIONS;
        if !fits {
            self.cut()?;
        }
        self.open.blocks += 1;
        self.open.transactions += block.body.transactions.len();
        self.open.bytes += bytes;
        self.open.since.get_or_insert_with(Instant::now);
        if self.open.blocks >= limits.batch_max_blocks as u64 {
            self.cut()?;
        }
        Ok(())
    }

    /// Makes a batch of the open blocks.
    pub(crate) fn cut(&mut self) -> Result<(), CutError> {
        let Open { blocks: count, bytes, .. } = std::mem::take(&mut self.open);
        if count == 0 {
            return Ok(());
        }
        let level = effort::level(bytes, self.stages.waiting()?);
        let (record, payload) = self.encode(self.next, count, level)?;
        self.next += count;
        metrics::counter!("weft_sequencer_batches_total").increment(1);
        metrics::counter!("weft_sequencer_batch_bytes_total").increment(payload.len() as u64);
        metrics::counter!("weft_sequencer_batch_transactions_total").increment(record.header.tx_count);
        tracing::info!(
            batch = record.header.batch_index,
            first = record.header.first_block,
            last = record.header.last_block,
            transactions = record.header.tx_count,
            bytes = payload.len(),
            "batch cut"
        );
        Ok(self.stages.add(&record, &payload)?)
    }

    fn encode(&self, first: u64, count: u64, level: Level) -> Result<(BatchRecord, Vec<u8>), CutError> {
        let store = self.backend.chain().store();
        let load = |number: u64| store.block(number)?.ok_or(CutError::NoBlock(number));
        let parent = load(first - 1)?;
        let config = self.backend.config();
        let batch_index = store.last_batch()?.map_or(0, |batch| batch.header.batch_index + 1);
        let mut batch =
            Batch { chain_id: config.chain_id(), first_block: first, inbox_from: parent.inbox_cursor, blocks: vec![] };
        let mut header = BatchHeader {
            version: weft_primitives::commitment::VERSION,
            chain_id: config.chain_id(),
            config_hash: config.hash(),
            batch_index,
            first_block: first,
            pre_state_root: parent.header.state_root,
            inbox_from: parent.inbox_cursor,
            ..BatchHeader::default()
        };
        for number in first..first + count {
            let block = load(number)?;
            if number == first {
                header.first_timestamp = block.header.timestamp;
            }
            header.last_block = number;
            header.last_block_hash = block.hash;
            header.last_timestamp = block.header.timestamp;
            header.post_state_root = block.header.state_root;
            header.inbox_to = block.inbox_cursor;
            header.inbox_acc = block.inbox_acc;
            header.withdrawals_count = block.withdrawals;
            if block.withdrawals > 0 {
                header.withdrawals_root = block.header.withdrawals_root.unwrap_or_default();
            }
            header.tx_count += block.body.transactions.len() as u64;
            header.gas_used += block.header.gas_used;
            batch.blocks.push(BatchBlock {
                timestamp: block.header.timestamp,
                inbox_count: block.body.inbox_count,
                transactions: block.body.sequenced().iter().map(|transaction| transaction.raw().clone()).collect(),
            });
        }
        let newest = store.log_state()?;
        (header.anchor_seq, header.anchor_hash) = (newest.seq, newest.hash);
        let payload = batch.encode(level)?;
        header.payload_hash = B256::from(*blake3::hash(&payload).as_bytes());
        header.payload_len = payload.len() as u64;
        Ok((BatchRecord { stage: BatchStage::Sealed, header, signed: None }, payload))
    }
}
