//! A state of the past: the present one with newer blocks taken back on the fly.
//!
//! Costs nothing to make, and for each leaf that is read a search in each of the newer blocks' undo records.

use std::sync::Arc;

use alloy_primitives::{Address, B256, U256};
use revm::bytecode::Bytecode;
use weft_state::{StoredAccount, TreeKey, Undo, Value, read};

use crate::view::{Missing, StateView};
use crate::world::World;

/// A view of the state as it was some blocks ago.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    world: &'a World,
    /// Of the blocks since, the oldest first.
    undos: &'a [Arc<Undo>],
}

impl World {
    /// The state as it was before the blocks of these undo records, the oldest first, the newest the last block of all.
    pub const fn past<'a>(&'a self, undos: &'a [Arc<Undo>]) -> Past<'a> {
        Past { world: self, undos }
    }
}

impl Past<'_> {
    /// What the first block that changed it has found.
    fn leaf(&self, key: &TreeKey) -> Option<Value> {
        let found = self.undos.iter().find_map(|undo| undo.old(key));
        found.unwrap_or_else(|| self.world.tree().get(key))
    }
}

impl StateView for Past<'_> {
    fn account(&self, address: Address) -> Result<Option<StoredAccount>, Missing> {
        read::account(address, |key| Ok(self.leaf(key)))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, Missing> {
        read::storage(address, slot, |key| Ok(self.leaf(key)))
    }

    fn code(&self, hash: B256) -> Result<Bytecode, Missing> {
        self.world.code(hash)
    }
}
