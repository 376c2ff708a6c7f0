//! The smallest blocks; larger ones in `tests/newest_value`.

use weft_models::explore;

use crate::block::{Block, Plan};

const PLAN: Plan = Plan {
    len: 2,
    in_flight: 1,
    at_once: 1,
    workers: 2,
    helpers: 0,
    early: &[],
    left: |_| false,
    alone: None,
    fails: None,
};

#[test]
fn of_two_calls() {
    explore("two calls, every value", Some(1), &["committed", "taken over"], |seen| Block::run(PLAN, seen));
}

#[test]
fn of_two_payments() {
    let plan = Plan { in_flight: 2, left: |_| true, ..PLAN };
    explore("two payments, every value", Some(1), &["left", "taken over"], move |seen| Block::run(plan, seen));
}
