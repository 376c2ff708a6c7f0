//! The store on RocksDB. One synced WriteBatch a block.

use std::path::Path;

use rocksdb::{ColumnFamilyDescriptor, DB, IteratorMode, Options, WriteBatch, WriteOptions};
use weft_da::{EncodedBlock, SignedHeader};
use weft_primitives::{B256, Namespace};

use super::keys::{self, ALL, BLOB, DIGESTS, HEADER, KEPT_DATA, ORIGINALS};
use super::{Location, Store, StoreError};

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
        Ok(Self { db: DB::open_cf_descriptors(&options, folder, families)? })
    }

    pub(super) fn family(&self, name: &str) -> &rocksdb::ColumnFamily {
        self.db.cf_handle(name).expect("all column families are made by open")
    }

    pub(super) fn get(&self, family: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get_cf(self.family(family), key)?)
    }
}

fn family_options(name: &str) -> Options {
    let mut options = Options::default();
    // Batches are compressed and parity-like already; only the index of blobs and headers would shrink.
    options.set_compression_type(if name == BLOB {
        rocksdb::DBCompressionType::Lz4
    } else {
        rocksdb::DBCompressionType::None
    });
    if [ORIGINALS, DIGESTS, KEPT_DATA].contains(&name) {
        options.set_enable_blob_files(true);
        options.set_min_blob_size(BLOB_FILE_THRESHOLD_BYTES);
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
    fn append(&self, header: &SignedHeader, block: &EncodedBlock) -> Result<(), StoreError> {
        let latest = self.latest()?.map_or(0, |latest| latest.header.height);
        let height = header.header.height;
        if height != latest + 1 {
            return Err(StoreError::Gap { got: height, latest });
        }
        let mut batch = WriteBatch::default();
        let key = keys::height(height);
        batch.put_cf(self.family(HEADER), key, header.encode());
        batch.put_cf(self.family(ORIGINALS), key, block.rows().originals());
        batch.put_cf(self.family(DIGESTS), key, block.rows().digest_bytes());
        for (position, entry) in (0..).zip(block.index().entries()) {
            let before = self.locate(&entry.namespace, &entry.hash)?;
            if before.map_or(Ok(true), |place| self.is_here(&entry.namespace, place).map(|here| !here))? {
                let value = Location { height, position }.encode();
                batch.put_cf(self.family(BLOB), keys::blob(&entry.namespace, &entry.hash), value);
            }
        }
        let mut options = WriteOptions::default();
        options.set_sync(true);
        self.db.write_opt(batch, &options)?;
        Ok(())
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
}
