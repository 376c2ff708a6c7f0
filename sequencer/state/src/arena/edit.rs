//! Changing the shape: one walk over the tree for a whole batch.
//!
//! Updates go down together and part at each branch; on the way back every
//! branch knows which children have to be hashed again. A new key makes one
//! branch; a deletion takes one away, and what stood beside the deleted leaf
//! moves up by that branch.

use super::rehash::{Dirty, Height};
use super::{Arena, NodeId, Place};
use crate::keys::TreeKey;
use crate::updates::Update;

/// What an edit did besides changing the shape.
#[derive(Debug, Default)]
pub(crate) struct Edited {
    /// Positions of new leaves.
    pub(crate) added: Vec<usize>,
    /// A deleted key beside which only a hidden node remained: that node's new
    /// hash cannot be known, and the arena is of no more use.
    pub(crate) stuck: Option<TreeKey>,
}

/// What stands at a place after its updates, and how high above what has to be hashed again.
type Outcome = (Option<NodeId>, Height);

/// A leaf that has to be hashed, or a node that has a new prefix.
const BOTTOM: Height = Some(0);

struct Editor<'a> {
    arena: &'a mut Arena,
    /// The arena's number in `dirty`.
    number: u32,
    dirty: &'a mut Dirty,
    edited: Edited,
}

impl Arena {
    /// Applies planned updates and notes in `dirty`, as arena `number`, what has to be hashed; [`rehash`](super::rehash()) comes next.
    pub(crate) fn edit(&mut self, updates: &[Update], number: u32, dirty: &mut Dirty) -> Edited {
        let (root, from) = (self.root, self.from);
        let mut editor = Editor { arena: self, number, dirty, edited: Edited::default() };
        let (root, height) = match root {
            _ if updates.is_empty() => (root, None),
            None => editor.grow(updates),
            Some(root) => editor.node(root, from, updates),
        };
        let edited = editor.edited;
        self.root = root;
        if let Some(height) = height {
            self.mark_root(dirty, number, height);
        }
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
                (Some(at), None)
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
            return (Some(at), BOTTOM);
        }
        let mut leaves = Vec::with_capacity(updates.len() + 1);
        self.add(&updates[..before], &mut leaves);
        if stays {
            leaves.push(at);
        } else {
            self.arena.free_leaves.push(leaf);
        }
        self.add(&updates[after..], &mut leaves);
        self.build(&leaves)
    }

    fn branch(&mut self, at: NodeId, branch: usize, from: u16, updates: &[Update]) -> Outcome {
        let bit = self.arena.branches[branch].bit;
        if let Some((leave, side)) = self.leaves_prefix(at, branch, from, updates) {
            return self.above(at, leave, side, updates);
        }
        let (to_left, to_right) = updates.split_at(updates.partition_point(|(key, _)| !key.bit(bit)));
        let [left, right] = self.arena.branches[branch].children;
        let below = bit + 1;
        let (left, left_height) = if to_left.is_empty() { (Some(left), None) } else { self.node(left, below, to_left) };
        let (right, right_height) =
            if to_right.is_empty() { (Some(right), None) } else { self.node(right, below, to_right) };
        match (left, right) {
            (Some(left), Some(right)) => {
                self.arena.branches[branch].children = [left, right];
                (Some(at), self.mark(branch, [left_height, right_height]))
            }
            (survivor, None) | (None, survivor) => {
                self.arena.free_branches.push(branch);
                if let Some(Place::Hidden(_)) = survivor.map(NodeId::place) {
                    self.edited.stuck.get_or_insert(updates[0].0);
                }
                (survivor, left_height.max(right_height).max(BOTTOM))
            }
        }
    }

    /// Notes which children of the branch have to be hashed, by their heights; the branch's own height.
    fn mark(&mut self, branch: usize, heights: [Height; 2]) -> Height {
        for (side, height) in heights.into_iter().enumerate() {
            if let Some(height) = height {
                self.arena.mark(self.dirty, self.number, branch, side, height);
            }
        }
        heights[0].max(heights[1]).map(|height| height + 1)
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
        let (new, new_height) = self.grow(other);
        // Its prefix is another one now, whatever becomes of what is below.
        let (old, old_height) = if same.is_empty() { (Some(at), BOTTOM) } else { self.node(at, leave + 1, same) };
        let old_height = old_height.max(BOTTOM);
        match (old, new) {
            (Some(old), Some(new)) => {
                let (children, heights) = ([old, new], [old_height, new_height]);
                let (children, heights) = if side { (flip(children), flip(heights)) } else { (children, heights) };
                // All updates agree with the way up to `leave`.
                self.join(&updates[0].0, leave, children, heights)
            }
            (rest, None) | (None, rest) => (rest, old_height.max(new_height)),
        }
    }

    /// A subtree of the new leaves in `updates`.
    fn grow(&mut self, updates: &[Update]) -> Outcome {
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

    /// A subtree of these leaves, which are in key order; even none has changed what is above.
    fn build(&mut self, leaves: &[NodeId]) -> Outcome {
        let (Some(first), Some(last)) = (leaves.first(), leaves.last()) else { return (None, BOTTOM) };
        if first == last {
            return (Some(*first), BOTTOM);
        }
        let key = *self.arena.sample(*first);
        let bit = key.common_bits(self.arena.sample(*last));
        let (left, right) = leaves.split_at(leaves.partition_point(|leaf| !self.arena.sample(*leaf).bit(bit)));
        match [self.build(left), self.build(right)] {
            [(Some(left), left_height), (Some(right), right_height)] => {
                self.join(&key, bit, [left, right], [left_height, right_height])
            }
            // Both sides have leaves: the first and the last.
            [(left, height), (right, _)] => (left.or(right), height),
        }
    }

    /// A branch at `bit` of `path` over two nodes that have to be hashed.
    fn join(&mut self, path: &TreeKey, bit: u16, children: [NodeId; 2], heights: [Height; 2]) -> Outcome {
        let id = self.arena.add_branch(path, bit, children, [[0; 32]; 2]);
        let height = if let Place::Branch(at) = id.place() { self.mark(at, heights) } else { None };
        (Some(id), height)
    }
}

fn flip<T>([left, right]: [T; 2]) -> [T; 2] {
    [right, left]
}
