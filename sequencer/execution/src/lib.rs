//! The state transition: what a block does to the state, and whether a batch's claims are true.
//!
//! [`view`] is how state is read, [`world`] a whole state in memory, [`block`]
//! builds and re-executes blocks on revm, [`simulate`] answers calls, gas
//! estimates and made-up blocks, [`trace`] executes blocks once more and writes down
//! how, [`verify`] judges a batch against its commitment, [`forced`] makes and
//! judges those that follow from the log alone, [`witness`] is the part of the
//! state that this needs. Sequencer, settlement, follower and
//! the command line run this same code.
//!
//! Blocks are executed in [`parallel`], with the result of revm executing one
//! transaction after the other: that is the oracle ([`BlockBuilder::transaction`],
//! [`raw::Executor::Sequential`]). What decides about inclusion ([`SkipReason`])
//! is the same for both, and so is the list of what a block touches ([`access`]).
//!
//! Deliberately absent: storage, clock, network, logging. What may be missing
//! (a state leaf that a witness does not hold) is an answer of its own
//! ([`view::Missing`]), never zero.

pub mod access;
mod begun;
pub mod block;
mod changes;
mod codes;
mod env;
mod executed;
pub mod forced;
mod genesis;
mod overlay;
mod pack;
pub mod parallel;
mod past;
mod precompiles;
pub mod raw;
pub mod receipt;
pub mod recover;
pub mod rules;
mod seal;
mod session;
pub mod simulate;
mod skip;
mod state;
mod tally;
pub mod trace;
pub mod verify;
pub mod view;
mod withdrawals;
pub mod witness;
pub mod world;

#[cfg(test)]
mod tests;

pub use block::{BlockBuilder, Parent};
pub use changes::Changes;
pub use env::{intrinsic_gas, max_transaction_gas};
pub use executed::Executed;
pub use past::{MAX_NEWER_LEAVES, Past, RootError};
pub use receipt::Receipt;
pub use revm::bytecode::Bytecode;
pub use rules::Rules;
pub use seal::{Built, Sealed};
pub use skip::SkipReason;
pub use state::Applied;
pub use view::{Missing, StateView};
pub use withdrawals::{withdrawals, withdrawals_frontier};
pub use witness::Witness;
pub use world::World;

/// Version of the rules implemented here; recorded with every verdict.
pub const STF_VERSION: u32 = 1;
