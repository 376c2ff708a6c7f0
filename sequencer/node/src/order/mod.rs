//! The order of a block's candidates, where the ordering rule ([`crate::mempool`]) leaves it open.
//!
//! Transactions that pay alike are the rule rather than the exception: wallets
//! offer the same tip. Among those that the rule has chosen for a block, and
//! that pay alike, the callers of a contract that has lately made transactions
//! depend on each other ([`Heat`]) go to the end, each contract's together
//! ([`arrange`]). So all threads are at work on what is independent, and what
//! has to be executed one after the other is executed once, not ahead of its
//! time and again.
//!
//! What is in the block is decided before, by arrival: nobody loses a place in
//! it. Within a contract's callers arrival counts. Who wants to be before
//! others that pay alike has, as ever, to pay more.

mod arrange;
mod heat;
#[cfg(test)]
mod tests;

pub use arrange::arrange;
pub use heat::Heat;
