//! The settlement service: takes commitments, samples their data, re-executes their batches, makes them final.
//!
//! [`engine`] is the only writer: it puts what arrives through the state
//! machine of `weft-settlement` and commits what that says to the [`store`].
//! [`verifier`] follows the log and judges commitments one after the other, by
//! its own sampling of the DA layer and its own re-execution. Deliberately
//! absent: the optimistic mode, several chains in one process, withdrawals.

pub mod config;
pub mod engine;
mod grpc;
mod metrics;
mod run;
pub mod store;
#[cfg(test)]
mod tests;
pub mod verifier;

pub use config::{Config, Limits};
pub use run::{Handle, Listeners, RunError, run, start};
