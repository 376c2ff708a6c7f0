//! Making proofs.

use super::{Arena, Place};
use crate::keys::TreeKey;
use crate::proof::{End, Proof, Step};

/// The way that a proof has come so far, from the root down.
#[derive(Debug, Default)]
pub(crate) struct Way {
    steps: Vec<Step>,
}

impl Way {
    /// The proof, with what is at the end.
    pub(crate) fn ends(self, end: End) -> Proof {
        Proof { steps: self.steps, end }
    }
}

impl Arena {
    /// Goes on along the key from this arena's root; what the way ends at, or `None` if that is hidden.
    pub(crate) fn prove(&self, key: &TreeKey, way: &mut Way) -> Option<End> {
        let Some(mut at) = self.root else { return Some(End::Empty) };
        let mut from = self.from;
        while let Place::Branch(branch) = at.place() {
            let shared = self.shared_bits(at, from, key);
            let branch = &self.branches[branch];
            // The key leaves the way here: branches beyond do not lead to it.
            if shared < branch.bit || key.bits() <= branch.bit {
                let path = self.sample(at).truncate(branch.bit);
                return Some(End::Branch { path, bit: branch.bit, children: branch.hashes });
            }
            let side = usize::from(key.bit(branch.bit));
            way.steps.push(Step { bit: branch.bit, sibling: branch.hashes[1 - side] });
            from = branch.bit + 1;
            at = branch.children[side];
        }
        let Place::Leaf(leaf) = at.place() else { return None };
        let leaf = &self.leaves[leaf];
        Some(End::Leaf { key: leaf.key, value: leaf.value })
    }
}
