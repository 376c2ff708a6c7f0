//! A part of a state tree: enough to re-execute some blocks, knowing only the root.
//!
//! What is not revealed stands in it as a hash. Reading it is [`Missing`],
//! which is neither zero nor an error of the block. A whole tree is cut down to
//! what an [`Access`] names: in memory ([`Tree::partial`](crate::Tree::partial)), or to bytes
//! ([`Tree::witness`](crate::Tree::witness); while blocks are taken back:
//! [`Tree::revert_with_witness`](crate::Tree::revert_with_witness)), which are the witness, and for reads alone
//! a proof of many keys. [`PartialTree::decode`] accepts bytes only if
//! they hash to a root that is already trusted: whatever it then answers is
//! true under that root. Not verified: that the root is that of any real state,
//! and that enough is revealed.
//!
//! Deliberately absent: code and headers, which a witness of blocks needs too.

mod access;
mod decode;
mod encode;
mod pieces;
mod prune;
#[cfg(test)]
mod tests;
mod ways;
mod write;

use std::fmt;

use alloy_primitives::B256;

use crate::Value;
use crate::arena::{Arena, Dirty, Found, PrefixError, Schedule, Way, rehash};
use crate::hash::NodeHash;
use crate::keys::TreeKey;
use crate::proof::Proof;
use crate::tree::StoredError;
use crate::undo::Undo;
use crate::updates::UpdateBatch;

pub use access::Access;
pub use decode::{MAX_WITNESS_BYTES, WitnessError};
pub use pieces::WitnessBytes;
pub(crate) use prune::Touched;
pub(crate) use write::{Below, Fragment, assemble};

/// The tree does not reveal what lies at this key.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("the witness does not reveal what lies at {0:?}")]
pub struct Missing(pub TreeKey);

/// Why updates were not applied.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum PartialError {
    /// The new root cannot be told from what is revealed.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A key does not fit.
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    /// The part cannot be cut out of its tree.
    #[error(transparent)]
    Stored(#[from] StoredError),
}

/// A tree of which only a part is revealed.
#[derive(Clone, Default)]
pub struct PartialTree {
    arena: Arena,
}

impl fmt::Debug for PartialTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartialTree").field("root", &self.root()).finish_non_exhaustive()
    }
}

impl PartialTree {
    /// Nothing but a root; the zero root is the empty tree's, of which that is all there is to know.
    pub fn hidden(root: B256) -> Self {
        let mut arena = Arena::default();
        if !root.is_zero() {
            let node = arena.add_hidden_root();
            arena.set_root(node, root.0);
        }
        Self { arena }
    }

    /// The root of the tree that this is a part of; zero for the empty tree.
    pub fn root(&self) -> B256 {
        self.arena.root_hash().into()
    }

    /// The value at `key`; `None` is proven absence.
    pub fn get(&self, key: &TreeKey) -> Result<Option<Value>, Missing> {
        match self.arena.find(key) {
            Found::Value(value) => Ok(Some(value)),
            Found::Absent => Ok(None),
            Found::Unknown => Err(Missing(*key)),
        }
    }

    /// Proof of the value at `key`, or of its absence, under [`PartialTree::root`].
    pub fn prove(&self, key: &TreeKey) -> Result<Proof, Missing> {
        let mut way = Way::default();
        let end = self.arena.prove(key, &mut way).ok_or(Missing(*key))?;
        Ok(way.ends(end))
    }

    /// All keys in the tree that begin with `prefix`, in order.
    pub fn keys_with_prefix(&self, prefix: &TreeKey) -> Result<Vec<TreeKey>, Missing> {
        if !self.arena.knows_prefix(prefix) {
            return Err(Missing(*prefix));
        }
        Ok(self.arena.leaves_with_prefix(prefix).map(|(key, _)| key).collect())
    }

    /// All leaves that are revealed, in key order.
    pub fn revealed(&self) -> impl Iterator<Item = (TreeKey, Value)> + '_ {
        self.arena.leaves()
    }

    /// Applies updates and rehashes, like [`Tree::apply`](crate::Tree::apply).
    ///
    /// A new root is always that of the whole tree after the same updates. After
    /// an error this is the tree from before, or, when a deletion met a hidden
    /// neighbour, one that reveals nothing: never a wrong one.
    pub fn apply(&mut self, updates: &UpdateBatch, schedule: Schedule) -> Result<Undo, PartialError> {
        let plan = self.arena.plan(updates.entries(), schedule)?;
        if let Some(key) = plan.unknown {
            return Err(Missing(key).into());
        }
        let before = self.root();
        let mut dirty = Dirty::default();
        let edited = self.arena.edit(&plan.updates, 0, &mut dirty);
        if let Some(key) = edited.stuck {
            *self = Self::hidden(before);
            return Err(Missing(key).into());
        }
        rehash(&mut [&mut self.arena], &dirty, schedule);
        Ok(plan.undo)
    }
}

/// Leads a node in a witness.
mod tag {
    pub(super) const HIDDEN: u8 = 0;
    pub(super) const BRANCH: u8 = 1;
    pub(super) const LEAF: u8 = 2;
}

/// A hidden child's hash is known when it is hung up; the others' is found by hashing.
const TO_BE_HASHED: NodeHash = [0; 32];
