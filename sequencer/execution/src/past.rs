//! A state of the past: the present one with newer blocks taken back on the fly.
//!
//! Costs nothing to make, and for each leaf that is read a search in each of the newer blocks' undo records.

use std::sync::Arc;

use alloy_primitives::{Address, B256, U256};
use revm::bytecode::Bytecode;
use weft_state::changes::leaf_updates_from;
use weft_state::{Access, PartialTree, Schedule, StoredAccount, TreeKey, Undo, UpdateBatch, Value, read};

use crate::changes::Changes;
use crate::state::ApplyError;
use crate::view::{Missing, StateView};
use crate::world::World;

/// Leaves that newer blocks may have changed, at most, where a root of the past is asked for: all of them are copied.
pub const MAX_NEWER_LEAVES: usize = 1 << 18;

/// Why the root of a state after changes cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// The changes do not fit into a state.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// Too much has happened since.
    #[error(
        "newer blocks have changed {leaves} leaves of the state, of which {MAX_NEWER_LEAVES} can be taken back here"
    )]
    TooFar {
        /// Leaves.
        leaves: usize,
    },
}

impl From<Missing> for RootError {
    fn from(missing: Missing) -> Self {
        Self::Apply(missing.into())
    }
}

/// A part of a state's tree, and changes of it that are not made yet.
#[derive(Debug)]
pub struct Changed {
    part: PartialTree,
    updates: UpdateBatch,
}

impl Changed {
    /// Makes the changes, in the copy: the root of the whole state after them.
    pub fn root(mut self) -> Result<B256, RootError> {
        self.part.apply(&self.updates, Schedule::Sequential).map_err(ApplyError::from)?;
        Ok(self.part.root())
    }
}

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
    fn leaf(&self, key: &TreeKey) -> Result<Option<Value>, Missing> {
        match self.undos.iter().find_map(|undo| undo.old(key)) {
            Some(found) => Ok(found),
            None => Ok(self.world.tree().get(key)?),
        }
    }

    /// What the root of this state after `changes` is found from, while they are not made: a copy of that part of the
    /// tree which they and the newer blocks touch.
    pub fn with_changes(&self, changes: &Changes) -> Result<Changed, RootError> {
        let newer: usize = self.undos.iter().map(|undo| undo.entries.len()).sum();
        if newer > MAX_NEWER_LEAVES {
            return Err(RootError::TooFar { leaves: newer });
        }
        let accounts = changes.accounts.iter().map(|(address, change)| (*address, change));
        let wanted = leaf_updates_from(accounts, |prefix| Ok::<_, ApplyError>(self.keys_with_prefix(prefix)?))?;
        // Newer blocks taken back, the oldest last, so that what it has found stands; then the changes.
        let mut updates: Vec<_> = self.undos.iter().rev().flat_map(|undo| undo.entries.iter().copied()).collect();
        updates.extend(wanted.entries().iter().copied());
        let updates = UpdateBatch::new(updates);
        let mut access = Access::default();
        access.update(&updates);
        Ok(Changed { part: self.world.tree().partial(&access).map_err(Missing::from)?, updates })
    }

    /// All keys that begin with a prefix in this state, and maybe some that newer blocks have added.
    fn keys_with_prefix(&self, prefix: &TreeKey) -> Result<Vec<TreeKey>, Missing> {
        let now = self.world.tree().with_prefix(prefix)?.into_iter().map(|(key, _)| key);
        let before = self.undos.iter().flat_map(|undo| undo.entries.iter().map(|(key, _)| *key));
        Ok(now.chain(before.filter(|key| key.as_slice().starts_with(prefix.as_slice()))).collect())
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
