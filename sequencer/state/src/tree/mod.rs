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
//! Clones share their subtrees until one of them changes.
//!
//! Deliberately absent: hidden leaves (see [`crate::partial`]), storage.

mod apply;
mod index;
mod prove;
mod reshape;
mod route;
mod subtree;
#[cfg(test)]
mod tests;
mod top;
mod witness;

use std::fmt;
use std::sync::Arc;

use alloy_primitives::B256;

use crate::Value;
use crate::arena::Arena;
use crate::keys::TreeKey;
use crate::undo::Undo;
use crate::updates::UpdateBatch;
use subtree::Subtree;
use top::Top;

pub use crate::arena::{PrefixError, Schedule};

/// The state tree.
#[derive(Clone, Default)]
pub struct Tree {
    top: Top,
    /// In key order.
    subtrees: Vec<Arc<Subtree>>,
    len: usize,
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
        tree.apply(&updates, schedule)?;
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

    /// The value at `key`; `None` is zero.
    pub fn get(&self, key: &TreeKey) -> Option<Value> {
        self.subtrees[self.top.find(key)?].get(key)
    }

    /// Takes back what [`Tree::apply`] did: the newest record first.
    ///
    /// Gives the state of before only on the state of after; compare
    /// [`Tree::root`] if the record may be another's. A record whose keys do
    /// not fit into this tree at all changes nothing.
    pub fn revert(&mut self, undo: &Undo, schedule: Schedule) {
        // Fits on the right state: these keys stood in one tree with those that stay.
        let _ = self.apply(&undo.inverse(), schedule);
    }

    /// All leaves in key order.
    pub fn iter(&self) -> impl Iterator<Item = (TreeKey, Value)> + '_ {
        self.subtrees.iter().flat_map(|subtree| subtree.arena().leaves())
    }

    /// The leaves whose keys begin with `prefix`, in key order.
    pub fn with_prefix(&self, prefix: &TreeKey) -> impl Iterator<Item = (TreeKey, Value)> + '_ {
        // Where its way ends is the first, and all that agree with it, or with as much of it as leads to them, follow.
        let first = self.top.find(prefix).unwrap_or(self.subtrees.len());
        let prefix = *prefix;
        let agrees = move |at: &usize| {
            let (path, bits) = self.top.path(*at);
            path.common_bits(&prefix) >= bits.min(prefix.bits())
        };
        let subtrees = (first..self.subtrees.len()).take_while(agrees);
        subtrees.flat_map(move |at| self.subtrees[at].arena().leaves_with_prefix(&prefix))
    }

    /// The arena of the branches above the subtrees, which it hides, each under its number.
    pub(crate) const fn top(&self) -> &Arena {
        self.top.arena()
    }

    /// The arena of the subtree with this number.
    pub(crate) fn subtree(&self, at: usize) -> &Arena {
        self.subtrees[at].arena()
    }
}
