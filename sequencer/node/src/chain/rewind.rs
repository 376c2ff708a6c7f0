//! Going back to where a forced batch stands in the log, and on from there.
//!
//! While the sequencer was away, or left out inbox items for too long, someone
//! had settlement go on without it. Its own blocks that were never posted are
//! then no part of the chain. They are taken back, all at once and before
//! anything else runs; what the sequencer had chosen for them goes to the pool
//! again (`requeue`); and the forced block takes their place.

use weft_execution::forced::{Forced, ForcedContext, build};
use weft_execution::verify::Checkpoint;
use weft_execution::{Parent, World};
use weft_primitives::ChainConfig;
use weft_primitives::limits::MAX_BLOCK_INBOX_ITEMS;
use weft_settlement::ForcedBatch;
use weft_state::Undo;

use super::ChainError;
use crate::store::{BatchRecord, BatchStage, ChainStore, NewBlock, Replaced, Rewind, StoreError, StoredBlock};

/// Takes back what has to be, if anything: the number of blocks. `memory` is what the state may take of it
/// (`state_memory`), what the blocks have changed aside.
pub fn rewind(config: &ChainConfig, store: &ChainStore, memory: Option<u64>) -> Result<Option<usize>, ChainError> {
    let Some(Rewind { forced: ForcedBatch { header, inbox_len } }) = store.rewind()? else { return Ok(None) };
    let damaged = |what| StoreError::Damaged { what };
    let last = store.block(header.first_block.saturating_sub(1))?.ok_or(damaged("block before the forced one"))?;
    let replaced = store.after(last.header.number)?;
    let mut world = state_before(store, &replaced, memory)?;
    let checkpoint = Checkpoint {
        next_batch: header.batch_index,
        commitment: header.parent_commitment,
        block: Parent { header: last.header, hash: last.hash },
        inbox_cursor: last.inbox_cursor,
        inbox_acc: last.inbox_acc,
    };
    let waits = usize::try_from(inbox_len.saturating_sub(last.inbox_cursor)).unwrap_or(usize::MAX);
    let waiting = store.inbox(last.inbox_cursor, waits.min(MAX_BLOCK_INBOX_ITEMS))?;
    // The anchor decides about the block's time alone.
    let anchor = (header.anchor_seq, header.anchor_hash, header.first_timestamp.saturating_mul(1_000));
    let log = ForcedContext { waiting: &waiting, anchor, leader_epoch: header.leader_epoch };
    let index = header.batch_index;
    let wrong = |why: String| ChainError::Forced { index, why };
    let Forced { header: built, block, .. } =
        build(config, &checkpoint, &log, &mut world).map_err(|error| wrong(error.to_string()))?;
    if built != header {
        return Err(wrong(format!(
            "block {} has hash {}, not {}",
            built.last_block, block.hash, header.last_block_hash
        )));
    }
    let stored = StoredBlock {
        header: block.header,
        hash: block.hash,
        body: block.body,
        inbox_cursor: header.inbox_to,
        inbox_acc: header.inbox_acc,
        withdrawals: header.withdrawals_count,
    };
    let new = NewBlock {
        block: &stored,
        receipts: &block.receipts,
        access_list: None,
        updates: &block.applied.updates,
        undo: &block.applied.undo,
        codes: &block.applied.codes,
        forget_undo: 0..0,
    };
    let signed = Some(header.clone().forced());
    store.replace(&replaced, &new, &BatchRecord { stage: BatchStage::Available, header, signed })?;
    Ok(Some(replaced.blocks.len()))
}

/// The state before the blocks that are taken back.
fn state_before(store: &ChainStore, replaced: &Replaced, memory: Option<u64>) -> Result<World, ChainError> {
    let mut world = World::open(store.leaves(), store.codes()?, store.backing(memory))?;
    let entries = replaced.leaves.iter().map(|(key, value)| (*key, *value)).collect();
    world.revert(&Undo { entries }).map_err(StoreError::from)?;
    Ok(world)
}
