//! Loads see any value that the orders, as they are written, let them see.
#![allow(clippy::unwrap_used)]

#[path = "../../../../sequencer/execution/src/parallel/early.rs"]
mod early;
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
mod claims;
mod places;
mod promises;
mod sync;
