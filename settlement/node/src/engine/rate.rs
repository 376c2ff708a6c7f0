//! How many commitments a minute one chain may post: a token bucket in milliseconds.

/// A minute, in milliseconds.
const MINUTE_MS: u64 = 60_000;

/// Counts what was taken. Without a limit it counts nothing.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    /// Commitments a minute, on the long run and at once after a rest; 0 for any number.
    limit: u32,
    /// What has been saved up, in milliseconds; one commitment costs `MINUTE_MS / limit`.
    saved_ms: u64,
    at_ms: u64,
}

impl Rate {
    pub(super) const fn new(limit: u32, now_ms: u64) -> Self {
        Self { limit, saved_ms: MINUTE_MS, at_ms: now_ms }
    }

    pub(super) const fn limit(&self) -> u32 {
        self.limit
    }

    /// Milliseconds until the next commitment may be taken; 0 for now. A clock that is set back stands still.
    pub(super) fn wait_ms(&mut self, now_ms: u64) -> u64 {
        let passed_ms = now_ms.saturating_sub(self.at_ms);
        self.saved_ms = self.saved_ms.saturating_add(passed_ms).min(MINUTE_MS);
        self.at_ms = self.at_ms.max(now_ms);
        self.price_ms().saturating_sub(self.saved_ms)
    }

    /// One was taken.
    pub(super) fn take(&mut self) {
        self.saved_ms = self.saved_ms.saturating_sub(self.price_ms());
    }

    fn price_ms(&self) -> u64 {
        MINUTE_MS.checked_div(self.limit.into()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_at_once_and_then_one_by_one() {
        let mut rate = Rate::new(3, 1_000);
        for _ in 0..3 {
            assert_eq!(rate.wait_ms(1_000), 0);
            rate.take();
        }
        assert_eq!(rate.wait_ms(1_000), 20_000);
        assert_eq!(rate.wait_ms(500), 20_000);
        assert_eq!(rate.wait_ms(11_000), 10_000);
        assert_eq!(rate.wait_ms(21_000), 0);
        rate.take();
        assert_eq!(rate.wait_ms(21_000), 20_000);
    }

    #[test]
    fn without_a_limit_any_number() {
        let mut rate = Rate::new(0, 0);
        for _ in 0..1_000 {
            assert_eq!(rate.wait_ms(0), 0);
            rate.take();
        }
    }
}
