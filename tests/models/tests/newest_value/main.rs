//! Loads see what was stored last, so that whole blocks can be tried.
#![allow(clippy::unwrap_used)]

#[path = "../../../../sequencer/execution/src/parallel/early.rs"]
mod early;
// `Wanted` is no part of a block here.
#[allow(dead_code)]
#[path = "../../../../sequencer/execution/src/parallel/schedule.rs"]
mod schedule;
#[path = "../../../../sequencer/execution/src/parallel/turn.rs"]
mod turn;
#[path = "../../../../sequencer/execution/src/parallel/window.rs"]
mod window;

#[path = "../shared/block.rs"]
mod block;
#[path = "../shared/outcome.rs"]
mod outcome;

mod blocks;
mod sync;
