//! Keeping subtrees at a size: one that has grown is cut in two, small neighbours become one if they are in memory.

use std::sync::Arc;

use super::Tree;
use super::residence::Residence;
use super::subtree::Subtree;
use super::top::Top;
use crate::arena::{Arena, NodeId, Place};
use crate::hash::NodeHash;

/// Neighbours that together have no more than this part of the most leaves become one.
const FEW: usize = 4;

impl Tree {
    /// Puts new subtrees among the others, leaves out the empty ones, and makes the top anew.
    pub(super) fn reshape(&mut self, new: Vec<Arc<Subtree>>) {
        self.subtrees.retain(|subtree| subtree.len() > 0);
        for subtree in new.into_iter().filter(|subtree| subtree.len() > 0) {
            let key = subtree.sample();
            // New ones mostly come one after the other, at the end.
            let at = match self.subtrees.last() {
                Some(last) if last.sample() > key => self.subtrees.partition_point(|other| other.sample() < key),
                _ => self.subtrees.len(),
            };
            self.subtrees.insert(at, subtree);
        }
        let most = self.max_leaves();
        if self.subtrees.iter().any(|subtree| subtree.is_here() && subtree.len() > most) {
            let all = std::mem::take(&mut self.subtrees);
            all.into_iter().for_each(|subtree| self.cut(subtree));
        }
        self.top = Top::new(&mut self.subtrees);
        let few = most / FEW;
        let small = |subtree: &Subtree| if subtree.is_here() { subtree.len() } else { few };
        if self.subtrees.array_windows::<2>().any(|[one, two]| small(one) + small(two) <= few) {
            self.merge(few);
            self.top = Top::new(&mut self.subtrees);
        }
        self.residence = Residence::of(&self.subtrees);
    }

    /// Adds a subtree, or its parts if it is too large.
    fn cut(&mut self, subtree: Arc<Subtree>) {
        let too_large = subtree.is_here() && subtree.len() > self.max_leaves();
        let halves = if too_large { subtree.arena().halves() } else { None };
        match halves {
            Some(halves) => {
                let changed = subtree.changed();
                halves.into_iter().for_each(|half| self.cut(Arc::new(Subtree::new(half, changed))));
            }
            None => self.subtrees.push(subtree),
        }
    }

    /// Makes one subtree of all that are below a branch of the top, wherever they have `few` leaves together and are
    /// in memory.
    fn merge(&mut self, few: usize) {
        let top = self.top.arena();
        if let Some(root) = top.root() {
            let below = self.subtrees.iter().map(|subtree| subtree.arena()).collect();
            let mut merger = Merger { top, subtrees: &self.subtrees, few, below, merged: Vec::new() };
            merger.node(root, *top.root_hash());
            self.subtrees = merger.merged;
        }
    }
}

struct Merger<'a> {
    top: &'a Arena,
    subtrees: &'a [Arc<Subtree>],
    few: usize,
    /// Their arenas.
    below: Vec<&'a Arena>,
    merged: Vec<Arc<Subtree>>,
}

impl Merger<'_> {
    fn node(&mut self, at: NodeId, hash: NodeHash) {
        match at.place() {
            Place::Branch(_) if self.leaves(at) <= self.few => {
                let mut arena = Arena::default();
                let root = arena.graft(self.top, at, &self.below);
                arena.set_root(root, hash);
                self.merged.push(Arc::new(Subtree::new(arena, self.changed(at))));
            }
            Place::Branch(branch) => {
                let branch = self.top.node_branch(branch);
                branch.children.iter().zip(branch.hashes).for_each(|(child, hash)| self.node(*child, hash));
            }
            Place::Hidden(at) => self.merged.push(Arc::clone(&self.subtrees[at])),
            // The top has none.
            Place::Leaf(_) => {}
        }
    }

    /// Leaves of the subtrees below; more than few if one of them is left out.
    fn leaves(&self, at: NodeId) -> usize {
        match at.place() {
            Place::Branch(branch) => {
                self.top.node_branch(branch).children.iter().map(|child| self.leaves(*child)).sum()
            }
            Place::Hidden(at) if self.subtrees[at].is_here() => self.subtrees[at].len(),
            Place::Hidden(_) => self.few + 1,
            Place::Leaf(_) => 0,
        }
    }

    /// The last change of the subtrees below.
    fn changed(&self, at: NodeId) -> u64 {
        match at.place() {
            Place::Branch(branch) => {
                let changes = self.top.node_branch(branch).children.map(|child| self.changed(child));
                changes[0].max(changes[1])
            }
            Place::Hidden(at) => self.subtrees[at].changed(),
            Place::Leaf(_) => 0,
        }
    }
}
