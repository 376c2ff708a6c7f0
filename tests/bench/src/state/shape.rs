//! `weft bench state --shape`: how the root's speed grows with threads, with the tree, and with the block; and the times
//! of a block of transfers.

use weft_state::{Schedule, Tree};

use super::transfers::Transfers;
use super::{ACCOUNTS, Options, StateError, TRANSFERS, accounts};
use crate::row::Row;
use crate::shape::numbers_up_to;
use crate::time::{median, timed};

/// Updates in a block.
const SIZES: [u64; 5] = [10, 100, 1_000, 10_000, 100_000];

/// Measures everything asked for on a tree of `options.keys`; `tell` gets each row as soon as it is there.
pub fn run(options: &Options, mut tell: impl FnMut(&Row)) -> Result<Vec<Row>, StateError> {
    let mut rows = Vec::new();
    let mut add = |row: Row| {
        tell(&row);
        rows.push(row);
    };
    let keys = options.keys;
    let wanted = |threads: usize, size: u64| options.wants(&name(keys, threads, size));
    let threads = numbers_up_to(options.threads);
    let all: Vec<(usize, u64)> = threads.iter().flat_map(|threads| SIZES.map(|size| (*threads, size))).collect();
    let all: Vec<_> = all.into_iter().filter(|(threads, size)| *size <= keys && wanted(*threads, *size)).collect();
    if !all.is_empty() {
        let start = std::time::Instant::now();
        let mut tree = Tree::from_leaves(accounts::leaves(keys)?, Schedule::Parallel)?;
        add(Row::new(&format!("built_of_{keys}"), start.elapsed().as_secs_f64(), "s"));
        let mut round = 0;
        for (threads, size) in all {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
            let mut times = Vec::new();
            for _ in 0..=options.rounds.max(1) {
                round += 1;
                let block = accounts::block(keys, size, round)?;
                times.push(timed(|| pool.install(|| tree.apply(&block, Schedule::Parallel))));
            }
            let rate = size as f64 / median(&times) * 1e3;
            add(Row { threads, ..Row::new(&name(keys, threads, size), rate, "updates/s") });
        }
    }
    if options.wants("transfers") {
        transfers(options, &mut add)?;
    }
    Ok(rows)
}

fn name(keys: u64, threads: usize, size: u64) -> String {
    format!("root_of_{keys}_threads_{threads}_updates_{size}")
}

/// Times of a block of transfers, in ms.
fn transfers(options: &Options, add: &mut impl FnMut(Row)) -> Result<(), StateError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build()?;
    let mut case = Transfers::new(ACCOUNTS, TRANSFERS)?;
    let witness = case.witness()?;
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..=options.rounds.max(1) {
        let [root, with_witness, stateful, stateless] = &mut times;
        pool.install(|| -> Result<(), StateError> {
            root.push(case.root(false)?);
            with_witness.push(case.root(true)?);
            stateful.push(case.stateful()?);
            stateless.push(case.stateless(&witness)?);
            Ok(())
        })?;
    }
    for (what, times) in ["root", "root_and_witness", "stateful", "stateless"].into_iter().zip(&times) {
        let row = Row::new(&format!("transfers_1k_{what}"), median(times), "ms");
        add(Row { threads: options.threads, ..row });
    }
    Ok(())
}
