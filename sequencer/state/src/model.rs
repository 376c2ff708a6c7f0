//! The rules read off the EIP, as slow and as simple as they are: what the tests compare with.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use alloy_primitives::B256;
use proptest::prelude::*;

use crate::Value;
use crate::keys::TreeKey;
use crate::tree::Tree;
use crate::updates::{Update, UpdateBatch};

pub(crate) type Model = BTreeMap<TreeKey, Value>;

/// Groups sorted leaves by their first differing bit.
pub(crate) fn root(model: &Model) -> B256 {
    fn subtree(leaves: &[(&TreeKey, &Value)], from: u16) -> [u8; 32] {
        if let [(key, value)] = leaves {
            return *blake3::hash(&[&[0], key.as_slice(), &value[..]].concat()).as_bytes();
        }
        let (first, last) = (leaves[0].0, leaves[leaves.len() - 1].0);
        let split = (from..).find(|bit| first.bit(*bit) != last.bit(*bit)).unwrap();
        let middle = leaves.partition_point(|(key, _)| !key.bit(split));
        let mut preimage = vec![1];
        preimage.extend((split - from).to_be_bytes());
        let mut prefix = vec![0u8; usize::from(split - from).div_ceil(8)];
        for bit in from..split {
            prefix[usize::from(bit - from) / 8] |= u8::from(first.bit(bit)) << (7 - (bit - from) % 8);
        }
        preimage.extend(prefix);
        preimage.extend(subtree(&leaves[..middle], split + 1));
        preimage.extend(subtree(&leaves[middle..], split + 1));
        *blake3::hash(&preimage).as_bytes()
    }
    let leaves: Vec<_> = model.iter().collect();
    if leaves.is_empty() { B256::ZERO } else { subtree(&leaves, 0).into() }
}

/// Applies updates one by one.
pub(crate) fn apply(model: &mut Model, updates: &[Update]) {
    for (key, value) in updates {
        match value.filter(|value| *value != [0; 32]) {
            Some(value) => model.insert(*key, value),
            None => model.remove(key),
        };
    }
}

/// All leaves of a tree.
pub(crate) fn leaves(tree: &Tree) -> Vec<(TreeKey, Value)> {
    tree.leaves().collect::<Result<_, _>>().unwrap()
}

/// A key of runs of equal bytes.
pub(crate) fn repeat(parts: &[(u8, usize)]) -> TreeKey {
    let bytes: Vec<u8> = parts.iter().flat_map(|(byte, times)| vec![*byte; *times]).collect();
    TreeKey::new(&bytes).unwrap()
}

/// Few distinct bytes make long common prefixes and many collisions; lengths as in the state.
pub(crate) fn key() -> impl Strategy<Value = TreeKey> {
    let byte = prop_oneof![8 => Just(0u8), 2 => Just(1u8), 1 => Just(0x80u8), 1 => any::<u8>()];
    proptest::collection::vec(byte, 65).prop_map(|mut bytes| {
        let storage = bytes[0] & 1 == 1;
        bytes.truncate(if storage { 65 } else { 33 });
        bytes.insert(0, if storage { 0xff } else { 0 });
        TreeKey::new(&bytes).unwrap()
    })
}

/// Batches of updates over a small pool of keys, with deletions and zeros.
pub(crate) fn batches() -> impl Strategy<Value = Vec<Vec<Update>>> {
    let pool = proptest::collection::vec(key(), 1..40);
    pool.prop_flat_map(|pool| {
        let value =
            prop_oneof![3 => (1u8..5).prop_map(|byte| Some([byte; 32])), 2 => Just(None), 1 => Just(Some([0; 32]))];
        let update = (proptest::sample::select(pool), value);
        proptest::collection::vec(proptest::collection::vec(update, 0..30), 1..8)
    })
}

/// `count` updates at keys spread evenly, distinct for each `salt`.
pub(crate) fn spread(count: u32, salt: u8) -> UpdateBatch {
    let key = |n: u32| {
        let hash = blake3::hash(&[&n.to_be_bytes()[..], &[salt]].concat());
        TreeKey::new(&[&[0], &hash.as_bytes()[..], &[0]].concat()).unwrap()
    };
    UpdateBatch::new((0..count).map(|n| (key(n), Some(*blake3::hash(&n.to_le_bytes()).as_bytes()))).collect())
}
