//! `weft bench da`: blocks of data made, rebuilt and checked by ours and by libraries, in turn, in one process.
//!
//! MB are 10^6 bytes of payload. As in a node that makes block after block, the memory of the last block is there to
//! be used again, for both.

mod case;
mod libraries;
pub mod shape;

use crate::row::Row;
use crate::time::{median, timed};
use case::Case;
use libraries::Roots;

/// What publishing is compared with.
const LIBRARIES: &str = "reed-solomon-simd, blake3 row by row, digests by tables";

/// What to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// Measured rounds; the median counts.
    pub rounds: usize,
    /// Threads of both.
    pub threads: usize,
    /// Only the rows whose name contains this.
    pub only: String,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum DaError {
    /// A payload that cannot be packed.
    #[error(transparent)]
    Pack(#[from] weft_da::layout::PackError),
    /// Both must make the same block before anything is timed.
    #[error("{0}: ours and the baseline differ")]
    Different(String),
    /// Threads cannot be started.
    #[error("cannot start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// Measures everything asked for; `tell` gets each row as soon as it is there.
pub fn run(options: &Options, mut tell: impl FnMut(&Row)) -> Result<Vec<Row>, DaError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build()?;
    let mut rows = Vec::new();
    let mut add = |row: Row| {
        tell(&row);
        rows.push(row);
    };
    let wanted = |name: &str| name.contains(&options.only);
    for mib in [8, 32] {
        let name = format!("publish_{mib}mib");
        if wanted(&name) {
            let case = Case::new(mib)?;
            add(pool.install(|| publish(&name, &case, options))?);
        }
    }
    let case = Case::new(8)?;
    if wanted("rebuild_8mib") {
        add(pool.install(|| rebuild("rebuild_8mib", &case, options))?);
    }
    if wanted("verify_row") {
        add(pool.install(|| verify("verify_row", &case, options))?);
    }
    if wanted("light_bytes_8mib") {
        add(light_bytes("light_bytes_8mib", &case));
    }
    Ok(rows)
}

fn publish(name: &str, case: &Case, options: &Options) -> Result<Row, DaError> {
    let shape = &case.header.shape;
    let payload = case.block.rows().payload();
    let mut memory = vec![0; shape.matrix_len()];
    let roots = libraries::publish(shape, payload, &mut memory);
    if roots != (Roots { rows: case.header.row_root, digests: case.header.digest_root }) {
        return Err(DaError::Different(name.to_owned()));
    }
    let (mut ours, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..=options.rounds.max(1) {
        baseline.push(timed(|| libraries::publish(shape, payload, &mut memory)));
        ours.push(timed(|| case.publish()));
    }
    let [ours, baseline] = [ours, baseline].map(|times| case.mb() / median(&times) * 1e3);
    Ok(Row::compared(name, ours, "MB/s", LIBRARIES, baseline, ours / baseline, options.threads))
}

/// From exactly a quarter of the rows, drawn from all of them.
fn rebuild(name: &str, case: &Case, options: &Options) -> Result<Row, DaError> {
    let rows = case.quarter();
    let rebuilt = case.rebuild(&rows);
    if rebuilt.as_ref().map(weft_da::EncodedRows::payload) != Some(case.block.rows().payload()) {
        return Err(DaError::Different(name.to_owned()));
    }
    drop(rebuilt);
    let (mut ours, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..=options.rounds.max(1) {
        baseline.push(timed(|| case.publish()));
        ours.push(timed(|| case.rebuild(&rows)));
    }
    let [ours, baseline] = [ours, baseline].map(|times| case.mb() / median(&times) * 1e3);
    Ok(Row::compared(name, ours, "MB/s", "publishing the same block", baseline, ours / baseline, options.threads))
}

/// One row with its path and digest, of those that a client samples.
fn verify(name: &str, case: &Case, options: &Options) -> Result<Row, DaError> {
    let samples = case.samples();
    let portable = libraries::Verifier::new(&case.header, case.digests.extended());
    let accepted = |proof: &_| case.digests.verify_row(proof).is_ok() && portable.verify(proof);
    if !samples.iter().all(accepted) {
        return Err(DaError::Different(name.to_owned()));
    }
    let (mut ours, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..=options.rounds.max(1) {
        baseline.push(timed(|| samples.iter().filter(|proof| portable.verify(proof)).count()));
        ours.push(timed(|| samples.iter().filter(|proof| case.digests.verify_row(proof).is_ok()).count()));
    }
    let [ours, baseline] = [ours, baseline].map(|times| median(&times) * 1e3 / samples.len() as f64);
    Ok(Row::compared(name, ours, "us", "blake3, digest by bit images", baseline, baseline / ours, 1))
}

/// What a client downloads that samples to the default target.
fn light_bytes(name: &str, case: &Case) -> Row {
    let plan = weft_da::Plan::choose(&case.header, &weft_da::Target::default());
    let (ours, payload) = (plan.download_bytes(&case.header) as f64, case.header.shape.total_len() as f64);
    Row::compared(name, ours, "B", "the payload", payload, payload / ours, 1)
}
