//! One suite over all stores.
#![allow(clippy::unwrap_used)]

use weft_da::{Blob, ChainPosition, EncodedBlock, Packed, Schedule, SignedHeader};
use weft_primitives::{B256, Namespace, Signer};

use weft_da::custody::{Attestation, Certificate, Members};

use super::{Complete, Location, MemoryStore, RocksStore, ShareStore, Store, StoreError, Usage};

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
    store.append(&second, &second_block).unwrap();
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

#[test]
fn memory() {
    suite(&MemoryStore::default());
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
    store.put_certificate(1, &certificate).unwrap();
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
