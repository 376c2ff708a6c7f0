//! A part of the tree that one thread works on, and that is in memory or not: what lies below one of the top's branches.

use std::sync::atomic::{AtomicBool, Ordering};

use super::index::Index;
use super::stored::{LeafSource, StoredError};
use crate::Value;
use crate::arena::{Arena, Dirty, Place, PrefixError, Schedule, rehash};
use crate::keys::TreeKey;
use crate::undo::Undo;
use crate::updates::Update;

/// Most leaves. Few enough that what a block touches of them stays in a core's own cache while it is applied.
pub(super) const MAX_LEAVES: usize = if cfg!(test) { 8 } else { 1 << 14 };

/// Most leaves where subtrees may be left out: all of one are read when one is changed.
pub(super) const MAX_STORED_LEAVES: usize = if cfg!(test) { 8 } else { 1 << 9 };

/// Leaves whose keys share all bits before some bit, and an index of them. Never empty between blocks.
#[derive(Default)]
pub(super) struct Subtree {
    /// If it is left out, of its topmost branch alone.
    arena: Arena,
    index: Index,
    /// If it is left out, how many leaves the store has in its place.
    left_out: Option<usize>,
    /// After how many changes of the tree it changed last.
    changed: u64,
    /// Since the clock's hand has passed.
    used: AtomicBool,
}

impl Clone for Subtree {
    fn clone(&self) -> Self {
        let Self { arena, index, left_out, changed, .. } = self;
        let used = AtomicBool::new(self.used.load(Ordering::Relaxed));
        Self { arena: arena.clone(), index: index.clone(), left_out: *left_out, changed: *changed, used }
    }
}

impl Subtree {
    /// Of an arena that is hashed and has no gaps, and whose leaves have changed no later than so.
    pub(super) fn new(arena: Arena, changed: u64) -> Self {
        let mut index = Index::default();
        index.reserve(arena.leaf_count(), &arena);
        (0..arena.leaf_count()).for_each(|at| index.insert(at, &arena));
        Self { arena, index, changed, used: AtomicBool::new(true), ..Self::default() }
    }

    /// Of leaves in key order, at least one, without zeros; its prefix begins at bit `from`.
    pub(super) fn of_leaves(leaves: &[(TreeKey, Value)], from: u16) -> Result<Self, PrefixError> {
        let updates: Vec<Update> = leaves.iter().map(|(key, value)| (*key, Some(*value))).collect();
        let mut subtree = Self { arena: Arena::below(from), ..Self::default() };
        let mut dirty = Dirty::default();
        subtree.edit(&updates, 0, &mut dirty)?;
        rehash(&mut [&mut subtree.arena], &dirty, Schedule::Sequential);
        Ok(subtree)
    }

    pub(super) const fn arena(&self) -> &Arena {
        &self.arena
    }

    pub(super) const fn arena_mut(&mut self) -> &mut Arena {
        &mut self.arena
    }

    /// Number of leaves.
    pub(super) fn len(&self) -> usize {
        self.left_out.unwrap_or_else(|| self.index.len())
    }

    /// Whether it is in memory.
    pub(super) const fn is_here(&self) -> bool {
        self.left_out.is_none()
    }

    /// What it takes in memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.arena.bytes() + self.index.bytes()
    }

    pub(super) const fn changed(&self) -> u64 {
        self.changed
    }

    /// It has changed by the tree's newest change.
    pub(super) fn change(&mut self, changed: u64) {
        self.changed = changed;
        *self.used.get_mut() = true;
    }

    pub(super) fn note_use(&self) {
        // Written only where that changes something: many threads read the same.
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was used since this was asked last.
    pub(super) fn forget_use(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    /// One of the keys, or of one that is left out the bits that they share; zeros if there are none.
    pub(super) fn sample(&self) -> TreeKey {
        self.arena.root().map_or_else(TreeKey::zeros, |root| *self.arena.sample(root))
    }

    pub(super) fn get(&self, key: &TreeKey) -> Option<Value> {
        self.index.find(key, &self.arena).map(|at| self.arena.node_leaf(at).value)
    }

    /// The bits that all keys share, followed by whatever, and how many these are.
    ///
    /// More than lead here from the top: what lies beside them was deleted, and may be in the store for a while yet.
    fn way(&self) -> (TreeKey, u16) {
        let sample = self.sample();
        match self.arena.root().map(|root| root.place()) {
            Some(Place::Branch(at)) => (sample, self.arena.node_branch(at).bit),
            _ => (sample, sample.bits()),
        }
    }

    /// Whether a key has all the bits that those here share.
    pub(super) fn may_hold(&self, key: &TreeKey) -> bool {
        let (path, bits) = self.way();
        path.common_bits(key) >= bits
    }

    /// What stays when it is left out; `None` if that would be all of it.
    pub(super) fn stub(&self) -> Option<Self> {
        let arena = self.arena.crown()?;
        Some(Self { arena, left_out: Some(self.len()), changed: self.changed, ..Self::default() })
    }

    /// What was left out, as the store has it.
    pub(super) fn load(&self, source: &dyn LeafSource) -> Result<Self, StoredError> {
        let ((path, bits), count) = (self.way(), self.len());
        let path = path.truncate(bits);
        let damaged = || StoredError::Damaged(path);
        // One more would be one too many.
        let leaves = source.leaves(&path, bits, count + 1)?;
        let in_order = leaves.array_windows::<2>().all(|[one, two]| one.0 < two.0);
        if leaves.len() != count || !in_order || leaves.iter().any(|(key, _)| key.common_bits(&path) < bits) {
            return Err(damaged());
        }
        let loaded = Self::of_leaves(&leaves, self.arena.from()).map_err(|_| damaged())?;
        if loaded.arena.root_hash() != self.arena.root_hash() {
            return Err(damaged());
        }
        Ok(Self { changed: self.changed, used: AtomicBool::new(true), ..loaded })
    }

    /// Applies updates, all but the hashes: what has to be hashed goes into `dirty`, as of arena `number`.
    ///
    /// On an error nothing is changed.
    pub(super) fn edit(&mut self, updates: &[Update], number: u32, dirty: &mut Dirty) -> Result<Undo, PrefixError> {
        let plan = self.arena.plan(updates, Schedule::Sequential)?;
        debug_assert!(plan.unknown.is_none(), "a subtree in memory hides nothing");
        if self.arena.root().is_none() {
            self.arena.reserve(plan.updates.len());
            self.index.reserve(plan.updates.len(), &self.arena);
        }
        for (key, _) in plan.updates.iter().filter(|(_, value)| value.is_none()) {
            self.index.remove(key, &self.arena);
        }
        let edited = self.arena.edit(&plan.updates, number, dirty);
        debug_assert!(edited.stuck.is_none(), "a subtree in memory hides nothing");
        edited.added.iter().for_each(|at| self.index.insert(*at, &self.arena));
        Ok(plan.undo)
    }
}
