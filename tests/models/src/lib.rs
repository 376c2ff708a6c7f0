//! Models of how threads execute a block together, tried in every order of their steps by loom.
//!
//! The scheduler is `sequencer/execution`'s own, file by file: `schedule`, `turn`, `window`. Only what stands around it
//! is not: `sync` is loom's, an `outcome` is three numbers, and the `block` does what `run.rs` does with transactions
//! that add one to a number. No compiler flag is needed, so that nothing else is compiled anew for it.
//!
//! Twice: in `tests/every_value` a load may see whatever the rules of memory let it see, which only small models can
//! bear; in `tests/newest_value` it sees what was stored last, and whole blocks are executed. Where that is too much
//! still, a model bounds how often a thread is interrupted while it could go on. Models say what must have come up at
//! least once, so that none passes because nothing happens in it.
//!
//! `LOOM_MAX_PREEMPTIONS=4 cargo test --release -p weft-models --test newest_value -- --nocapture` tries some twenty
//! times as much, and tells how much.

mod explore;

pub use explore::{Seen, explore};
