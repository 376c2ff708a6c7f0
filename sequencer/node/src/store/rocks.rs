//! The key-value store on RocksDB: one column family for each kind of key, one WriteBatch for each list of writes.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use rocksdb::{BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, DBRawIterator};
use rocksdb::{IteratorMode, Options, WriteBatch, WriteOptions};

use super::pinned::Pinned;
use super::{Family, Kv, KvView, Pair, StoreError, Visit, Write};

/// RocksDB's own log files kept.
const KEPT_LOG_FILES: usize = 4;

/// Memory for writes not yet in table files, over all families.
const WRITE_BUFFER_BYTES: usize = 256 << 20;

/// Write-ahead log kept before families are flushed.
const MAX_WAL_BYTES: u64 = 512 << 20;

/// Memory for parts of table files with state leaves, their indexes and filters among them.
const LEAF_CACHE_BYTES: usize = 128 << 20;

/// Of the filters that say of most keys that are not in a table file that they are not: one of 100 is looked for.
const FILTER_BITS_PER_LEAF: f64 = 10.0;

/// A store on disk.
#[derive(Debug)]
pub struct RocksKv {
    db: Arc<DB>,
}

impl RocksKv {
    /// Opens the database in `folder`, or makes it.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(|source| StoreError::Folder { path: folder.to_owned(), source })?;
        let mut options = options();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        Ok(Self { db: Arc::new(DB::open_cf_descriptors(&options, folder, families())?) })
    }

    /// Opens the database in `folder` as it is now, for reading; whoever has it open may go on writing.
    pub fn open_read_only(folder: &Path) -> Result<Self, StoreError> {
        Ok(Self { db: Arc::new(DB::open_cf_descriptors_read_only(&options(), folder, families(), false)?) })
    }
}

pub(super) fn family(db: &DB, family: Family) -> &ColumnFamily {
    db.cf_handle(family.name()).expect("all column families are made by open")
}

pub(super) fn walk(mut pairs: DBRawIterator<'_>, from: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError> {
    pairs.seek(from);
    while let Some((key, value)) = pairs.item() {
        if let ControlFlow::Break(()) = visit(key, value) {
            return Ok(());
        }
        pairs.next();
    }
    // At the end of the family, or where it cannot be read.
    Ok(pairs.status()?)
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
        if family == Family::Leaf {
            options.set_block_based_table_factory(&leaf_tables());
        }
        ColumnFamilyDescriptor::new(family.name(), options)
    })
}

/// Of a state larger than memory, what reading it takes in memory must not grow with it.
fn leaf_tables() -> BlockBasedOptions {
    let mut tables = BlockBasedOptions::default();
    tables.set_block_cache(&Cache::new_lru_cache(LEAF_CACHE_BYTES));
    tables.set_cache_index_and_filter_blocks(true);
    tables.set_pin_l0_filter_and_index_blocks_in_cache(true);
    tables.set_bloom_filter(FILTER_BITS_PER_LEAF, false);
    tables
}

impl KvView for RocksKv {
    fn get(&self, of: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get_cf(family(&self.db, of), key)?)
    }

    fn walk(&self, of: Family, from: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError> {
        walk(self.db.raw_iterator_cf(family(&self.db, of)), from, visit)
    }

    fn pin(&self) -> Arc<dyn KvView> {
        Arc::new(Pinned::new(&self.db))
    }
}

impl Kv for RocksKv {
    fn write(&self, mut writes: Vec<Write>, durable: bool) -> Result<(), StoreError> {
        // Neighbours in a row: the search for a key's place begins at that of the last. Of one key the last write counts.
        writes.sort_by(|one, other| (one.family, &one.key).cmp(&(other.family, &other.key)));
        let mut batch = WriteBatch::default();
        for Write { family: of, key, value } in writes {
            match value {
                Some(value) => batch.put_cf(family(&self.db, of), key, value),
                None => batch.delete_cf(family(&self.db, of), key),
            }
        }
        let mut options = WriteOptions::default();
        options.set_sync(durable);
        self.db.write_opt(batch, &options)?;
        Ok(())
    }

    fn last(&self, of: Family) -> Result<Option<Pair>, StoreError> {
        let newest = self.db.iterator_cf(family(&self.db, of), IteratorMode::End).next().transpose()?;
        Ok(newest.map(|(key, value)| (key.into(), value.into())))
    }
}
