//! `weft bench exec --shape`: how time grows with threads and with the size of a block.

use crate::case::{BASELINE, Case};
use crate::exec::{ExecError, Options};
use crate::row::Row;
use crate::workload::Workload;

/// Workloads whose shape is measured: all independent, so that what limits them is the executor.
const SHAPED: [&str; 4] = ["transfer", "erc20", "pool", "compute"];

/// Transactions in a block.
const SIZES: [u64; 5] = [10, 100, 1_000, 10_000, 50_000];

/// Measures everything asked for; `tell` gets each row as soon as it is there.
pub fn run(options: &Options, mut tell: impl FnMut(&Row)) -> Result<Vec<Row>, ExecError> {
    let mut rows = Vec::new();
    let mut add = |row: Row| {
        tell(&row);
        rows.push(row);
    };
    for name in SHAPED.into_iter().filter(|name| name.contains(&options.only)) {
        let Some(load) = Workload::new(name, options.transactions) else { continue };
        let case = Case::of(&load);
        let threads = numbers_up_to(options.threads);
        let times = case.measure(&threads, options.rounds)?;
        for (threads, ours) in threads.iter().zip(&times.ours) {
            let name = format!("{name}_threads_{threads}");
            add(Row::compared(&name, *ours, "ms", BASELINE, times.plain, times.plain / ours, *threads));
        }
        let ceiling = case.ceiling(options.threads, options.rounds);
        let ceiling_name = format!("{name}_ceiling_{}", options.threads);
        let ratio = times.plain / ceiling;
        add(Row::compared(&ceiling_name, ceiling, "ms", BASELINE, times.plain, ratio, options.threads));
        add(Row::new(&format!("{name}_memory"), case.memory(options.threads), "B/tx"));
        for size in SIZES {
            let Some(load) = Workload::new(name, size) else { continue };
            let times = Case::of(&load).measure(&[options.threads], options.rounds)?;
            let (ours, name) = (times.ours[0], format!("{name}_size_{size}"));
            add(Row::compared(&name, ours, "ms", BASELINE, times.plain, times.plain / ours, options.threads));
        }
    }
    Ok(rows)
}

/// 1, 2, 4 and so on, and the last.
pub(crate) fn numbers_up_to(most: usize) -> Vec<usize> {
    let mut numbers: Vec<usize> = std::iter::successors(Some(1), |n| Some(n * 2)).take_while(|n| *n < most).collect();
    numbers.push(most.max(1));
    numbers
}
