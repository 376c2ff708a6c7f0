//! One suite over all stores.
#![allow(clippy::unwrap_used)]

use weft_da::{Blob, ChainPosition, EncodedBlock, Packed, Schedule, SignedHeader};
use weft_primitives::{B256, Namespace, Signer};

use super::{Location, MemoryStore, RocksStore, Store, StoreError};

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
    }
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
