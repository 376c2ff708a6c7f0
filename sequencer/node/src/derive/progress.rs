//! How far deriving is, for people.

use std::time::{Duration, Instant};

/// What has been derived since it was begun, and what is left. Totals are those that commitments claim.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// When it was begun.
    pub since: Instant,
    /// Whether there is more to do than what has just come in.
    pub catching_up: bool,
    /// Batches judged.
    pub batches: u64,
    /// Blocks executed.
    pub blocks: u64,
    /// Transactions executed.
    pub transactions: u64,
    /// Gas used by them.
    pub gas: u64,
    /// Batches that wait.
    pub batches_left: u64,
    /// Transactions in them.
    pub transactions_left: u64,
    /// Last block of the newest of them.
    pub newest_block: u64,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            catching_up: false,
            batches: 0,
            blocks: 0,
            transactions: 0,
            gas: 0,
            batches_left: 0,
            transactions_left: 0,
            newest_block: 0,
        }
    }
}

impl Progress {
    /// Blocks, transactions and gas a second since it was begun.
    pub fn rates(&self) -> [f64; 3] {
        let seconds = self.since.elapsed().as_secs_f64().max(1e-3);
        [self.blocks, self.transactions, self.gas].map(|count| count as f64 / seconds)
    }

    /// How long the rest takes at the same rate; `None` before there is one.
    pub fn time_left(&self) -> Option<Duration> {
        // A batch without transactions counts too.
        let (done, left) = (self.transactions + self.batches, self.transactions_left + self.batches_left);
        let seconds = self.since.elapsed().as_secs_f64() * left as f64 / done as f64;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// A batch is done.
    pub(super) fn done(&mut self, blocks: u64, transactions: u64, gas: u64) {
        self.batches += 1;
        self.blocks += blocks;
        self.transactions += transactions;
        self.gas += gas;
        self.batches_left = self.batches_left.saturating_sub(1);
        self.transactions_left = self.transactions_left.saturating_sub(transactions);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_takes_as_long_as_what_is_done() {
        let ten_seconds_ago = Instant::now().checked_sub(Duration::from_secs(10)).expect("the machine is older");
        let mut progress =
            Progress { since: ten_seconds_ago, batches_left: 4, transactions_left: 396, ..Progress::default() };
        assert_eq!(progress.time_left(), None, "no rate yet");
        progress.done(3, 99, 2_079_000);
        assert_eq!((progress.batches_left, progress.transactions_left), (3, 297));
        let left = progress.time_left().map(|left| left.as_secs());
        assert_eq!(left, Some(30));
        let [blocks, transactions, gas] = progress.rates();
        assert!((0.29..0.31).contains(&blocks) && (9.8..10.0).contains(&transactions) && gas > 200_000.0);
    }
}
