//! Limits of the DA format: part of the protocol, so every node has the same.
//!
//! What one node may choose for itself (smaller blocks, queue lengths) is in
//! that node's configuration and can only be stricter.

/// Rows after extension for each original row: rate 1/4.
pub const EXTENSION: usize = 4;

/// Bytes of one row digest.
pub const DIGEST_BYTES: usize = 16;

/// Largest payload of a block that uses the GF(2^8) codec, in bytes.
pub const MAX_GF8_PAYLOAD_BYTES: u64 = 64 * 1024;

/// Largest payload that a node makes unless configured otherwise, in bytes.
pub const DEFAULT_MAX_PAYLOAD_BYTES: u64 = 32 * 1024 * 1024;

/// Largest payload that any node accepts, in bytes.
pub const MAX_PAYLOAD_BYTES: u64 = 128 * 1024 * 1024;

/// Most blobs in one block.
pub const MAX_BLOBS_PER_BLOCK: usize = 4_096;

/// Original rows of a GF(2^8) block; with 192 parity rows they use the whole field.
pub const GF8_K: u32 = 64;

/// Fewest original rows of a GF(2^16) block.
pub const MIN_GF16_K: u32 = 64;

/// Most original rows of a block.
pub const MAX_K: u32 = 4_096;
