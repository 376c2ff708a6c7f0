//! The state transition: what a block does to the state, and whether a batch's claims are true.
//!
//! [`view`] is how state is read, [`world`] a whole state in memory, [`block`]
//! builds and re-executes blocks on revm, [`simulate`] answers calls and gas
//! estimates, [`verify`] judges a batch against its commitment. Sequencer,
//! settlement, follower and the command line run this same code.
//!
//! Deliberately absent: storage, clock, network, logging. What may be missing
//! (a state leaf that a witness does not hold) is an answer of its own
//! ([`view::Missing`]), never zero.

pub mod block;
mod env;
mod overlay;
pub mod receipt;
pub mod recover;
pub mod simulate;
pub mod verify;
pub mod view;
pub mod world;

#[cfg(test)]
mod tests;

pub use env::{intrinsic_gas, max_transaction_gas};
pub use block::{BlockBuilder, Built, Parent, Sealed, SkipReason};
pub use receipt::Receipt;
pub use view::{Missing, StateView};
pub use world::{Applied, Past, World};

/// Version of the rules implemented here; recorded with every verdict.
pub const STF_VERSION: u32 = 1;
