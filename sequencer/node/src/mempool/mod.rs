//! Transactions that wait for a block.
//!
//! **The ordering rule.** Of one sender, transactions run in the order of their
//! nonces. Across senders, of all transactions that could run next, the one
//! that pays the sequencer most a gas (`min(max priority fee, max fee - base
//! fee)`) runs first; of equal ones, the one that arrived first.
//!
//! A transaction whose nonce leaves a gap is parked until the gap closes. One
//! with the nonce of another replaces it if it pays at least
//! `price_bump_percent` more on both fees. Nothing here is durable: what is not
//! in a block when the sequencer stops is forgotten, and was never confirmed.

mod error;
mod pool;
mod queue;
#[cfg(test)]
mod tests;

pub use error::PoolError;
pub use pool::{AccountState, Pool, PoolCounts, Select};
