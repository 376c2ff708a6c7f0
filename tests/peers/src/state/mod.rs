//! Blocks of updates on many accounts: to the new root, and until they are durable.
//!
//! All hold the same accounts and get the same blocks. They take turns, a turn being a few blocks one after the other,
//! as a node has them: whoever has its turn finds the caches as another has left them. Afterwards each is closed,
//! opened again from what it has written, and asked for the last block's values.

/// Of `weft bench state`, so that both measure the same. As a file, because weft-bench would bring revm along.
#[path = "../../../bench/src/state/accounts.rs"]
mod accounts;
mod nomt;
mod ours;
mod qmdb;

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use commonware_runtime::tokio::{Config, Context, Runner};
use commonware_runtime::{Runner as _, Supervisor as _};
use weft_state::{TreeKey, UpdateBatch, Value};

use crate::row::{Place, Row};
use crate::timing::{Failure, median};
use nomt::NomtDb;
use ours::Ours;
use qmdb::{Any, Current, Qmdb};

/// What to run.
#[derive(Args)]
#[command(after_help = "Example: TMPDIR=/mnt/ssd cargo run --release -- state --keys 4000000 --rounds 11")]
pub struct Options {
    /// Accounts.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    keys: u64,
    /// Updates in a block.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1 << 24))]
    updates: u64,
    /// Rounds, in each of which all have a turn; of those after the first the median counts.
    #[arg(long, default_value_t = 7)]
    rounds: u64,
    /// Blocks of a turn. The first finds the caches cold and does not count, unless it is the only one.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    turn: u64,
    /// Threads for each; all cores if not given.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
}

/// Updates in key order, as ours takes them and as the peers do.
struct Block {
    updates: UpdateBatch,
    /// The same with keys of 32 bytes: what differs in an account's key, the hash of its address.
    hashed: Vec<([u8; 32], Value)>,
}

impl Block {
    fn new(updates: UpdateBatch) -> Result<Self, Failure> {
        let hashed = |(key, value): &(TreeKey, Option<Value>)| -> Result<_, Failure> {
            let hash = key.as_slice().get(1..33).ok_or("no account's key")?;
            Ok((hash.try_into()?, value.ok_or("a deletion")?))
        };
        let hashed = updates.entries().iter().map(hashed).collect::<Result<_, _>>()?;
        Ok(Self { updates, hashed })
    }
}

/// What a block took from its beginning on.
struct Took {
    root: Duration,
    durable: Duration,
}

/// A state with a root, kept in a folder.
trait State: Sized {
    /// Name, version, kind.
    const NAME: &'static str;
    fn root(&self) -> [u8; 32];
    /// Applies a block durably.
    async fn apply(&mut self, block: &Block) -> Result<Took, Failure>;
    /// Closes it, and opens it again from its files alone.
    async fn reopened(self) -> Result<Self, Failure>;
    /// Whether it has the block's values.
    async fn holds(&self, block: &Block) -> Result<bool, Failure>;
}

/// All rows; `each` sees them as they come.
pub fn run(options: &Options, each: impl FnMut(&Row)) -> Result<Vec<Row>, Failure> {
    if options.updates > options.keys {
        return Err("--updates: more than --keys".into());
    }
    let threads = options.threads.map_or_else(std::thread::available_parallelism, Ok)?;
    let folder = tempfile::tempdir()?;
    let config = Config::new().with_worker_threads(threads.get()).with_storage_directory(folder.path().join("qmdb"));
    // All of it runs on commonware's runtime, because qmdb runs nowhere else. The others know nothing of it.
    Runner::new(config).start(|context| measure(options, threads, folder.path(), context, each))
}

async fn measure(
    options: &Options,
    threads: NonZeroUsize,
    folder: &Path,
    context: Context,
    mut each: impl FnMut(&Row),
) -> Result<Vec<Row>, Failure> {
    let genesis = accounts::leaves(options.keys)?.into_iter().map(|(key, value)| (key, Some(value)));
    let genesis = Block::new(UpdateBatch::new(genesis.collect()))?;
    let mut ours = Contender::new(Ours::new(&folder.join("ours"), threads)?, &genesis).await?;
    let mut nomt = Contender::new(NomtDb::open(&folder.join("nomt"), threads)?, &genesis).await?;
    let mut any = Contender::new(Qmdb::<Any>::open(context.child("any"), threads).await?, &genesis).await?;
    let mut current = Contender::new(Qmdb::<Current>::open(context.child("current"), threads).await?, &genesis).await?;
    drop(genesis);

    let mut number = 1..;
    let mut blocks = Vec::new();
    for round in 0..=options.rounds.max(1) {
        let block = |number| Block::new(accounts::block(options.keys, options.updates, number)?);
        blocks = number.by_ref().take(options.turn as usize).map(block).collect::<Result<Vec<_>, Failure>>()?;
        ours.turn(&blocks, round > 0).await?;
        nomt.turn(&blocks, round > 0).await?;
        any.turn(&blocks, round > 0).await?;
        current.turn(&blocks, round > 0).await?;
    }
    let last = blocks.last().ok_or("no blocks")?;
    let ours = ours.checked(last).await?;
    let peers = [nomt.checked(last).await?, any.checked(last).await?, current.checked(last).await?];

    let place = Place::here(threads.get());
    let mut rows = Vec::new();
    for (what, at) in [("root", 0), ("durable", 1)] {
        let name = format!("{what}_{}_of_{}", short(options.updates), short(options.keys));
        for peer in &peers {
            let rate = |seconds: f64| options.updates as f64 / seconds;
            let row = place.updates(&name, rate(ours.medians[at]), peer.name, rate(peer.medians[at]));
            each(&row);
            rows.push(row);
        }
    }
    Ok(rows)
}

/// A state, and how long its blocks took.
struct Contender<S> {
    state: S,
    root: Vec<Duration>,
    durable: Vec<Duration>,
}

/// Median seconds to the root, and until durable.
struct Figures {
    name: &'static str,
    medians: [f64; 2],
}

impl<S: State> Contender<S> {
    /// Of a state without accounts yet.
    async fn new(mut state: S, genesis: &Block) -> Result<Self, Failure> {
        state.apply(genesis).await?;
        Ok(Self { state, root: vec![], durable: vec![] })
    }

    /// A few blocks; each has another root.
    async fn turn(&mut self, blocks: &[Block], counts: bool) -> Result<(), Failure> {
        for (at, block) in blocks.iter().enumerate() {
            let before = self.state.root();
            let took = self.state.apply(block).await?;
            if self.state.root() == before {
                return Err(format!("{}: a block left the root as it was", S::NAME).into());
            }
            if counts && (at > 0 || blocks.len() == 1) {
                self.root.push(took.root);
                self.durable.push(took.durable);
            }
        }
        Ok(())
    }

    /// The figures, of a state that comes back from its files with the same root and the last block's values.
    async fn checked(mut self, block: &Block) -> Result<Figures, Failure> {
        let root = self.state.root();
        let state = self.state.reopened().await?;
        if state.root() != root {
            return Err(format!("{}: another root after opening it again", S::NAME).into());
        }
        if !state.holds(block).await? {
            return Err(format!("{}: other values after opening it again", S::NAME).into());
        }
        Ok(Figures { name: S::NAME, medians: [median(&mut self.root), median(&mut self.durable)] })
    }
}

/// `10k`, `1m`, or the number itself.
fn short(number: u64) -> String {
    match number {
        _ if number % 1_000_000 == 0 => format!("{}m", number / 1_000_000),
        _ if number % 1_000 == 0 => format!("{}k", number / 1_000),
        _ => number.to_string(),
    }
}
