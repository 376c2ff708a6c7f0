//! Which blobs of thinned blocks are kept: pure, without store or clock.
//!
//! A blob that is larger than `max_bytes` by itself is not kept. Of the others
//! of a namespace, in order of their places, the longest run of newest ones is
//! kept in which none is older than `max_age_ms` and whose bytes add up to
//! `max_bytes` at most. So the oldest go first, and what has gone never comes
//! back as long as the rule stands.

/// How long the blobs of one namespace are kept once their block has left the sampling window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamespaceRule {
    /// Greatest age in milliseconds, counted from the time of the block; `None` for no end.
    pub max_age_ms: Option<u64>,
    /// Most bytes; `None` for no end.
    pub max_bytes: Option<u64>,
}

/// Age of what was made at `time_ms`. A clock set back makes nothing older.
pub const fn age_ms(now_ms: u64, time_ms: u64) -> u64 {
    now_ms.saturating_sub(time_ms)
}

impl NamespaceRule {
    /// Whether something of `time_ms` is too old.
    pub fn is_too_old(&self, now_ms: u64, time_ms: u64) -> bool {
        self.max_age_ms.is_some_and(|max| age_ms(now_ms, time_ms) > max)
    }

    /// Whether a blob is worth keeping when its block leaves the window; what is then too much goes as the oldest do.
    pub fn takes(&self, now_ms: u64, time_ms: u64, length: u64) -> bool {
        !self.is_too_old(now_ms, time_ms) && self.max_bytes.is_none_or(|max| length <= max)
    }

    /// How many of the oldest kept blobs (time and length, oldest first) go, of a namespace that keeps `bytes` in all.
    pub fn expired(&self, now_ms: u64, mut bytes: u64, oldest: impl Iterator<Item = (u64, u64)>) -> usize {
        let over = |bytes: u64| self.max_bytes.is_some_and(|max| bytes > max);
        let gone = oldest.take_while(|(time_ms, length)| {
            let goes = over(bytes) || self.is_too_old(now_ms, *time_ms);
            bytes = bytes.saturating_sub(*length);
            goes
        });
        gone.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_run_that_fits_is_kept() {
        let rule = NamespaceRule { max_age_ms: Some(10), max_bytes: Some(5) };
        assert!(rule.takes(100, 90, 5) && !rule.takes(100, 90, 6) && !rule.takes(100, 89, 1));
        assert!(rule.takes(50, 90, 1), "a clock set back makes nothing old");
        assert!(NamespaceRule::default().takes(u64::MAX, 0, u64::MAX));
        let kept = [(80, 1), (95, 3), (96, 3)];
        assert_eq!(rule.expired(100, 7, kept.into_iter()), 2);
        assert_eq!(rule.expired(107, 0, kept.into_iter()), 3);
        assert_eq!(NamespaceRule::default().expired(u64::MAX, u64::MAX, kept.into_iter()), 0);
    }
}
