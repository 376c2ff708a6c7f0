//! Keeping subtrees at a size: one that has grown is cut in two, small neighbours become one.

use std::sync::Arc;

use super::Tree;
use super::subtree::{FEW_LEAVES, MAX_LEAVES, Subtree};
use super::top::Top;
use crate::arena::{Arena, NodeId, Place};
use crate::hash::NodeHash;

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
        if self.subtrees.iter().any(|subtree| subtree.len() > MAX_LEAVES) {
            let all = std::mem::take(&mut self.subtrees);
            all.into_iter().for_each(|subtree| self.cut(subtree));
        }
        self.top = Top::new(&mut self.subtrees);
        if self.subtrees.array_windows::<2>().any(|[one, two]| one.len() + two.len() <= FEW_LEAVES) {
            self.merge();
            self.top = Top::new(&mut self.subtrees);
        }
    }

    /// Adds a subtree, or its parts if it is too large.
    fn cut(&mut self, subtree: Arc<Subtree>) {
        let halves = if subtree.len() > MAX_LEAVES { subtree.arena().halves() } else { None };
        match halves {
            Some(halves) => halves.into_iter().for_each(|half| self.cut(Arc::new(Subtree::new(half)))),
            None => self.subtrees.push(subtree),
        }
    }

    /// Makes one subtree of all that are below a branch of the top, wherever they have few leaves together.
    fn merge(&mut self) {
        let top = self.top.arena();
        if let Some(root) = top.root() {
            let below = self.subtrees.iter().map(|subtree| subtree.arena()).collect();
            let mut merger = Merger { top, subtrees: &self.subtrees, below, merged: Vec::new() };
            merger.node(root, *top.root_hash());
            self.subtrees = merger.merged;
        }
    }
}

struct Merger<'a> {
    top: &'a Arena,
    subtrees: &'a [Arc<Subtree>],
    /// Their arenas.
    below: Vec<&'a Arena>,
    merged: Vec<Arc<Subtree>>,
}

impl Merger<'_> {
    fn node(&mut self, at: NodeId, hash: NodeHash) {
        match at.place() {
            Place::Branch(_) if self.leaves(at) <= FEW_LEAVES => {
                let mut arena = Arena::default();
                let root = arena.graft(self.top, at, &self.below);
                arena.set_root(root, hash);
                self.merged.push(Arc::new(Subtree::new(arena)));
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

    fn leaves(&self, at: NodeId) -> usize {
        match at.place() {
            Place::Branch(branch) => {
                self.top.node_branch(branch).children.iter().map(|child| self.leaves(*child)).sum()
            }
            Place::Hidden(at) => self.subtrees[at].len(),
            Place::Leaf(_) => 0,
        }
    }
}
