//! A tree of which only a part is in memory, beside one that is there whole: the same answers, the same bytes.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::model::{self, Model, repeat};
use crate::partial::Access;

const SCHEDULE: Schedule = Schedule::Parallel;

/// Memory for nothing, for about one subtree, for some, and for all of them.
const MEMORY: [usize; 4] = [0, 2_000, 10_000, usize::MAX];

/// A store.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Kept>>);

#[derive(Clone, Default)]
struct Kept {
    leaves: Model,
    /// How often subtrees were read.
    loads: usize,
    fails: bool,
}

impl Shelf {
    fn write(&self, updates: &[crate::updates::Update]) {
        model::apply(&mut self.0.lock().unwrap().leaves, updates);
    }

    fn backing(&self, memory: usize) -> Option<Backing> {
        Some(Backing::new(Box::new(self.clone()), memory))
    }

    fn load(&self, memory: usize) -> Result<Tree, LoadError<StoredError>> {
        let leaves = self.0.lock().unwrap().leaves.clone();
        Tree::load(leaves.into_iter().map(Ok), self.backing(memory))
    }

    fn loads(&self) -> usize {
        self.0.lock().unwrap().loads
    }
}

impl LeafSource for Shelf {
    fn get(&self, key: &TreeKey) -> Result<Option<Value>, StoredError> {
        let kept = self.0.lock().unwrap();
        if kept.fails { Err(StoredError::Unreadable(*key)) } else { Ok(kept.leaves.get(key).copied()) }
    }

    fn leaves(&self, path: &TreeKey, bits: u16, most: usize) -> Result<Vec<(TreeKey, Value)>, StoredError> {
        let mut kept = self.0.lock().unwrap();
        kept.loads += 1;
        if kept.fails {
            return Err(StoredError::Unreadable(*path));
        }
        let leaves = kept.leaves.iter().filter(|(key, _)| key.common_bits(path) >= bits);
        Ok(leaves.map(|(key, value)| (*key, *value)).take(most).collect())
    }

    fn pin(&self) -> Box<dyn LeafSource> {
        Box::new(Self(Arc::new(Mutex::new(self.0.lock().unwrap().clone()))))
    }
}

/// Reads, deletions and listings of some of these keys.
fn access(keys: &[TreeKey]) -> Access {
    let mut access = Access::default();
    for (at, key) in keys.iter().enumerate() {
        match at % 3 {
            0 => access.read(*key),
            1 => access.update(&UpdateBatch::new(vec![(*key, None)])),
            _ => {}
        }
        if at % 11 == 0 {
            access.list(prefix(at, key));
        }
    }
    access
}

fn prefix(at: usize, key: &TreeKey) -> TreeKey {
    key.truncate(8 * (at as u16 % 40 + 1))
}

/// All that can be asked gives the same.
fn same(tree: &Tree, whole: &Tree, keys: &[TreeKey]) {
    assert_eq!((tree.root(), tree.len()), (whole.root(), whole.len()));
    assert_eq!(model::leaves(tree), model::leaves(whole));
    for (at, key) in keys.iter().enumerate() {
        assert_eq!(tree.get(key), whole.get(key), "{key:?}");
        assert_eq!(tree.prove(key).unwrap().encode(), whole.prove(key).unwrap().encode());
        let prefix = prefix(at, key);
        assert_eq!(tree.with_prefix(&prefix), whole.with_prefix(&prefix));
    }
    let access = access(keys);
    let witness = whole.witness(&access, SCHEDULE).unwrap().to_vec();
    assert_eq!(tree.witness(&access, SCHEDULE).unwrap().to_vec(), witness);
    assert_eq!(tree.partial(&access).unwrap().encode(), witness);
    let here = tree.subtrees.iter().filter(|subtree| subtree.is_here());
    let bytes = here.clone().map(|subtree| subtree.bytes()).sum();
    assert_eq!(tree.residence(), Residence { subtrees: here.count(), bytes });
}

/// A chain of blocks over a store, as a node has it, and the same without one.
struct Run {
    shelf: Shelf,
    memory: usize,
    tree: Tree,
    whole: Tree,
    /// Blocks that are not written: what they change, what takes them back, and the tree's changes with each.
    waiting: Vec<(UpdateBatch, Undo, u64)>,
    /// Written ones.
    undos: Vec<Undo>,
    /// Changes that are written.
    written: u64,
    keys: Vec<TreeKey>,
}

impl Run {
    fn new(memory: usize, keys: Vec<TreeKey>) -> Self {
        let shelf = Shelf::default();
        let tree = shelf.load(memory).unwrap();
        let (waiting, undos) = (Vec::new(), Vec::new());
        Self { shelf, memory, tree, whole: Tree::default(), waiting, undos, written: 0, keys }
    }

    fn block(&mut self, updates: UpdateBatch) {
        let undo = self.tree.apply(&updates, SCHEDULE).unwrap();
        assert_eq!(self.whole.apply(&updates, SCHEDULE), Ok(undo.clone()));
        self.waiting.push((updates, undo, self.tree.changes()));
    }

    /// Writes the oldest block that waits.
    fn write(&mut self) {
        if !self.waiting.is_empty() {
            let (updates, undo, changes) = self.waiting.remove(0);
            self.shelf.write(updates.entries());
            self.undos.push(undo);
            self.written = changes;
        }
    }

    fn leave_out(&mut self) {
        let before = self.tree.residence().subtrees;
        let left = self.tree.leave_out(self.written).len();
        assert_eq!(self.tree.residence().subtrees, before - left);
        if self.waiting.is_empty() && self.tree.changes() == self.written {
            // What is only one leaf stays in its place.
            let single = self.tree.subtrees.iter().filter(|subtree| subtree.len() == 1);
            let single: usize = single.map(|subtree| subtree.bytes()).sum();
            assert!(self.tree.residence().bytes <= self.memory.max(single));
        }
    }

    /// Takes back the newest block that is not written.
    fn take_back(&mut self) {
        if let Some((_, undo, _)) = self.waiting.pop() {
            self.revert(&undo);
        }
    }

    /// Takes back the newest written block, if none waits.
    fn roll_back(&mut self) {
        if self.waiting.is_empty()
            && let Some(undo) = self.undos.pop()
        {
            self.revert(&undo);
            self.shelf.write(undo.inverse().entries());
            self.written = self.tree.changes();
        }
    }

    fn revert(&mut self, undo: &Undo) {
        let access = access(&self.keys);
        let witness = self.whole.revert_with_witness(undo, &access, SCHEDULE).unwrap().to_vec();
        assert_eq!(self.tree.revert_with_witness(undo, &access, SCHEDULE).unwrap().to_vec(), witness);
    }

    /// Whatever is not written is lost.
    fn reopen(&mut self) {
        while !self.waiting.is_empty() {
            self.take_back();
        }
        self.tree = self.shelf.load(self.memory).unwrap();
        self.written = self.tree.changes();
    }

    fn check(&self) {
        same(&self.tree, &self.whole, &self.keys);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn equals_the_whole_tree(
        batches in model::batches(),
        steps in proptest::collection::vec(0u8..8, 1..40),
        copied in 0usize..40,
    ) {
        let mut keys: Vec<TreeKey> = batches.iter().flatten().map(|(key, _)| *key).collect();
        keys.sort();
        keys.dedup();
        for memory in MEMORY {
            let mut run = Run::new(memory, keys.clone());
            let mut blocks = batches.iter().cycle();
            let mut copy = None;
            for (at, step) in steps.iter().enumerate() {
                match step {
                    0..=2 => run.block(UpdateBatch::new(blocks.next().unwrap().clone())),
                    3 => run.write(),
                    4 => while !run.waiting.is_empty() { run.write() },
                    5 => run.take_back(),
                    6 => run.roll_back(),
                    _ => run.reopen(),
                }
                run.leave_out();
                run.check();
                if at == copied {
                    copy = Some((run.tree.clone(), run.whole.clone()));
                }
            }
            // A copy is what it was, whatever was written since, and can be changed.
            if let Some((mut tree, mut whole)) = copy {
                same(&tree, &whole, &keys);
                let updates = UpdateBatch::new(batches[0].clone());
                prop_assert_eq!(tree.apply(&updates, SCHEDULE), whole.apply(&updates, SCHEDULE));
                same(&tree, &whole, &keys);
            }
        }
    }

    #[test]
    fn loads_what_was_kept_in_subtrees_of_the_most_leaves(batches in model::batches()) {
        let shelf = Shelf::default();
        batches.iter().for_each(|batch| shelf.write(batch));
        let leaves = shelf.0.lock().unwrap().leaves.clone();
        for memory in MEMORY {
            let tree = shelf.load(memory).unwrap();
            prop_assert_eq!(tree.root(), model::root(&leaves));
            prop_assert!(tree.subtrees.iter().all(|subtree| (1..=subtree::MAX_STORED_LEAVES).contains(&subtree.len())));
            let whole = Tree::load(leaves.clone().into_iter().map(Ok::<_, StoredError>), None).unwrap();
            same(&tree, &whole, &leaves.keys().copied().collect::<Vec<_>>());
        }
    }
}

/// A thousand leaves, of which some subtrees' worth are in memory.
fn thousand(memory: usize) -> (Shelf, Tree, Vec<TreeKey>) {
    let (shelf, batch) = (Shelf::default(), model::spread(1_000, 0));
    shelf.write(batch.entries());
    let tree = shelf.load(memory).unwrap();
    (shelf, tree, batch.entries().iter().map(|(key, _)| *key).collect())
}

#[test]
fn reading_loads_nothing_and_changing_only_what_it_changes() {
    let (shelf, mut tree, keys) = thousand(0);
    assert!(keys.iter().all(|key| tree.get(key).unwrap().is_some()));
    assert_eq!((tree.residence(), shelf.loads()), (Residence::default(), 0));
    assert!(tree.subtrees() > 100);
    // Neighbours, in one subtree or two.
    let updates = UpdateBatch::new(keys[500..502].iter().map(|key| (*key, Some([7; 32]))).collect());
    tree.apply(&updates, SCHEDULE).unwrap();
    assert!((1..=2).contains(&shelf.loads()) && tree.residence().subtrees == shelf.loads());
    // Not written yet.
    assert!(tree.leave_out(tree.changes() - 1).is_empty());
    assert_eq!(tree.leave_out(tree.changes()).len(), shelf.loads());
    let loads = shelf.loads();
    tree.prove(&keys[0]).unwrap();
    assert_eq!((shelf.loads(), tree.residence()), (loads + 1, Residence::default()));
}

#[test]
fn what_is_used_stays() {
    let (shelf, mut tree, keys) = thousand(20_000);
    let (hot, cold) = keys.split_at(20);
    let touch = |tree: &mut Tree, key: &TreeKey, round: u8| {
        let updates = UpdateBatch::new(vec![(*key, Some([round; 32]))]);
        tree.apply(&updates, SCHEDULE).unwrap();
        shelf.write(updates.entries());
        drop(tree.leave_out(tree.changes()));
    };
    for round in 1..4 {
        for key in cold.iter().step_by(9) {
            hot.iter().for_each(|key| _ = tree.get(key));
            touch(&mut tree, key, round);
        }
    }
    let loads = shelf.loads();
    hot.iter().for_each(|key| touch(&mut tree, key, 9));
    assert_eq!(shelf.loads(), loads, "all of them are in memory");
}

#[test]
fn damage_is_found_and_changes_nothing() {
    let damages: [fn(&mut Model, TreeKey); 4] = [
        |leaves, key| _ = leaves.remove(&key),
        |leaves, key| _ = leaves.insert(key, [0xee; 32]),
        |leaves, key| _ = leaves.insert(repeat(&[(0, 1), (key.as_slice()[1], 33)]), [1; 32]),
        |leaves, key| {
            let longer = TreeKey::new(&[key.as_slice(), &[0]].concat()).unwrap();
            leaves.insert(longer, [1; 32]);
        },
    ];
    for damage in damages {
        let (shelf, mut tree, keys) = thousand(0);
        let root = tree.root();
        // As the last one adds a key close by, whatever it is.
        let at = keys.iter().position(|key| key.as_slice()[1] == key.as_slice()[2]).unwrap_or(321);
        damage(&mut shelf.0.lock().unwrap().leaves, keys[at]);
        let updates = UpdateBatch::new(vec![(keys[at], Some([3; 32])), (keys[0], Some([3; 32]))]);
        let found = tree.apply(&updates, SCHEDULE);
        if let Ok(undo) = found {
            // The added key is in a subtree that nobody has asked for.
            tree.revert(&undo, SCHEDULE).unwrap();
            assert!(tree.leaves().any(|leaf| matches!(leaf, Err(StoredError::Damaged(_)))));
        } else {
            assert!(matches!(found, Err(TreeError::Stored(StoredError::Damaged(_)))));
            assert!(matches!(tree.prove(&keys[at]), Err(StoredError::Damaged(_))));
        }
        assert_eq!(tree.root(), root);
    }
}

#[test]
fn a_store_that_fails_is_an_error_everywhere() {
    let (shelf, mut tree, keys) = thousand(0);
    let root = tree.root();
    shelf.0.lock().unwrap().fails = true;
    let key = &keys[7];
    let mut access = Access::default();
    access.read(*key);
    assert_eq!(tree.get(key), Err(StoredError::Unreadable(*key)));
    assert!(matches!(tree.prove(key), Err(StoredError::Unreadable(_))));
    assert!(matches!(tree.with_prefix(key), Err(StoredError::Unreadable(_))));
    assert!(matches!(tree.witness(&access, SCHEDULE), Err(StoredError::Unreadable(_))));
    assert!(matches!(tree.leaves().next(), Some(Err(StoredError::Unreadable(_)))));
    let updates = UpdateBatch::new(vec![(*key, None)]);
    assert!(matches!(tree.apply(&updates, SCHEDULE), Err(TreeError::Stored(StoredError::Unreadable(_)))));
    assert_eq!(tree.root(), root);
    shelf.0.lock().unwrap().fails = false;
    tree.apply(&updates, SCHEDULE).unwrap();
    assert_ne!(tree.root(), root);
}

#[test]
fn leaves_that_are_in_no_tree_are_refused() {
    let load = |keys: &[&[u8]]| {
        let leaves: Vec<_> =
            keys.iter().map(|key| Ok::<_, StoredError>((TreeKey::new(key).unwrap(), [1; 32]))).collect();
        Tree::load(leaves, None).map(|tree| tree.len())
    };
    let key = |bytes: &[u8]| TreeKey::new(bytes).unwrap();
    assert_eq!(load(&[&[1], &[2, 1], &[2, 2]]), Ok(3));
    assert_eq!(load(&[&[2], &[1]]), Err(LoadError::Order(key(&[1]))));
    assert_eq!(load(&[&[2], &[2]]), Err(LoadError::Order(key(&[2]))));
    assert_eq!(load(&[&[2], &[2, 0]]), Err(LoadError::Prefix(PrefixError(Box::new([key(&[2, 0]), key(&[2])])))));
    let broken = Tree::load([Err(StoredError::Unreadable(key(&[3])))], None);
    assert_eq!(broken.unwrap_err(), LoadError::Source(StoredError::Unreadable(key(&[3]))));
}

/// As at genesis: the tree is there before the store behind it is.
#[test]
fn a_store_can_be_put_behind_a_tree() {
    let batch = model::spread(700, 0);
    let (shelf, mut tree) = (Shelf::default(), Tree::default());
    tree.apply(&batch, SCHEDULE).unwrap();
    let whole = tree.clone();
    shelf.write(batch.entries());
    tree.back(shelf.backing(5_000).unwrap());
    drop(tree.leave_out(tree.changes()));
    assert!(tree.residence().bytes <= 5_000);
    same(&tree, &whole, &batch.entries().iter().map(|(key, _)| *key).collect::<Vec<_>>());
}

/// What was beside a subtree is gone from the tree, and not yet from the store.
#[test]
fn deleted_neighbours_are_not_read_from_the_store() {
    let (shelf, mut tree, keys) = thousand(0);
    let mut whole =
        Tree::load(shelf.0.lock().unwrap().leaves.clone().into_iter().map(Ok::<_, StoredError>), None).unwrap();
    // All but some of the last.
    let gone = UpdateBatch::new(keys[..950].iter().map(|key| (*key, None)).collect());
    tree.apply(&gone, SCHEDULE).unwrap();
    whole.apply(&gone, SCHEDULE).unwrap();
    assert!(tree.subtrees.iter().any(|subtree| !subtree.is_here()));
    same(&tree, &whole, &keys);
    let kept: BTreeMap<_, _> = model::leaves(&tree).into_iter().collect();
    assert_eq!(tree.root(), model::root(&kept));
}
