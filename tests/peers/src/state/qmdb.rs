//! commonware's rewrite of QMDB: a log of operations with a Merkle structure over it, and an index in memory.
//!
//! Set up as in its own benchmark of blocks on a million keys (`qmdb/benches/constantinople.rs`), but over a Merkle
//! mountain range (mmr) instead of a belt (mmb), which is faster here.

use std::num::{NonZeroU16, NonZeroU64, NonZeroUsize};
use std::time::Instant;

use commonware_cryptography::Sha256;
use commonware_cryptography::sha256::Digest;
use commonware_parallel::Rayon;
use commonware_runtime::buffer::paged::{CacheRef, page_size};
use commonware_runtime::tokio::Context;
use commonware_runtime::{BLOB_PAGE_SIZE, Strategizer as _, Supervisor as _};
use commonware_storage::journal::contiguous::fixed::Config as LogConfig;
use commonware_storage::merkle::{full, mmr::Family};
use commonware_storage::qmdb::any::traits::{DbAny, MerkleizedBatch as _, UnmerkleizedBatch as _};
use commonware_storage::qmdb::any::{FixedConfig, unordered::fixed};
use commonware_storage::qmdb::current::{self, FixedConfig as CurrentConfig};
use commonware_storage::qmdb::floor::Proportional;
use commonware_storage::translator::EightCap;
use commonware_utils::{NZU64, NZUsize};

use super::{Block, State, Took};
use crate::timing::Failure;

const PAGE_SIZE: NonZeroU16 = page_size(BLOB_PAGE_SIZE);
/// 512 MiB.
const CACHED_PAGES: NonZeroUsize = NZUsize!(131_072);
/// So many that no new file is begun while it is timed.
const ITEMS_PER_BLOB: NonZeroU64 = NZU64!(100_000_000);
const BUFFER_BYTES: NonZeroUsize = NZUsize!(2 << 20);
const INIT_CACHE: NonZeroUsize = NZUsize!(1 << 18);
/// Bytes of a chunk of the bitmap that says which operations still hold.
const CHUNK_BYTES: usize = 32;

/// Its root proves that a value was once written.
pub type Any = fixed::Db<Family, Context, Digest, Digest, Sha256, EightCap, Rayon>;

/// Its root proves that a value is the one that holds now, as ours does.
pub type Current = current::unordered::fixed::Db<Family, Context, Digest, Digest, Sha256, EightCap, CHUNK_BYTES, Rayon>;

/// A kind of it.
pub trait Kind: DbAny<Family, Key = Digest, Value = Digest, Digest = Digest> {
    const NAME: &'static str;
    async fn init(context: Context, threads: NonZeroUsize) -> Result<Self, Failure>;
}

impl Kind for Any {
    const NAME: &'static str = "commonware qmdb 2026.10.0, any, SHA-256";

    async fn init(context: Context, threads: NonZeroUsize) -> Result<Self, Failure> {
        let (merkle_config, journal_config) = configs(&context, threads, "any");
        let config = FixedConfig {
            merkle_config,
            journal_config,
            translator: EightCap,
            init_cache: Some(INIT_CACHE),
            init_buffer: BUFFER_BYTES,
            init_concurrency: (),
        };
        Ok(Self::init(context, config, None).await?)
    }
}

impl Kind for Current {
    const NAME: &'static str = "commonware qmdb 2026.10.0, current, SHA-256";

    async fn init(context: Context, threads: NonZeroUsize) -> Result<Self, Failure> {
        let (merkle_config, journal_config) = configs(&context, threads, "current");
        let config = CurrentConfig {
            merkle_config,
            journal_config,
            grafted_metadata_partition: "current-grafted".to_owned(),
            translator: EightCap,
            init_cache: Some(INIT_CACHE),
            init_buffer: BUFFER_BYTES,
            init_concurrency: (),
        };
        Ok(Self::init(context, config, None).await?)
    }
}

/// Of the Merkle structure and of the log, in partitions by this name.
fn configs(context: &Context, threads: NonZeroUsize, name: &str) -> (full::Config<Rayon>, LogConfig) {
    let page_cache = CacheRef::new(PAGE_SIZE, CACHED_PAGES);
    let merkle = full::Config {
        journal_partition: format!("{name}-merkle"),
        metadata_partition: format!("{name}-metadata"),
        items_per_blob: ITEMS_PER_BLOB,
        write_buffer: BUFFER_BYTES,
        replay_buffer: BUFFER_BYTES,
        strategy: context.strategy(threads),
        page_cache: page_cache.clone(),
    };
    let log = LogConfig {
        partition: format!("{name}-log"),
        items_per_blob: ITEMS_PER_BLOB,
        page_cache,
        write_buffer: BUFFER_BYTES,
        replay_buffer: BUFFER_BYTES,
    };
    (merkle, log)
}

pub struct Qmdb<K> {
    /// None only after a failure: what changes it takes it.
    db: Option<K>,
    root: [u8; 32],
    context: Context,
    threads: NonZeroUsize,
}

impl<K: Kind> Qmdb<K> {
    pub async fn open(context: Context, threads: NonZeroUsize) -> Result<Self, Failure> {
        let db = K::init(context.child("db"), threads).await?;
        Ok(Self { root: db.root().0, db: Some(db), context, threads })
    }
}

impl<K: Kind> State for Qmdb<K> {
    const NAME: &'static str = K::NAME;

    fn root(&self) -> [u8; 32] {
        self.root
    }

    async fn apply(&mut self, block: &Block) -> Result<Took, Failure> {
        let db = self.db.take().ok_or("qmdb: failed before")?;
        let start = Instant::now();
        let batch = block
            .hashed
            .iter()
            .fold(db.new_batch(), |batch, (key, value)| batch.write(Digest(*key), Some(Digest(*value))));
        let merkleized = batch.merkleize(&db, None, &mut Proportional).await?;
        self.root = merkleized.root().as_ref().try_into()?;
        let root = start.elapsed();
        let db = db.apply_batch(merkleized).await?.commit().await?;
        let took = Took { root, durable: start.elapsed() };
        if db.root().0 != self.root {
            return Err("qmdb: another root after applying the batch".into());
        }
        self.db = Some(db);
        Ok(took)
    }

    async fn reopened(self) -> Result<Self, Failure> {
        let Self { db, context, threads, .. } = self;
        drop(db);
        Self::open(context.child("again"), threads).await
    }

    async fn holds(&self, block: &Block) -> Result<bool, Failure> {
        let db = self.db.as_ref().ok_or("qmdb: failed before")?;
        for (key, value) in &block.hashed {
            if db.get(&Digest(*key)).await? != Some(Digest(*value)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
