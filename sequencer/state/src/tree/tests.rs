//! Published roots, and the arena against a rebuild from scratch.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use alloy_primitives::hex;
use proptest::prelude::*;

use super::*;

type Model = BTreeMap<TreeKey, Value>;

/// The rules read off the EIP: group sorted leaves by their first differing bit.
fn model_root(model: &Model) -> B256 {
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

fn repeat(parts: &[(u8, usize)]) -> TreeKey {
    let bytes: Vec<u8> = parts.iter().flat_map(|(byte, times)| vec![*byte; *times]).collect();
    TreeKey::new(&bytes).unwrap()
}

/// Roots published with EIP-8297's conformance vectors.
#[test]
fn published_roots() {
    let value = |byte: u8| [byte; 32];
    let cases: Vec<(Vec<(TreeKey, Value)>, &str)> = vec![
        (vec![], "0000000000000000000000000000000000000000000000000000000000000000"),
        (vec![(repeat(&[(0, 34)]), value(1))], "4b60a28dce9f3529d103a26e00fadb98514cbd16ce03b7df752426addef9bbc7"),
        (vec![(repeat(&[(0xab, 1)]), value(1))], "2ebeea9f8e2e4bbf6e4ff1b4cf8afbb641d4dfaf9a05469dea3787bbc35188d5"),
        (
            vec![(repeat(&[(0, 1), (0x11, 33)]), value(1)), (repeat(&[(0x80, 1), (0x11, 33)]), value(2))],
            "57210f2156bafa91dc33b7528fcfdb50660b902494b80a00347b28949df72816",
        ),
        (
            vec![(repeat(&[(0x22, 33), (0, 1)]), value(1)), (repeat(&[(0x22, 33), (1, 1)]), value(2))],
            "606cacfcbf218928a25e67e40c8fa9cdf44d15cbc39be41da210cc86db128be9",
        ),
        (
            vec![
                (repeat(&[(0xf0, 1), (0, 33)]), value(1)),
                (repeat(&[(0xf1, 1), (0, 33)]), value(2)),
                (repeat(&[(0x0f, 1), (0, 33)]), value(3)),
            ],
            "50ca5b44506c7aeac67017eef1be8977c69d8d1074b3c870ce9fc6ef0aa18163",
        ),
        (
            vec![
                (repeat(&[(0, 1), (0xaa, 32), (5, 1)]), value(1)),
                (repeat(&[(0xff, 1), (0xbb, 64), (7, 1)]), value(2)),
            ],
            "117ecc342fcf3753397737026c26e522b9b23e61cfb4c8aafa0b1c98ca5d507b",
        ),
        (vec![(repeat(&[(0x42, 34)]), value(2))], "e6817b5d8351669a295e51a0ae8459ace26faeb8904b8d9c7e3a00b9f343e0eb"),
    ];
    for (leaves, root) in cases {
        let tree = Tree::from_leaves(leaves.clone(), Schedule::Sequential).unwrap();
        assert_eq!(hex::encode(tree.root()), root);
        assert_eq!(model_root(&leaves.into_iter().collect()).to_string(), format!("0x{root}"));
    }
}

/// Few distinct bytes make long common prefixes and many collisions.
fn key() -> impl Strategy<Value = TreeKey> {
    let byte = prop_oneof![4 => Just(0u8), 2 => Just(1u8), 1 => Just(0x80u8), 1 => any::<u8>()];
    proptest::collection::vec(byte, 65).prop_map(|mut bytes| {
        let storage = bytes[0] & 1 == 1;
        bytes.truncate(if storage { 65 } else { 33 });
        bytes.insert(0, if storage { 0xff } else { 0 });
        TreeKey::new(&bytes).unwrap()
    })
}

fn batches() -> impl Strategy<Value = Vec<Vec<(TreeKey, Option<Value>)>>> {
    let pool = proptest::collection::vec(key(), 1..40);
    pool.prop_flat_map(|pool| {
        let value =
            prop_oneof![3 => (1u8..5).prop_map(|byte| Some([byte; 32])), 1 => Just(None), 1 => Just(Some([0; 32]))];
        let update = (proptest::sample::select(pool), value);
        proptest::collection::vec(proptest::collection::vec(update, 0..30), 1..8)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn equals_a_rebuild_and_can_be_taken_back(batches in batches()) {
        let mut tree = Tree::default();
        let mut model = Model::new();
        let mut history = Vec::new();
        for updates in batches {
            history.push((tree.root(), model.clone()));
            for (key, value) in &updates {
                match value.filter(|value| *value != [0; 32]) {
                    Some(value) => model.insert(*key, value),
                    None => model.remove(key),
                };
            }
            let undo = tree.apply(&UpdateBatch::new(updates), Schedule::Sequential).unwrap();
            prop_assert_eq!(Undo::decode(&undo.encode()), Ok(undo.clone()));
            prop_assert_eq!(tree.root(), model_root(&model));
            prop_assert!(tree.iter().eq(model.iter().map(|(key, value)| (*key, *value))));
            prop_assert_eq!(tree.len(), model.len());
            let (root, before) = history.last().unwrap();
            let mut reverted = tree.clone();
            reverted.revert(&undo, Schedule::Sequential);
            prop_assert_eq!(reverted.root(), *root);
            prop_assert!(reverted.iter().eq(before.iter().map(|(key, value)| (*key, *value))));
        }
        for key in model.keys() {
            prop_assert_eq!(tree.get(key), model.get(key).copied());
            let prefix = TreeKey::new(&key.as_slice()[..20]).unwrap();
            let want: Vec<_> = model.iter().filter(|(key, _)| key.as_slice().starts_with(prefix.as_slice())).collect();
            let got: Vec<_> = tree.with_prefix(&prefix).collect();
            prop_assert!(got.iter().map(|(key, value)| (key, value)).eq(want));
        }
    }

    #[test]
    fn undo_records_decode_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(undo) = Undo::decode(&bytes) {
            prop_assert!(undo.encode().len() <= bytes.len());
        }
    }
}

#[test]
fn parallel_equals_sequential() {
    let leaves = |count: u32, salt: u8| -> Vec<(TreeKey, Option<Value>)> {
        let key = |n: u32| {
            let hash = blake3::hash(&[&n.to_be_bytes()[..], &[salt]].concat());
            TreeKey::new(&[&[0], &hash.as_bytes()[..], &[0]].concat()).unwrap()
        };
        (0..count).map(|n| (key(n), Some(*blake3::hash(&n.to_le_bytes()).as_bytes()))).collect()
    };
    let batches = [leaves(20_000, 0), leaves(3_000, 1), leaves(50, 2)].map(UpdateBatch::new);
    let mut sequential = Tree::default();
    let roots: Vec<B256> = batches
        .iter()
        .map(|batch| {
            sequential.apply(batch, Schedule::Sequential).unwrap();
            sequential.root()
        })
        .collect();
    for threads in 1..=4 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut tree = Tree::default();
        for (batch, root) in batches.iter().zip(&roots) {
            pool.install(|| tree.apply(batch, Schedule::Parallel)).unwrap();
            assert_eq!(tree.root(), *root, "{threads} threads");
        }
    }
}

#[test]
fn prefixes_are_refused_and_change_nothing() {
    let mut tree =
        Tree::from_leaves([(repeat(&[(1, 2)]), [1; 32]), (repeat(&[(2, 2)]), [2; 32])], Schedule::Sequential).unwrap();
    let before = tree.root();
    let updates = UpdateBatch::new(vec![(repeat(&[(1, 2)]), Some([9; 32])), (repeat(&[(2, 1)]), Some([3; 32]))]);
    let error = tree.apply(&updates, Schedule::Sequential).unwrap_err();
    assert_eq!(error, PrefixError(Box::new([repeat(&[(2, 1)]), repeat(&[(2, 2)])])));
    assert_eq!(tree.root(), before);
}
