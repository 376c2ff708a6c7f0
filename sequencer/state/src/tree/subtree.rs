//! A part of the tree that one thread works on: what lies below one of the top's branches.

use super::index::Index;
use crate::Value;
use crate::arena::{Arena, Dirty, PrefixError, Schedule};
use crate::keys::TreeKey;
use crate::undo::Undo;
use crate::updates::Update;

/// Most leaves. Few enough that what a block touches of them stays in a core's own cache while it is applied.
pub(super) const MAX_LEAVES: usize = if cfg!(test) { 8 } else { 1 << 14 };

/// Neighbours with no more leaves than this together become one.
pub(super) const FEW_LEAVES: usize = MAX_LEAVES / 4;

/// Leaves whose keys share all bits before some bit, and an index of them. Never empty between blocks.
#[derive(Clone, Default)]
pub(super) struct Subtree {
    arena: Arena,
    index: Index,
}

impl Subtree {
    /// Of an arena that is hashed and has no gaps.
    pub(super) fn new(arena: Arena) -> Self {
        let mut index = Index::default();
        index.reserve(arena.leaf_count(), &arena);
        (0..arena.leaf_count()).for_each(|at| index.insert(at, &arena));
        Self { arena, index }
    }

    pub(super) const fn arena(&self) -> &Arena {
        &self.arena
    }

    pub(super) const fn arena_mut(&mut self) -> &mut Arena {
        &mut self.arena
    }

    /// Number of leaves.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// One of the keys; zeros if there are none.
    pub(super) fn sample(&self) -> TreeKey {
        self.arena.root().map_or_else(TreeKey::zeros, |root| *self.arena.sample(root))
    }

    pub(super) fn get(&self, key: &TreeKey) -> Option<Value> {
        self.index.find(key, &self.arena).map(|at| self.arena.node_leaf(at).value)
    }

    /// Applies updates, all but the hashes: what has to be hashed goes into `dirty`, as of arena `number`.
    ///
    /// On an error nothing is changed.
    pub(super) fn edit(&mut self, updates: &[Update], number: u32, dirty: &mut Dirty) -> Result<Undo, PrefixError> {
        let plan = self.arena.plan(updates, Schedule::Sequential)?;
        debug_assert!(plan.unknown.is_none(), "a whole tree hides nothing");
        if self.arena.root().is_none() {
            self.arena.reserve(plan.updates.len());
            self.index.reserve(plan.updates.len(), &self.arena);
        }
        for (key, _) in plan.updates.iter().filter(|(_, value)| value.is_none()) {
            self.index.remove(key, &self.arena);
        }
        let edited = self.arena.edit(&plan.updates, number, dirty);
        debug_assert!(edited.stuck.is_none(), "a whole tree hides nothing");
        edited.added.iter().for_each(|at| self.index.insert(*at, &self.arena));
        Ok(plan.undo)
    }
}
