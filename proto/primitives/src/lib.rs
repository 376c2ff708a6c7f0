//! The protocol's plain types: what two parties of Weft must agree on, bit for bit.
//!
//! Identifiers, transactions, blocks, batches, commitments, the inbox, chain
//! configuration and signatures, each with its canonical bytes and its hash.
//! Deliberately absent: any transport (see `weft-wire`), clock, storage,
//! randomness or logging. Everything here is a pure function of its inputs.

pub mod batch;
pub mod block;
pub mod chain;
pub mod codec;
pub mod commitment;
pub mod deposit;
pub mod funding;
pub mod header;
pub mod inbox;
pub mod limits;
pub mod namespace;
pub mod promise;
pub mod signer;
pub mod trace;
pub mod transaction;
pub mod withdrawal;

pub use alloy_primitives::{Address, B256, Bloom, Bytes, U256, address, b256, keccak256};
pub use block::{Block, BlockBody};
pub use chain::ChainConfig;
pub use commitment::{BatchHeader, SignedBatch};
pub use deposit::Deposit;
pub use funding::Funding;
pub use header::BlockHeader;
pub use inbox::InboxItem;
pub use namespace::Namespace;
pub use promise::{Evidence, Promise, SignedPromise};
pub use signer::{Signature, Signer};
pub use trace::SpanPoint;
pub use transaction::Transaction;
pub use withdrawal::Withdrawal;
