//! A state of the past: the present one with newer blocks taken back on the fly.
//!
//! Costs what the undo records hold, not what the state holds.

use alloy_primitives::map::HashMap;
use alloy_primitives::{Address, B256, U256};
use revm::bytecode::Bytecode;
use weft_state::{StoredAccount, TreeKey, Undo, Value, read};

use crate::view::{Missing, StateView};
use crate::world::World;

/// A view of the state as it was some blocks ago.
#[derive(Clone, Debug)]
pub struct Past<'a> {
    world: &'a World,
    old: HashMap<TreeKey, Option<Value>>,
}

impl World {
    /// The state as it was before the blocks of these undo records, the newest first.
    pub fn past<'a>(&'a self, undos: impl IntoIterator<Item = &'a Undo>) -> Past<'a> {
        let mut old = HashMap::default();
        for undo in undos {
            old.extend(undo.entries.iter().copied());
        }
        Past { world: self, old }
    }
}

impl Past<'_> {
    fn leaf(&self, key: &TreeKey) -> Result<Option<Value>, Missing> {
        Ok(self.old.get(key).copied().unwrap_or_else(|| self.world.tree().get(key)))
    }
}

impl StateView for Past<'_> {
    fn account(&self, address: Address) -> Result<Option<StoredAccount>, Missing> {
        read::account(address, |key| self.leaf(key))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, Missing> {
        read::storage(address, slot, |key| self.leaf(key))
    }

    fn code(&self, hash: B256) -> Result<Bytecode, Missing> {
        self.world.code(hash)
    }
}
