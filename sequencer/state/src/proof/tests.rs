//! Every key can be proven to be there or not; nothing false can.
#![allow(clippy::unwrap_used)]

use alloy_primitives::hex;
use proptest::prelude::*;

use super::*;
use crate::model::{self, repeat};
use crate::tree::{Schedule, Tree};

fn tree(leaves: &[(TreeKey, Value)]) -> Tree {
    Tree::from_leaves(leaves.iter().copied(), Schedule::Sequential).unwrap()
}

#[test]
fn golden_bytes() {
    let key = |first: u8| repeat(&[(first, 1), (0x11, 33)]);
    let tree = tree(&[(key(0), [1; 32]), (key(0x80), [2; 32])]);
    let proof = tree.prove(&key(0x80)).unwrap();
    let sibling = hex::encode(blake3::hash(&[&[0], key(0).as_slice(), &[1; 32]].concat()).as_bytes());
    let want = format!("00010000{sibling}0122{}{}", hex::encode(key(0x80).as_slice()), "02".repeat(32));
    assert_eq!(hex::encode(proof.encode()), want);
}

#[test]
fn absence_at_a_branch() {
    let tree = tree(&[(repeat(&[(0xf0, 34)]), [1; 32]), (repeat(&[(0xf0, 33), (0xf1, 1)]), [2; 32])]);
    let asked = repeat(&[(0xf0, 20), (0xf1, 14)]);
    let proof = tree.prove(&asked).unwrap();
    assert!(proof.steps.is_empty() && matches!(proof.end, End::Branch { bit: 271, .. }));
    assert_eq!(proof.verify(tree.root(), &asked), Ok(None));
    // The same proof says nothing about a key that goes on below the branch.
    assert_eq!(proof.verify(tree.root(), &repeat(&[(0xf0, 34)])), Err(ProofError::Way));
    assert_eq!(proof.verify(B256::ZERO, &asked), Err(ProofError::Root));
}

#[test]
fn a_key_that_others_begin_with_is_absent() {
    let tree = tree(&[(repeat(&[(0x12, 34)]), [1; 32]), (repeat(&[(0x12, 20), (0x13, 14)]), [2; 32])]);
    for bytes in 1..34 {
        let asked = repeat(&[(0x12, bytes)]);
        assert_eq!(tree.prove(&asked).unwrap().verify(tree.root(), &asked), Ok(None), "{bytes} bytes");
    }
}

proptest! {
    #[test]
    fn every_key_is_proven_and_no_lie_is(
        batches in model::batches(),
        others in proptest::collection::vec(model::key(), 1..4),
        flip: proptest::sample::Index,
        bit in 0u32..8,
    ) {
        let mut leaves = model::Model::new();
        batches.iter().for_each(|updates| model::apply(&mut leaves, updates));
        let tree = tree(&leaves.iter().map(|(key, value)| (*key, *value)).collect::<Vec<_>>());
        let touched = batches.iter().flatten().map(|(key, _)| *key);
        for asked in touched.take(20).chain(others) {
            let want = leaves.get(&asked).copied();
            let proof = tree.prove(&asked).unwrap();
            prop_assert_eq!(proof.verify(tree.root(), &asked), Ok(want));
            let mut bytes = proof.encode();
            prop_assert_eq!(Proof::decode(&bytes), Ok(proof));
            let at = flip.index(bytes.len());
            bytes[at] ^= 1u8 << bit;
            if let Ok(forged) = Proof::decode(&bytes) {
                prop_assert!(forged.verify(tree.root(), &asked).is_err(), "a changed proof still verifies");
            }
        }
    }

    #[test]
    fn a_proof_for_one_key_never_lies_about_another(
        batches in model::batches(),
        others in proptest::collection::vec(model::key(), 1..4),
    ) {
        let mut leaves = model::Model::new();
        batches.iter().for_each(|updates| model::apply(&mut leaves, updates));
        let tree = tree(&leaves.iter().map(|(key, value)| (*key, *value)).collect::<Vec<_>>());
        let keys: Vec<TreeKey> = batches.iter().flatten().map(|(key, _)| *key).take(12).chain(others).collect();
        for one in &keys {
            let proof = tree.prove(one).unwrap();
            for other in &keys {
                if let Ok(shown) = proof.verify(tree.root(), other) {
                    prop_assert_eq!(shown, leaves.get(other).copied());
                }
            }
        }
    }

    #[test]
    fn foreign_bytes_are_refused_or_canonical(
        bytes in proptest::collection::vec(prop_oneof![3 => 0u8..4, 1 => any::<u8>()], 0..300),
        asked in model::key(),
    ) {
        if let Ok(proof) = Proof::decode(&bytes) {
            prop_assert_eq!(proof.encode(), bytes);
            let _ = proof.verify(B256::ZERO, &asked);
        }
    }
}
