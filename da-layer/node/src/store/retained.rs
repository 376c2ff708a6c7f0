//! What stays of a block that has left the sampling window, and how far the archive has come.
//!
//! Invariant: heights below [`Retained::first_whole`] have header, digests and
//! blob index, but no rows; of their blobs those are there that are kept, each
//! by itself. Each change is one write: it happens or it does not.
//! Deliberately absent: when a block leaves and which blobs are kept
//! ([`crate::retention`] decides).

use std::collections::BTreeMap;

use weft_da::BlobIndex;
use weft_primitives::Namespace;

use super::{Location, StoreError, Usage};

/// A blob that is kept by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptBlob {
    /// Its place.
    pub location: Location,
    /// Its length in bytes.
    pub length: u64,
    /// Time of its block, milliseconds.
    pub time_ms: u64,
}

/// What namespaces have less after something was removed.
pub type Freed = BTreeMap<Namespace, Usage>;

/// What the store knows of blocks that are no longer whole. One thread at most changes it, besides the archive's mark.
pub trait Retained {
    /// First height whose rows are here; one above the newest when there are none.
    fn first_whole(&self) -> Result<u64, StoreError>;
    /// Drops the rows of the first whole block, in one durable write: its index stays, and the blobs at `kept`, which
    /// are positions in it with the blob's bytes. Returns what each namespace has less.
    fn thin(&self, height: u64, time_ms: u64, index: &BlobIndex, kept: &[(u32, &[u8])]) -> Result<Freed, StoreError>;
    /// The same where only a share of the rows is here: no blobs are kept.
    fn thin_share(&self, height: u64) -> Result<(), StoreError>;
    /// Bytes of a blob that is kept by itself.
    fn kept(&self, location: Location) -> Result<Option<Vec<u8>>, StoreError>;
    /// Whether a blob is kept by itself.
    fn is_kept(&self, namespace: &Namespace, location: Location) -> Result<bool, StoreError>;
    /// Namespaces of kept blobs from one on, in order, at most `limit`.
    fn namespaces(&self, from: &Namespace, limit: usize) -> Result<Vec<(Namespace, Usage)>, StoreError>;
    /// The oldest kept blobs of a namespace, oldest first, at most `limit`.
    fn oldest_kept(&self, namespace: &Namespace, limit: usize) -> Result<Vec<KeptBlob>, StoreError>;
    /// Removes kept blobs of one namespace, in one write. Returns what it has less.
    fn forget(&self, namespace: &Namespace, blobs: &[KeptBlob]) -> Result<Usage, StoreError>;
    /// Gives the disk space of what was removed back to the system.
    fn reclaim(&self) -> Result<(), StoreError>;
    /// Up to which height the archive holds every block; 0 for none.
    fn archived(&self) -> Result<u64, StoreError>;
    /// Moves that mark.
    fn set_archived(&self, height: u64) -> Result<(), StoreError>;
}
