//! Batches: the columnar, self-contained form in which blocks are published on DA.
//!
//! Transactions are taken apart, and like goes with like: all nonces in one
//! column, all signatures in another. Recurring values (addresses, gas limits,
//! fees) go into tables of the batch's own, round amounts become mantissa and
//! exponent, ERC-20 calls keep only their arguments, the chain id is written
//! once, and each column is compressed by itself. What remains of a transfer
//! is its 64-byte signature and, mostly, the recipient.
//!
//! ```text
//! header | column 0 | column 1 | ...      header.rs, column.rs (the list), stored.rs (one column)
//! ```
//!
//! [`Batch::decode`] gives back every transaction byte for byte. Whatever the
//! columns cannot reproduce (garbage, blob transactions, another chain's id,
//! redundant RLP, fees above 64 bits, a high s) travels as it is in the escape
//! column, so this format carries anything and judges nothing.
//!
//! Canonical up to compression: a batch has one set of columns, and decoding
//! refuses any other (repeated or unused table entries, overlong integers,
//! escapes without need). Only the zstd blocks of a column are free, and with
//! them the choice to leave it raw. The hash of a batch is therefore the hash
//! of the bytes published, never of a batch encoded again.

mod amount;
mod calldata;
mod column;
mod decoder;
mod encoder;
mod error;
mod header;
mod level;
mod shape;
mod signed;
mod stored;
mod table;
#[cfg(test)]
mod tests;

use alloy_primitives::Bytes;

pub use error::{BatchDecodeError, BatchEncodeError};
pub use level::{Level, UnknownLevel};

/// First byte of every batch.
pub const VERSION: u8 = 1;

/// The blocks of a batch, reduced to what cannot be derived.
///
/// Everything else (hashes, roots, base fees, senders) follows from it, the
/// chain configuration, the parent and the inbox.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Batch {
    /// The chain that the transactions are for (EIP-155), written once instead of in each.
    pub chain_id: u64,
    /// Number of the first block.
    pub first_block: u64,
    /// First inbox item not consumed before the batch.
    pub inbox_from: u64,
    /// The blocks in order, at least one.
    pub blocks: Vec<BatchBlock>,
}

/// One block of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BatchBlock {
    /// Block time in seconds, not below that of the block before.
    pub timestamp: u64,
    /// Inbox items consumed at the head of the block.
    pub inbox_count: u32,
    /// The sequencer's transactions, EIP-2718 bytes.
    pub transactions: Vec<Bytes>,
}

impl Batch {
    /// The bytes to publish, at most [`MAX_BATCH_BYTES`](crate::limits::MAX_BATCH_BYTES).
    ///
    /// Transactions need not be valid, nor even transactions. Equal batches
    /// encoded at one level by one zstd version give equal bytes; at
    /// [`Level::NONE`], always.
    ///
    /// # Errors
    /// No blocks, timestamps that go back, counters that pass 64 bits, or
    /// anything above its limit in [`crate::limits`].
    pub fn encode(&self, level: Level) -> Result<Vec<u8>, BatchEncodeError> {
        encoder::encode(self, level)
    }

    /// The batch that `bytes` encode. Inverse of [`Batch::encode`] at every level.
    ///
    /// Safe on foreign bytes: it never panics, and its memory is bounded by
    /// [`crate::limits`], however little the bytes are.
    ///
    /// # Errors
    /// `bytes` are not what any encoder makes of a batch within the limits.
    pub fn decode(bytes: &[u8]) -> Result<Self, BatchDecodeError> {
        decoder::decode(bytes)
    }
}
