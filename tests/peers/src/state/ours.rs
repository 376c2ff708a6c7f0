//! Weft's state tree in memory, and a file to which each block's leaves and undo record are appended.

use std::fs::{self, File};
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rayon::{ThreadPool, ThreadPoolBuilder};
use weft_primitives::codec::Reader;
use weft_state::{Schedule, Tree, TreeKey, Undo, UpdateBatch};

use super::{Block, State, Took};
use crate::timing::Failure;

/// Bytes of an account's key.
const KEY_LEN: usize = 34;

pub struct Ours {
    pool: ThreadPool,
    tree: Tree,
    path: PathBuf,
    log: File,
}

impl Ours {
    /// Without leaves.
    pub fn new(folder: &Path, threads: NonZeroUsize) -> Result<Self, Failure> {
        fs::create_dir(folder)?;
        let path = folder.join("log");
        let pool = ThreadPoolBuilder::new().num_threads(threads.get()).build()?;
        Ok(Self { pool, tree: Tree::default(), log: File::create_new(&path)?, path })
    }
}

/// What a sequencer writes of a block's state, in one record: lengths, leaves, undo record.
fn append(log: &mut File, updates: &UpdateBatch, undo: &Undo) -> Result<(), Failure> {
    let (entries, undo) = (updates.entries(), undo.encode());
    let mut bytes = Vec::with_capacity(8 + entries.len() * (KEY_LEN + 32) + undo.len());
    for len in [entries.len(), undo.len()] {
        bytes.extend_from_slice(&u32::try_from(len)?.to_be_bytes());
    }
    for (key, value) in entries {
        bytes.extend_from_slice(key.as_slice());
        bytes.extend_from_slice(&value.unwrap_or_default());
    }
    bytes.extend_from_slice(&undo);
    log.write_all(&bytes)?;
    Ok(log.sync_data()?)
}

/// The tree from all records.
fn replay(bytes: &[u8]) -> Result<Tree, Failure> {
    let mut tree = Tree::default();
    let mut reader = Reader::new(bytes);
    while reader.remaining() > 0 {
        let [leaves, undo] = [reader.u32("leaves")?, reader.u32("undo length")?];
        let leaf = |reader: &mut Reader<'_>| -> Result<_, Failure> {
            let key = TreeKey::new(reader.take("key", KEY_LEN)?)?;
            Ok((key, Some(reader.array("value")?)))
        };
        let updates = UpdateBatch::new((0..leaves).map(|_| leaf(&mut reader)).collect::<Result<_, _>>()?);
        let undo = Undo::decode(reader.take("undo record", undo as usize)?)?;
        if tree.apply(&updates, Schedule::Parallel)? != undo {
            return Err("ours: another undo record than the one written".into());
        }
    }
    Ok(tree)
}

impl State for Ours {
    const NAME: &'static str = "weft-state";

    fn root(&self) -> [u8; 32] {
        self.tree.root().0
    }

    async fn apply(&mut self, block: &Block) -> Result<Took, Failure> {
        let Self { pool, tree, log, .. } = self;
        pool.install(|| {
            let start = Instant::now();
            let undo = tree.apply(&block.updates, Schedule::Parallel)?;
            let root = start.elapsed();
            append(log, &block.updates, &undo)?;
            Ok(Took { root, durable: start.elapsed() })
        })
    }

    async fn reopened(mut self) -> Result<Self, Failure> {
        self.tree = self.pool.install(|| replay(&fs::read(&self.path)?))?;
        Ok(self)
    }

    async fn holds(&self, block: &Block) -> Result<bool, Failure> {
        Ok(block.updates.entries().iter().all(|(key, value)| self.tree.get(key) == Ok(*value)))
    }
}
