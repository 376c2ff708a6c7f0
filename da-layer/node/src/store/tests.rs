//! One suite over all stores.
#![allow(clippy::unwrap_used)]

use weft_da::{Blob, ChainPosition, EncodedBlock, Packed, Schedule, SignedHeader};
use weft_primitives::{B256, Namespace, Signer};

use weft_da::custody::{Attestation, Certificate, Members};

use super::{Complete, KeptBlob, Location, MemoryStore, Retained, RocksStore, ShareStore, Store, StoreError, Usage};

fn block(height: u64, prev_hash: B256, blobs: &[(u8, &[u8])]) -> (SignedHeader, EncodedBlock) {
    let blobs: Vec<Blob<'_>> = blobs.iter().map(|(name, data)| Blob::new(Namespace([*name; 32]), data)).collect();
    let block = EncodedBlock::encode(Packed::new(&blobs, 1 << 20).unwrap(), Schedule::Sequential);
    let header = block.header(ChainPosition { network_id: 1, height, prev_hash, time_ms: height });
    (SignedHeader::sign(header, &Signer::from_bytes([7; 32]).unwrap()), block)
}

fn suite(store: &dyn Store) {
    assert_eq!(store.latest().unwrap(), None);
    assert_eq!(store.header(0).unwrap(), None);
    let (first, first_block) = block(1, B256::ZERO, &[(1, b"one"), (2, b"two")]);
    let (second, second_block) = block(2, first.header.hash(), &[(1, b"three"), (2, b"two")]);
    assert!(matches!(store.append(&second, &second_block), Err(StoreError::Gap { got: 2, latest: 0 })));
    store.append(&first, &first_block).unwrap();
    assert!(matches!(store.append(&first, &first_block), Err(StoreError::Gap { got: 1, latest: 1 })));
    // Rows of a block that never came, then those of the one that did.
    assert!(matches!(store.stage(3, b"no"), Err(StoreError::Gap { got: 3, latest: 1 })));
    store.stage(2, b"others").unwrap();
    assert_eq!((store.latest().unwrap(), store.header(2).unwrap()), (Some(first), None));
    store.stage(2, second_block.rows().originals()).unwrap();
    store.append_staged(&second, &second_block).unwrap();
    check(store, &[(first, first_block), (second, second_block)]);
}

fn check(store: &dyn Store, blocks: &[(SignedHeader, EncodedBlock)]) {
    assert_eq!(store.latest().unwrap(), blocks.last().map(|(header, _)| *header));
    for (header, block) in blocks {
        let height = header.header.height;
        assert_eq!(store.header(height).unwrap().unwrap(), *header);
        assert_eq!(store.originals(height).unwrap().unwrap(), block.rows().originals());
        assert_eq!(store.digests(height).unwrap().unwrap(), block.rows().digest_bytes());
        assert_eq!(store.index(height).unwrap().unwrap(), block.index().encode());
    }
    assert_eq!(store.index(3).unwrap(), None);
    let usage = |name: u8| store.usage(&Namespace([name; 32])).unwrap();
    assert_eq!(usage(1), Usage { bytes: 3 + 5, blobs: 2 });
    assert_eq!(usage(2), Usage { bytes: 3, blobs: 1 }, "the same blob again is no more");
    assert_eq!(usage(3), Usage::default());
    assert_eq!(store.header(3).unwrap(), None);
    assert_eq!(store.originals(3).unwrap(), None);
    let locate = |name: u8, data: &[u8]| store.locate(&Namespace([name; 32]), &weft_da::blob_hash(data)).unwrap();
    assert_eq!(locate(1, b"three"), Some(Location { height: 2, position: 0 }));
    assert_eq!(locate(2, b"two"), Some(Location { height: 1, position: 1 }), "the first place stands");
    assert_eq!(locate(2, b"one"), None);
}

/// Thins the first block and keeps the second of its blobs, then lets that go too.
fn retained_suite(store: &dyn Store) {
    let (first, first_block) = block(1, B256::ZERO, &[(1, b"one"), (2, b"two")]);
    let (second, second_block) = block(2, first.header.hash(), &[(1, b"three")]);
    store.append(&first, &first_block).unwrap();
    assert_eq!(store.first_whole().unwrap(), 1);
    assert!(matches!(store.thin(2, 2, second_block.index(), &[]), Err(StoreError::Gap { .. })), "in order only");
    store.append(&second, &second_block).unwrap();

    let (gone, kept) = (Location { height: 1, position: 0 }, Location { height: 1, position: 1 });
    let (one, two) = (Namespace([1; 32]), Namespace([2; 32]));
    assert!(store.is_here(&one, gone).unwrap() && !store.is_kept(&two, kept).unwrap());
    let usage = |bytes, blobs| Usage { bytes, blobs };
    assert_eq!(store.usage(&one).unwrap(), usage(8, 2));
    let freed = store.thin(1, 7, first_block.index(), &[(1, b"two")]).unwrap();
    assert_eq!(freed.into_iter().collect::<Vec<_>>(), [(one, usage(3, 1))]);
    assert_eq!((store.usage(&one).unwrap(), store.usage(&two).unwrap()), (usage(5, 1), usage(3, 1)));
    assert_eq!(store.first_whole().unwrap(), 2);
    assert_eq!((store.header(1).unwrap(), store.originals(1).unwrap()), (Some(first), None));
    assert_eq!(store.digests(1).unwrap().unwrap(), first_block.rows().digest_bytes());
    assert_eq!(store.index(1).unwrap().unwrap(), first_block.index().encode());
    assert_eq!((store.kept(gone).unwrap(), store.kept(kept).unwrap()), (None, Some(b"two".to_vec())));
    assert!(!store.is_here(&one, gone).unwrap() && store.is_here(&two, kept).unwrap());
    assert_eq!(store.namespaces(&one, 9).unwrap(), [(two, Usage { bytes: 3, blobs: 1 })]);
    assert_eq!(store.namespaces(&Namespace([3; 32]), 9).unwrap(), []);
    let blob = KeptBlob { location: kept, length: 3, time_ms: 7 };
    assert_eq!(store.oldest_kept(&two, 9).unwrap(), [blob]);
    assert_eq!(store.oldest_kept(&one, 9).unwrap(), []);
    store.reclaim().unwrap();
    assert_eq!(store.kept(kept).unwrap(), Some(b"two".to_vec()));

    // What has gone is stored anew when it comes again; what is kept has its place.
    let (third, third_block) = block(3, second.header.hash(), &[(1, b"one"), (2, b"two")]);
    store.append(&third, &third_block).unwrap();
    let place = |name, data: &[u8]| store.locate(&name, &weft_da::blob_hash(data)).unwrap().unwrap();
    assert_eq!((place(one, b"one"), place(two, b"two")), (Location { height: 3, position: 0 }, kept));

    assert_eq!(store.usage(&one).unwrap(), usage(8, 2), "stored anew");
    assert_eq!(store.forget(&two, &[blob]).unwrap(), usage(3, 1));
    assert_eq!(store.forget(&two, &[blob]).unwrap(), usage(0, 0));
    assert_eq!(store.usage(&two).unwrap(), usage(0, 0));
    assert_eq!((store.kept(kept).unwrap(), store.namespaces(&one, 9).unwrap()), (None, vec![]));
    assert_eq!(store.archived().unwrap(), 0);
    assert!(store.set_archived(4).is_err(), "the archive cannot hold what is not here");
    store.set_archived(3).unwrap();
    store.set_archived(2).unwrap();
}

#[test]
fn memory() {
    suite(&MemoryStore::default());
    retained_suite(&MemoryStore::default());
}

#[test]
fn rocksdb_keeps_what_stays_of_old_blocks() {
    let folder = tempfile::tempdir().unwrap();
    retained_suite(&RocksStore::open(folder.path()).unwrap());
    let store = RocksStore::open(folder.path()).unwrap();
    assert_eq!((store.first_whole().unwrap(), store.archived().unwrap()), (2, 2));
}

#[test]
fn rocksdb_and_again_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    suite(&RocksStore::open(folder.path()).unwrap());
    let (first, first_block) = block(1, B256::ZERO, &[(1, b"one"), (2, b"two")]);
    let second = block(2, first.header.hash(), &[(1, b"three"), (2, b"two")]);
    check(&RocksStore::open(folder.path()).unwrap(), &[(first, first_block), second]);
}

/// As a member of a custody fills it: block 2 comes before block 1.
fn shares(store: &dyn ShareStore) {
    let (first, first_block) = block(1, B256::ZERO, &[(1, b"one"), (2, b"two")]);
    let (second, second_block) = block(2, first.header.hash(), &[(1, b"three"), (2, b"two")]);
    assert!(matches!(store.append_header(&second), Err(StoreError::Gap { got: 2, latest: 0 })));
    store.append_header(&first).unwrap();
    store.append_header(&second).unwrap();
    assert_eq!(store.latest().unwrap(), Some(second));
    for (height, block) in [(2, &second_block), (1, &first_block)] {
        let rows: Vec<_> = [9, 3, 255].iter().map(|row| block.row(*row).unwrap()).collect();
        store.put_rows(height, &rows).unwrap();
        store.put_frame(height, block.rows().digest_bytes(), block.index()).unwrap();
    }
    let signer = Signer::from_bytes([7; 32]).unwrap();
    let members = Members::new(vec![signer.address()], 1).unwrap();
    let attestations = vec![Attestation::sign(&first.header, &members, &signer)];
    let certificate = Certificate { members, attestations };
    assert_eq!((store.certified().unwrap(), store.certificate(1).unwrap()), (0, None));
    assert!(matches!(
        store.put_certificates(2, std::slice::from_ref(&certificate)),
        Err(StoreError::Gap { got: 2, latest: 0 })
    ));
    store.put_certificates(1, std::slice::from_ref(&certificate)).unwrap();
    let complete = Complete { members: certificate.members.hash(), height: 2 };
    assert_eq!(store.complete().unwrap(), None);
    store.set_complete(complete).unwrap();
    check_shares(store, &[&first_block, &second_block], &certificate, complete);
}

fn check_shares(store: &dyn ShareStore, blocks: &[&EncodedBlock], certificate: &Certificate, complete: Complete) {
    for (height, block) in (1..).zip(blocks) {
        assert_eq!(store.originals(height).unwrap(), None);
        assert_eq!(store.digests(height).unwrap().unwrap(), block.rows().digest_bytes());
        assert_eq!(store.index(height).unwrap().unwrap(), block.index().encode());
        assert_eq!(store.rows_held(height).unwrap(), [3, 9, 255]);
        assert_eq!(store.row(height, 9).unwrap(), block.row(9));
        assert_eq!(store.row(height, 10).unwrap(), None);
    }
    assert_eq!(store.rows_held(3).unwrap(), [0u32; 0]);
    let place = store.locate(&Namespace([2; 32]), &weft_da::blob_hash(b"two")).unwrap();
    assert_eq!(place, Some(Location { height: 1, position: 1 }), "the first place stands");
    assert_eq!((store.certified().unwrap(), store.certificate(1).unwrap().as_ref()), (1, Some(certificate)));
    assert_eq!(store.complete().unwrap(), Some(complete));
    store.put_originals(1, blocks[0].rows().originals()).unwrap();
    assert_eq!(store.originals(1).unwrap().unwrap(), blocks[0].rows().originals());
}

#[test]
fn shares_in_memory() {
    shares(&MemoryStore::default());
}

#[test]
fn shares_on_rocksdb_and_again_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    shares(&RocksStore::open(folder.path()).unwrap());
    let store = RocksStore::open(folder.path()).unwrap();
    assert_eq!((store.certified().unwrap(), store.rows_held(2).unwrap()), (1, vec![3, 9, 255]));
}

/// A folder of a version that had neither indexes nor counts gets both.
#[test]
fn folders_without_counts_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    suite(&RocksStore::open(folder.path()).unwrap());
    let mut options = rocksdb::Options::default();
    let names = rocksdb::DB::list_cf(&options, folder.path()).unwrap();
    options.create_if_missing(false);
    let mut db = rocksdb::DB::open_cf(&options, folder.path(), names).unwrap();
    for name in ["index", "usage"] {
        db.drop_cf(name).unwrap();
    }
    drop(db);
    let (first, first_block) = block(1, B256::ZERO, &[(1, b"one"), (2, b"two")]);
    let second = block(2, first.header.hash(), &[(1, b"three"), (2, b"two")]);
    for _ in 0..2 {
        check(&RocksStore::open(folder.path()).unwrap(), &[(first, first_block.clone()), second.clone()]);
    }
}

/// Bytes of all files in a folder.
fn disk_bytes(folder: &std::path::Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn what_is_removed_leaves_the_disk() {
    const BLOB_BYTES: usize = 2 << 20;
    const BLOCKS: u64 = 24;
    let folder = tempfile::tempdir().unwrap();
    let store = RocksStore::open(folder.path()).unwrap();
    let mut random = 1u64;
    let mut parent: Option<SignedHeader> = None;
    let mut blocks = Vec::new();
    for height in 1..=BLOCKS {
        let blobs = [1, 2].map(|name| {
            let data = std::iter::repeat_with(|| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                random.to_be_bytes()
            });
            (Namespace([name; 32]), data.take(BLOB_BYTES / 8).collect::<Vec<_>>().concat())
        });
        let (signed, block) = crate::test_store::block(parent.as_ref(), height, &blobs);
        store.append(&signed, &block).unwrap();
        blocks.push((signed, block.index().clone(), blobs));
        parent = Some(signed);
    }
    let whole = disk_bytes(folder.path());
    assert!(whole >= BLOCKS * 2 * BLOB_BYTES as u64);
    for (signed, index, blobs) in &blocks {
        let kept = [(0, blobs[0].1.as_slice()), (1, blobs[1].1.as_slice())];
        store.thin(signed.header.height, signed.header.time_ms, index, &kept).unwrap();
    }
    store.reclaim().unwrap();
    let thinned = disk_bytes(folder.path());
    // Every second blob goes, then all but the newest two.
    let (one, two) = (Namespace([1; 32]), Namespace([2; 32]));
    store.forget(&one, &store.oldest_kept(&one, 99).unwrap()).unwrap();
    store.reclaim().unwrap();
    let half = disk_bytes(folder.path());
    store.forget(&two, &store.oldest_kept(&two, BLOCKS as usize - 2).unwrap()).unwrap();
    store.reclaim().unwrap();
    let few = disk_bytes(folder.path());
    println!("bytes on disk: {whole} whole, {thinned} thinned, {half} with half of the blobs, {few} with two blobs");
    let blob = BLOB_BYTES as u64;
    let slack = 64 << 20;
    assert!(thinned <= BLOCKS * 2 * blob + slack, "rows are still there: {thinned}");
    assert!(half <= BLOCKS * blob + slack, "{half}");
    assert!(few <= 2 * blob + slack, "{few}");
    for (height, (_, _, blobs)) in (1..).zip(&blocks) {
        let kept = store.kept(Location { height, position: 1 }).unwrap();
        assert_eq!(kept.as_ref() == Some(&blobs[1].1), height > BLOCKS - 2);
        assert_eq!(kept.is_some(), height > BLOCKS - 2);
    }
}
