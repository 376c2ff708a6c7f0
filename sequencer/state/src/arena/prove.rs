//! Making proofs.

use super::{Arena, Place};
use crate::keys::TreeKey;
use crate::proof::{End, Proof, Step};

impl Arena {
    /// Proof of the value at `key`, or of its absence; `None` if that is hidden.
    pub(crate) fn prove(&self, key: &TreeKey) -> Option<Proof> {
        let mut steps = Vec::new();
        let Some(mut at) = self.root else { return Some(Proof { steps, end: End::Empty }) };
        let mut from = 0;
        while let Place::Branch(branch) = at.place() {
            let shared = self.shared_bits(at, from, key);
            let branch = &self.branches[branch];
            // The key leaves the way here: branches beyond do not lead to it.
            if shared < branch.bit || key.bits() <= branch.bit {
                let path = self.sample(at).truncate(branch.bit);
                return Some(Proof { steps, end: End::Branch { path, bit: branch.bit, children: branch.hashes } });
            }
            let side = usize::from(key.bit(branch.bit));
            steps.push(Step { bit: branch.bit, sibling: branch.hashes[1 - side] });
            from = branch.bit + 1;
            at = branch.children[side];
        }
        let Place::Leaf(leaf) = at.place() else { return None };
        let leaf = &self.leaves[leaf];
        Some(Proof { steps, end: End::Leaf { key: leaf.key, value: leaf.value } })
    }
}
