//! The whole tree: subtrees of some thousand leaves each, and the branches above them.
//!
//! Each subtree has an arena of nodes and an index from key to leaf; reads go
//! through the top to one index. A batch is split by subtrees ([`route`]); each
//! is done by one thread from the old values ([`Undo`]) to its hash ([`apply`]);
//! the top follows ([`top`]). Subtrees that grow are cut in two, small ones put
//! together ([`reshape`]): their size bounds what one thread has to do, wherever
//! the leaves lie, and what it has to keep in its cache. Nothing is changed
//! unless all of it can be.
//!
//! Where a store holds all leaves ([`stored`]), subtrees need not be in memory
//! ([`residence`]): single leaves are then read from the store, batches load what
//! they change, proofs and witnesses look into what they tell of ([`opened`]).
//!
//! Clones share their subtrees until one of them changes.
//!
//! Deliberately absent: hidden leaves (see [`crate::partial`]), writing to the store.

mod apply;
mod index;
mod load;
mod opened;
mod prove;
mod reshape;
mod residence;
mod route;
mod stored;
#[cfg(test)]
mod stored_tests;
mod subtree;
#[cfg(test)]
mod tests;
mod top;
mod witness;

use std::fmt;
use std::sync::Arc;

use alloy_primitives::B256;

use crate::Value;
use crate::keys::TreeKey;
use crate::undo::Undo;
use crate::updates::UpdateBatch;
use subtree::{MAX_LEAVES, MAX_STORED_LEAVES, Subtree};
use top::Top;

pub use crate::arena::{PrefixError, Schedule};
pub use load::LoadError;
pub(crate) use opened::Opened;
pub use residence::{LeftOut, Residence};
pub use stored::{Backing, LeafSource, StoredError};

/// Why a batch was not applied.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum TreeError {
    /// A key does not fit.
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    /// What it changes is not in memory, and cannot be loaded.
    #[error(transparent)]
    Stored(#[from] StoredError),
}

/// The state tree.
#[derive(Clone, Default)]
pub struct Tree {
    top: Top,
    /// In key order.
    subtrees: Vec<Arc<Subtree>>,
    len: usize,
    /// Of the subtrees.
    residence: Residence,
    /// How many batches were applied.
    changes: u64,
    /// Without it nothing is left out.
    backing: Option<Backing>,
    /// Of the clock: the subtree that was last looked at for whether it can be left out.
    hand: usize,
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree").field("root", &self.root()).field("leaves", &self.len()).finish()
    }
}

impl Tree {
    /// A tree of these leaves, in any order (in key order is faster); zero values are left out.
    pub fn from_leaves(
        leaves: impl IntoIterator<Item = (TreeKey, Value)>,
        schedule: Schedule,
    ) -> Result<Self, PrefixError> {
        let updates = UpdateBatch::new(leaves.into_iter().map(|(key, value)| (key, Some(value))).collect());
        let mut tree = Self::default();
        let parcels = tree.route(updates.entries(), &[])?;
        tree.update_parcels(&parcels, schedule)?;
        Ok(tree)
    }

    /// The root; zero for the empty tree.
    pub fn root(&self) -> B256 {
        self.top.arena().root_hash().into()
    }

    /// Number of leaves.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no leaves.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value at `key`; `None` is zero. Of a subtree that is left out the store is asked, and nothing is loaded.
    pub fn get(&self, key: &TreeKey) -> Result<Option<Value>, StoredError> {
        let Some(at) = self.top.find(key) else { return Ok(None) };
        let subtree = &self.subtrees[at];
        match &self.backing {
            // Leaves beside it may be in the store for longer than in the tree.
            Some(backing) if !subtree.is_here() => {
                if subtree.may_hold(key) {
                    backing.source.get(key)
                } else {
                    Ok(None)
                }
            }
            backing => {
                if backing.is_some() {
                    subtree.note_use();
                }
                Ok(subtree.get(key))
            }
        }
    }

    /// Takes back what [`Tree::apply`] did: the newest record first.
    ///
    /// Gives the state of before only on the state of after; compare
    /// [`Tree::root`] if the record may be another's. A record whose keys do
    /// not fit into this tree at all changes nothing.
    pub fn revert(&mut self, undo: &Undo, schedule: Schedule) -> Result<(), StoredError> {
        match self.apply(&undo.inverse(), schedule) {
            Err(TreeError::Stored(error)) => Err(error),
            // Fits on the right state: these keys stood in one tree with those that stay.
            Ok(_) | Err(TreeError::Prefix(_)) => Ok(()),
        }
    }

    /// Most leaves of a subtree.
    const fn max_leaves(&self) -> usize {
        if self.backing.is_some() { MAX_STORED_LEAVES } else { MAX_LEAVES }
    }
}
