//! An archive that fails, stalls, lies, or belongs to somebody else.

use std::sync::atomic::Ordering;
use std::time::Duration;

use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use tokio::runtime::Handle;
use weft_primitives::{B256, Namespace};

use super::faulty::{Fault, Faulty, names};
use super::*;
use crate::archive::ArchiveError;
use crate::archive::check::{CheckError, check};
use crate::cache::BlockCache;
use crate::reader::{ReadError, Reader};
use crate::retention::task;
use crate::store::Location;

fn in_memory() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}

/// A store of `count` blocks, all of them in an archive.
async fn archived(count: u64) -> (Arc<dyn ObjectStore>, Arc<dyn Store>, Vec<(SignedHeader, EncodedBlock)>) {
    let (objects, store) = (in_memory(), memory());
    let chain = fill(&*store, count);
    upload_all(&archive(&objects, &store), &store).await;
    (objects, store, chain)
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within 10 s: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_tried_until_they_are_there() {
    let (store, faulty) = (memory(), Faulty::over(in_memory()));
    let chain = fill(&*store, 3);
    let objects: Arc<dyn ObjectStore> = faulty.clone();
    let short = ArchiveConfig { timeout_ms: 50, ..config("test://") };
    let archive = Arc::new(Archive::over(objects, short, store.clone()));
    let (sender, latest) = tokio::sync::watch::channel(Some(chain[2].0));
    let stop = Shutdown::new();
    let task = tokio::spawn(upload::run(store.clone(), archive.clone(), latest, stop.clone()));
    for fault in [Fault::Fails, Fault::Stalls] {
        faulty.set(fault);
        let before = faulty.puts.load(Ordering::SeqCst);
        let (next, next_block) = crate::test_store::block(
            store.latest().unwrap().as_ref(),
            9,
            &[(Namespace([1; 32]), vec![fault as u8; 9])],
        );
        store.append(&next, &next_block).unwrap();
        sender.send_replace(Some(next));
        until("tried again", || faulty.puts.load(Ordering::SeqCst) >= before + 2).await;
        assert!(archive.last_error().is_some());
        assert!(archive.through().unwrap() < next.header.height);
        faulty.set(Fault::None);
        until("uploaded", || archive.through().unwrap() == next.header.height).await;
        assert_eq!(archive.last_error(), None);
    }
    stop.trigger();
    task.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_bounded_in_time_and_number_and_checked() {
    let (objects, store, chain) = archived(2).await;
    let faulty = Faulty::over(objects.clone());
    let slow = ArchiveConfig { timeout_ms: 200, max_reads: 1, ..config("test://") };
    let archive = Arc::new(Archive::over(faulty.clone(), slow, store.clone()));
    for (signed, block) in &chain {
        store.thin(signed.header.height, 0, block.index(), &[]).unwrap();
    }
    let cache = Arc::new(BlockCache::new(1 << 20));
    let reader = Reader::new(store.clone(), cache).with_archive(archive.clone(), Handle::current());
    let rows = |height: u64| {
        let reader = reader.clone();
        tokio::task::spawn_blocking(move || reader.rows(height, &[0, 5]))
    };
    faulty.set(Fault::Stalls);
    let crowd: Vec<_> = (0..30).map(|_| rows(1)).collect();
    let (mut late, mut busy) = (0, 0);
    for read in crowd {
        match read.await.unwrap() {
            Err(ReadError::Archive(ArchiveError::Timeout { .. })) => late += 1,
            Err(ReadError::Archive(ArchiveError::Busy { .. })) => busy += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(late >= 1 && busy >= 20, "{late} late, {busy} refused");
    faulty.set(Fault::Fails);
    let failed = rows(1).await.unwrap();
    assert!(matches!(failed, Err(ReadError::Archive(ArchiveError::Store { .. }))), "{failed:?}");

    faulty.set(Fault::None);
    let answer = rows(1).await.unwrap().unwrap().unwrap();
    assert_eq!(answer, [0, 5].map(|index| chain[0].1.row(index)));
    faulty.set(Fault::Fails);
    assert!(rows(1).await.unwrap().is_ok(), "from the cache");
    faulty.set(Fault::None);

    // A damaged object is an error, never an answer.
    let name = names(&*objects).await[1].clone();
    let good = objects.get(&name).await.unwrap().bytes().await.unwrap();
    let place = Location { height: 2, position: 1 };
    let blob = || {
        let reader = reader.clone();
        tokio::task::spawn_blocking(move || reader.blob(&reader.prove_place(place).unwrap()))
    };
    assert!(blob().await.unwrap().is_ok());
    let mut bad = good.to_vec();
    bad[240 + 160..].fill(0);
    for bytes in [bad, good[..good.len() - 1].to_vec(), Vec::new()] {
        objects.put(&name, PutPayload::from(bytes)).await.unwrap();
        let answer = rows(2).await.unwrap();
        assert!(matches!(answer, Err(ReadError::Archive(_))), "{answer:?}");
        let restored = restore(&memory(), &super::archive(&objects, &memory())).await;
        assert!(matches!(restored, Err(RestoreError::Archive(_))), "{restored:?}");
    }
    assert!(blob().await.unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_starts_only_with_its_own_archive() {
    let (objects, store, chain) = archived(3).await;
    let fine = |store: Arc<dyn Store>, objects: Arc<dyn ObjectStore>| async move {
        check(&*store, &archive(&objects, &store)).await
    };
    fine(store.clone(), objects.clone()).await.unwrap();
    fine(memory(), in_memory()).await.unwrap();
    // The disk was emptied, or is an old copy.
    let ahead = fine(memory(), objects.clone()).await;
    assert!(matches!(ahead, Err(CheckError::Ahead { local: 0, .. })), "{ahead:?}");
    let old = memory();
    old.append(&chain[0].0, &chain[0].1).unwrap();
    old.set_archived(1).unwrap();
    let ahead = fine(old, objects.clone()).await;
    assert!(matches!(ahead, Err(CheckError::Ahead { local: 1, archived: 2, .. })), "{ahead:?}");
    // Somebody else's.
    let other = memory();
    let (signed, block) = crate::test_store::block(None, 99, &[(Namespace::default(), vec![1])]);
    other.append(&signed, &block).unwrap();
    assert!(matches!(fine(other.clone(), objects.clone()).await, Err(CheckError::Forked { height: 1, .. })));
    for height in 2..=4 {
        let parent = other.latest().unwrap();
        let (signed, block) = crate::test_store::block(parent.as_ref(), 99, &[(Namespace::default(), vec![height])]);
        other.append(&signed, &block).unwrap();
    }
    assert!(matches!(fine(other, objects.clone()).await, Err(CheckError::Forked { height: 1, .. })));
    // Nobody knows.
    let faulty = Faulty::over(objects.clone());
    faulty.set(Fault::Fails);
    assert!(matches!(fine(store.clone(), faulty).await, Err(CheckError::Archive(_))));
    // Another bucket: all goes there, as long as all is here.
    let empty = in_memory();
    fine(store.clone(), empty.clone()).await.unwrap();
    assert_eq!(store.archived().unwrap(), 0);
    upload_all(&archive(&empty, &store), &store).await;
    store.thin(1, 0, chain[0].1.index(), &[]).unwrap();
    let lost = fine(store.clone(), in_memory()).await;
    assert!(matches!(lost, Err(CheckError::Lost { height: 3, .. })), "{lost:?}");
    store.set_archived(0).unwrap();
    assert!(matches!(fine(store, in_memory()).await, Err(CheckError::TooLate { first_whole: 2 })));
}

#[tokio::test(flavor = "multi_thread")]
async fn restore_takes_nothing_but_the_nodes_own_chain() {
    let (objects, _, chain) = archived(4).await;
    let all = names(&*objects).await;
    let fresh = || {
        let store = memory();
        let archive = archive(&objects, &store);
        (restore_into(&store, &archive, Retention::default(), 0), store)
    };
    let (mut other_key, store) = fresh();
    other_key.signer = Default::default();
    assert!(matches!(other_key.run(|_| {}).await, Err(RestoreError::Foreign { height: 1, .. })));
    assert_eq!(store.latest().unwrap(), None);
    let (mut other_network, _) = fresh();
    other_network.network_id = 2;
    assert!(matches!(other_network.run(|_| {}).await, Err(RestoreError::Network { found: 1, expected: 2 })));
    let empty = restore(&memory(), &archive(&in_memory(), &memory())).await;
    assert!(matches!(empty, Err(RestoreError::Empty(_))));

    let (mut part, store) = fresh();
    part.to = Some(2);
    let mut told = Vec::new();
    let done = part.run(|progress| told.push((progress.height, progress.target))).await.unwrap();
    assert_eq!((done.blocks, told), (2, vec![(0, 2), (1, 2), (2, 2)]));
    assert_same(&*store, &chain[..2]);
    // The rest of it, now with a hole.
    let bytes = objects.get(&all[2]).await.unwrap().bytes().await.unwrap();
    objects.delete(&all[2]).await.unwrap();
    let hole = restore(&store, &archive(&objects, &store)).await;
    assert!(matches!(hole, Err(RestoreError::Hole { height: 3, tip: 4 })), "{hole:?}");
    objects.put(&all[2], PutPayload::from_bytes(bytes)).await.unwrap();
    // A second block at one height.
    let twin = Path::from(format!("{}{}", &all[3].as_ref()[..42], "0".repeat(64)));
    objects.put(&twin, PutPayload::from_static(b"x")).await.unwrap();
    let forked = restore(&store, &archive(&objects, &store)).await;
    assert!(matches!(forked, Err(RestoreError::Forked { height: 4 })), "{forked:?}");
    objects.delete(&twin).await.unwrap();
    assert_eq!(restore(&store, &archive(&objects, &store)).await.unwrap().height, 4);
    assert_same(&*store, &chain);
    assert_ne!(chain[0].0.header.hash(), B256::ZERO);
}

/// What left the window before the disk was lost leaves it on the way back too; it is read from the archive then.
#[tokio::test(flavor = "multi_thread")]
async fn restore_keeps_no_more_than_the_node_does() {
    let (objects, _, chain) = archived(6).await;
    let store = memory();
    let archive = archive(&objects, &store);
    let policy = Retention {
        window_ms: Some(2),
        namespaces: [(Namespace([1; 32]), crate::retention::NamespaceRule { max_age_ms: Some(0), max_bytes: None })]
            .into(),
        ..Retention::default()
    };
    restore_into(&store, &archive, policy, 7).run(|_| {}).await.unwrap();
    assert_eq!(store.first_whole().unwrap(), 5);
    let reader = Reader::new(store.clone(), Arc::new(BlockCache::new(0)));
    let with = reader.clone().with_archive(archive.clone(), Handle::current());
    let work = tokio::task::spawn_blocking(move || {
        for (signed, block) in &chain {
            for (position, entry) in (0..).zip(block.index().entries()) {
                let place = reader.prove_place(Location { height: signed.header.height, position }).unwrap();
                let here = reader.blob(&place);
                assert_eq!(here.is_ok(), signed.header.height >= 5 || entry.namespace == Namespace([2; 32]));
                assert_eq!(with.blob(&place).unwrap().unwrap(), entry.open(block.rows().payload()).unwrap());
            }
        }
    });
    work.await.unwrap();
}

/// Rows stay until the archive says, at that moment, that it has them; what it has lost is put again.
#[tokio::test(flavor = "multi_thread")]
async fn no_row_goes_that_the_archive_does_not_hold() {
    let (objects, store, chain) = archived(3).await;
    let all = names(&*objects).await;
    objects.delete(&all[1]).await.unwrap();
    let faulty = Faulty::over(objects.clone());
    faulty.set(Fault::Fails);
    let archive = Arc::new(Archive::over(faulty.clone(), config("test://"), store.clone()));
    let policy = Retention { window_ms: Some(0), ..Retention::default() };
    let sweeper = Sweeper::new(store.clone(), policy, Arc::new(weft_service::clock::SystemClock));
    let stop = Shutdown::new();
    let thread = {
        let (archive, stop, runtime) = (archive.clone(), stop.clone(), Handle::current());
        std::thread::spawn(move || task::run(sweeper, Some(&archive), &runtime, &stop))
    };
    until("the failure is seen", || archive.last_error().is_some()).await;
    assert_eq!(store.first_whole().unwrap(), 1);
    faulty.set(Fault::None);
    until("the loss is seen", || store.archived().unwrap() == 1).await;
    assert_eq!(store.first_whole().unwrap(), 2);
    upload_all(&archive, &store).await;
    assert_eq!(names(&*objects).await, all);
    until("all are thinned", || store.first_whole().unwrap() == 4).await;
    stop.trigger();
    thread.join().unwrap().unwrap();
    assert_eq!(store.header(3).unwrap(), Some(chain[2].0));
}
