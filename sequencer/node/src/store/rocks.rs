//! The key-value store on RocksDB: one column family for each kind of key, one WriteBatch for each list of writes.

use std::path::Path;

use rocksdb::{ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, Direction, IteratorMode, Options};
use rocksdb::{WriteBatch, WriteOptions};

use super::{Family, Kv, Pair, StoreError, Write};

/// RocksDB's own log files kept.
const KEPT_LOG_FILES: usize = 4;

/// Memory for writes not yet in table files, over all families.
const WRITE_BUFFER_BYTES: usize = 256 << 20;

/// Write-ahead log kept before families are flushed.
const MAX_WAL_BYTES: u64 = 512 << 20;

/// A store on disk.
#[derive(Debug)]
pub struct RocksKv {
    db: DB,
}

impl RocksKv {
    /// Opens the database in `folder`, or makes it.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(|source| StoreError::Folder { path: folder.to_owned(), source })?;
        let mut options = options();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        Ok(Self { db: DB::open_cf_descriptors(&options, folder, families())? })
    }

    /// Opens the database in `folder` as it is now, for reading; whoever has it open may go on writing.
    pub fn open_read_only(folder: &Path) -> Result<Self, StoreError> {
        Ok(Self { db: DB::open_cf_descriptors_read_only(&options(), folder, families(), false)? })
    }

    fn family(&self, family: Family) -> &ColumnFamily {
        self.db.cf_handle(family.name()).expect("all column families are made by open")
    }
}

fn options() -> Options {
    let mut options = Options::default();
    options.set_keep_log_file_num(KEPT_LOG_FILES);
    options.set_db_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_max_total_wal_size(MAX_WAL_BYTES);
    options
}

fn families() -> impl Iterator<Item = ColumnFamilyDescriptor> {
    Family::ALL.into_iter().map(|family| {
        let mut options = Options::default();
        options.set_compression_type(match family {
            // Hashes and compressed bytes do not shrink.
            Family::Tx | Family::Hash | Family::Payload => DBCompressionType::None,
            _ => DBCompressionType::Lz4,
        });
        ColumnFamilyDescriptor::new(family.name(), options)
    })
}

impl Kv for RocksKv {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get_cf(self.family(family), key)?)
    }

    fn write(&self, mut writes: Vec<Write>, durable: bool) -> Result<(), StoreError> {
        // Neighbours in a row: the search for a key's place begins at that of the last. Of one key the last write counts.
        writes.sort_by(|one, other| (one.family, &one.key).cmp(&(other.family, &other.key)));
        let mut batch = WriteBatch::default();
        for Write { family, key, value } in writes {
            match value {
                Some(value) => batch.put_cf(self.family(family), key, value),
                None => batch.delete_cf(self.family(family), key),
            }
        }
        let mut options = WriteOptions::default();
        options.set_sync(durable);
        self.db.write_opt(batch, &options)?;
        Ok(())
    }

    fn scan(&self, family: Family, from: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError> {
        let pairs = self.db.iterator_cf(self.family(family), IteratorMode::From(from, Direction::Forward));
        pairs.take(limit).map(|pair| pair.map(|(key, value)| (key.into(), value.into())).map_err(Into::into)).collect()
    }

    fn last(&self, family: Family) -> Result<Option<Pair>, StoreError> {
        let newest = self.db.iterator_cf(self.family(family), IteratorMode::End).next().transpose()?;
        Ok(newest.map(|(key, value)| (key.into(), value.into())))
    }
}
