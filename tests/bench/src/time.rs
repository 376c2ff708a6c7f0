//! How long something takes.

use std::time::{Duration, Instant};

/// How long it takes; throwing away what it gives does not count.
pub fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let result = work();
    let elapsed = start.elapsed();
    drop(result);
    elapsed
}

/// Of all but the first, which warms up; in ms.
pub fn median(times: &[Duration]) -> f64 {
    let mut times = times[1..].to_vec();
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}
