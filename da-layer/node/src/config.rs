//! What an operator sets.

use std::path::PathBuf;

use weft_da::limits::DEFAULT_MAX_PAYLOAD_BYTES;
use weft_primitives::Signer;

use crate::archive::ArchiveConfig;
use crate::custody::CustodyConfig;
use crate::retention::Retention;

/// Configuration of one DA node.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where RocksDB keeps its files.
    pub data_dir: PathBuf,
    /// Signs the headers.
    pub signer: Signer,
    /// Identifies the network in every header.
    pub network_id: u64,
    /// The node's limits.
    pub limits: Limits,
    /// With whom it shares the rows; `None`: it holds all alone.
    pub custody: Option<CustodyConfig>,
    /// The file with the policies of namespaces; without one, all are open and share the node's limits.
    pub namespaces: Option<PathBuf>,
    /// How long rows and blobs are kept here.
    pub retention: Retention,
    /// Where every block is kept beside this disk; `None` for nowhere.
    pub archive: Option<ArchiveConfig>,
}

/// Bounds of one DA node. Each error that one causes names its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `max_blob_bytes`: largest blob taken.
    pub max_blob_bytes: u64,
    /// `max_block_bytes`: largest payload of one DA block, index included.
    pub max_block_bytes: u64,
    /// `intake.max_bytes`: bytes of blobs received or waiting, over all callers.
    pub intake_max_bytes: u64,
    /// `intake.max_blobs`: blobs received or waiting, over all callers.
    pub intake_max_blobs: usize,
    /// `intake.receive_timeout_ms`: longest time from a put's start to its last byte.
    pub intake_receive_timeout_ms: u64,
    /// `block.min_interval_ms`: least time between two blocks, while little waits.
    pub block_min_interval_ms: u64,
    /// `block.eager_bytes`: with so many bytes waiting the next block is made at once.
    pub block_eager_bytes: u64,
    /// `cache.max_bytes`: encoded blocks kept in memory to serve rows from.
    pub cache_max_bytes: u64,
    /// `store.min_free_bytes`: with less free disk space than this, blobs are refused.
    pub store_min_free_bytes: u64,
    /// `max_subscribers`: header subscriptions at once.
    pub max_subscribers: usize,
    /// `max_listings`: listings over a range of heights at once.
    pub max_listings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_blob_bytes: 16 << 20,
            max_block_bytes: DEFAULT_MAX_PAYLOAD_BYTES,
            intake_max_bytes: 128 << 20,
            intake_max_blobs: 4_096,
            intake_receive_timeout_ms: 30_000,
            block_min_interval_ms: 5,
            block_eager_bytes: 256 << 10,
            cache_max_bytes: 512 << 20,
            store_min_free_bytes: 256 << 20,
            max_subscribers: 1_024,
            max_listings: 64,
        }
    }
}
