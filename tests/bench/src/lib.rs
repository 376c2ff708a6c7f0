//! What benchmarks and conformance tests share: workloads, a state to run them on, plain revm beside ours, and rows
//! to print.

pub mod batch;
mod case;
pub mod da;
pub mod exec;
pub mod mainnet;
pub mod map_state;
pub mod revm_plain;
pub mod row;
pub mod shape;
pub mod state;
pub mod time;
pub mod workload;

pub use map_state::MapState;
pub use row::Row;
