//! Light client sampling: which rows to ask for, and what their answers prove.
//!
//! A [`Session`] judges one block. It is pure: its randomness is a seed that
//! the caller draws after it has seen the header, its network is the caller's.

mod confidence;
mod draw;
mod session;

pub use confidence::{Confidence, Target, TargetError};
pub use draw::draw;
pub use session::{Plan, Session, Verdict};

/// Samples for the default target, `1 - 10^-5` on both counts: the least `s` with `(5/8)^s <= 10^-5`.
pub const DEFAULT_SAMPLES: u32 = 25;
