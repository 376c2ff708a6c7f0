//! NOMT: a binary trie and its values in files of its own, written by io_uring.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nomt::hasher::Blake3Hasher;
use nomt::trie::KeyPath;
use nomt::{IoUringPermission, KeyReadWrite, Nomt, Options, SessionParams, check_iou_permissions};

use super::{Block, State, Took};
use crate::timing::Failure;

/// Of each of its two caches; all pages and values of some ten million accounts.
const CACHE_MIB: usize = 2048;

pub struct NomtDb {
    db: Nomt<Blake3Hasher>,
    folder: PathBuf,
    threads: NonZeroUsize,
}

impl NomtDb {
    pub fn open(folder: &Path, threads: NonZeroUsize) -> Result<Self, Failure> {
        // It panics later without.
        if !matches!(check_iou_permissions(), IoUringPermission::Allowed) {
            return Err("nomt needs io_uring, which is not allowed here".into());
        }
        let mut options = Options::new();
        options.path(folder);
        options.commit_concurrency(threads.get());
        // No warm-up: it uses the time in which a block is executed, and there is none here.
        options.prepopulate_page_cache(true);
        options.page_cache_size(CACHE_MIB);
        options.leaf_cache_size(CACHE_MIB);
        Ok(Self { db: Nomt::open(options)?, folder: folder.to_owned(), threads })
    }
}

impl State for NomtDb {
    const NAME: &'static str = "nomt 1.0.5, BLAKE3";

    fn root(&self) -> [u8; 32] {
        self.db.root().into_inner()
    }

    async fn apply(&mut self, block: &Block) -> Result<Took, Failure> {
        let write = |(key, value): &([u8; 32], [u8; 32])| (*key, KeyReadWrite::Write(Some(value.to_vec())));
        let writes: Vec<(KeyPath, KeyReadWrite)> = block.hashed.iter().map(write).collect();
        let start = Instant::now();
        let session = self.db.begin_session(SessionParams::default());
        let finished = session.finish(writes)?;
        let root = start.elapsed();
        finished.commit(&self.db)?;
        Ok(Took { root, durable: start.elapsed() })
    }

    async fn reopened(self) -> Result<Self, Failure> {
        let Self { db, folder, threads } = self;
        drop(db);
        Self::open(&folder, threads)
    }

    async fn holds(&self, block: &Block) -> Result<bool, Failure> {
        let session = self.db.begin_session(SessionParams::default());
        for (key, value) in &block.hashed {
            if session.read(*key)?.as_deref() != Some(value) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
