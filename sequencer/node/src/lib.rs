//! The sequencer: takes transactions, makes blocks and batches of them.
//!
//! [`admission`] decodes and checks what is sent, [`mempool`] chooses from what waits, [`order`] arranges what pays alike,
//! [`producer`] makes blocks of it, [`chain`] makes them durable and then
//! visible, [`batcher`] brings them to DA and settlement; [`derive`] makes the same chain again from what DA and
//! settlement hold: of a follower ([`follow`]), and of a sequencer that has lost its data; [`snapshots`] are states in
//! files to begin with, [`promises`] are the sequencer's word for its blocks, [`proofs`] show what an account was, `accounts` what it has done, [`witness`] what others need to execute a batch again. [`backend`] is what the servers
//! ([`grpc`], JSON-RPC) may do, and [`dialect`] in what the served chain may differ from Weft's own;
//! [`figures`] is how blocks were executed, for people; [`metrics`] lists what operators can watch,
//! `traces` is what they see of one transaction.
//! Deliberately absent: the rules of execution (weft-execution) and of batches
//! (weft-primitives).

mod accounts;
pub mod admission;
pub mod backend;
pub mod batcher;
pub mod chain;
pub mod config;
pub mod derive;
pub mod dialect;
pub mod figures;
pub mod grpc;
pub mod mempool;
pub mod metrics;
mod mirror;
mod node;
pub mod order;
pub mod producer;
pub mod promises;
pub mod proofs;
mod requeue;
pub mod rpc;
mod run;
pub mod snapshots;
pub mod store;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod traces;
mod watch;
pub mod witness;

pub use config::{Config, ConfigError, Development, Limits, NodeConfig, PoolLimits, RpcConfig};
pub use node::follow;
pub use run::{Listeners, RunError, run};
