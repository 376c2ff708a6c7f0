//! Published roots, and the arena against a rebuild from scratch.
#![allow(clippy::unwrap_used)]

use alloy_primitives::hex;
use proptest::prelude::*;

use super::*;
use crate::keys::{AccountKeys, BASIC_DATA};
use crate::model::{self, Model, repeat};
use crate::partial::Touched;

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
        assert_eq!(model::root(&leaves.into_iter().collect()).to_string(), format!("0x{root}"));
    }
}

/// The root that another implementation of the rules, in Python, computes for the same thousand accounts.
#[test]
fn a_thousand_accounts() {
    let leaf = |n: u64| {
        let mut address = [0; 20];
        address[12..].copy_from_slice(&n.to_be_bytes());
        let key = AccountKeys::new(address.into()).header(BASIC_DATA);
        (key, *blake3::hash(&[n.to_be_bytes(), [0; 8]].concat()).as_bytes())
    };
    let tree = Tree::from_leaves((0..1000).map(leaf), Schedule::Sequential).unwrap();
    assert_eq!(hex::encode(tree.root()), "96e9ce0d2a87d4fcdb359b602a07b57400f71f2dbbe753bba827b2f8acdb0358");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn equals_a_rebuild_and_can_be_taken_back(batches in model::batches()) {
        let mut tree = Tree::default();
        let mut model = Model::new();
        let mut history = Vec::new();
        for updates in batches {
            history.push((tree.root(), model.clone()));
            model::apply(&mut model, &updates);
            let undo = tree.apply(&UpdateBatch::new(updates), Schedule::Sequential).unwrap();
            prop_assert_eq!(Undo::decode(&undo.encode()), Ok(undo.clone()));
            prop_assert_eq!(tree.root(), model::root(&model));
            prop_assert!(model::leaves(&tree).into_iter().eq(model.iter().map(|(key, value)| (*key, *value))));
            prop_assert_eq!(tree.len(), model.len());
            let (root, before) = history.last().unwrap();
            let mut reverted = tree.clone();
            reverted.revert(&undo, Schedule::Sequential).unwrap();
            prop_assert_eq!(reverted.root(), *root);
            prop_assert!(model::leaves(&reverted).into_iter().eq(before.iter().map(|(key, value)| (*key, *value))));
        }
        for key in model.keys() {
            prop_assert_eq!(tree.get(key), Ok(model.get(key).copied()));
            let prefix = TreeKey::new(&key.as_slice()[..20]).unwrap();
            let want: Vec<_> = model.iter().filter(|(key, _)| key.as_slice().starts_with(prefix.as_slice())).collect();
            let got: Vec<_> = tree.with_prefix(&prefix).unwrap();
            prop_assert!(got.iter().map(|(key, value)| (key, value)).eq(want));
        }
    }

    #[test]
    fn order_of_history_does_not_matter(batches in model::batches(), seed: u64) {
        let mut model = Model::new();
        batches.iter().for_each(|updates| model::apply(&mut model, updates));
        let mut leaves: Vec<_> = model.iter().map(|(key, value)| (*key, *value)).collect();
        leaves.sort_by_key(|(key, _)| *blake3::hash(&[key.as_slice(), &seed.to_be_bytes()].concat()).as_bytes());
        let mut one_by_one = Tree::default();
        for (key, value) in &leaves {
            one_by_one.apply(&UpdateBatch::new(vec![(*key, Some(*value))]), Schedule::Sequential).unwrap();
        }
        let at_once = Tree::from_leaves(leaves, Schedule::Sequential).unwrap();
        prop_assert_eq!(one_by_one.root(), model::root(&model));
        prop_assert_eq!(at_once.root(), model::root(&model));
    }
}

#[test]
fn parallel_equals_sequential() {
    let mut batches = vec![model::spread(20_000, 0), model::spread(3_000, 1), model::spread(50, 2)];
    let gone = batches[0].entries().iter().step_by(7).map(|(key, _)| (*key, None)).collect();
    batches.push(UpdateBatch::new(gone));
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
        assert!(model::leaves(&tree) == model::leaves(&sequential));
    }
}

#[test]
fn prefixes_are_refused_and_change_nothing() {
    let mut tree =
        Tree::from_leaves([(repeat(&[(1, 2)]), [1; 32]), (repeat(&[(2, 2)]), [2; 32])], Schedule::Sequential).unwrap();
    let before = tree.root();
    let updates = UpdateBatch::new(vec![(repeat(&[(1, 2)]), Some([9; 32])), (repeat(&[(2, 1)]), Some([3; 32]))]);
    let error = tree.apply(&updates, Schedule::Sequential).unwrap_err();
    assert_eq!(error, TreeError::Prefix(PrefixError(Box::new([repeat(&[(2, 1)]), repeat(&[(2, 2)])]))));
    assert_eq!(tree.root(), before);
}

/// Many subtrees, and a batch in which only one of them, or the way to them, refuses a key.
#[test]
fn what_one_subtree_refuses_changes_none() {
    let batch = model::spread(1_000, 0);
    let mut tree = Tree::default();
    tree.apply(&batch, Schedule::Sequential).unwrap();
    let before = tree.clone();
    let keys: Vec<TreeKey> = batch.entries().iter().map(|(key, _)| *key).collect();
    for bits in [1, 8, 16, 200, 264] {
        let short = keys[500].truncate(bits);
        let refused = [(short, Some([1; 32])), (keys[20], None), (keys[900], Some([2; 32]))];
        for schedule in [Schedule::Sequential, Schedule::Parallel] {
            tree.apply(&UpdateBatch::new(refused.to_vec()), schedule).unwrap_err();
            assert_eq!((tree.root(), tree.len()), (before.root(), before.len()), "{bits} bits");
            assert!(model::leaves(&tree) == model::leaves(&before), "{bits} bits");
        }
        // Deleting what is not there is no change.
        tree.apply(&UpdateBatch::new(vec![(short, None)]), Schedule::Sequential).unwrap();
        assert_eq!(tree.root(), before.root());
    }
}

#[test]
fn clones_part_when_one_changes() {
    let mut tree = Tree::default();
    tree.apply(&model::spread(500, 0), Schedule::Sequential).unwrap();
    let (clone, root) = (tree.clone(), tree.root());
    let undo = tree.apply(&model::spread(700, 1), Schedule::Parallel).unwrap();
    assert_ne!(tree.root(), root);
    assert_eq!((clone.root(), clone.len()), (root, 500));
    tree.revert(&undo, Schedule::Parallel).unwrap();
    assert!(model::leaves(&tree) == model::leaves(&clone));
    assert_eq!(tree.root(), root);
}

/// While subtrees keep their sizes a witness takes no second walk, and subtrees of which it only tells stay shared.
#[test]
fn a_witness_comes_with_the_root() {
    let batch = model::spread(1_000, 0);
    let mut tree = Tree::default();
    tree.apply(&batch, Schedule::Sequential).unwrap();
    let keys: Vec<TreeKey> = batch.entries().iter().map(|(key, _)| *key).collect();
    let (changed, read) = keys.split_at(100);
    let before = tree.clone();
    let undo = tree
        .apply(&UpdateBatch::new(changed.iter().map(|key| (*key, Some([7; 32]))).collect()), Schedule::Sequential)
        .unwrap();
    let touched: Vec<Touched<'_>> = read.iter().step_by(9).map(|key| (key, false)).collect();
    let after = tree.clone();
    let updated = tree.update(&undo.inverse(), &touched, Schedule::Parallel).unwrap();
    assert!(!updated.reshaped);
    assert_eq!(tree.root(), before.root());
    for (at, _) in updated.fragments {
        let has_changed = changed.iter().any(|key| tree.top.find(key) == Some(at));
        assert_eq!(Arc::ptr_eq(&tree.subtrees[at], &after.subtrees[at]), !has_changed, "subtree {at}");
    }
}

#[test]
fn new_keys_are_compared_with_each_other() {
    let mut tree = Tree::default();
    let updates = UpdateBatch::new(vec![(repeat(&[(1, 2)]), Some([1; 32])), (repeat(&[(1, 1)]), Some([2; 32]))]);
    let error = tree.apply(&updates, Schedule::Sequential).unwrap_err();
    assert_eq!(error, TreeError::Prefix(PrefixError(Box::new([repeat(&[(1, 2)]), repeat(&[(1, 1)])]))));
    assert!(tree.is_empty());
}

/// One account's leaves share 264 bits: prefixes of more than a word, in both zones.
#[test]
fn long_prefixes() {
    let mut leaves: Model = Model::new();
    for sub in [0, 1, 64, 127] {
        leaves.insert(repeat(&[(0, 1), (0x5a, 32), (sub, 1)]), [sub + 1; 32]);
        leaves.insert(repeat(&[(0xff, 1), (0x5a, 64), (sub, 1)]), [sub + 1; 32]);
    }
    leaves.insert(repeat(&[(0xff, 1), (0x5a, 40), (7, 25)]), [7; 32]);
    let mut tree = Tree::default();
    for (key, value) in &leaves {
        tree.apply(&UpdateBatch::new(vec![(*key, Some(*value))]), Schedule::Sequential).unwrap();
    }
    assert_eq!(tree.root(), model::root(&leaves));
    let keys: Vec<TreeKey> = leaves.keys().copied().collect();
    for key in keys {
        leaves.remove(&key);
        tree.apply(&UpdateBatch::new(vec![(key, None)]), Schedule::Sequential).unwrap();
        assert_eq!(tree.root(), model::root(&leaves));
    }
    assert!(tree.is_empty());
}

#[test]
fn a_record_of_another_tree_does_no_harm() {
    let before = Tree::from_leaves([(repeat(&[(1, 2)]), [1; 32])], Schedule::Sequential).unwrap();
    let mut tree = before.clone();
    tree.revert(&Undo { entries: vec![(repeat(&[(1, 1)]), Some([2; 32]))] }, Schedule::Sequential).unwrap();
    assert!(model::leaves(&tree) == model::leaves(&before));
    assert_eq!(tree.root(), before.root());
}
