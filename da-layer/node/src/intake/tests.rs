//! Blobs in, blocks out.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::watch;
use weft_da::{SignedHeader, blob_hash, verify_header};
use weft_primitives::{B256, Namespace, Signer};
use weft_service::Shutdown;
use weft_service::clock::ManualClock;

use super::{Engine, Intake, Placed, PutError, Ticket};
use crate::cache::BlockCache;
use crate::config::{Config, Limits};
use crate::policy::{Announced, Gate, Policies, Policy};
use crate::reader::Reader;
use crate::store::{MemoryStore, RocksStore, ShareStore, StoreError};

struct Node {
    intake: Intake,
    reader: Reader,
    latest: watch::Receiver<Option<SignedHeader>>,
    signer: Signer,
    shutdown: Shutdown,
    thread: JoinHandle<Result<(), StoreError>>,
}

fn node(store: Arc<dyn ShareStore>, limits: Limits) -> Node {
    node_with(store, limits, Policies::default())
}

fn node_with(store: Arc<dyn ShareStore>, limits: Limits, policies: Policies) -> Node {
    let signer = Signer::from_bytes([3; 32]).unwrap();
    let config = Config {
        data_dir: "/".into(),
        signer: signer.clone(),
        network_id: 9,
        limits,
        custody: None,
        namespaces: None,
        retention: Default::default(),
        archive: None,
    };
    let cache = Arc::new(BlockCache::new(limits.cache_max_bytes));
    let clock = Arc::new(ManualClock::default());
    let reader = Reader::new(store.clone(), cache.clone());
    let gate = Gate::new(config.clone(), policies, store.clone(), clock.clone()).unwrap();
    let (engine, intake, latest) = Engine::new(config, store, cache, clock, gate).unwrap();
    let shutdown = Shutdown::new();
    let (runtime, stop) = (tokio::runtime::Handle::current(), shutdown.clone());
    let thread = std::thread::spawn(move || engine.run(&runtime, &stop));
    Node { intake, reader, latest, signer, shutdown, thread }
}

fn limits() -> Limits {
    Limits { store_min_free_bytes: 0, block_min_interval_ms: 0, ..Limits::default() }
}

impl Node {
    fn admit(&self, name: u8, content: B256, length: u64) -> Result<Ticket, PutError> {
        self.intake.admit(&Announced { namespace: Namespace([name; 32]), content, length, signature: None })
    }

    async fn put(&self, name: u8, data: &[u8]) -> Result<Placed, PutError> {
        let ticket = self.admit(name, blob_hash(data), data.len() as u64)?;
        self.intake.put(ticket, Bytes::copy_from_slice(data)).await
    }

    fn stop(self) {
        self.shutdown.trigger();
        self.thread.join().unwrap().unwrap();
    }
}

#[tokio::test]
async fn puts_are_durable_provable_and_idempotent() {
    let node = node(Arc::new(MemoryStore::default()), limits());
    let first = node.put(1, b"first").await.unwrap();
    assert!(!first.duplicate);
    let second = node.put(2, &vec![7; 100_000]).await.unwrap();
    assert_eq!(second.location.height, first.location.height + 1);
    let again = node.put(1, b"first").await.unwrap();
    assert_eq!((again.location, again.duplicate), (first.location, true));

    let mut parent = None;
    for height in 1..=2 {
        let header = node.reader.header(height).unwrap().unwrap();
        verify_header(parent.as_ref(), &header, node.signer.address()).unwrap();
        parent = Some(header);
    }
    let place = node.reader.prove_blob(&Namespace([1; 32]), &blob_hash(b"first")).unwrap().unwrap();
    let blob = place.proof.verify(&place.header.header).unwrap();
    let data = node.reader.blob(&place).unwrap().unwrap();
    blob.check(&data).unwrap();
    assert_eq!(&data[..], b"first");
    assert_eq!(node.latest.borrow().as_ref().map(|signed| signed.header.height), Some(2));
    node.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_blobs_at_once_are_stored_once() {
    let node = Arc::new(node(Arc::new(MemoryStore::default()), limits()));
    let tasks: Vec<_> = (0..32)
        .map(|n: u8| {
            let node = node.clone();
            tokio::spawn(async move { node.put(1, &[n % 4; 500]).await.unwrap() })
        })
        .collect();
    let mut placed = Vec::new();
    for task in tasks {
        placed.push(task.await.unwrap());
    }
    let fresh = placed.iter().filter(|placed| !placed.duplicate).count();
    assert_eq!(fresh, 4, "one of each kind is new");
    let mut places: Vec<_> = placed.iter().map(|placed| (placed.location.height, placed.location.position)).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 4);
}

#[tokio::test]
async fn limits_have_names() {
    let limits = Limits { max_blob_bytes: 1_000, intake_max_bytes: 2_048, intake_max_blobs: 3, ..limits() };
    let node = node(Arc::new(MemoryStore::default()), limits);
    let admit = |name: u8, length| node.admit(name, B256::repeat_byte(name), length);
    let refused = |name, length, key: &str| {
        let error = admit(name, length).unwrap_err();
        assert!(error.to_string().contains(key), "{error}");
    };
    assert!(matches!(admit(1, 0), Err(PutError::Empty)));
    refused(1, 1_001, "max_blob_bytes");
    let held = admit(1, 1_000).unwrap();
    refused(1, 1_000, "max_waiting_bytes = 1024");
    refused(1, 24, "max_waiting_blobs = 1");
    let second = admit(2, 1_000).unwrap();
    refused(3, 1, "intake.max_bytes");
    drop((held, second));
    admit(3, 1).unwrap();
}

#[tokio::test]
async fn places_are_limited_over_all_namespaces() {
    let node = node(Arc::new(MemoryStore::default()), Limits { intake_max_blobs: 3, ..limits() });
    let admit = |name: u8| node.admit(name, B256::repeat_byte(name), 1);
    let held = [1, 2, 3].map(|name| admit(name).unwrap());
    let error = admit(4).unwrap_err();
    assert!(error.to_string().contains("intake.max_blobs = 3"), "{error}");
    drop(held);
    admit(4).unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_with_a_reason() {
    let node = node(Arc::new(MemoryStore::default()), Limits { store_min_free_bytes: u64::MAX, ..limits() });
    let error = node.put(1, b"x").await.unwrap_err();
    assert!(matches!(error, PutError::DiskFull { .. }), "{error}");
    assert!(node.latest.borrow().is_none());
}

/// A quota that is used up refuses what is new, never what is stored or on its way, whatever happens in between.
#[tokio::test(flavor = "multi_thread")]
async fn quotas_and_duplicates() {
    let folder = tempfile::tempdir().unwrap();
    let policies = || {
        let mut policies = Policies::default();
        policies.set(Namespace([1; 32]), "one", Policy { quota_bytes: Some(1_000), ..Policy::default() });
        policies.default.quota_bytes = Some(1_000);
        policies
    };
    let open = || node_with(Arc::new(RocksStore::open(folder.path()).unwrap()), limits(), policies());
    let node = Arc::new(open());
    for name in [1, 2] {
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let node = node.clone();
                tokio::spawn(async move { node.put(name, &[7; 900]).await })
            })
            .collect();
        let mut fresh = 0;
        for task in tasks {
            fresh += usize::from(!task.await.unwrap().unwrap().duplicate);
        }
        assert_eq!(fresh, 1, "sixteen times 900 bytes at once are 900 bytes");
        let error = node.put(name, &[8; 101]).await.unwrap_err();
        assert!(matches!(error, PutError::Quota { used_bytes: 900, len_bytes: 101, quota_bytes: 1_000 }), "{error}");
        // A put that is never finished gives its quota back.
        let held = node.admit(name, B256::ZERO, 100).unwrap();
        assert!(matches!(node.put(name, &[8; 1]).await, Err(PutError::Quota { used_bytes: 1_000, .. })));
        drop(held);
        node.put(name, &[8; 100]).await.unwrap();
        assert!(node.put(name, &[7; 900]).await.unwrap().duplicate);
    }
    Arc::into_inner(node).unwrap().stop();
    let node = open();
    for name in [1, 2] {
        assert!(node.put(name, &[7; 900]).await.unwrap().duplicate);
        assert!(matches!(node.put(name, &[9; 1]).await, Err(PutError::Quota { used_bytes: 1_000, .. })));
    }
    node.put(3, &[9; 1_000]).await.unwrap();
    node.stop();
}

#[tokio::test]
async fn goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| -> Arc<dyn ShareStore> { Arc::new(RocksStore::open(path).unwrap()) };
    let before = node(open(folder.path()), limits());
    let first = before.put(1, b"first").await.unwrap();
    before.stop();

    let after = node(open(folder.path()), limits());
    assert_eq!(after.put(1, b"first").await.unwrap(), Placed { duplicate: true, ..first });
    let second = after.put(1, b"second").await.unwrap();
    assert_eq!(second.location.height, 2);
    let headers = after.reader.headers(1, 10).unwrap();
    assert_eq!(headers.len(), 2);
    verify_header(Some(&headers[0]), &headers[1], after.signer.address()).unwrap();
    after.stop();
}
