//! The settlement service: takes commitments, samples their data, re-executes their batches, makes them final.
//!
//! [`engine`] is the only writer: it puts what arrives through the state
//! machine of `weft-settlement` and commits what that says to the [`store`].
//! [`verifier`] follows the log and judges commitments one after the other, by
//! its own sampling of the DA layer and its own re-execution. [`challenge`]
//! judges what others bring against a commitment, in mode `optimistic`.
//! [`chains`] holds one of each for every chain of the service. Deliberately
//! absent: withdrawals.

mod chains;
mod challenge;
pub mod config;
pub mod engine;
mod grpc;
pub mod metrics;
mod mirror;
mod pages;
mod run;
pub mod store;
#[cfg(test)]
mod tests;
mod traces;
pub mod verifier;

pub use config::{ChainSettings, Config, Limits, Quotas};
pub use run::{Handle, Listeners, RunError, run, start};
