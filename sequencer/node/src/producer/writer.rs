//! Makes blocks durable, and then visible.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use weft_primitives::Address;

use super::{MOST_WAITING, ProducerError};
use crate::backend::Backend;
use crate::chain::{ChainError, FullBlock, Made};
use crate::traces;

/// A block to write.
pub(super) struct ToWrite {
    pub(super) made: Made,
    /// The next nonces of all who sent its transactions: what is below need not be kept in the pool any longer.
    pub(super) nonces: Vec<(Address, u64)>,
    /// When it was begun, and how long it took to execute.
    pub(super) since: Instant,
    pub(super) executed: Duration,
}

/// Writes what comes, until no more does: all that waits at once.
pub(super) fn write(backend: &Backend, blocks: &Receiver<ToWrite>) -> Result<(), ProducerError> {
    while let Ok(first) = blocks.recv() {
        let all = std::iter::once(first).chain(blocks.try_iter().take(MOST_WAITING)).collect();
        write_all(backend, all)?;
    }
    Ok(())
}

/// Writes these at once.
pub(super) fn write_all(backend: &Backend, all: Vec<ToWrite>) -> Result<Vec<Arc<FullBlock>>, ChainError> {
    let mut nonces = Vec::new();
    let mut times = Vec::with_capacity(all.len());
    let mut blocks = Vec::with_capacity(all.len());
    for block in all {
        nonces.extend(block.nonces);
        times.push((block.since, block.executed));
        blocks.push(block.made);
    }
    let blocks = backend.chain().persist(blocks)?;
    backend.pool().forget(nonces);
    metrics::counter!("weft_sequencer_block_writes_total").increment(1);
    for (full, (since, executed)) in blocks.iter().zip(times) {
        report(full, executed, since.elapsed());
        traces::written(full, executed, since.elapsed());
    }
    Ok(blocks)
}

fn report(full: &FullBlock, executed: Duration, total: Duration) {
    let header = &full.block.header;
    let count = full.block.body.transactions.len();
    metrics::counter!("weft_sequencer_blocks_total").increment(1);
    metrics::counter!("weft_sequencer_transactions_executed_total").increment(count as u64);
    metrics::counter!("weft_sequencer_gas_used_total").increment(header.gas_used);
    metrics::gauge!("weft_sequencer_latest_block").set(header.number as f64);
    metrics::histogram!("weft_sequencer_block_execute_seconds").record(executed.as_secs_f64());
    metrics::histogram!("weft_sequencer_block_total_seconds").record(total.as_secs_f64());
    tracing::debug!(number = header.number, transactions = count, gas = header.gas_used, ?total, "block");
}
