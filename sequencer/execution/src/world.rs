//! A whole state: the tree, in memory or with a store behind it, and the code that it commits to, in memory.

use alloy_primitives::{Address, B256, Bytes, U256};
use revm::bytecode::Bytecode;
use weft_state::changes::leaf_updates;
use weft_state::tree::{LeftOut, LoadError};
use weft_state::{
    Access, Backing, PrefixError, Schedule, StoredAccount, StoredError, Tree, TreeKey, Undo, Value, WitnessBytes, read,
};

use crate::changes::Changes;
use crate::codes::Codes;
use crate::state::{Applied, State};
use crate::view::{Missing, StateView};

pub use crate::past::Past;
pub use crate::state::ApplyError;

/// State after some block.
#[derive(Clone, Debug, Default)]
pub struct World {
    tree: Tree,
    codes: Codes,
}

impl World {
    /// From what a store holds.
    pub fn load(
        leaves: impl IntoIterator<Item = (TreeKey, Value)>,
        codes: impl IntoIterator<Item = Bytes>,
    ) -> Result<Self, PrefixError> {
        let tree = Tree::from_leaves(leaves, Schedule::Parallel)?;
        Ok(Self { tree, codes: codes.into_iter().collect() })
    }

    /// From leaves in key order. With `backing`, a store that has them all, only so much of the tree stays in memory as
    /// may; the code does.
    pub fn open<E>(
        leaves: impl IntoIterator<Item = Result<(TreeKey, Value), E>>,
        codes: impl IntoIterator<Item = Bytes>,
        backing: Option<Backing>,
    ) -> Result<Self, LoadError<E>> {
        Ok(Self { tree: Tree::load(leaves, backing)?, codes: codes.into_iter().collect() })
    }

    /// Puts a store behind the tree, which must have all its leaves.
    pub fn back(&mut self, backing: Backing) {
        self.tree.back(backing);
    }

    /// Leaves out of memory what there is no room for; see [`Tree::leave_out`].
    pub fn leave_out(&mut self, written: u64) -> LeftOut {
        self.tree.leave_out(written)
    }

    /// Root of the state tree.
    pub fn state_root(&self) -> B256 {
        self.tree.root()
    }

    /// The state tree.
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Makes changes part of the state: for whoever executes blocks that are not Weft's own. On an error the state is as
    /// before.
    pub fn advance(&mut self, changes: Changes) -> Result<Applied, ApplyError> {
        self.apply(changes)
    }

    /// Takes a block back. Code stays: it is only found by a hash that the state no longer names. On an error the state
    /// is as before; there is none while all that the block has changed is in memory, as it is until it is written.
    pub fn revert(&mut self, undo: &Undo) -> Result<(), StoredError> {
        self.tree.revert(undo, Schedule::Parallel)
    }

    /// Takes blocks back; the bytes of the part of the tree, as it is then, that tells of `access`.
    pub(crate) fn revert_with_witness(&mut self, undo: &Undo, access: &Access) -> Result<WitnessBytes, StoredError> {
        self.tree.revert_with_witness(undo, access, Schedule::Parallel)
    }
}

impl State for World {
    fn root(&self) -> B256 {
        self.tree.root()
    }

    fn apply(&mut self, changes: Changes) -> Result<Applied, ApplyError> {
        let accounts = changes.accounts.iter().map(|(address, change)| (*address, change));
        let updates = leaf_updates(&self.tree, accounts)?;
        let undo = self.tree.apply(&updates, Schedule::Parallel)?;
        changes.codes.iter().for_each(|(hash, code)| self.codes.insert(*hash, code));
        let updates = updates.effective(&undo);
        Ok(Applied { state_root: self.tree.root(), updates, undo, codes: changes.codes })
    }
}

impl StateView for World {
    fn account(&self, address: Address) -> Result<Option<StoredAccount>, Missing> {
        read::account(address, |key| Ok(self.tree.get(key)?))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, Missing> {
        read::storage(address, slot, |key| Ok(self.tree.get(key)?))
    }

    fn code(&self, hash: B256) -> Result<Bytecode, Missing> {
        self.codes.get(hash)
    }
}
