//! What keys sign beside commitments: a change of the posting key, an independent verifier's verdict, the log's head.
//!
//! As with commitments the hash is keccak256 over a domain and a fixed-width
//! big-endian encoding, so that the same signatures verify in Solidity.

mod key_change;
mod log_head;
#[cfg(test)]
mod tests;
mod verdict;

pub use key_change::{KeyChange, SignedKeyChange};
pub use log_head::LogHead;
pub use verdict::SignedVerdict;
