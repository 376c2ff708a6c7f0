//! Growing by blocks that were made elsewhere: a whole batch is executed on the state in memory, and only if all that it
//! claims is true do its blocks become durable, in one write, and visible.

use std::sync::Arc;

use alloy_primitives::{Address, B256, U256};
use weft_execution::verify::State;
use weft_execution::world::ApplyError;
use weft_execution::{Applied, Bytecode, Changes, Missing, Sealed, StateView};
use weft_primitives::InboxItem;
use weft_primitives::inbox::accumulate;
use weft_state::{StoredAccount, StoredError};

use super::{Chain, ChainError, FullBlock, Made, Tip, read, write};
use crate::store::{BatchRecord, StoredBlock};

/// The state after the newest block, durable or not, as something that blocks are executed on.
///
/// It is locked for each read and for each block's changes alone, so that readers of older states are never held up
/// for longer. There must be only one who makes it move.
pub struct Ground<'a>(&'a Chain);

impl Chain {
    /// The state to execute the next block on.
    pub const fn ground(&self) -> Ground<'_> {
        Ground(self)
    }

    /// Executed blocks as they go to disk, on top of `tip`; `inbox` are the items that they consumed together.
    pub fn made(blocks: Vec<Sealed>, tip: &Tip, inbox: &[InboxItem]) -> Vec<Made> {
        let (mut cursor, mut acc, mut inbox) = (tip.inbox_cursor, tip.inbox_acc, inbox.iter());
        let made = |sealed: Sealed| {
            let Sealed { header, hash, body, receipts, applied, withdrawals, stats, access_list } = sealed;
            cursor += u64::from(body.inbox_count);
            acc = inbox.by_ref().take(body.inbox_count as usize).fold(acc, accumulate);
            Made {
                block: StoredBlock {
                    header,
                    hash,
                    body,
                    inbox_cursor: cursor,
                    inbox_acc: acc,
                    withdrawals: withdrawals.count,
                },
                receipts,
                access_list,
                updates: applied.updates,
                undo: Arc::new(applied.undo),
                codes: applied.codes,
                stats,
            }
        };
        blocks.into_iter().map(made).collect()
    }

    /// Makes the blocks of a batch durable, with the batch, in one write, and then visible. As with [`Chain::persist`],
    /// after an error the chain must be opened again.
    pub fn persist_batch(&self, blocks: Vec<Made>, batch: &BatchRecord) -> Result<Vec<Arc<FullBlock>>, ChainError> {
        self.store.put_derived(self.records(&blocks), batch)?;
        Ok(self.show(blocks))
    }
}

impl Ground<'_> {
    /// Takes back the blocks by which the state was moved last, the last one first. None of them may be durable.
    pub fn take_back(&mut self, blocks: &[Sealed]) -> Result<(), StoredError> {
        let mut world = write(&self.0.world);
        let mut recent = write(&self.0.recent);
        for block in blocks.iter().rev() {
            world.revert(&block.applied.undo)?;
            recent.moved.pop_front();
            recent.newest -= 1;
        }
        recent.taken_back += u64::from(!blocks.is_empty());
        Ok(())
    }
}

impl State for Ground<'_> {
    fn root(&self) -> B256 {
        read(&self.0.world).state_root()
    }

    fn apply(&mut self, changes: Changes) -> Result<Applied, ApplyError> {
        let mut world = write(&self.0.world);
        let applied = world.apply(changes)?;
        let number = self.0.newest() + 1;
        let left_out = self.0.moved(&mut world, number, Arc::new(applied.undo.clone()));
        drop(world);
        drop(left_out);
        Ok(applied)
    }
}

impl StateView for Ground<'_> {
    fn account(&self, address: Address) -> Result<Option<StoredAccount>, Missing> {
        read(&self.0.world).account(address)
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, Missing> {
        read(&self.0.world).storage(address, slot)
    }

    fn code(&self, hash: B256) -> Result<Bytecode, Missing> {
        read(&self.0.world).code(hash)
    }
}
