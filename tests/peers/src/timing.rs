//! Medians of two things that are run in turn, so that both see the same machine.

use std::time::{Duration, Instant};

/// Why a figure could not be had.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Time of `work` alone, and what it made.
pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let made = work();
    (start.elapsed(), made)
}

/// Median seconds of each of two things, after one round that does not count.
pub fn in_turn(
    rounds: usize,
    mut ours: impl FnMut() -> Result<Duration, Failure>,
    mut theirs: impl FnMut() -> Result<Duration, Failure>,
) -> Result<(f64, f64), Failure> {
    ours()?;
    theirs()?;
    let (mut ours_took, mut theirs_took) = (Vec::new(), Vec::new());
    for _ in 0..rounds.max(1) {
        ours_took.push(ours()?);
        theirs_took.push(theirs()?);
    }
    Ok((median(&mut ours_took), median(&mut theirs_took)))
}

/// Median in seconds, of at least one; sorts them.
pub fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}
