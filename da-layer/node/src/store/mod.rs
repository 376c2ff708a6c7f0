//! What a DA node keeps: headers, original rows, digests, blob indexes, where each blob is, what namespaces have stored.
//!
//! Parity rows and trees follow from the original rows, so they are not
//! stored. A block is appended in one synced write, or not at all; heights
//! have no gaps. Its rows may be written before, while the rest of it is being
//! computed: without a header they are nothing. Old blocks lose their rows
//! ([`retained`]).

mod keys;
mod memory;
mod memory_retained;
mod memory_shares;
pub mod retained;
mod rocks;
mod rocks_retained;
mod rocks_shares;
mod shares;
#[cfg(test)]
mod tests;
mod usage;

use std::path::PathBuf;

use weft_da::{EncodedBlock, SignedHeader};
use weft_primitives::{B256, Namespace};

pub use memory::MemoryStore;
pub use retained::{KeptBlob, Retained};
pub use rocks::RocksStore;
pub use shares::{Complete, ShareStore};
pub use usage::Usage;

/// Position of a blob: DA height, and place in that block's index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Height of the block.
    pub height: u64,
    /// Place in its blob index.
    pub position: u32,
}

/// Why the store cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed; what it was asked to write may or may not be there.
    #[error("database: {0}")]
    Database(#[from] rocksdb::Error),
    /// The folder cannot be used.
    #[error("data folder {path}: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// What is on disk is not what was written.
    #[error("stored DA block {height} is damaged: {what}")]
    Damaged {
        /// Its height.
        height: u64,
        /// Which part, and how.
        what: &'static str,
    },
    /// A block that does not follow the newest.
    #[error("block {got} cannot follow block {latest}")]
    Gap {
        /// Height of the block.
        got: u64,
        /// The newest height; 0 for none.
        latest: u64,
    },
}

impl StoreError {
    /// Whether something on disk is not what was written, so that writing it again helps.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Database(error) => error.kind() == rocksdb::ErrorKind::Corruption,
            Self::Damaged { .. } => true,
            Self::Folder { .. } | Self::Gap { .. } => false,
        }
    }
}

/// A durable, append-only sequence of DA blocks.
pub trait Store: Retained + Send + Sync + 'static {
    /// Writes the original rows of the block that comes next, durably. They count for nothing until it is appended, and
    /// others may be written over them.
    fn stage(&self, height: u64, originals: &[u8]) -> Result<(), StoreError>;
    /// Appends a block whose original rows were staged. When it returns, the block survives a crash.
    fn append_staged(&self, header: &SignedHeader, block: &EncodedBlock) -> Result<(), StoreError>;
    /// Appends a block. When it returns, the block survives a crash.
    fn append(&self, header: &SignedHeader, block: &EncodedBlock) -> Result<(), StoreError>;
    /// The newest header; `None` while there is none.
    fn latest(&self) -> Result<Option<SignedHeader>, StoreError>;
    /// One header.
    fn header(&self, height: u64) -> Result<Option<SignedHeader>, StoreError>;
    /// The original rows of a block in one piece: payload and padding; `None` when it is not whole.
    fn originals(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError>;
    /// The digests of the original rows in one piece.
    fn digests(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError>;
    /// Where a blob was stored first, or again after it had gone.
    fn locate(&self, namespace: &Namespace, hash: &B256) -> Result<Option<Location>, StoreError>;
    /// The blob index of a block, canonical bytes.
    fn index(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError>;
    /// What a namespace has here.
    fn usage(&self, namespace: &Namespace) -> Result<Usage, StoreError>;

    /// Whether a blob's bytes are here.
    fn is_here(&self, namespace: &Namespace, location: Location) -> Result<bool, StoreError> {
        Ok(location.height >= self.first_whole()? || self.is_kept(namespace, location)?)
    }
}
