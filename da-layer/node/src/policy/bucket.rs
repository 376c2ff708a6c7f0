//! A token bucket: so much a second on the long run, so much at once after a rest.
//!
//! Whole numbers only (thousandths of a token, milliseconds), so that a time
//! told to wait for is one after which the same request passes. Time is an
//! input; a clock set back stands still.

/// Thousandths of a token: what one token a second gives in a millisecond.
const MILLI: u128 = 1_000;

/// Tokens of one rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    per_second: u64,
    burst: u64,
    level_milli: u128,
    at_ms: u64,
}

impl Bucket {
    /// A full bucket; both numbers are at least 1.
    pub(super) fn new((per_second, burst): (u64, u64), now_ms: u64) -> Self {
        Self { per_second, burst, level_milli: u128::from(burst) * MILLI, at_ms: now_ms }
    }

    fn refill(&mut self, now_ms: u64) {
        let passed_ms = now_ms.saturating_sub(self.at_ms);
        let full = u128::from(self.burst) * MILLI;
        self.level_milli = (self.level_milli + u128::from(self.per_second) * u128::from(passed_ms)).min(full);
        self.at_ms = self.at_ms.max(now_ms);
    }

    /// Milliseconds until `tokens` can be taken; 0 for now. More than the burst are not to be had: who configures it
    /// keeps it above what is asked for.
    pub(super) fn wait_ms(&mut self, tokens: u64, now_ms: u64) -> u64 {
        self.refill(now_ms);
        let missing = (u128::from(tokens) * MILLI).saturating_sub(self.level_milli);
        u64::try_from(missing.div_ceil(u128::from(self.per_second))).unwrap_or(u64::MAX)
    }

    /// Takes what [`Self::wait_ms`] said is there.
    pub(super) fn take(&mut self, tokens: u64) {
        self.level_milli = self.level_milli.saturating_sub(u128::from(tokens) * MILLI);
    }

    /// Whether it is as if nothing had ever been taken.
    pub(super) fn is_full(&mut self, now_ms: u64) -> bool {
        self.wait_ms(self.burst, now_ms) == 0
    }

    /// Goes on with other numbers and no more tokens than before.
    pub(super) fn retune(&mut self, (per_second, burst): (u64, u64), now_ms: u64) {
        self.refill(now_ms);
        (self.per_second, self.burst) = (per_second, burst);
        self.refill(now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against the rule itself: in every window, no more than the burst and what the time gives; and a wait that was
        /// told is the least that works.
        #[test]
        fn keeps_its_rate_and_its_word(
            rate in 1u64..2_000,
            burst in 1u64..5_000,
            steps in prop::collection::vec((0u64..3_000, 1u64..5_000), 1..60),
        ) {
            let mut bucket = Bucket::new((rate, burst), 50);
            let mut now = 50;
            let mut taken: Vec<(u64, u64)> = Vec::new();
            for (pause, wanted) in steps {
                now += pause;
                let wanted = wanted.min(burst);
                let wait = bucket.wait_ms(wanted, now);
                if wait > 0 {
                    prop_assert!(bucket.clone().wait_ms(wanted, now + wait - 1) > 0);
                    prop_assert_eq!(bucket.clone().wait_ms(wanted, now + wait), 0);
                    continue;
                }
                bucket.take(wanted);
                taken.push((now, wanted));
                for from in 0..taken.len() {
                    let sum: u64 = taken[from..].iter().map(|(_, tokens)| tokens).sum();
                    prop_assert!(sum * 1_000 <= burst * 1_000 + rate * (now - taken[from].0));
                }
            }
        }
    }

    #[test]
    fn a_clock_set_back_gives_nothing() {
        let mut bucket = Bucket::new((10, 10), 1_000);
        bucket.take(10);
        assert_eq!(bucket.wait_ms(1, 0), 100);
        assert_eq!(bucket.wait_ms(1, 1_100), 0);
        assert!(!bucket.is_full(1_999) && bucket.is_full(2_000));
        bucket.retune((1, 3), 2_000);
        assert!(bucket.is_full(2_000));
        assert_eq!(bucket.wait_ms(4, u64::MAX), 1_000, "above the burst");
    }
}
