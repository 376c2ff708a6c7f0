//! The whole index of a block.
//!
//! Invariant: 1 to `MAX_BLOBS_PER_BLOCK` entries in order of namespace; the
//! blobs follow each other and the index without a gap up to the end of the
//! payload, so two honest producers with the same blobs make the same bytes.

use alloy_primitives::B256;
use weft_primitives::codec::{DecodeError, Reader};
use weft_primitives::namespace::Namespace;

use super::entry::{BLOB_ENTRY_BYTES, BlobEntry};
use crate::hash::{INDEX_ROOT, keyed};
use crate::header::Header;
use crate::limits::MAX_BLOBS_PER_BLOCK;
use crate::schedule::Schedule;
use crate::tree::{Domain, Tree};

/// A well-formed index and the tree over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobIndex {
    entries: Vec<BlobEntry>,
    tree: Tree,
}

/// Why bytes or entries are not the index of a block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexFault {
    /// Not a whole number of entries.
    #[error("blob index does not decode: {0}")]
    Decode(#[from] DecodeError),
    /// No entry, or too many.
    #[error("{0} blobs in a block; 1 to {MAX_BLOBS_PER_BLOCK} are allowed")]
    Count(usize),
    /// An entry stands before one with a lesser namespace.
    #[error("entry {0} is out of order")]
    Order(usize),
    /// A blob does not start where the one before it ends, or is empty.
    #[error("entry {0} leaves a gap, overlaps or is empty")]
    Place(usize),
    /// The blobs do not fill the payload.
    #[error("blobs end at byte {end} of a payload of {total_len}")]
    End {
        /// End of the last blob.
        end: u64,
        /// Payload length in the header.
        total_len: u64,
    },
    /// The header commits to another index.
    #[error("the index is not the one that the header commits to")]
    Root,
}

/// Binds the number of entries to the root of their tree.
pub(super) fn bind_count(count: u32, tree_root: B256) -> B256 {
    let mut bytes = [0; 36];
    bytes[..4].copy_from_slice(&count.to_be_bytes());
    bytes[4..].copy_from_slice(tree_root.as_slice());
    keyed(INDEX_ROOT, &bytes)
}

impl BlobIndex {
    /// The index with these entries, if they are well-formed.
    pub fn new(entries: Vec<BlobEntry>) -> Result<Self, IndexFault> {
        if entries.is_empty() || entries.len() > MAX_BLOBS_PER_BLOCK {
            return Err(IndexFault::Count(entries.len()));
        }
        let mut end = (entries.len() * BLOB_ENTRY_BYTES) as u64;
        for (at, entry) in entries.iter().enumerate() {
            if at > 0 && entries[at - 1].namespace > entry.namespace {
                return Err(IndexFault::Order(at));
            }
            if entry.offset != end || entry.length == 0 {
                return Err(IndexFault::Place(at));
            }
            end = entry.end().ok_or(IndexFault::Place(at))?;
        }
        let leaves: Vec<B256> = entries.iter().map(BlobEntry::leaf).collect();
        let tree = Tree::from_leaves(Domain::Index, &leaves, Schedule::Sequential);
        Ok(Self { entries, tree })
    }

    /// The canonical bytes: the entries one after another. They are also the first bytes of the payload.
    pub fn encode(&self) -> Vec<u8> {
        self.entries.iter().flat_map(BlobEntry::encode).collect()
    }

    /// Inverse of [`BlobIndex::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, IndexFault> {
        let count = bytes.len() / BLOB_ENTRY_BYTES;
        if count == 0 || count > MAX_BLOBS_PER_BLOCK {
            return Err(IndexFault::Count(count));
        }
        let mut reader = Reader::new(bytes);
        let entries = (0..count).map(|_| BlobEntry::read(&mut reader)).collect::<Result<_, _>>()?;
        reader.finish()?;
        Self::new(entries)
    }

    /// The index that `header` commits to, from its bytes or from any longer start of the payload.
    pub fn verify(header: &Header, bytes: &[u8]) -> Result<Self, IndexFault> {
        let len = header.blob_count as usize * BLOB_ENTRY_BYTES;
        let index = Self::decode(bytes.get(..len).unwrap_or(bytes))?;
        if index.root() != header.blob_index_root {
            return Err(IndexFault::Root);
        }
        if index.total_len() != header.shape.total_len() {
            return Err(IndexFault::End { end: index.total_len(), total_len: header.shape.total_len() });
        }
        Ok(index)
    }

    /// What the header commits to.
    pub fn root(&self) -> B256 {
        bind_count(self.count(), self.tree.root())
    }

    /// Number of blobs.
    pub fn count(&self) -> u32 {
        self.entries.len() as u32
    }

    /// All entries in order.
    pub fn entries(&self) -> &[BlobEntry] {
        &self.entries
    }

    /// Length of the payload that it describes, in bytes.
    pub fn total_len(&self) -> u64 {
        self.entries.last().and_then(BlobEntry::end).unwrap_or(0)
    }

    /// Positions of the entries of `namespace`.
    pub fn positions_of(&self, namespace: &Namespace) -> std::ops::Range<usize> {
        let start = self.entries.partition_point(|entry| entry.namespace < *namespace);
        let end = self.entries.partition_point(|entry| entry.namespace <= *namespace);
        start..end
    }

    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }
}
