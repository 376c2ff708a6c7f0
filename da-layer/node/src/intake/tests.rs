//! Blobs in, blocks out.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::watch;
use weft_da::{SignedHeader, blob_hash, verify_header};
use weft_primitives::{Namespace, Signer};
use weft_service::Shutdown;
use weft_service::clock::ManualClock;

use super::{Engine, Intake, Placed, PutError};
use crate::cache::BlockCache;
use crate::config::{Config, Limits};
use crate::reader::Reader;
use crate::store::{MemoryStore, RocksStore, Store, StoreError};

struct Node {
    intake: Intake,
    reader: Reader,
    latest: watch::Receiver<Option<SignedHeader>>,
    signer: Signer,
    shutdown: Shutdown,
    thread: JoinHandle<Result<(), StoreError>>,
}

fn node(store: Arc<dyn Store>, limits: Limits) -> Node {
    let signer = Signer::from_bytes([3; 32]).unwrap();
    let config = Config {
        data_dir: "/".into(),
        signer: signer.clone(),
        network_id: 9,
        limits,
        retention: Default::default(),
        archive: None,
    };
    let cache = Arc::new(BlockCache::new(limits.cache_max_bytes));
    let clock = Arc::new(ManualClock::default());
    let reader = Reader::new(store.clone(), cache.clone());
    let (engine, intake, latest) = Engine::new(config, store, cache, clock).unwrap();
    let shutdown = Shutdown::new();
    let (runtime, stop) = (tokio::runtime::Handle::current(), shutdown.clone());
    let thread = std::thread::spawn(move || engine.run(&runtime, &stop));
    Node { intake, reader, latest, signer, shutdown, thread }
}

fn limits() -> Limits {
    Limits { store_min_free_bytes: 0, block_min_interval_ms: 0, ..Limits::default() }
}

impl Node {
    async fn put(&self, name: u8, data: &[u8]) -> Result<Placed, PutError> {
        let ticket = self.intake.admit(data.len() as u64)?;
        self.intake.put(ticket, Namespace([name; 32]), blob_hash(data), Bytes::copy_from_slice(data)).await
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
    let data = node.reader.blob(&place).unwrap();
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
    let limits = Limits { max_blob_bytes: 1_000, intake_max_bytes: 2_048, ..limits() };
    let node = node(Arc::new(MemoryStore::default()), limits);
    assert!(matches!(node.intake.admit(0), Err(PutError::Empty)));
    let error = node.intake.admit(1_001).unwrap_err();
    assert!(error.to_string().contains("max_blob_bytes"), "{error}");
    let held = node.intake.admit(1_000).unwrap();
    let _second = node.intake.admit(1_000).unwrap();
    let error = node.intake.admit(1).unwrap_err();
    assert!(error.to_string().contains("intake.max_bytes"), "{error}");
    drop(held);
    node.intake.admit(1).unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_with_a_reason() {
    let node = node(Arc::new(MemoryStore::default()), Limits { store_min_free_bytes: u64::MAX, ..limits() });
    let error = node.put(1, b"x").await.unwrap_err();
    assert!(matches!(error, PutError::DiskFull { .. }), "{error}");
    assert!(node.latest.borrow().is_none());
}

#[tokio::test]
async fn goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| -> Arc<dyn Store> { Arc::new(RocksStore::open(path).unwrap()) };
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
