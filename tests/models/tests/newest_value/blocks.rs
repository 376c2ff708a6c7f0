//! Whole blocks: each transaction is done once and in order, with the result of one after the other, and all threads
//! come to an end.

use weft_models::explore;

use crate::block::{Block, Plan};

const PLAN: Plan = Plan {
    len: 3,
    in_flight: 2,
    at_once: 1,
    workers: 2,
    helpers: 0,
    early: &[],
    left: |_| false,
    alone: None,
    fails: None,
};

/// As many interruptions as can be tried in seconds.
const INTERRUPTIONS: Option<usize> = Some(3);

#[test]
fn of_calls() {
    let expected = ["committed", "repeated", "taken over", "too late", "looked", "looked in vain"];
    explore("calls", INTERRUPTIONS, &expected, |seen| Block::run(PLAN, seen));
}

#[test]
fn of_calls_in_one_place() {
    let expected = ["committed", "taken over", "too late"];
    let plan = Plan { in_flight: 1, ..PLAN };
    explore("calls in one place", INTERRUPTIONS, &expected, move |seen| Block::run(plan, seen));
}

#[test]
fn of_calls_by_three_threads() {
    let expected = ["committed", "repeated", "taken over", "too late", "looked", "looked in vain"];
    let plan = Plan { workers: 1, helpers: 2, ..PLAN };
    explore("calls by three", Some(2), &expected, move |seen| Block::run(plan, seen));
}

#[test]
fn of_payments() {
    let expected = ["left", "taken over", "left too late"];
    let plan = Plan { len: 4, at_once: 2, left: |_| true, ..PLAN };
    explore("payments", INTERRUPTIONS, &expected, move |seen| Block::run(plan, seen));
}

#[test]
fn of_both() {
    let expected = ["left", "committed", "taken over", "too late"];
    let plan = Plan { len: 4, at_once: 2, left: |at| at % 2 == 0, ..PLAN };
    explore("both", INTERRUPTIONS, &expected, move |seen| Block::run(plan, seen));
}

#[test]
fn where_looking_ahead_does_not_pay() {
    let expected = ["alone", "committed", "taken over", "too late"];
    let plan = Plan { len: 4, alone: Some((0, 3)), ..PLAN };
    explore("alone", INTERRUPTIONS, &expected, move |seen| Block::run(plan, seen));
}

/// Of what was claimed before, the committer does all that its thread comes too late for.
#[test]
fn where_looking_ahead_ends_within_a_claim() {
    let expected = ["left", "left too late", "taken over"];
    let plan = Plan { len: 4, at_once: 2, left: |_| true, alone: Some((0, 2)), ..PLAN };
    explore("alone within a claim", INTERRUPTIONS, &expected, move |seen| Block::run(plan, seen));
}

#[test]
fn that_begin_with_the_last() {
    let expected = ["early", "begun", "begun, not ready", "committed", "repeated", "taken over", "too late"];
    let plan = Plan { in_flight: 3, early: &[2], ..PLAN };
    explore("the last first", INTERRUPTIONS, &expected, move |seen| Block::run(plan, seen));
}

/// What is begun early lies among what others have claimed.
#[test]
fn that_begin_within_a_claim() {
    let expected = ["early", "begun", "begun, not ready", "committed", "taken over", "too late"];
    let plan = Plan { in_flight: 3, at_once: 3, early: &[1], ..PLAN };
    explore("within a claim", INTERRUPTIONS, &expected, move |seen| Block::run(plan, seen));
}

/// Looking ahead ends while something is begun early.
#[test]
fn that_begin_early_where_looking_ahead_does_not_pay() {
    let expected = ["early", "alone", "begun", "begun, not ready", "begun, taken over"];
    let plan = Plan { len: 4, in_flight: 4, early: &[2], alone: Some((0, 3)), ..PLAN };
    explore("early and alone", Some(2), &expected, move |seen| Block::run(plan, seen));
}

/// Nobody comes to claim what was begun early.
#[test]
fn where_looking_ahead_ends_at_what_was_begun_early() {
    let plan = Plan { len: 4, in_flight: 4, early: &[1], alone: Some((0, 3)), ..PLAN };
    explore("alone from there on", Some(2), &["early", "alone", "begun", "begun, taken over"], move |seen| {
        Block::run(plan, seen)
    });
}

#[test]
fn that_cannot_go_on() {
    let plan = Plan { fails: Some(1), ..PLAN };
    explore("fails", INTERRUPTIONS, &["taken over", "too late"], move |seen| Block::run(plan, seen));
}
