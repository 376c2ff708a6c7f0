//! Transactions that wait for a block.
//!
//! **The ordering rule.** Of one sender, transactions run in the order of their
//! nonces. Across senders, of all transactions that could run next, the one
//! that pays the sequencer most a gas (`min(max priority fee, max fee - base
//! fee)`) runs first; of equal ones, the one that arrived first.
//!
//! That decides what is in a block. Within it, equal ones of different senders
//! may change places ([`crate::order`]): callers of contracts that have lately
//! made transactions depend on each other run after the others, each
//! contract's in the order of arrival.
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
