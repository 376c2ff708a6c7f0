//! The archive over a folder and over a real S3 server, and what happens when it misbehaves.
#![allow(clippy::unwrap_used)]

mod faulty;
mod s3;
mod suite;
mod trouble;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use object_store::ObjectStore;
use weft_da::{EncodedBlock, SignedHeader};
use weft_service::Shutdown;
use weft_service::clock::ManualClock;

use super::restore::{Progress, Restore, RestoreError};
use super::{Archive, ArchiveConfig, upload};
use crate::retention::{Retention, Sweeper};
use crate::store::{MemoryStore, RocksStore, Store};
use crate::test_store::{Cut, fill, signer};

fn config(url: &str) -> ArchiveConfig {
    ArchiveConfig { url: url.to_owned(), timeout_ms: 5_000, max_reads: 2 }
}

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::default())
}

fn archive(objects: &Arc<dyn ObjectStore>, store: &Arc<dyn Store>) -> Arc<Archive> {
    Arc::new(Archive::over(objects.clone(), config("test://"), store.clone()))
}

/// Uploads until the archive holds what the store has.
async fn upload_all(archive: &Arc<Archive>, store: &Arc<dyn Store>) {
    let newest = store.latest().unwrap();
    // A closed channel: the uploader ends when all is there.
    let (_, latest) = tokio::sync::watch::channel(newest);
    upload::run(store.clone(), archive.clone(), latest, Shutdown::new()).await.unwrap();
    assert_eq!(archive.through().unwrap(), newest.map_or(0, |signed| signed.header.height));
}

fn restore_into(store: &Arc<dyn Store>, archive: &Arc<Archive>, policy: Retention, now_ms: u64) -> Restore {
    let clock = ManualClock::default();
    clock.set_ms(now_ms);
    Restore {
        store: store.clone(),
        archive: archive.clone(),
        sweeper: Sweeper::new(store.clone(), policy, Arc::new(clock)),
        signer: signer().address(),
        network_id: 1,
        to: None,
    }
}

async fn restore(store: &Arc<dyn Store>, archive: &Arc<Archive>) -> Result<Progress, RestoreError> {
    restore_into(store, archive, Retention::default(), 0).run(|_| {}).await
}

/// Every byte that a store keeps of a chain is there.
fn assert_same(store: &dyn Store, chain: &[(SignedHeader, EncodedBlock)]) {
    assert_eq!(store.latest().unwrap(), chain.last().map(|(signed, _)| *signed));
    for (signed, block) in chain {
        let height = signed.header.height;
        assert_eq!(store.header(height).unwrap().unwrap(), *signed);
        assert_eq!(store.originals(height).unwrap().unwrap(), block.rows().originals());
        assert_eq!(store.digests(height).unwrap().unwrap(), block.rows().digest_bytes());
        for (position, entry) in (0..).zip(block.index().entries()) {
            let place = store.locate(&entry.namespace, &entry.hash).unwrap().unwrap();
            assert_eq!((place.height, place.position), (height, position));
        }
    }
}

/// A store that fails after so many writes.
fn cut(inner: &Arc<dyn Store>, writes: u64) -> Arc<dyn Store> {
    Arc::new(Cut { inner: inner.clone(), writes: AtomicU64::new(writes) })
}
