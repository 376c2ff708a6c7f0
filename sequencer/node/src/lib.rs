//! The sequencer: takes transactions, makes blocks and batches of them.
//!
//! [`admission`] decodes and checks what is sent, [`mempool`] chooses from what waits, [`order`] arranges what pays alike,
//! [`producer`] makes blocks of it, [`chain`] makes them durable and then
//! visible, [`batcher`] brings them to DA and settlement. [`backend`] is what the servers ([`grpc`], JSON-RPC) may do,
//! and [`dialect`] in what the served chain may differ from Weft's own;
//! [`figures`] is how blocks were executed, for people.
//! Deliberately absent: the rules of execution (weft-execution) and of batches
//! (weft-primitives).

pub mod admission;
pub mod backend;
pub mod batcher;
pub mod chain;
pub mod config;
pub mod dialect;
pub mod figures;
pub mod grpc;
pub mod mempool;
pub mod order;
pub mod producer;
pub mod rpc;
mod run;
pub mod store;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use config::{Config, ConfigError, Limits, PoolLimits, RpcConfig};
pub use run::{Listeners, RunError, run};
