//! What can go wrong with a batch: one enum for each direction.

use crate::codec::DecodeError;

/// Why a batch has no encoding.
///
/// Transactions are never the reason, but for their size and number: any bytes can be carried.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum BatchEncodeError {
    /// There is nothing to publish.
    #[error("a batch has at least one block")]
    NoBlocks,
    /// A count or length is above its limit in [`crate::limits`].
    #[error("{field}: {value} is above the limit of {limit}")]
    TooLarge {
        /// What is limited.
        field: &'static str,
        /// What the batch has.
        value: u64,
        /// The limit.
        limit: u64,
    },
    /// A block is older than the one before it.
    #[error("block {block} has timestamp {timestamp}, before the {previous} of its parent")]
    TimeGoesBack {
        /// Number of the block.
        block: u64,
        /// Its timestamp in seconds.
        timestamp: u64,
        /// The parent's.
        previous: u64,
    },
    /// Counting from the batch's first block or inbox item passes 64 bits.
    #[error("{field} passes 64 bits")]
    Overflow {
        /// What is counted.
        field: &'static str,
    },
    /// zstd refused, for want of memory, or wrote a frame unlike what it was asked for.
    #[error("zstd could not compress column {column}")]
    Compress {
        /// The column.
        column: &'static str,
    },
}

/// Why bytes are not the encoding of a batch.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum BatchDecodeError {
    /// The first byte is not [`crate::batch::VERSION`].
    #[error("unknown batch version {0}")]
    UnknownVersion(u8),
    /// A field is cut off, out of range, above its limit, or not in canonical form.
    #[error("malformed batch: {0}")]
    Malformed(#[from] DecodeError),
    /// The column's bytes are not the blocks of one zstd frame of the stated length.
    #[error("column {column} does not decompress to its stated length")]
    Decompress {
        /// The column.
        column: &'static str,
    },
}

pub(super) const fn invalid(field: &'static str, why: &'static str) -> DecodeError {
    DecodeError::Invalid { field, why }
}
