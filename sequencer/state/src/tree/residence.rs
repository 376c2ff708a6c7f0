//! Which subtrees are in memory.
//!
//! One that is left out keeps its hash and its topmost branch; its leaves are in the store alone. It comes back when a
//! batch changes it, and is compared with its hash then. What is read or written counts as used, and what is not used
//! for a turn of the clock's hand goes first.

use std::sync::Arc;

use rayon::prelude::*;

use super::Tree;
use super::stored::{Backing, StoredError};
use super::subtree::Subtree;

/// How much of a tree is in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Residence {
    /// Subtrees that are.
    pub subtrees: usize,
    /// What they take, in bytes. Each of the others takes some 600.
    pub bytes: usize,
}

/// Subtrees that were left out. Their memory goes with this: drop it where nobody waits.
#[derive(Default)]
pub struct LeftOut(Vec<Arc<Subtree>>);

impl LeftOut {
    /// How many.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether all have stayed.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Residence {
    pub(super) fn of<'a>(subtrees: impl IntoIterator<Item = &'a Arc<Subtree>>) -> Self {
        let here = subtrees.into_iter().filter(|subtree| subtree.is_here());
        here.fold(Self::default(), |sum, subtree| sum.with(subtree))
    }

    pub(super) fn with(self, subtree: &Subtree) -> Self {
        Self { subtrees: self.subtrees + 1, bytes: self.bytes + subtree.bytes() }
    }

    pub(super) fn without(self, subtree: &Subtree) -> Self {
        Self { subtrees: self.subtrees - 1, bytes: self.bytes - subtree.bytes() }
    }
}

impl Tree {
    /// Puts a store behind the tree that holds all its leaves, so that subtrees can be left out from now on.
    pub fn back(&mut self, backing: Backing) {
        self.backing = Some(backing);
        // They are smaller in such a tree.
        self.reshape(Vec::new());
    }

    /// How much is in memory.
    pub const fn residence(&self) -> Residence {
        self.residence
    }

    /// Number of subtrees.
    pub fn subtrees(&self) -> usize {
        self.subtrees.len()
    }

    /// How many changes were made: [`Tree::leave_out`] is told up to which of them all is written.
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// Leaves out subtrees until the rest fits into the memory that it may take. The store has, and keeps, what the tree
    /// was after its first `written` changes; those that have changed since stay.
    pub fn leave_out(&mut self, written: u64) -> LeftOut {
        let mut left = LeftOut::default();
        let Some(Backing { memory, .. }) = self.backing else { return left };
        // A whole turn in which nothing has changed is the last.
        let (mut in_vain, all) = (0, self.subtrees.len());
        while self.residence.bytes > memory && in_vain < all {
            self.hand = (self.hand + 1) % all;
            in_vain += 1;
            let subtree = &mut self.subtrees[self.hand];
            if !subtree.is_here() || subtree.changed() > written {
                continue;
            }
            if subtree.forget_use() {
                in_vain = 0;
            } else if let Some(stub) = subtree.stub() {
                in_vain = 0;
                self.residence = self.residence.without(subtree);
                left.0.push(std::mem::replace(subtree, Arc::new(stub)));
            }
        }
        left
    }

    /// Loads those of the subtrees with these numbers that are left out.
    pub(super) fn fetch(&mut self, numbers: impl Iterator<Item = usize>) -> Result<(), StoredError> {
        let Some(Backing { source, .. }) = &self.backing else { return Ok(()) };
        let absent: Vec<usize> = numbers.filter(|at| !self.subtrees[*at].is_here()).collect();
        let load = |at: &usize| self.subtrees[*at].load(&**source);
        let loaded: Vec<Subtree> = absent.par_iter().map(load).collect::<Result<_, _>>()?;
        for (at, subtree) in absent.into_iter().zip(loaded) {
            self.residence = self.residence.with(&subtree);
            self.subtrees[at] = Arc::new(subtree);
        }
        Ok(())
    }
}
