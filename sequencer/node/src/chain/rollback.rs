//! Going back: settlement has rejected blocks that were executed and durable here.
//!
//! Only who follows does this; a sequencer never takes back what it has confirmed.

use std::sync::Arc;

use weft_execution::Parent;
use weft_state::Undo;

use super::removed::Rollback;
use super::residence::make_room;
use super::{Chain, ChainError, Tip, write};
use crate::store::{LogState, StoreError};

impl Chain {
    /// Takes back all blocks after `to`, and the batches from `first_batch` on, durably; `log` is how far the log was
    /// followed then. Nothing may be executed meanwhile, and all that was must be durable. After an error the chain must
    /// be opened again.
    pub fn roll_back(&self, to: u64, first_batch: u64, log: &LogState) -> Result<(), ChainError> {
        let mut world = write(&self.world);
        let latest = self.heads().latest;
        let lost = |what| StoreError::Damaged { what };
        let undo = |number: u64| -> Result<Arc<Undo>, ChainError> {
            self.store.undo(number)?.map(Arc::new).ok_or(ChainError::TooDeep { to, kept: self.history_blocks })
        };
        // The newest first.
        let undos: Vec<Arc<Undo>> = (to + 1..=latest).rev().map(undo).collect::<Result<_, _>>()?;
        let block = self.store.block(to)?.ok_or_else(|| lost("block to go back to"))?;
        // While they can still be read.
        let rollback = Rollback::read(&self.store, to, latest)?;
        self.removed.begin();
        // Before the store, which must have what is to be taken back for as long as it may not be in memory.
        undos.iter().try_for_each(|undo| world.revert(undo)).map_err(StoreError::from)?;
        if world.state_root() != block.header.state_root {
            let (number, found, wanted) = (to, world.state_root(), block.header.state_root);
            return Err(ChainError::StateRoot { number, found, wanted });
        }
        self.store.roll_back(latest, to, first_batch, &undos, log)?;
        {
            let mut recent = write(&self.recent);
            recent.newest = to;
            recent.moved.clear();
            recent.written = world.tree().changes();
            recent.rollbacks += 1;
            drop(make_room(&mut world, recent.written));
        }
        *write(&self.tip) = Tip {
            inbox_cursor: block.inbox_cursor,
            inbox_acc: block.inbox_acc,
            parent: Parent { header: block.header, hash: block.hash },
        };
        self.heads.send_modify(|heads| {
            heads.latest = to;
            heads.safe = heads.safe.min(to);
            // Whoever sees the one sees the other.
            self.removed.end(rollback);
        });
        Ok(())
    }
}
