//! The store on RocksDB. One synced WriteBatch a block.

use std::path::Path;

use rocksdb::{ColumnFamilyDescriptor, DB, IteratorMode, Options, WriteBatch, WriteOptions};
use weft_da::{BlobEntry, BlobIndex, EncodedBlock, SignedHeader};
use weft_primitives::{B256, Namespace};

use super::keys::{self, ALL, BLOB, DIGESTS, HEADER, INDEX, KEPT_DATA, KEPT_USAGE, ORIGINALS, ROWS, STATE, USAGE};
use super::{Location, Store, StoreError, Usage, usage};

/// Values above this size live in blob files, so that compaction does not copy them again and again.
const BLOB_FILE_THRESHOLD_BYTES: u64 = 4_096;

/// RocksDB's own log files kept.
const KEPT_LOG_FILES: usize = 4;

/// Log of writes kept at most: what is removed is off the disk only when the log before it is.
const MAX_WAL_BYTES: u64 = 256 << 20;

/// A store on disk.
#[derive(Debug)]
pub struct RocksStore {
    pub(super) db: DB,
}

impl RocksStore {
    /// Opens the database in `folder`, or makes it.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(|source| StoreError::Folder { path: folder.to_owned(), source })?;
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_keep_log_file_num(KEPT_LOG_FILES);
        options.set_max_total_wal_size(MAX_WAL_BYTES);
        let families = ALL.map(|name| ColumnFamilyDescriptor::new(name, family_options(name)));
        let store = Self { db: DB::open_cf_descriptors(&options, folder, families)? };
        store.catch_up()?;
        Ok(store)
    }

    /// Writes the indexes of blocks that are there without, as earlier versions wrote them, and counts their blobs. The
    /// index of a block is written with the count of its blobs: what has an index is counted.
    fn catch_up(&self) -> Result<(), StoreError> {
        let latest = self.latest()?.map_or(0, |latest| latest.header.height);
        for height in self.last_height(INDEX)? + 1..=latest {
            let damaged = |what| StoreError::Damaged { height, what };
            let header = self.header(height)?.ok_or(damaged("header is gone"))?;
            // Where rows are shared by several nodes.
            let Some(originals) = self.originals(height)? else { continue };
            let index =
                BlobIndex::verify(&header.header, &originals).map_err(|_| damaged("original rows hold no index"))?;
            let mut first = Vec::new();
            for (position, entry) in (0..).zip(index.entries()) {
                if self.locate(&entry.namespace, &entry.hash)? == Some(Location { height, position }) {
                    first.push(*entry);
                }
            }
            let mut batch = WriteBatch::default();
            self.index_and_count(&mut batch, height, &index, &first)?;
            self.db.write(batch)?;
        }
        Ok(())
    }

    /// The index of a block, and what the blobs that have their first place in it add to their namespaces.
    fn index_and_count(
        &self,
        batch: &mut WriteBatch,
        height: u64,
        index: &BlobIndex,
        first: &[BlobEntry],
    ) -> Result<(), StoreError> {
        batch.put_cf(self.family(INDEX), keys::height(height), index.encode());
        for (namespace, added) in usage::tally(first.iter()) {
            let sum = self.usage(&namespace)?.plus(added);
            batch.put_cf(self.family(USAGE), namespace.as_bytes(), sum.encode());
        }
        Ok(())
    }

    /// Everything of a block but its original rows, with what is in `batch`, in one synced write.
    fn write_block(
        &self,
        header: &SignedHeader,
        block: &EncodedBlock,
        mut batch: WriteBatch,
    ) -> Result<(), StoreError> {
        let latest = self.latest()?.map_or(0, |latest| latest.header.height);
        let height = header.header.height;
        if height != latest + 1 {
            return Err(StoreError::Gap { got: height, latest });
        }
        let key = keys::height(height);
        batch.put_cf(self.family(HEADER), key, header.encode());
        batch.put_cf(self.family(DIGESTS), key, block.rows().digest_bytes());
        let known = |namespace: &Namespace, hash: &B256| match self.locate(namespace, hash)? {
            Some(place) => self.is_here(namespace, place),
            None => Ok(false),
        };
        let fresh = usage::fresh(block.index().entries(), known)?;
        for (position, entry) in &fresh {
            let value = Location { height, position: *position }.encode();
            batch.put_cf(self.family(BLOB), keys::blob(&entry.namespace, &entry.hash), value);
        }
        let first: Vec<BlobEntry> = fresh.into_iter().map(|(_, entry)| entry).collect();
        self.index_and_count(&mut batch, height, block.index(), &first)?;
        Ok(self.db.write_opt(batch, &synced())?)
    }

    /// The greatest height in a family that is keyed by height; 0 if there is none.
    fn last_height(&self, family: &str) -> Result<u64, StoreError> {
        let Some(entry) = self.db.iterator_cf(self.family(family), IteratorMode::End).next() else {
            return Ok(0);
        };
        let key = <[u8; 8]>::try_from(&*entry?.0)
            .map_err(|_| StoreError::Damaged { height: 0, what: "key of a row is not a height" })?;
        Ok(u64::from_be_bytes(key))
    }

    pub(super) fn family(&self, name: &str) -> &rocksdb::ColumnFamily {
        self.db.cf_handle(name).expect("all column families are made by open")
    }

    pub(super) fn get(&self, family: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get_cf(self.family(family), key)?)
    }
}

/// When the write returns, it survives a crash.
pub(super) fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}

fn family_options(name: &str) -> Options {
    let mut options = Options::default();
    // Batches are compressed and parity-like already; only the index of blobs and headers would shrink.
    options.set_compression_type(if [BLOB, INDEX, STATE, USAGE, KEPT_USAGE].contains(&name) {
        rocksdb::DBCompressionType::Lz4
    } else {
        rocksdb::DBCompressionType::None
    });
    if [ORIGINALS, DIGESTS, KEPT_DATA, ROWS].contains(&name) {
        options.set_enable_blob_files(true);
        options.set_min_blob_size(if name == ROWS { 0 } else { BLOB_FILE_THRESHOLD_BYTES });
    }
    options
}

fn decode_header(height: u64, bytes: &[u8]) -> Result<SignedHeader, StoreError> {
    let damaged = |what| StoreError::Damaged { height, what };
    let header = SignedHeader::decode(bytes).map_err(|_| damaged("header does not decode"))?;
    if header.header.height != height {
        return Err(damaged("header has another height"));
    }
    Ok(header)
}

impl Store for RocksStore {
    fn stage(&self, height: u64, originals: &[u8]) -> Result<(), StoreError> {
        let latest = self.latest()?.map_or(0, |latest| latest.header.height);
        if height != latest + 1 {
            return Err(StoreError::Gap { got: height, latest });
        }
        Ok(self.db.put_cf_opt(self.family(ORIGINALS), keys::height(height), originals, &synced())?)
    }

    fn append_staged(&self, header: &SignedHeader, block: &EncodedBlock) -> Result<(), StoreError> {
        self.write_block(header, block, WriteBatch::default())
    }

    fn append(&self, header: &SignedHeader, block: &EncodedBlock) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        batch.put_cf(self.family(ORIGINALS), keys::height(header.header.height), block.rows().originals());
        self.write_block(header, block, batch)
    }

    fn latest(&self) -> Result<Option<SignedHeader>, StoreError> {
        let Some(entry) = self.db.iterator_cf(self.family(HEADER), IteratorMode::End).next() else {
            return Ok(None);
        };
        let (key, value) = entry?;
        let key = <[u8; 8]>::try_from(&*key)
            .map_err(|_| StoreError::Damaged { height: 0, what: "key of a header is not a height" })?;
        decode_header(u64::from_be_bytes(key), &value).map(Some)
    }

    fn header(&self, height: u64) -> Result<Option<SignedHeader>, StoreError> {
        self.get(HEADER, &keys::height(height))?.map(|bytes| decode_header(height, &bytes)).transpose()
    }

    fn originals(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(ORIGINALS, &keys::height(height))
    }

    fn digests(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(DIGESTS, &keys::height(height))
    }

    fn locate(&self, namespace: &Namespace, hash: &B256) -> Result<Option<Location>, StoreError> {
        let damaged = StoreError::Damaged { height: 0, what: "location of a blob does not decode" };
        self.get(BLOB, &keys::blob(namespace, hash))?.map(|value| Location::decode(&value).ok_or(damaged)).transpose()
    }

    fn index(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(INDEX, &keys::height(height))
    }

    fn usage(&self, namespace: &Namespace) -> Result<Usage, StoreError> {
        let damaged = StoreError::Damaged { height: 0, what: "count of a namespace does not decode" };
        let value = self.get(USAGE, namespace.as_bytes())?;
        value.map_or(Ok(Usage::default()), |value| Usage::decode(&value).ok_or(damaged))
    }
}
