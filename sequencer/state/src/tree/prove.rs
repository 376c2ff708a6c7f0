//! Making proofs.

use super::Tree;
use crate::arena::Place;
use crate::keys::TreeKey;
use crate::proof::{End, Proof, Step};

impl Tree {
    /// Proof of the value at `key`, or of its absence, under [`Tree::root`].
    pub fn prove(&self, key: &TreeKey) -> Proof {
        let mut steps = Vec::new();
        let Some(mut at) = self.arena.root() else { return Proof { steps, end: End::Empty } };
        // Where the key leaves the way that its bits choose. Branches beyond do not lead to it.
        let shared = key.common_bits(self.near(key));
        while let Place::Branch(branch) = at.place() {
            let branch = self.arena.node_branch(branch);
            if shared < branch.bit || key.bits() <= branch.bit {
                let path = self.arena.sample(at).truncate(branch.bit);
                return Proof { steps, end: End::Branch { path, bit: branch.bit, children: branch.hashes } };
            }
            let side = usize::from(key.bit(branch.bit));
            steps.push(Step { bit: branch.bit, sibling: branch.hashes[1 - side] });
            at = branch.children[side];
        }
        let Place::Leaf(leaf) = at.place() else { return Proof { steps, end: End::Empty } };
        let leaf = self.arena.node_leaf(leaf);
        Proof { steps, end: End::Leaf { key: leaf.key, value: leaf.value } }
    }

    /// The key of the leaf where the walk along `key` ends; `key` itself in the empty tree.
    fn near<'a>(&'a self, key: &'a TreeKey) -> &'a TreeKey {
        match self.arena.descend(key) {
            Some(Place::Leaf(at)) => &self.arena.node_leaf(at).key,
            _ => key,
        }
    }
}
