//! Of `weft bench state`, blocks on a state of which a part is in memory, and the rest in the sequencer's own store.
//!
//! Updates are drawn evenly from all accounts, which is the worst that there is: each meets a subtree of its own, and of
//! a state that is a tenth in memory nine of ten of these have to be read.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use weft_bench::Row;
use weft_bench::state::{Options, StateError, accounts};
use weft_bench::time::median;
use weft_sequencer::store::{ChainStore, RocksKv};
use weft_state::{Schedule, Tree, Undo, UpdateBatch};

use super::state_durable::write;
use crate::output::Failure;

const BASELINE: &str = "the same with all of the state in memory";

/// Updates in a block.
const UPDATES: u64 = 1_000;

/// How much of the state is in memory, percent.
const SHARES: [u64; 2] = [10, 50];

/// Leaves that are written at once, to begin with.
const PART: usize = 100_000;

/// Blocks before the first that counts: after these, what is in memory is what was used.
const WARM_UP: u64 = 8;

/// The name of a row about so much of it in memory.
pub fn name(options: &Options, share: u64) -> String {
    options.name(&format!("beyond_memory_{share}pc")).replace("_10k_of_", "_1k_of_")
}

/// Measures what is asked for.
pub fn run(options: &Options, mut tell: impl FnMut(Row) + Send) -> Result<(), Failure> {
    let shares: Vec<u64> = SHARES.into_iter().filter(|share| name(options, *share).contains(&options.only)).collect();
    if shares.is_empty() {
        return Ok(());
    }
    let failure = |error: &dyn std::error::Error| Failure(error.to_string());
    if options.keys < UPDATES {
        return Err(failure(&StateError::Keys(options.keys)));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build();
    let pool = pool.map_err(|error| failure(&error))?;
    let folder = tempfile::tempdir()?;
    pool.install(|| {
        let store = fill(options.keys, folder.path())?;
        shares.into_iter().try_for_each(|share| measure(options, &store, share, &mut tell))
    })
}

/// A store of so many accounts.
fn fill(keys: u64, folder: &Path) -> Result<ChainStore, Failure> {
    let store = ChainStore::new(Arc::new(RocksKv::open(folder)?));
    let empty = Tree::default();
    for part in accounts::leaves(keys)?.chunks(PART) {
        let updates = UpdateBatch::new(part.iter().map(|(key, value)| (*key, Some(*value))).collect());
        write(&store, &empty, 0, &updates, &Undo::default())?;
    }
    Ok(store)
}

/// Blocks on a part and on all of it in turn.
fn measure(options: &Options, store: &ChainStore, share: u64, tell: &mut impl FnMut(Row)) -> Result<(), Failure> {
    let mut whole = Tree::load(store.leaves(), None)?;
    let all = whole.residence().bytes as u64;
    let memory = all / 100 * share;
    let start = Instant::now();
    let mut part = Tree::load(store.leaves(), store.backing(Some(memory)))?;
    let opened = start.elapsed();
    let (mut ours, mut baseline) = (Vec::new(), Vec::new());
    for number in 1..=WARM_UP + options.rounds.max(1) as u64 {
        // Each share goes on with what the last one has left, so nothing is written that is there already.
        let updates = accounts::block(options.keys, UPDATES, share << 16 | number)?;
        let start = Instant::now();
        whole.apply(&updates, Schedule::Parallel)?;
        let in_memory = start.elapsed();
        let start = Instant::now();
        let undo = part.apply(&updates, Schedule::Parallel)?;
        let beyond = start.elapsed();
        let start = Instant::now();
        write(store, &part, number, &updates, &undo)?;
        let written = start.elapsed();
        let start = Instant::now();
        drop(part.leave_out(part.changes()));
        let left_out = start.elapsed();
        if part.root() != whole.root() {
            return Err(Failure("the roots differ".to_owned()));
        }
        if number >= WARM_UP {
            ours.push(beyond + written + left_out);
            baseline.push(in_memory + written);
        }
    }
    let name = name(options, share);
    let [ours, baseline] = [ours, baseline].map(|times| UPDATES as f64 / median(&times) * 1e3);
    tell(Row::compared(&name, ours, "updates/s", BASELINE, baseline, ours / baseline, options.threads));
    let row = |what: &str, value: f64, unit| Row::new(&format!("{name}_{what}"), value, unit);
    tell(row("memory", part.residence().bytes as f64, "B"));
    tell(row("memory_of_all", all as f64, "B"));
    tell(row("opened", opened.as_secs_f64(), "s"));
    Ok(())
}
