//! How blocks were executed, for people: what the executor counted, and what follows from it.
//!
//! [`Recent`] keeps the figures of the newest blocks for `weft_blockStats`, [`metrics`] sums up those of all. They
//! depend on timing, so they are no part of a block and are not stored: whoever executes it again sees others.

pub mod metrics;
mod recent;

pub use recent::Recent;
use weft_execution::parallel::Stats;

/// How often transactions were executed; a payment made without the EVM counts as well. One whose outcome did not hold
/// was executed twice: ahead of its time, and when its time had come.
///
/// At least so often: an outcome that was not even looked at (its transaction was left out of the block, or another
/// thread had taken it over) is not counted.
pub fn executions(stats: &Stats) -> u64 {
    let Stats { ahead, in_turn, paid, repeated, .. } = *stats;
    u64::from(ahead) + u64::from(in_turn) + u64::from(paid) + 2 * u64::from(repeated)
}

/// Transactions executed again because of what others had changed; those that had come to nothing are not among them.
pub const fn conflicts(stats: &Stats) -> u32 {
    stats.repeated.saturating_sub(stats.aborted)
}

/// How many threads were at work on transactions, on average. `None` if there was no work: missing is not zero.
pub fn speed_up(stats: &Stats) -> Option<f64> {
    let measured = executions(stats) > 0 && !stats.wall.is_zero() && !stats.busy.is_zero();
    measured.then(|| stats.busy.as_secs_f64() / stats.wall.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_follows_from_the_counts() {
        let stats = Stats { ahead: 10, in_turn: 2, paid: 4, repeated: 3, aborted: 1, ..Stats::default() };
        assert_eq!((executions(&stats), conflicts(&stats)), (22, 2));
        assert_eq!(speed_up(&stats), None);
        let (wall, busy) = (Duration::from_micros(200), Duration::from_micros(500));
        assert_eq!(speed_up(&Stats { wall, busy, ..stats.clone() }), Some(2.5));
        assert_eq!(speed_up(&Stats { wall, ..stats }), None);
        // Threads may have come for nothing.
        assert_eq!(speed_up(&Stats { wall, busy, ..Stats::default() }), None);
    }
}
