//! Blocks in an object store: S3 or a folder, kept for ever, one object a block.
//!
//! Each block is uploaded after it is durable here, in order and one at a time,
//! so the archive always holds a run of heights from the first on
//! ([`upload`]). An object is self-contained: signed header and original rows
//! ([`object`]); whatever comes back is checked before it is used. From it a
//! lost disk is restored ([`mod@restore`]), and blocks are read that are no
//! longer whole here. A node whose disk is behind its archive does not start
//! ([`check`]): it would sign other blocks for heights that have one.
//!
//! Credentials come from the environment alone. Deliberately absent: removal
//! of objects; blocks that were committed but not uploaded when the disk was
//! lost are lost with it.

pub mod check;
mod client;
mod error;
mod name;
pub mod object;
mod open;
pub mod restore;
#[cfg(test)]
mod tests;
pub mod upload;

pub use client::{Archive, Listed};
pub use error::ArchiveError;

/// Where the archive is, and its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveConfig {
    /// `archive.url`: `s3://BUCKET/PREFIX` or `file:///FOLDER`.
    pub url: String,
    /// `archive.timeout_ms`: longest time for one request.
    pub timeout_ms: u64,
    /// `archive.max_reads`: blocks and blobs read for callers at once.
    pub max_reads: usize,
}

impl ArchiveConfig {
    /// The archive at an address, with the usual limits.
    pub fn new(url: String) -> Self {
        Self { url, timeout_ms: DEFAULT_TIMEOUT_MS, max_reads: DEFAULT_MAX_READS }
    }
}

/// Default of `archive.timeout_ms`.
pub const DEFAULT_TIMEOUT_MS: u64 = 60_000;

/// Default of `archive.max_reads`.
pub const DEFAULT_MAX_READS: usize = 4;
