//! Copying nodes between arenas, when a subtree is cut in two, put together or left out.
//!
//! Nodes come to lie in key order, close to their neighbours.

use super::{Arena, Branch, NodeId, Place};

impl Arena {
    /// An arena of what hangs on each side of the root; `None` if that is not a branch.
    pub(crate) fn halves(&self) -> Option<[Self; 2]> {
        let Place::Branch(root) = self.root?.place() else { return None };
        let Branch { children, hashes, bit, .. } = &self.branches[root];
        Some([0, 1].map(|side| {
            let mut half = Self::default();
            half.reserve(self.leaf_count() / 2);
            let root = half.graft(self, children[side], &[]);
            half.set_root(root, hashes[side]);
            half.from = bit + 1;
            half
        }))
    }

    /// An arena of the root alone, with both its sides hidden; `None` if that is not a branch.
    pub(crate) fn crown(&self) -> Option<Self> {
        let root = self.root?;
        let Place::Branch(at) = root.place() else { return None };
        let (branch, path) = (&self.branches[at], *self.sample(root));
        let mut crown = Self::below(self.from);
        crown.branches.reserve_exact(1);
        crown.hidden.reserve_exact(2);
        let children = [false, true].map(|side| crown.add_hidden(&path.fork(branch.bit, side), branch.bit + 1));
        let root = crown.put_branch(Branch { children, ..branch.clone() });
        crown.set_root(root, self.root_hash);
        Some(crown)
    }

    /// Copies what is at `at` of another arena, hashes included. Where that hides node `n`, the root of `below[n]` comes.
    pub(crate) fn graft(&mut self, other: &Self, at: NodeId, below: &[&Self]) -> NodeId {
        match at.place() {
            Place::Leaf(leaf) => {
                let leaf = &other.leaves[leaf];
                self.add_leaf(leaf.key, leaf.value)
            }
            Place::Branch(branch) => {
                let branch = other.branches[branch].clone();
                let children = branch.children.map(|child| self.graft(other, child, below));
                self.put_branch(Branch { children, ..branch })
            }
            Place::Hidden(at) => match below.get(at).and_then(|part| Some((*part, part.root?))) {
                Some((part, root)) => self.graft(part, root, &[]),
                None => {
                    let hidden = &other.hidden[at];
                    self.add_hidden(&hidden.path, hidden.bits)
                }
            },
        }
    }
}
