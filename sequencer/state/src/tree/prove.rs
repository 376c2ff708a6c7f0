//! Making proofs.

use super::{Kind, NodeId, Tree};
use crate::keys::TreeKey;
use crate::proof::{End, Proof, Step};

impl Tree {
    /// Proof of the value at `key`, or of its absence, under [`Tree::root`].
    pub fn prove(&self, key: &TreeKey) -> Proof {
        let mut steps = Vec::new();
        let Some(mut at) = self.root else { return Proof { steps, end: End::Empty } };
        loop {
            match &self.node(at).kind {
                Kind::Leaf { key, value } => return Proof { steps, end: End::Leaf { key: *key, value: *value } },
                Kind::Branch { bit, children } => {
                    let below = self.some_key(at);
                    if below.common_bits(key) < *bit {
                        let children = children.map(|child| self.hash(child));
                        return Proof { steps, end: End::Branch { below, bit: *bit, children } };
                    }
                    let side = usize::from(key.bit(*bit));
                    steps.push(Step { bit: *bit, sibling: self.hash(children[1 - side]) });
                    at = children[side];
                }
            }
        }
    }

    fn hash(&self, id: NodeId) -> [u8; 32] {
        self.node(id).hash
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Value;
    use crate::tree::Schedule;
    use proptest::prelude::*;

    fn key(seed: u8) -> TreeKey {
        // Two zones, keys that share long runs of bits.
        let len = if seed & 1 == 1 { 66 } else { 34 };
        let mut bytes = vec![seed & 0x70; len];
        bytes[0] = if seed & 1 == 1 { 0xff } else { 0 };
        bytes[len - 1] = seed;
        TreeKey::new(&bytes).unwrap()
    }

    proptest! {
        #[test]
        fn every_key_is_proven_and_no_lie_is(
            present in proptest::collection::btree_map(any::<u8>(), 1u8.., 0..40),
            asked: u8,
            flip: proptest::sample::Index,
            bit in 0u32..8,
        ) {
            let leaves: Vec<(TreeKey, Value)> = present.iter().map(|(seed, byte)| (key(*seed), [*byte; 32])).collect();
            let tree = Tree::from_leaves(leaves, Schedule::Sequential).unwrap();
            let want = present.get(&asked).map(|byte| [*byte; 32]);
            let proof = tree.prove(&key(asked));
            prop_assert_eq!(proof.verify(tree.root(), &key(asked)), Ok(want));
            let mut bytes = proof.encode();
            prop_assert_eq!(Proof::decode(&bytes), Ok(proof));
            let at = flip.index(bytes.len());
            bytes[at] ^= 1u8 << bit;
            if let Ok(forged) = Proof::decode(&bytes)
                && let Ok(shown) = forged.verify(tree.root(), &key(asked))
            {
                prop_assert_eq!(shown, want, "a changed proof shows another value");
            }
        }

        #[test]
        fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(proof) = Proof::decode(&bytes) {
                let _ = proof.verify(Tree::default().root(), &key(3));
            }
        }
    }
}
