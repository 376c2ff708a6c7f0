//! Reading the state after one block without holding up the next ones.
//!
//! A call may run for as long as its gas lasts, and many at once. So the state
//! is locked for each read alone; newer blocks, durable or not yet, are taken
//! back on the fly, by their undo records. If durable blocks are taken back for good meanwhile (a follower's), the
//! state is gone, whichever it was.

use std::sync::{Arc, RwLock};

use alloy_primitives::{Address, B256, U256};
use weft_execution::{Bytecode, Changes, Missing, Past, RootError, StateView};
use weft_state::{StoredAccount, Undo};

use super::{Chain, read, write};
use crate::store::StoreError;

/// The state after one block.
pub struct Snapshot<'a> {
    chain: &'a Chain,
    number: u64,
    undos: RwLock<Undos>,
    /// As when this was made.
    rollbacks: u64,
}

/// Of the blocks after the snapshot's, in order, as many as were there at the last read.
#[derive(Default)]
struct Undos {
    records: Vec<Arc<Undo>>,
    /// As of the last read.
    taken_back: u64,
}

impl Chain {
    /// The state after a block that is there. `Ok(None)`: older than the kept history.
    pub fn snapshot(&self, number: u64) -> Result<Option<Snapshot<'_>>, StoreError> {
        if self.heads().latest.saturating_sub(number) > self.history_blocks {
            return Ok(None);
        }
        let (newest, rollbacks, taken_back) = {
            let recent = read(&self.recent);
            (recent.newest, recent.rollbacks, recent.taken_back)
        };
        let records: Option<Vec<Arc<Undo>>> =
            (number + 1..=newest).map(|number| self.undo(number)).collect::<Result<_, _>>()?;
        let undos = |records| RwLock::new(Undos { records, taken_back });
        Ok(records.map(|records| Snapshot { chain: self, number, undos: undos(records), rollbacks }))
    }

    /// What the state was before a block; `None` if it is not kept any longer.
    pub(crate) fn undo(&self, number: u64) -> Result<Option<Arc<Undo>>, StoreError> {
        {
            let recent = read(&self.recent);
            if let Some(moved) = recent.by(number) {
                return Ok(Some(moved.undo.clone()));
            }
        }
        Ok(self.store.undo(number)?.map(Arc::new))
    }
}

impl Snapshot<'_> {
    /// The root of the state after `changes`, which are not made.
    pub fn root_after(&self, changes: &Changes) -> Result<B256, RootError> {
        // The state is locked for the copy alone.
        self.ask(|past| past.with_changes(changes))?.root()
    }

    fn ask<T, E: From<Missing>>(&self, ask: impl FnOnce(Past<'_>) -> Result<T, E>) -> Result<T, E> {
        let world = self.chain.world();
        // Nothing moves while the state is locked.
        let (newest, rollbacks, taken_back) = {
            let recent = read(&self.chain.recent);
            (recent.newest, recent.rollbacks, recent.taken_back)
        };
        if rollbacks != self.rollbacks {
            return Err(Missing::Past(self.number).into());
        }
        let follows = {
            let undos = read(&self.undos);
            undos.taken_back == taken_back && self.number + (undos.records.len() as u64) == newest
        };
        if !follows {
            self.follow(newest, taken_back)?;
        }
        ask(world.past(&read(&self.undos).records))
    }

    fn follow(&self, newest: u64, taken_back: u64) -> Result<(), Missing> {
        let mut undos = write(&self.undos);
        if undos.taken_back != taken_back {
            // Of blocks that never became durable: others may stand in their places.
            *undos = Undos { records: Vec::new(), taken_back };
        }
        while self.number + (undos.records.len() as u64) < newest {
            let next = self.chain.undo(self.number + undos.records.len() as u64 + 1);
            let next = next.inspect_err(|error| tracing::error!(%error, "store"));
            undos.records.push(next.ok().flatten().ok_or(Missing::Past(self.number))?);
        }
        Ok(())
    }
}

impl StateView for Snapshot<'_> {
    fn account(&self, address: Address) -> Result<Option<StoredAccount>, Missing> {
        self.ask(|past| past.account(address))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, Missing> {
        self.ask(|past| past.storage(address, slot))
    }

    fn code(&self, hash: B256) -> Result<Bytecode, Missing> {
        self.ask(|past| past.code(hash))
    }
}
