//! Changing the shape: one walk over the tree for a whole batch.
//!
//! Updates go down together and part at each branch; on the way back every
//! branch knows which children have to be hashed again. A new key makes one
//! branch; a deletion takes one away, and what stood beside the deleted leaf
//! moves up by that branch.

use super::{Arena, Dirty, NodeId, Place};
use crate::keys::TreeKey;
use crate::updates::Update;

/// What an edit did besides changing the shape.
#[derive(Debug)]
pub(crate) struct Edited {
    /// To be hashed.
    pub(crate) dirty: Dirty,
    /// Positions of new leaves.
    pub(crate) added: Vec<usize>,
    /// A deleted key beside which only a hidden node remained: that node's new
    /// hash cannot be known, and the arena is of no more use.
    pub(crate) stuck: Option<TreeKey>,
}

/// A subtree after its updates, and whether it has to be hashed again.
type Outcome = (Option<NodeId>, bool);

struct Editor<'a> {
    arena: &'a mut Arena,
    edited: Edited,
}

impl Arena {
    /// Applies planned updates; [`Arena::rehash`] comes next.
    pub(crate) fn edit(&mut self, updates: &[Update]) -> Edited {
        let edited = Edited { dirty: Dirty::new(), added: Vec::new(), stuck: None };
        let root = self.root;
        let mut editor = Editor { arena: self, edited };
        let root = match root {
            _ if updates.is_empty() => root,
            None => editor.grow(updates),
            Some(root) => editor.node(root, 0, updates).0,
        };
        let edited = editor.edited;
        self.root = root;
        edited
    }
}

impl Editor<'_> {
    /// Applies `updates`, which are not none, to the subtree at `at`, whose prefix begins at bit `from`.
    fn node(&mut self, at: NodeId, from: u16, updates: &[Update]) -> Outcome {
        match at.place() {
            Place::Leaf(leaf) => self.leaf(at, leaf, updates),
            Place::Branch(branch) => self.branch(at, branch, from, updates),
            Place::Hidden(_) => {
                self.edited.stuck.get_or_insert(updates[0].0);
                (Some(at), false)
            }
        }
    }

    fn leaf(&mut self, at: NodeId, leaf: usize, updates: &[Update]) -> Outcome {
        let own = self.arena.leaves[leaf].key;
        let before = updates.partition_point(|(key, _)| *key < own);
        let hit = updates.get(before).filter(|(key, _)| *key == own);
        let after = before + usize::from(hit.is_some());
        let stays = match hit {
            Some((_, Some(value))) => {
                self.arena.leaves[leaf].value = *value;
                true
            }
            Some((_, None)) => false,
            None => true,
        };
        if stays && updates.len() == usize::from(hit.is_some()) {
            return (Some(at), true);
        }
        let mut leaves = Vec::with_capacity(updates.len() + 1);
        self.add(&updates[..before], &mut leaves);
        if stays {
            leaves.push(at);
        } else {
            self.arena.free_leaves.push(leaf);
        }
        self.add(&updates[after..], &mut leaves);
        (self.build(&leaves), true)
    }

    fn branch(&mut self, at: NodeId, branch: usize, from: u16, updates: &[Update]) -> Outcome {
        let bit = self.arena.branches[branch].bit;
        if let Some((leave, side)) = self.leaves_prefix(at, branch, from, updates) {
            return self.above(at, leave, side, updates);
        }
        let (to_left, to_right) = updates.split_at(updates.partition_point(|(key, _)| !key.bit(bit)));
        let [left, right] = self.arena.branches[branch].children;
        let below = bit + 1;
        let (left, left_dirty) = if to_left.is_empty() { (Some(left), false) } else { self.node(left, below, to_left) };
        let (right, right_dirty) =
            if to_right.is_empty() { (Some(right), false) } else { self.node(right, below, to_right) };
        match (left, right) {
            (Some(left), Some(right)) => {
                self.arena.branches[branch].children = [left, right];
                if left_dirty {
                    self.arena.mark(&mut self.edited.dirty, branch, 0);
                }
                if right_dirty {
                    self.arena.mark(&mut self.edited.dirty, branch, 1);
                }
                (Some(at), left_dirty || right_dirty)
            }
            (survivor, None) | (None, survivor) => {
                self.arena.free_branches.push(branch);
                if let Some(Place::Hidden(_)) = survivor.map(NodeId::place) {
                    self.edited.stuck.get_or_insert(updates[0].0);
                }
                (survivor, true)
            }
        }
    }

    /// The first bit before the branch's own in which an update's key leaves
    /// the way there, and the side of the branch at that bit.
    fn leaves_prefix(&self, at: NodeId, branch: usize, from: u16, updates: &[Update]) -> Option<(u16, bool)> {
        // Keys are sorted and agree before `from`: the first or the last leaves earliest.
        let ends = [&updates[0].0, &updates[updates.len() - 1].0];
        let leave = ends.map(|key| (key, self.arena.shared_bits(at, from, key)));
        let (key, leave) = leave.into_iter().min_by_key(|(_, leave)| *leave)?;
        (leave < self.arena.branches[branch].bit).then(|| (leave, !key.bit(leave)))
    }

    /// Some updates leave the way to `at` at bit `leave`: a new branch stands there, with `at` on its side `side`.
    fn above(&mut self, at: NodeId, leave: u16, side: bool, updates: &[Update]) -> Outcome {
        let (left, right) = updates.split_at(updates.partition_point(|(key, _)| !key.bit(leave)));
        let (same, other) = if side { (right, left) } else { (left, right) };
        let new = self.grow(other);
        let old = if same.is_empty() { Some(at) } else { self.node(at, leave + 1, same).0 };
        match (old, new) {
            (Some(old), Some(new)) => {
                let children = if side { [new, old] } else { [old, new] };
                // All updates agree with the way up to `leave`.
                (Some(self.join(&updates[0].0, leave, children)), true)
            }
            (rest, None) | (None, rest) => (rest, true),
        }
    }

    /// A subtree of the new leaves in `updates`.
    fn grow(&mut self, updates: &[Update]) -> Option<NodeId> {
        let mut leaves = Vec::with_capacity(updates.len());
        self.add(updates, &mut leaves);
        self.build(&leaves)
    }

    fn add(&mut self, updates: &[Update], leaves: &mut Vec<NodeId>) {
        for (key, value) in updates {
            let Some(value) = value else { continue };
            let id = self.arena.add_leaf(*key, *value);
            if let Place::Leaf(at) = id.place() {
                self.edited.added.push(at);
            }
            leaves.push(id);
        }
    }

    /// A subtree of these leaves, which are in key order.
    fn build(&mut self, leaves: &[NodeId]) -> Option<NodeId> {
        let (first, last) = (*leaves.first()?, *leaves.last()?);
        if first == last {
            return Some(first);
        }
        let key = *self.arena.sample(first);
        let bit = key.common_bits(self.arena.sample(last));
        let (left, right) = leaves.split_at(leaves.partition_point(|leaf| !self.arena.sample(*leaf).bit(bit)));
        let children = [self.build(left)?, self.build(right)?];
        Some(self.join(&key, bit, children))
    }

    /// A branch at `bit` of `path` over two nodes that have to be hashed.
    fn join(&mut self, path: &TreeKey, bit: u16, children: [NodeId; 2]) -> NodeId {
        let id = self.arena.add_branch(path, bit, children, [[0; 32]; 2]);
        if let Place::Branch(at) = id.place() {
            self.arena.mark(&mut self.edited.dirty, at, 0);
            self.arena.mark(&mut self.edited.dirty, at, 1);
        }
        id
    }
}
