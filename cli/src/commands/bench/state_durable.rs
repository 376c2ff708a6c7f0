//! Of `weft bench state`, the root of a block and all that a sequencer writes for it, durably, into its own store.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use weft_bench::Row;
use weft_bench::state::{Options, StateError, UPDATES, accounts, per_second};
use weft_bench::time::median;
use weft_primitives::{B256, BlockBody, BlockHeader};
use weft_sequencer::store::{ChainStore, NewBlock, RocksKv, StoredBlock};
use weft_state::{Schedule, Tree, Undo, UpdateBatch};

use crate::output::Failure;

const BASELINE: &str = "the root, and one synced write of the same leaves and undo record to a file";

/// Blocks before the first that counts.
const WARM_UP: u64 = 4;

/// Measures both in turn.
pub fn run(options: &Options) -> Result<Row, Failure> {
    let failure = |error: &dyn std::error::Error| Failure(error.to_string());
    if options.keys < UPDATES {
        return Err(failure(&StateError::Keys(options.keys)));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build();
    let pool = pool.map_err(|error| failure(&error))?;
    let folder = tempfile::tempdir()?;
    let [ours, baseline] = pool.install(|| measure(options, folder.path()))?.map(|times| per_second(median(&times)));
    let name = options.name("durable");
    Ok(Row::compared(&name, ours, "updates/s", BASELINE, baseline, ours / baseline, options.threads))
}

/// How long blocks took, and the baseline.
fn measure(options: &Options, folder: &Path) -> Result<[Vec<Duration>; 2], Failure> {
    let failure = |error: &dyn std::error::Error| Failure(error.to_string());
    let store = RocksKv::open(&folder.join("db")).map_err(|error| failure(&error))?;
    let store = ChainStore::new(Arc::new(store));
    let mut log = File::create(folder.join("baseline"))?;
    let leaves = accounts::leaves(options.keys).map_err(|error| failure(&error))?;
    let genesis = UpdateBatch::new(leaves.iter().map(|(key, value)| (*key, Some(*value))).collect());
    let mut tree = Tree::from_leaves(leaves, Schedule::Parallel).map_err(|error| failure(&error))?;
    write(&store, &tree, 0, &genesis, &Undo::default())?;
    let (mut ours, mut baseline) = (Vec::new(), Vec::new());
    let last = WARM_UP + options.rounds.max(1) as u64;
    for number in 1..=last {
        let block = |round| accounts::block(options.keys, UPDATES, round).map_err(|error| failure(&error));
        let (by_hand, updates) = (block(2 * number)?, block(2 * number + 1)?);
        let start = Instant::now();
        let undo = tree.apply(&by_hand, Schedule::Parallel).map_err(|error| failure(&error))?;
        append(&mut log, &by_hand, &undo)?;
        let took_by_hand = start.elapsed();
        tree.revert(&undo, Schedule::Parallel).map_err(|error| failure(&error))?;

        let start = Instant::now();
        let undo = tree.apply(&updates, Schedule::Parallel).map_err(|error| failure(&error))?;
        write(&store, &tree, number, &updates, &undo)?;
        // The median leaves the first of these out.
        if number >= WARM_UP {
            ours.push(start.elapsed());
            baseline.push(took_by_hand);
        }
    }
    Ok([ours, baseline])
}

/// What the sequencer writes for a block, of which all but the state is empty here.
pub fn write(store: &ChainStore, tree: &Tree, number: u64, updates: &UpdateBatch, undo: &Undo) -> Result<(), Failure> {
    let header = BlockHeader { number, state_root: tree.root(), ..BlockHeader::default() };
    let hash = header.hash_slow();
    let (body, inbox_acc) = (BlockBody::default(), B256::ZERO);
    let block = StoredBlock { header, hash, body, inbox_cursor: 0, inbox_acc, withdrawals: 0 };
    let (receipts, access_list, codes) = (&[], None, &[]);
    let new = NewBlock { block: &block, receipts, access_list, updates, undo, codes, forget_undo: 0..0 };
    store.put_blocks([new]).map_err(|error| Failure(error.to_string()))
}

fn append(log: &mut File, updates: &UpdateBatch, undo: &Undo) -> Result<(), Failure> {
    let mut bytes = undo.encode();
    for (key, value) in updates.entries() {
        bytes.extend_from_slice(key.as_slice());
        bytes.extend_from_slice(&value.unwrap_or_default());
    }
    log.write_all(&bytes)?;
    Ok(log.sync_data()?)
}
