//! The whole tree: an arena of nodes, and an index from key to leaf.
//!
//! Reads go through the index. A batch is applied in four steps: the old values
//! are looked up ([`Undo`]), the shape is changed and what is dirty noted, the
//! index follows, dirty nodes are hashed. The first and the last run on rayon's
//! threads when asked to. Nothing is changed unless all of it can be.
//!
//! Deliberately absent: hidden nodes (see [`crate::partial`]), storage.

mod index;
mod prove;
#[cfg(test)]
mod tests;

use std::fmt;

use alloy_primitives::B256;

use crate::Value;
use crate::arena::{self, Arena};
use crate::keys::TreeKey;
use crate::undo::Undo;
use crate::updates::UpdateBatch;
use index::Index;

pub use crate::arena::{PrefixError, Schedule};

/// The state tree.
#[derive(Clone, Default)]
pub struct Tree {
    arena: Arena,
    index: Index,
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
        tree.arena.reserve(updates.entries().len());
        tree.index.reserve(updates.entries().len(), &tree.arena);
        tree.apply(&updates, schedule)?;
        Ok(tree)
    }

    /// The root; zero for the empty tree.
    pub fn root(&self) -> B256 {
        self.arena.root_hash().into()
    }

    /// Number of leaves.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are no leaves.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at `key`; `None` is zero.
    pub fn get(&self, key: &TreeKey) -> Option<Value> {
        self.index.find(key, &self.arena).map(|at| self.arena.node_leaf(at).value)
    }

    /// Applies updates and rehashes; returns what [`Tree::revert`] takes them back with.
    ///
    /// A new key is compared with the keys before the batch: it may not be a
    /// prefix even of one that the batch deletes. On an error the tree is as before.
    pub fn apply(&mut self, updates: &UpdateBatch, schedule: Schedule) -> Result<Undo, PrefixError> {
        let plan = self.arena.plan(updates, schedule)?;
        for (key, _) in plan.updates.iter().filter(|(_, value)| value.is_none()) {
            self.index.remove(key, &self.arena);
        }
        let edited = self.arena.edit(&plan.updates);
        debug_assert!(plan.unknown.is_none() && edited.stuck.is_none(), "a whole tree hides nothing");
        for at in &edited.added {
            self.index.insert(*at, &self.arena);
        }
        self.arena.rehash(&edited.dirty, schedule);
        Ok(plan.undo)
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
    pub fn iter(&self) -> Leaves<'_> {
        Leaves(self.arena.leaves())
    }

    /// The leaves whose keys begin with `prefix`, in key order.
    pub fn with_prefix(&self, prefix: &TreeKey) -> Leaves<'_> {
        Leaves(self.arena.leaves_with_prefix(prefix))
    }

    pub(crate) const fn arena(&self) -> &Arena {
        &self.arena
    }
}

/// Leaves in key order.
#[derive(Debug)]
pub struct Leaves<'a>(arena::Leaves<'a>);

impl Iterator for Leaves<'_> {
    type Item = (TreeKey, Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}
