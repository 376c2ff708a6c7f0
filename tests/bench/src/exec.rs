//! `weft bench exec`: our executor and plain revm on the same blocks, in turn, in one process.

use std::path::Path;
use std::time::{Duration, Instant};

use alloy_primitives::B256;
use revm::context::{BlockEnv, CfgEnv, TxEnv};
use weft_execution::parallel::Engine;
use weft_execution::raw::{Executor, execute, execute_on};

use crate::mainnet::{MainnetError, read_all};
use crate::revm_plain;
use crate::row::Row;
use crate::state::MapState;
use crate::workload::{NAMES, Workload};

/// What every row is compared with.
const BASELINE: &str = "revm, sequential, receipts kept";

/// What to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// Transactions of a made-up block.
    pub transactions: u64,
    /// Measured rounds; the median counts.
    pub rounds: usize,
    /// Threads of the parallel executor.
    pub threads: usize,
    /// Only the rows whose name contains this.
    pub only: String,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// Real blocks cannot be read.
    #[error(transparent)]
    Mainnet(#[from] MainnetError),
    /// The executors do not agree: no figure counts.
    #[error("{0}: the executors come to different results")]
    Different(String),
}

/// One block, as both executors take it.
struct Case<'a> {
    name: String,
    state: &'a MapState,
    config: &'a CfgEnv,
    block: &'a BlockEnv,
    transactions: &'a [TxEnv],
}

/// Medians in ms.
#[derive(Clone, Copy, Debug)]
struct Times {
    plain: f64,
    one: f64,
    many: f64,
}

/// Measures everything asked for; `tell` gets each row as soon as it is there.
pub fn run(options: &Options, mainnet: Option<&Path>, mut tell: impl FnMut(&Row)) -> Result<Vec<Row>, ExecError> {
    let mut rows = Vec::new();
    let mut worst_one = None::<(f64, Times)>;
    let mut add = |rows: &mut Vec<Row>, name: &str, times: Times, threads: usize| {
        let row = Row::compared(name, times.many, "ms", BASELINE, times.plain, times.plain / times.many, threads);
        tell(&row);
        rows.push(row);
    };
    for name in NAMES.into_iter().filter(|name| name.contains(&options.only)) {
        let Some(load) = Workload::new(name, options.transactions) else { continue };
        let case = Case {
            name: name.to_owned(),
            state: &load.state,
            config: &load.config,
            block: &load.block,
            transactions: &load.transactions,
        };
        let times = case.measure(options)?;
        let ratio = times.plain / times.one;
        if worst_one.is_none_or(|(worst, _)| ratio < worst) {
            worst_one = Some((ratio, times));
        }
        add(&mut rows, name, times, options.threads);
    }
    if let Some(folder) = mainnet.filter(|_| "mainnet_sum mainnet_worst".contains(&options.only)) {
        let mut sum = Times { plain: 0.0, one: 0.0, many: 0.0 };
        let mut worst = None::<Times>;
        for block in read_all(folder)? {
            let case = Case {
                name: format!("mainnet block {}", block.number),
                state: &block.state,
                config: &block.config,
                block: &block.block,
                transactions: &block.transactions,
            };
            let times = case.measure(options)?;
            sum = Times { plain: sum.plain + times.plain, one: sum.one + times.one, many: sum.many + times.many };
            if worst.is_none_or(|worst| times.plain / times.many < worst.plain / worst.many) {
                worst = Some(times);
            }
        }
        add(&mut rows, "mainnet_sum", sum, options.threads);
        if let Some(worst) = worst {
            add(&mut rows, "mainnet_worst", worst, options.threads);
        }
    }
    if let Some((_, times)) = worst_one.filter(|_| "one_worker_worst".contains(&options.only)) {
        add(&mut rows, "one_worker_worst", Times { many: times.one, ..times }, 1);
    }
    Ok(rows)
}

impl Case<'_> {
    /// Both executors must agree before anything is timed.
    fn check(&self, threads: usize) -> Result<(), ExecError> {
        let different = || ExecError::Different(self.name.clone());
        let run = |executor| execute(self.state, self.config, self.block, self.transactions, executor);
        let oracle = run(Executor::Sequential).map_err(|_| different())?;
        for threads in [1, threads] {
            let ours = run(Executor::Parallel(threads)).map_err(|_| different())?;
            if !oracle.same(&ours) {
                return Err(different());
            }
        }
        let mut db = revm_plain::load(self.state);
        let plain = revm_plain::execute(&mut db, self.config, self.block, self.transactions);
        let ours = oracle.results.iter().map(|result| result.as_ref().ok().map(|executed| executed.gas_used));
        if !plain.iter().map(|kept| kept.as_ref().map(|kept| kept.gas_used)).eq(ours) {
            return Err(different());
        }
        Ok(())
    }

    fn measure(&self, options: &Options) -> Result<Times, ExecError> {
        self.check(options.threads)?;
        let different = || ExecError::Different(self.name.clone());
        let db = revm_plain::load(self.state);
        let root = B256::ZERO;
        let [mut plain, mut one, mut many] = [const { Vec::new() }; 3];
        // As in a sequencer: an engine that has executed blocks before.
        let mut engines = [1, options.threads].map(Engine::new);
        // The first round warms up.
        for _ in 0..=options.rounds.max(1) {
            let mut db = db.clone();
            plain.push(timed(|| revm_plain::execute(&mut db, self.config, self.block, self.transactions)));
            for (engine, times) in engines.iter_mut().zip([&mut one, &mut many]) {
                // As revm's database holds the whole state before it starts.
                let accounts = self.state.accounts().map(|(address, _)| address);
                let slots = self.state.slots().map(|(address, slot, _)| (address, slot));
                engine.warm(self.state, root, accounts, slots, self.transactions.len()).map_err(|_| different())?;
                let (state, transactions) = (self.state, self.transactions);
                times.push(timed(|| execute_on(engine, state, Some(root), self.config, self.block, transactions)));
            }
        }
        Ok(Times { plain: median(&plain), one: median(&one), many: median(&many) })
    }
}

/// How long it takes; throwing away what it gives does not count.
fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let result = work();
    let elapsed = start.elapsed();
    drop(result);
    elapsed
}

/// Of all but the first.
fn median(times: &[Duration]) -> f64 {
    let mut times = times[1..].to_vec();
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}
