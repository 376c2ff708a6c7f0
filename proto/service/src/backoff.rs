//! How long to wait before trying again: doubling, bounded, with jitter.

use std::time::Duration;

use rand::Rng;

/// Waiting times between tries.
#[derive(Clone, Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    /// From `min`, doubling up to `max`, which wins if it is the smaller.
    pub const fn new(min: Duration, max: Duration) -> Self {
        let min = if min.as_nanos() < max.as_nanos() { min } else { max };
        Self { min, max, next: min }
    }

    /// The next waiting time: between half and all of the current step.
    pub fn delay(&mut self) -> Duration {
        let step = self.next;
        self.next = step.saturating_mul(2).min(self.max);
        let half = step / 2;
        half.saturating_add(half.mul_f64(rand::rng().random_range(0.0..=1.0)))
    }

    /// After a success.
    pub const fn reset(&mut self) {
        self.next = self.min;
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(Duration::from_millis(50), Duration::from_secs(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_its_bound_and_starts_again() {
        let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(40));
        let delays: Vec<Duration> = (0..6).map(|_| backoff.delay()).collect();
        assert!(delays[0] >= Duration::from_millis(5) && delays[0] <= Duration::from_millis(10));
        assert!(delays[5] >= Duration::from_millis(20) && delays[5] <= Duration::from_millis(40));
        backoff.reset();
        assert!(backoff.delay() <= Duration::from_millis(10));
    }

    #[test]
    fn odd_bounds_do_no_harm() {
        let mut turned = Backoff::new(Duration::from_secs(9), Duration::from_secs(1));
        assert!(turned.delay() <= Duration::from_secs(1));
        let mut endless = Backoff::new(Duration::MAX / 2, Duration::MAX);
        let first = endless.delay();
        assert!(first <= Duration::MAX / 2 && endless.delay() >= Duration::MAX / 2);
    }
}
