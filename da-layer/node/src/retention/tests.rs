//! What the sweeper leaves, against a model that keeps everything and filters.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use proptest::prelude::*;
use weft_da::{SignedHeader, blob_hash};
use weft_primitives::Namespace;
use weft_service::clock::ManualClock;

use super::{NamespaceRule, Retention, Sweeper, Turn};
use crate::cache::BlockCache;
use crate::reader::{ReadError, Reader};
use crate::store::{Location, MemoryStore, RocksStore, Store, StoreError, Usage};
use crate::test_store::{Cut, block};

#[derive(Clone, Debug)]
enum Op {
    /// A block of blobs: namespace and length.
    Put(Vec<(u8, usize)>),
    /// Time passes.
    Wait(u64),
    /// The sweeper works until nothing is left to do.
    Sweep,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => prop::collection::vec((0u8..4, 1usize..40), 1..6).prop_map(Op::Put),
        2 => (1u64..40).prop_map(Op::Wait),
        2 => Just(Op::Sweep),
    ]
}

fn rule() -> impl Strategy<Value = NamespaceRule> {
    (prop::option::of(0u64..120), prop::option::of(0u64..150))
        .prop_map(|(max_age_ms, max_bytes)| NamespaceRule { max_age_ms, max_bytes })
}

fn policy() -> impl Strategy<Value = Retention> {
    (prop::option::weighted(0.9, 0u64..60), rule(), prop::collection::btree_map(0u8..3, rule(), 0..3)).prop_map(
        |(window_ms, default, named)| Retention {
            window_ms,
            default,
            namespaces: named.into_iter().map(|(name, rule)| (Namespace([name; 32]), rule)).collect(),
        },
    )
}

/// One blob that was ever put.
#[derive(Clone, Debug)]
struct Put {
    location: Location,
    time_ms: u64,
    data: Vec<u8>,
}

/// Everything that was ever put, and which of the blocks have been looked at by a sweep.
#[derive(Default)]
struct Model {
    puts: BTreeMap<Namespace, Vec<Put>>,
    times: Vec<u64>,
    thinned: u64,
    kept: BTreeSet<(Namespace, u64, u32)>,
}

impl Model {
    /// The definition: of the thinned blocks' blobs that are not too large by themselves, the longest newest run within
    /// age and bytes.
    fn sweep(&mut self, policy: &Retention, now_ms: u64) {
        let left = |time_ms: &&u64| policy.window_ms.is_some_and(|window| now_ms - **time_ms > window);
        let thinned = self.times.iter().take_while(left).count() as u64;
        for (namespace, puts) in &self.puts {
            let rule = policy.rule(namespace);
            let (mut bytes, mut broken) = (0, false);
            let max = rule.max_bytes.unwrap_or(u64::MAX);
            let fitting = puts.iter().rev().filter(|put| put.data.len() as u64 <= max);
            for put in fitting.filter(|put| put.location.height <= thinned) {
                let key = (*namespace, put.location.height, put.location.position);
                bytes += put.data.len() as u64;
                let fits = bytes <= max && rule.max_age_ms.is_none_or(|max| now_ms - put.time_ms <= max);
                broken |= !fits || (put.location.height <= self.thinned && !self.kept.contains(&key));
                if broken {
                    self.kept.remove(&key);
                } else {
                    self.kept.insert(key);
                }
            }
        }
        self.thinned = thinned;
    }
}

fn sweep(sweeper: &mut Sweeper) -> Result<(), StoreError> {
    loop {
        if let Some(due) = sweeper.due()? {
            sweeper.thin(&due)?;
        } else if sweeper.expire()? == Turn::Idle {
            return Ok(());
        }
    }
}

fn compare(store: &Arc<dyn Store>, model: &Model) {
    assert_eq!(store.first_whole().unwrap(), model.thinned + 1);
    let reader = Reader::new(store.clone(), Arc::new(BlockCache::new(0)));
    let mut usages = BTreeMap::<Namespace, Usage>::new();
    for (namespace, puts) in &model.puts {
        for put in puts {
            let place = reader.prove_blob(namespace, &blob_hash(&put.data)).unwrap().unwrap();
            assert_eq!(place.location, put.location);
            let proven = place.proof.verify(&place.header.header).unwrap();
            let key = (*namespace, put.location.height, put.location.position);
            let whole = put.location.height > model.thinned;
            if whole || model.kept.contains(&key) {
                let data = reader.blob(&place).unwrap().unwrap();
                proven.check(&data).unwrap();
                assert_eq!(data, put.data);
            } else {
                assert!(matches!(reader.blob(&place), Err(ReadError::BlobPruned { .. })), "{key:?} is still there");
            }
            if model.kept.contains(&key) {
                let usage = usages.entry(*namespace).or_default();
                usage.bytes += put.data.len() as u64;
                usage.blobs += 1;
            }
            assert_eq!(reader.rows(put.location.height, &[0]).is_ok(), whole);
        }
    }
    assert_eq!(store.namespaces(&Namespace::default(), 99).unwrap(), usages.into_iter().collect::<Vec<_>>());
}

fn follow(store: &Arc<dyn Store>, policy: &Retention, ops: &[Op]) {
    let clock = Arc::new(ManualClock::default());
    let mut sweeper = Sweeper::new(store.clone(), policy.clone(), clock.clone());
    let (mut model, mut now_ms, mut serial) = (Model::default(), 0u64, 0u32);
    let mut parent: Option<SignedHeader> = None;
    for op in ops {
        match op {
            Op::Put(blobs) => {
                let mut blobs: Vec<(Namespace, Vec<u8>)> = blobs
                    .iter()
                    .map(|(name, length)| {
                        serial += 1;
                        (Namespace([*name; 32]), [serial.to_be_bytes().to_vec(), vec![0; *length]].concat())
                    })
                    .collect();
                blobs.sort_by_key(|(name, _)| *name);
                let (signed, block) = block(parent.as_ref(), now_ms, &blobs);
                store.append(&signed, &block).unwrap();
                for (position, (namespace, data)) in (0..).zip(blobs) {
                    let location = Location { height: signed.header.height, position };
                    model.puts.entry(namespace).or_default().push(Put { location, time_ms: now_ms, data });
                }
                model.times.push(now_ms);
                parent = Some(signed);
            }
            Op::Wait(ms) => {
                now_ms += ms;
                clock.set_ms(now_ms);
            }
            Op::Sweep => {
                sweep(&mut sweeper).unwrap();
                model.sweep(policy, now_ms);
                compare(store, &model);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_memory_store_keeps_what_the_model_keeps(policy in policy(), ops in prop::collection::vec(op(), 1..40)) {
        follow(&(Arc::new(MemoryStore::default()) as Arc<dyn Store>), &policy, &ops);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn so_does_rocksdb(policy in policy(), ops in prop::collection::vec(op(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        follow(&(Arc::new(RocksStore::open(folder.path()).unwrap()) as Arc<dyn Store>), &policy, &ops);
    }
}

/// Cut off after any number of writes, a new sweeper ends where an undisturbed one does.
#[test]
fn a_sweep_cut_off_anywhere_is_taken_up_again() {
    let policy = Retention {
        window_ms: Some(2),
        default: NamespaceRule { max_age_ms: None, max_bytes: Some(700) },
        namespaces: [(Namespace([2; 32]), NamespaceRule { max_age_ms: Some(5), max_bytes: None })].into(),
    };
    let outcome = |cuts: &[u64]| {
        let inner: Arc<dyn Store> = Arc::new(MemoryStore::default());
        crate::test_store::fill(&*inner, 8);
        let clock = Arc::new(ManualClock::default());
        let mut done = false;
        for (at, cut) in cuts.iter().chain([&u64::MAX]).enumerate() {
            // Twice, so that blobs grow too old between.
            for now_ms in [9, 14] {
                clock.set_ms(now_ms);
                let store = Arc::new(Cut { inner: inner.clone(), writes: AtomicU64::new(*cut) });
                done = sweep(&mut Sweeper::new(store, policy.clone(), clock.clone())).is_ok();
            }
            assert!(at < cuts.len() || done);
        }
        let kept: Vec<_> = (1..=2).map(|name| inner.oldest_kept(&Namespace([name; 32]), 99).unwrap()).collect();
        (inner.first_whole().unwrap(), inner.namespaces(&Namespace::default(), 9).unwrap(), kept)
    };
    let undisturbed = outcome(&[]);
    assert_eq!(undisturbed.0, 9);
    for cut in 0..12 {
        assert_eq!(outcome(&[cut]), undisturbed, "cut off after {cut} writes");
        assert_eq!(outcome(&[cut, 1, 0, 2]), undisturbed, "cut off after {cut} writes, and again");
    }
}
