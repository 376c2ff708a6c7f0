//! A partial tree answers as the whole one does, or says that it cannot.
#![allow(clippy::unwrap_used)]

use alloy_primitives::hex;
use proptest::prelude::*;
use weft_primitives::codec::DecodeError;

use super::encode::{put_branch, put_hidden, put_leaf};
use super::*;
use crate::arena::{NodeId, Place};
use crate::model::{self, repeat};
use crate::tree::Tree;
use crate::updates::Update;

const SEQUENTIAL: Schedule = Schedule::Sequential;

fn tree_of(updates: &[Update]) -> Tree {
    let mut tree = Tree::default();
    tree.apply(&UpdateBatch::new(updates.to_vec()), SEQUENTIAL).unwrap();
    tree
}

impl PartialTree {
    /// The inverse of [`PartialTree::decode`], from a tree in memory.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(root) = self.arena.root() {
            put(&self.arena, root, self.arena.root_hash(), 0, &mut out);
        }
        out
    }
}

fn put(arena: &Arena, at: NodeId, hash: &NodeHash, from: u16, out: &mut Vec<u8>) {
    match at.place() {
        Place::Hidden(_) => put_hidden(out, hash),
        Place::Leaf(leaf) => put_leaf(out, &arena.node_leaf(leaf).key, &arena.node_leaf(leaf).value, from),
        Place::Branch(branch) => {
            let branch = arena.node_branch(branch);
            put_branch(out, &arena.prefix(at, branch, from));
            for (child, hash) in branch.children.iter().zip(&branch.hashes) {
                put(arena, *child, hash, branch.bit + 1, out);
            }
        }
    }
}

/// What applying `batches` to a tree touches.
fn access_of(batches: &[UpdateBatch]) -> Access {
    let mut access = Access::default();
    batches.iter().for_each(|batch| access.update(batch));
    access
}

/// The tree before, and the batches after it.
fn history() -> impl Strategy<Value = (Tree, Vec<UpdateBatch>)> {
    model::batches().prop_map(|mut batches| {
        let first = batches.remove(0);
        (tree_of(&first), batches.into_iter().map(UpdateBatch::new).collect())
    })
}

/// Bytes through which the decoder gets far: node kinds, small lengths.
fn plausible_bytes() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        (0u16..40).prop_map(|len| [&[1][..], &len.to_be_bytes(), &vec![0; usize::from(len).div_ceil(8)]].concat()),
        (1u8..67).prop_map(|len| [&[2, len][..], &vec![0; usize::from(len)], &[5; 32]].concat()),
        any::<u8>().prop_map(|byte| [&[0][..], &[byte; 32]].concat()),
        proptest::collection::vec(any::<u8>(), 0..3),
    ];
    proptest::collection::vec(part, 0..30).prop_map(|parts| parts.concat())
}

/// A key, or which one of the tree's to take instead, whether it is declared as deleted, and whether so many of its bytes
/// are listed instead.
fn touched() -> impl Strategy<Value = (TreeKey, Option<proptest::sample::Index>, bool, Option<usize>)> {
    let known = prop_oneof![1 => Just(None), 2 => any::<proptest::sample::Index>().prop_map(Some)];
    let listed = prop_oneof![4 => Just(None), 1 => (1usize..34).prop_map(Some)];
    (model::key(), known, any::<bool>(), listed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn enough_for_what_was_declared(
        (whole, batches) in history(),
        reads in proptest::collection::vec(model::key(), 0..5),
    ) {
        let mut access = access_of(&batches);
        reads.iter().for_each(|key| access.read(*key));
        let part = whole.partial(&access).unwrap();
        let mut read = PartialTree::decode(&part.encode(), whole.root(), SEQUENTIAL).unwrap();
        prop_assert_eq!(read.encode(), part.encode());
        let mut whole = whole;
        for batch in &batches {
            for key in access.keys.keys() {
                prop_assert_eq!(read.get(key), Ok(whole.get(key).unwrap()));
            }
            let undo = whole.apply(batch, SEQUENTIAL).unwrap();
            prop_assert_eq!(read.apply(batch, SEQUENTIAL), Ok(undo));
            prop_assert_eq!(read.root(), whole.root());
        }
    }

    /// Written straight, or while batches are taken back, on any number of threads: the same bytes. What is touched has
    /// nothing to do with what the batches change.
    #[test]
    fn one_witness_however_written(
        (whole, batches) in history(),
        touched in proptest::collection::vec(touched(), 0..12),
        batches_too: bool,
        threads in 1usize..5,
    ) {
        let mut access = if batches_too { access_of(&batches) } else { Access::default() };
        let known: Vec<TreeKey> = model::leaves(&whole).into_iter().map(|(key, _)| key).collect();
        for (key, at, deleted, listed) in touched {
            let key = at.filter(|_| !known.is_empty()).map_or(key, |at| known[at.index(known.len())]);
            match listed {
                Some(len) => access.list(TreeKey::new(&key.as_slice()[..len]).unwrap()),
                None => *access.keys.entry(key).or_default() |= deleted,
            }
        }
        let bytes = whole.partial(&access).unwrap().encode();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        prop_assert_eq!(&pool.install(|| whole.witness(&access, Schedule::Parallel).unwrap().to_vec()), &bytes);
        prop_assert_eq!(&whole.witness(&access, SEQUENTIAL).unwrap().to_vec(), &bytes);
        let mut tree = whole.clone();
        let undos: Vec<Undo> = batches.iter().map(|batch| tree.apply(batch, SEQUENTIAL).unwrap()).collect();
        let undo = Undo::joined(undos.iter().rev());
        for schedule in [SEQUENTIAL, Schedule::Parallel] {
            let mut back = tree.clone();
            prop_assert_eq!(&pool.install(|| back.revert_with_witness(&undo, &access, schedule).unwrap().to_vec()), &bytes);
            prop_assert_eq!(back.root(), whole.root());
            prop_assert!(model::leaves(&back) == model::leaves(&whole));
        }
        if !bytes.is_empty() {
            prop_assert_eq!(PartialTree::decode(&bytes, whole.root(), SEQUENTIAL).unwrap().encode(), bytes);
        }
    }

    #[test]
    fn less_is_missing_and_never_wrong(
        (whole, batches) in history(),
        kept in proptest::collection::vec(any::<bool>(), 64),
    ) {
        // Of the keys touched some are left out, of the deletions some are declared as writes.
        let full = access_of(&batches);
        let mut access = Access::default();
        for ((key, deleted), kept) in full.keys.iter().zip(kept.chunks(2).cycle()) {
            if kept[0] {
                access.keys.insert(*key, *deleted && kept[1]);
            }
        }
        let part = whole.partial(&access).unwrap();
        let mut part = PartialTree::decode(&part.encode(), whole.root(), SEQUENTIAL).unwrap();
        let mut whole = whole;
        for batch in &batches {
            for key in full.keys.keys() {
                let answer = part.get(key);
                prop_assert!(answer == Ok(whole.get(key).unwrap()) || answer == Err(Missing(*key)));
            }
            let before = whole.root();
            whole.apply(batch, SEQUENTIAL).unwrap();
            match part.apply(batch, SEQUENTIAL) {
                Ok(_) => prop_assert_eq!(part.root(), whole.root()),
                Err(PartialError::Missing(_)) => {
                    prop_assert_eq!(part.root(), before);
                    break;
                }
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
    }

    #[test]
    fn prefixes_are_listed_whole_or_missing((whole, batches) in history(), len in 1usize..34) {
        let access = access_of(&batches);
        for key in access.keys.keys().take(10) {
            let prefix = TreeKey::new(&key.as_slice()[..len]).unwrap();
            let truth: Vec<TreeKey> = whole.with_prefix(&prefix).unwrap().into_iter().map(|(key, _)| key).collect();
            let mut listing = access.clone();
            listing.list(prefix);
            prop_assert_eq!(whole.partial(&listing).unwrap().keys_with_prefix(&prefix), Ok(truth.clone()));
            prop_assert_eq!(whole.witness(&listing, SEQUENTIAL).unwrap().to_vec(), whole.partial(&listing).unwrap().encode());
            let answer = whole.partial(&access).unwrap().keys_with_prefix(&prefix);
            prop_assert!(answer == Ok(truth) || answer == Err(Missing(prefix)));
        }
    }

    #[test]
    fn changed_bytes_are_another_tree(
        (whole, batches) in history(),
        flip: proptest::sample::Index,
        bit in 0u32..8,
        cut: proptest::sample::Index,
    ) {
        let bytes = whole.partial(&access_of(&batches)).unwrap().encode();
        if !bytes.is_empty() {
            let mut changed = bytes.clone();
            let at = flip.index(bytes.len());
            changed[at] ^= 1u8 << bit;
            prop_assert!(PartialTree::decode(&changed, whole.root(), SEQUENTIAL).is_err());
            let cut = cut.index(bytes.len());
            prop_assert!(PartialTree::decode(&bytes[..cut], whole.root(), SEQUENTIAL).is_err());
        }
    }

    #[test]
    fn foreign_bytes_are_refused_or_canonical(bytes in plausible_bytes()) {
        let root = match PartialTree::decode(&bytes, B256::repeat_byte(1), SEQUENTIAL) {
            Err(WitnessError::Root { found, .. }) => found,
            _ => return Ok(()),
        };
        let tree = PartialTree::decode(&bytes, root, SEQUENTIAL).unwrap();
        prop_assert_eq!(tree.encode(), bytes);
    }
}

/// Three leaves, of which one is revealed: branch, hidden node, branch, leaf, hidden node.
#[test]
fn golden_bytes() {
    let key = |first: u8| repeat(&[(first, 1), (0, 33)]);
    let whole = tree_of(&[(key(0x0f), Some([3; 32])), (key(0xf0), Some([1; 32])), (key(0xf1), Some([2; 32]))]);
    assert_eq!(hex::encode(whole.root()), "50ca5b44506c7aeac67017eef1be8977c69d8d1074b3c870ce9fc6ef0aa18163");
    let mut access = Access::default();
    access.read(key(0xf0));
    let leaf = |first: u8, byte: u8| {
        hex::encode(blake3::hash(&[&[0], key(first).as_slice(), &[byte; 32]].concat()).as_bytes())
    };
    let want = format!(
        "010000\n00{}\n010006e0\n0222{}{}\n00{}",
        leaf(0x0f, 3),
        // The way gives the first byte of the key.
        "00".repeat(33),
        "01".repeat(32),
        leaf(0xf1, 2)
    );
    assert_eq!(hex::encode(whole.partial(&access).unwrap().encode()), want.replace('\n', ""));
}

#[test]
fn a_leaf_must_lie_on_its_way() {
    // A branch at the first bit; its right leaf claims a key that begins with 0.
    let bytes = [&[1, 0, 0, 0][..], &[1; 32], &[2, 1, 0x7f], &[5; 32]].concat();
    let why = DecodeError::Invalid { field: "key", why: "leaves the way to the leaf" };
    assert_eq!(PartialTree::decode(&bytes, B256::ZERO, SEQUENTIAL).unwrap_err(), why.into());
}

#[test]
fn hidden_and_empty() {
    let key = repeat(&[(7, 34)]);
    let mut hidden = PartialTree::hidden(B256::repeat_byte(1));
    assert_eq!(hidden.get(&key), Err(Missing(key)));
    assert_eq!(hidden.keys_with_prefix(&key), Err(Missing(key)));
    let write = UpdateBatch::new(vec![(key, Some([1; 32]))]);
    assert_eq!(hidden.apply(&write, SEQUENTIAL), Err(Missing(key).into()));
    assert_eq!(PartialTree::decode(&hidden.encode(), hidden.root(), SEQUENTIAL).unwrap().root(), hidden.root());

    let mut empty = PartialTree::decode(&[], B256::ZERO, SEQUENTIAL).unwrap();
    assert_eq!(empty.get(&key), Ok(None));
    empty.apply(&write, SEQUENTIAL).unwrap();
    assert_eq!(empty.root(), tree_of(write.entries()).root());
}

#[test]
fn a_deletion_beside_a_hidden_node_leaves_nothing_known() {
    let key = |first: u8| repeat(&[(first, 34)]);
    let whole = tree_of(&[(key(1), Some([1; 32])), (key(2), Some([2; 32]))]);
    let mut access = Access::default();
    access.read(key(1));
    let mut part = whole.partial(&access).unwrap();
    let deletion = UpdateBatch::new(vec![(key(1), None)]);
    assert_eq!(part.apply(&deletion, SEQUENTIAL), Err(Missing(key(1)).into()));
    assert_eq!((part.root(), part.get(&key(1))), (whole.root(), Err(Missing(key(1)))));
    access.update(&deletion);
    let mut part = whole.partial(&access).unwrap();
    part.apply(&deletion, SEQUENTIAL).unwrap();
    assert_eq!(part.root(), tree_of(&[(key(2), Some([2; 32]))]).root());
}

#[test]
fn parallel_equals_sequential() {
    let whole = tree_of(model::spread(20_000, 0).entries());
    let touched: Vec<Update> =
        model::spread(20_000, 0).entries().iter().step_by(17).map(|(key, _)| (*key, None)).collect();
    let access = access_of(&[UpdateBatch::new(touched.clone()), model::spread(500, 1)]);
    let bytes = whole.partial(&access).unwrap().encode();
    for threads in 1..=4 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert!(pool.install(|| whole.witness(&access, Schedule::Parallel).unwrap().to_vec()) == bytes);
        let mut part = pool.install(|| PartialTree::decode(&bytes, whole.root(), Schedule::Parallel)).unwrap();
        let mut tree = whole.clone();
        for batch in [UpdateBatch::new(touched.clone()), model::spread(500, 1)] {
            tree.apply(&batch, SEQUENTIAL).unwrap();
            pool.install(|| part.apply(&batch, Schedule::Parallel)).unwrap();
            assert_eq!(part.root(), tree.root());
        }
    }
}

#[test]
fn witnesses_have_a_limit() {
    let error = PartialTree::decode(&vec![0; MAX_WITNESS_BYTES + 1], B256::ZERO, SEQUENTIAL).unwrap_err();
    assert!(matches!(error, WitnessError::Decode(DecodeError::TooLarge { .. })));
}

proptest! {
    /// Whatever a key was before any of some batches can be proved from the tree after the last of them.
    #[test]
    fn the_past_is_proved_from_the_present((mut tree, batches) in history()) {
        let updated = batches.iter().flat_map(|batch| batch.entries()).map(|(key, _)| *key);
        let keys: Vec<TreeKey> = updated.chain(model::leaves(&tree).into_iter().map(|(key, _)| key).step_by(3)).collect();
        let mut states = Vec::new();
        for batch in &batches {
            let (root, before) = (tree.root(), keys.iter().map(|key| tree.get(key).unwrap()).collect::<Vec<_>>());
            // A key that is a prefix of another changes nothing.
            if let Ok(undo) = tree.apply(batch, SEQUENTIAL) {
                states.push((root, before, undo));
            }
        }
        for (at, (root, before, _)) in states.iter().enumerate() {
            let undo = Undo::joined(states[at..].iter().rev().map(|(_, _, undo)| undo));
            let part = tree.partial_before(&undo, &keys).unwrap();
            prop_assert_eq!(part.root(), *root);
            for (key, value) in keys.iter().zip(before) {
                prop_assert_eq!(part.prove(key).unwrap().verify(*root, key), Ok(*value));
            }
        }
    }
}
