//! What operators see of how blocks are executed.
//!
//! - `weft_sequencer_executions_total{how}`: `ahead`, `in_turn` and `paid` (payments made without the EVM) once each,
//!   `repeated` twice each; `aborted` are among the repeated.
//! - `weft_sequencer_conflicts_total{at}`: the repeated that were not aborted, at each block's `hottest` place or
//!   `elsewhere`. `weft_blockStats` names the places: as labels they would have no bound.
//! - `weft_sequencer_execution_wall_seconds`, `weft_sequencer_execution_busy_seconds`: how long the pool's transactions
//!   of a block took, and how long all threads together were at work on them. The sum of the second over that of the
//!   first is the speed-up over a time.
//! - `weft_sequencer_execution_speed_up`: the same for each block in which several threads took part.

use weft_execution::parallel::Stats;

/// A block was executed.
pub(crate) fn executed(stats: &Stats) {
    let Stats { threads, ahead, in_turn, paid, repeated, aborted, wall, busy, ref hottest, .. } = *stats;
    let executions =
        [("ahead", ahead), ("in_turn", in_turn), ("paid", paid), ("repeated", repeated), ("aborted", aborted)];
    for (how, count) in executions {
        metrics::counter!("weft_sequencer_executions_total", "how" => how).increment(count.into());
    }
    let at_hottest = hottest.first().map_or(0, |place| place.conflicts);
    let elsewhere = super::conflicts(stats).saturating_sub(at_hottest);
    for (at, count) in [("hottest", at_hottest), ("elsewhere", elsewhere)] {
        metrics::counter!("weft_sequencer_conflicts_total", "at" => at).increment(count.into());
    }
    // An inbox alone is not executed in parallel: there is nothing to tell.
    let Some(speed_up) = super::speed_up(stats) else { return };
    metrics::histogram!("weft_sequencer_execution_wall_seconds").record(wall.as_secs_f64());
    metrics::histogram!("weft_sequencer_execution_busy_seconds").record(busy.as_secs_f64());
    // Small blocks are executed by one thread, others are not even called; there may be many of them.
    if threads > 1 {
        metrics::histogram!("weft_sequencer_execution_speed_up").record(speed_up);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use alloy_primitives::{Address, U256};
    use weft_execution::parallel::HotPlace;

    use super::*;

    #[test]
    fn all_are_there_and_no_label_names_a_place() {
        let recorder = weft_service::telemetry::metrics();
        let address = Address::repeat_byte(0x5a);
        let hottest = vec![HotPlace { address, slot: Some(U256::ONE), conflicts: 4 }];
        let (wall, busy) = (Duration::from_millis(2), Duration::from_millis(7));
        let lanes = Vec::new();
        executed(&Stats {
            threads: 4,
            ahead: 90,
            in_turn: 3,
            paid: 2,
            repeated: 7,
            aborted: 1,
            wall,
            busy,
            lanes,
            hottest,
        });
        recorder.run_upkeep();
        let text = recorder.render();
        for line in [
            "weft_sequencer_executions_total{how=\"paid\"} ",
            "weft_sequencer_executions_total{how=\"repeated\"} ",
            "weft_sequencer_conflicts_total{at=\"hottest\"} ",
            "weft_sequencer_conflicts_total{at=\"elsewhere\"} ",
            "weft_sequencer_execution_wall_seconds_bucket{le=\"0.0025\"} ",
            "weft_sequencer_execution_busy_seconds_bucket{le=\"0.01\"} ",
            "weft_sequencer_execution_speed_up_bucket{le=\"4\"} ",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(!text.contains("5a5a5a"), "{text}");
    }
}
