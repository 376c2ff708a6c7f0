//! One suite over both key-value stores.
#![allow(clippy::unwrap_used)]

use super::{Family, Kv, MemoryKv, RocksKv, Write};

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
