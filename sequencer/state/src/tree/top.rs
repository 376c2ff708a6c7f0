//! The branches above the subtrees: an arena that hides them, each under its number in key order.
//!
//! There are some thousand leaves below each of its ends, so it is small: when
//! the subtrees change it is made anew, else only its hashes follow theirs.

use std::sync::Arc;

use super::subtree::Subtree;
use crate::arena::{Arena, NodeId, Place};
use crate::hash::NodeHash;
use crate::keys::TreeKey;

/// The branches above the subtrees.
#[derive(Clone, Default)]
pub(super) struct Top {
    arena: Arena,
}

impl Top {
    /// Above these, which are in key order and not empty; those to which other bits lead now are told so.
    pub(super) fn new(subtrees: &mut [Arc<Subtree>]) -> Self {
        let mut top = Self::default();
        if !subtrees.is_empty() {
            let (root, hash) = top.build(subtrees, 0);
            top.arena.set_root(root, hash);
        }
        top
    }

    fn build(&mut self, subtrees: &mut [Arc<Subtree>], from: u16) -> (NodeId, NodeHash) {
        let first = subtrees[0].sample();
        if let [subtree] = subtrees {
            if subtree.arena().from() != from {
                Arc::make_mut(subtree).arena_mut().set_from(from);
            }
            return (self.arena.add_hidden(&first, from), *subtree.arena().root_hash());
        }
        let bit = first.common_bits(&subtrees[subtrees.len() - 1].sample());
        let middle = subtrees.partition_point(|subtree| !subtree.sample().bit(bit));
        let (left, right) = subtrees.split_at_mut(middle);
        let [(left, left_hash), (right, right_hash)] = [left, right].map(|side| self.build(side, bit + 1));
        let branch = self.arena.add_branch(&first, bit, [left, right], [left_hash, right_hash]);
        (branch, self.arena.node_hash(branch, from))
    }

    /// Takes over the hashes of the subtrees with these numbers, which are in order.
    pub(super) fn refresh(&mut self, subtrees: &[Arc<Subtree>], changed: &[usize]) {
        if let Some(root) = self.arena.root()
            && !changed.is_empty()
        {
            let hash = self.refresh_node(root, 0, subtrees, changed);
            self.arena.set_root(root, hash);
        }
    }

    fn refresh_node(&mut self, at: NodeId, from: u16, subtrees: &[Arc<Subtree>], changed: &[usize]) -> NodeHash {
        let Place::Branch(branch) = at.place() else { return *subtrees[changed[0]].arena().root_hash() };
        let (bit, children) = (self.arena.node_branch(branch).bit, self.arena.node_branch(branch).children);
        let (left, right) = changed.split_at(changed.partition_point(|at| !subtrees[*at].sample().bit(bit)));
        for (side, changed) in [left, right].into_iter().enumerate() {
            if !changed.is_empty() {
                let hash = self.refresh_node(children[side], bit + 1, subtrees, changed);
                self.arena.hang(branch, side, children[side], hash);
            }
        }
        self.arena.node_hash(at, from)
    }

    /// The subtree in which the key would be if it agreed with all bits that lead there, and how many of these it has.
    pub(super) fn find(&self, key: &TreeKey) -> Option<usize> {
        match self.arena.descend(key)? {
            Place::Hidden(at) => Some(at),
            // Nothing else is at the ends.
            Place::Branch(_) | Place::Leaf(_) => None,
        }
    }

    /// The bits that lead to the subtree numbered `at`, with zeros after them, and how many they are.
    pub(super) fn path(&self, at: usize) -> (&TreeKey, u16) {
        let hidden = self.arena.node_hidden(at);
        (&hidden.path, hidden.bits)
    }

    pub(super) const fn arena(&self) -> &Arena {
        &self.arena
    }
}
