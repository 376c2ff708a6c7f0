//! One suite over both key-value stores.
#![allow(clippy::unwrap_used)]

use rocksdb::{DB, Options};

use super::{Family, Kv, KvView, MemoryKv, RocksKv, Write};

fn put(family: Family, key: &[u8], value: &[u8]) -> Write {
    Write { family, key: key.to_vec(), value: Some(value.to_vec()) }
}

fn suite(kv: &dyn Kv) {
    assert_eq!(kv.get(Family::Block, b"a").unwrap(), None);
    assert_eq!(kv.last(Family::Block).unwrap(), None);
    let writes = vec![
        put(Family::Block, b"b", b"2"),
        put(Family::Block, b"a", b"1"),
        put(Family::Block, b"c", b"3"),
        put(Family::Receipts, b"a", b"other"),
        put(Family::Leaf, b"z", b"last family before"),
    ];
    kv.write(writes, true).unwrap();
    check(kv);
    kv.write(vec![put(Family::Block, b"a", b"not the last"), put(Family::Block, b"a", b"1")], true).unwrap();
    check(kv);
    let delete = Write { family: Family::Block, key: b"c".to_vec(), value: None };
    kv.write(vec![delete, put(Family::Block, b"a", b"one")], false).unwrap();
    assert_eq!(kv.get(Family::Block, b"a").unwrap().unwrap(), b"one");
    assert_eq!(kv.last(Family::Block).unwrap().unwrap().0, b"b");
    kv.write(vec![put(Family::Block, b"a", b"1"), put(Family::Block, b"c", b"3")], true).unwrap();
}

fn check(kv: &dyn Kv) {
    let keys = |from: &[u8], limit| -> Vec<Vec<u8>> {
        kv.scan(Family::Block, from, limit).unwrap().into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys(b"", 10), [b"a", b"b", b"c"]);
    assert_eq!(keys(b"aa", 1), [b"b"]);
    assert_eq!(keys(b"d", 1), Vec::<Vec<u8>>::new());
    assert_eq!(kv.last(Family::Block).unwrap().unwrap(), (b"c".to_vec(), b"3".to_vec()));
    assert_eq!(kv.get(Family::Receipts, b"a").unwrap().unwrap(), b"other");
}

#[test]
fn memory() {
    suite(&MemoryKv::default());
}

#[test]
fn rocksdb_and_again_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    suite(&RocksKv::open(folder.path()).unwrap());
    check(&RocksKv::open(folder.path()).unwrap());
}

#[test]
fn a_database_from_before_a_family_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    let before = || Family::ALL.into_iter().filter(|family| *family != Family::AccessList).map(Family::name);
    let db = DB::open_cf(&options, folder.path(), before()).unwrap();
    db.put_cf(db.cf_handle(Family::Block.name()).unwrap(), b"a", b"1").unwrap();
    drop(db);
    let kv = RocksKv::open(folder.path()).unwrap();
    assert_eq!(kv.get(Family::Block, b"a").unwrap().unwrap(), b"1");
    assert_eq!(kv.get(Family::AccessList, b"a").unwrap(), None);
    kv.write(vec![put(Family::AccessList, b"a", b"2")], true).unwrap();
    drop(kv);
    // But there is no way back.
    let error = DB::open_cf(&options, folder.path(), before()).unwrap_err();
    assert!(error.to_string().contains("access_list"), "{error}");
}

/// Entries come back in order and without gaps; the signed head is the newest that came with a signature.
#[test]
fn the_settlement_log_is_kept() {
    use weft_primitives::{B256, Signature};
    use weft_settlement::{Event, Finalized, LogEntry};

    let store = super::ChainStore::new(std::sync::Arc::new(MemoryKv::default()));
    let event = Event::Finalized(Finalized { batch_index: 1, commitment: B256::repeat_byte(2) });
    let entry = |seq: u64| {
        let prev_hash = if seq == 1 { B256::ZERO } else { B256::repeat_byte(seq as u8) };
        LogEntry { seq, prev_hash, time_ms: seq, event: event.clone() }
    };
    assert_eq!(store.signed_log_head().unwrap(), None);
    for (seq, signature) in [(1, None), (2, Some(Signature([7; 65]))), (3, None), (5, None)] {
        store.keep_log_entry(&entry(seq), signature).unwrap();
    }
    assert_eq!(store.kept_log(1, 10).unwrap(), [entry(1), entry(2), entry(3)]);
    assert_eq!(store.kept_log(2, 1).unwrap(), [entry(2)]);
    assert_eq!(store.kept_log(4, 10).unwrap(), []);
    let head = store.signed_log_head().unwrap().unwrap();
    assert_eq!((head.seq, head.hash, head.signature), (2, entry(2).hash(), Signature([7; 65])));
}
