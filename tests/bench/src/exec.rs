//! `weft bench exec`: our executor and plain revm on the same blocks, in turn, in one process.

use std::path::Path;

use crate::case::{BASELINE, Case};
use crate::mainnet::{MainnetError, read_all};
use crate::row::Row;
use crate::workload::{NAMES, Workload};

/// Medians in ms.
#[derive(Clone, Copy, Debug)]
struct Times {
    plain: f64,
    one: f64,
    many: f64,
}

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
        let times = measure(&Case::of(&load), options)?;
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
            let times = measure(&case, options)?;
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

fn measure(case: &Case<'_>, options: &Options) -> Result<Times, ExecError> {
    let times = case.measure(&[1, options.threads], options.rounds)?;
    Ok(Times { plain: times.plain, one: times.ours[0], many: times.ours[1] })
}
