//! `weft bench state`: the state tree beside one written plainly, witnesses beside proofs, judging with a witness beside
//! judging with the state, and batches beside OP's.

pub mod accounts;
mod plain;
pub mod shape;
mod transfers;

use std::path::Path;
use std::time::Duration;

use weft_state::{Schedule, Tree};

use crate::batch;
use crate::row::Row;
use crate::time::{median, timed};
use plain::PlainTree;
use transfers::Transfers;

/// What the root is compared with.
const PLAINLY: &str = "the same tree plainly, BLAKE3 hash by hash, one thread";

/// Updates in a block.
pub const UPDATES: u64 = 10_000;

/// Accounts below those transfers whose witness is measured.
const ACCOUNTS: u64 = 1_000_000;

/// Those transfers.
const TRANSFERS: u64 = 1_000;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// Measured rounds; the median counts.
    pub rounds: usize,
    /// Threads of ours.
    pub threads: usize,
    /// Accounts in the tree.
    pub keys: u64,
    /// Only the rows whose name contains this.
    pub only: String,
}

impl Options {
    pub(crate) fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }

    /// The name of a row about blocks of [`UPDATES`] on [`Options::keys`].
    pub fn name(&self, what: &str) -> String {
        let keys = match self.keys {
            keys if keys > 0 && keys.is_multiple_of(1_000_000) => format!("{}m", keys / 1_000_000),
            keys => keys.to_string(),
        };
        format!("{what}_10k_of_{keys}")
    }
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Both must come to the same before anything is timed.
    #[error("{0}: ours and the baseline differ")]
    Different(String),
    /// The made-up transfers were not all taken.
    #[error("a transfer was refused")]
    Refused,
    /// Too few accounts for a block of updates.
    #[error("--keys {0}: at least {UPDATES} are needed")]
    Keys(u64),
    /// Threads cannot be started.
    #[error("cannot start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// The chain configuration.
    #[error(transparent)]
    Chain(#[from] weft_primitives::chain::ChainConfigError),
    /// An account does not fit into a leaf.
    #[error(transparent)]
    Account(#[from] weft_state::account::AccountError),
    /// A key does not fit into the tree.
    #[error(transparent)]
    Prefix(#[from] weft_state::PrefixError),
    /// A block does not fit into the tree.
    #[error(transparent)]
    Tree(#[from] weft_state::TreeError),
    /// The tree cannot be read.
    #[error(transparent)]
    Stored(#[from] weft_state::StoredError),
    /// The block cannot be applied.
    #[error(transparent)]
    Apply(#[from] weft_execution::world::ApplyError),
    /// The block cannot be executed.
    #[error(transparent)]
    Missing(#[from] weft_execution::Missing),
    /// A made-up key.
    #[error(transparent)]
    Key(#[from] weft_primitives::signer::BadSecretKey),
    /// A made-up signature.
    #[error(transparent)]
    Signature(#[from] alloy_primitives::SignatureError),
    /// A made-up transaction.
    #[error(transparent)]
    Transaction(#[from] weft_primitives::transaction::TransactionError),
    /// A batch.
    #[error(transparent)]
    Encode(#[from] weft_primitives::batch::BatchEncodeError),
    /// The size of a batch.
    #[error(transparent)]
    Size(#[from] batch::SizeError),
}

/// Measures everything asked for; `tell` gets each row as soon as it is there. With a folder of real blocks also the
/// size of theirs.
pub fn run(options: &Options, mainnet: Option<&Path>, mut tell: impl FnMut(&Row)) -> Result<Vec<Row>, StateError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build()?;
    let mut rows = Vec::new();
    let mut add = |row: Row| {
        tell(&row);
        rows.push(row);
    };
    if options.wants(&options.name("root")) {
        add(pool.install(|| root(&options.name("root"), options))?);
    }
    let of_transfers = ["witness_bytes_1k", "witness_over_root", "stateless_over_stateful"];
    if of_transfers.iter().any(|name| options.wants(name)) {
        pool.install(|| transfers(options))?.into_iter().for_each(&mut add);
    }
    batch::made_up(&options.only, &mut add)?;
    if let Some(folder) = mainnet.filter(|_| options.wants("batch_bytes_mainnet")) {
        add(batch::real("batch_bytes_mainnet", folder)?);
    }
    Ok(rows)
}

/// Updates a second, from leaves in a tree that is warm to its new root.
fn root(name: &str, options: &Options) -> Result<Row, StateError> {
    let Options { keys, threads, .. } = *options;
    if keys < UPDATES {
        return Err(StateError::Keys(keys));
    }
    let leaves = accounts::leaves(keys)?;
    let mut plain = PlainTree::new(&leaves).ok_or(StateError::Keys(keys))?;
    let mut tree = Tree::from_leaves(leaves, Schedule::Parallel)?;
    let (mut ours, mut baseline) = (Vec::new(), Vec::new());
    for round in 1..=options.rounds.max(1) as u64 + 1 {
        let block = accounts::block(keys, UPDATES, round)?;
        baseline.push(timed(|| plain.apply(&block)));
        ours.push(timed(|| tree.apply(&block, Schedule::Parallel)));
        if tree.root() != plain.root() {
            return Err(StateError::Different(name.to_owned()));
        }
    }
    let [ours, baseline] = [ours, baseline].map(|times| per_second(median(&times)));
    Ok(Row::compared(name, ours, "updates/s", PLAINLY, baseline, ours / baseline, threads))
}

/// Updates a second of a block that takes so many ms.
pub fn per_second(ms: f64) -> f64 {
    UPDATES as f64 / ms * 1e3
}

/// The witness of a block of transfers, what making it adds to the root, and judging with it.
fn transfers(options: &Options) -> Result<Vec<Row>, StateError> {
    let mut rows = Vec::new();
    let mut case = Transfers::new(ACCOUNTS, TRANSFERS)?;
    let witness = case.witness()?;
    let threads = options.threads;
    if options.wants("witness_bytes_1k") {
        let (ours, proofs) = (witness.len() as f64, case.proof_bytes()? as f64);
        let baseline = "a proof by itself for each account";
        rows.push(Row::compared("witness_bytes_1k", ours, "B", baseline, proofs, proofs / ours, 1));
    }
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..=options.rounds.max(1) {
        let [with, without, stateless, stateful] = &mut times;
        if options.wants("witness_over_root") {
            without.push(case.root(false)?);
            with.push(case.root(true)?);
        }
        if options.wants("stateless_over_stateful") {
            stateful.push(case.stateful()?);
            stateless.push(case.stateless(&witness)?);
        }
    }
    let [with, without, stateless, stateful] = &times;
    let mut over = |name: &str, baseline: &'static str, ours: &[Duration], theirs: &[Duration]| {
        if options.wants(name) {
            let times = median(ours) / median(theirs);
            rows.push(Row::compared(name, times, "x", baseline, 1.0, 1.0 / times, threads));
        }
    };
    over("witness_over_root", "the root alone: the same block taken back without a witness", with, without);
    over("stateless_over_stateful", "verify() with the whole state", stateless, stateful);
    Ok(rows)
}
