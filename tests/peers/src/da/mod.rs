//! Publishing a blob (code, commitment, all that is needed to serve proofs),
//! rebuilding it, and checking one sample.

mod celestia;
mod commonware;
mod kzg;
mod ours;
mod rsema1d;

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;

use crate::row::{Place, Row};
use crate::timing::{Failure, in_turn};
use ours::Ours;

/// What to run.
#[derive(Args)]
#[command(after_help = "Example: cargo run --release -- da --threads 1 --json")]
pub struct Options {
    /// Threads for both sides; all cores if not given.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Rounds of which the median counts.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
}

/// Samples that one timing of a check covers.
const CHECKED_SAMPLES: usize = 256;

/// A way to make a blob available, prepared for one blob.
pub trait Peer: Sized {
    /// Name, version, and what of it is timed as publishing.
    const NAME: &'static str;
    /// How rebuilding differs, for the label; empty if it does not.
    const REBUILD_NOTE: &'static str;
    /// Payload bytes that it works on; above ours none, below where it has a limit.
    fn payload_len(&self) -> usize;
    /// Encodes and commits once; keeps the result for the rest.
    fn publish(&mut self) -> Result<Duration, Failure>;
    /// Rebuilds the published blob from parity alone, or as little of the original as there can be; `None` if it cannot.
    fn rebuild(&mut self) -> Option<Result<Duration, Failure>>;
    /// Time for checking this many samples, one after the other.
    fn check(&mut self, samples: usize) -> Result<Duration, Failure>;
}

/// All rows; `each` sees them as they come.
pub fn run(options: &Options, mut each: impl FnMut(&Row) + Send) -> Result<Vec<Row>, Failure> {
    let pool = match options.threads {
        Some(threads) => rayon::ThreadPoolBuilder::new().num_threads(threads.get()),
        None => rayon::ThreadPoolBuilder::new(),
    };
    let pool = pool.build()?;
    let threads = pool.current_num_threads();
    let bench = Bench { place: Place::here(threads), rounds: options.rounds };
    let mut rows = Vec::new();
    let mut note = |row: Row| {
        each(&row);
        rows.push(row);
    };
    for (mib, publish, rebuild) in [(8, "publish_8mib", Some("rebuild_8mib")), (32, "publish_32mib", None)] {
        let blob = ours::blob(mib);
        pool.install(|| -> Result<(), Failure> {
            bench.beside(&blob, rsema1d::Rsema1d::new(&blob)?, publish, rebuild, &mut note)?;
            bench.beside(&blob, commonware::Commonware::new(&blob, threads)?, publish, rebuild, &mut note)?;
            if rebuild.is_some() {
                bench.beside(&blob, celestia::Celestia::new(&blob)?, publish, rebuild, &mut note)?;
                bench.beside(&blob, kzg::Kzg::new(&blob)?, publish, rebuild, &mut note)?;
            }
            Ok(())
        })?;
    }
    Ok(rows)
}

struct Bench {
    place: Place,
    rounds: usize,
}

impl Bench {
    /// Ours beside one peer: publishing, and where `rebuild` names its row, rebuilding and checks.
    fn beside<P: Peer>(
        &self,
        blob: &[u8],
        mut peer: P,
        publish: &'static str,
        rebuild: Option<&'static str>,
        note: &mut impl FnMut(Row),
    ) -> Result<(), Failure> {
        let mut ours = Ours::new(blob);
        let (ours_len, peer_len) = (ours.payload_len() as f64 / 1e6, peer.payload_len() as f64 / 1e6);
        let (mine, theirs) = in_turn(self.rounds, || ours.publish(), || peer.publish())?;
        note(self.place.rate(publish, ours_len / mine, P::NAME, peer_len / theirs));

        let Some(rebuild) = rebuild else { return Ok(()) };
        if peer.rebuild().is_some() {
            let rebuilt = || Err("it rebuilt before".into());
            let (mine, theirs) = in_turn(
                self.rounds,
                || ours.rebuild().unwrap_or_else(rebuilt),
                || peer.rebuild().unwrap_or_else(rebuilt),
            )?;
            let label = format!("{}{}", P::NAME, P::REBUILD_NOTE);
            note(self.place.rate(rebuild, ours_len / mine, &label, peer_len / theirs));
        }
        let samples = CHECKED_SAMPLES;
        let (mine, theirs) = in_turn(self.rounds, || ours.check(samples), || peer.check(samples))?;
        let each = |seconds: f64| seconds * 1e6 / samples as f64;
        note(self.place.time("verify_row", each(mine), P::NAME, each(theirs)));
        Ok(())
    }
}
