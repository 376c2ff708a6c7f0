//! Proofs about the blob index: one blob is in it, or these are all the blobs of a namespace.
//!
//! A listing is proved by a run of neighbouring entries that begins before and
//! ends behind the namespace (or at an end of the index), so nothing can be
//! left out and absence is an empty listing. That the *whole* index is sorted
//! is what makes "between two neighbours" mean "absent"; it is checked by
//! whoever reads the index ([`BlobIndex::verify`]), which is in the payload.

use alloy_primitives::B256;
use weft_primitives::namespace::Namespace;

use super::entry::{BlobEntry, BlobFault};
use super::index::{BlobIndex, bind_count};
use crate::header::Header;
use crate::limits::MAX_BLOBS_PER_BLOCK;
use crate::tree::{Domain, range, root_of_path};

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// The position is beyond the number of blobs in the header, or the run is empty.
    #[error("proof is about entries that the block does not have")]
    Position,
    /// The hashes do not lead to the header's root.
    #[error("proof does not lead to the root in the header")]
    Root,
    /// The entry's place is not within the payload.
    #[error("entry lies outside of the payload")]
    Place,
    /// The run does not enclose the namespace exactly.
    #[error("proof does not show all entries of the namespace")]
    Incomplete,
}

/// Proof that an entry is in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobProof {
    /// Position of the entry.
    pub position: u32,
    /// The entry.
    pub entry: BlobEntry,
    /// Siblings, lowest first.
    pub path: Vec<B256>,
}

/// An entry that the header commits to, and whose place is within the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedBlob {
    entry: BlobEntry,
}

impl VerifiedBlob {
    /// The entry.
    pub const fn entry(&self) -> &BlobEntry {
        &self.entry
    }

    /// Whether `data` is the blob.
    pub fn check(&self, data: &[u8]) -> Result<(), BlobFault> {
        self.entry.check(data)
    }
}

/// Proof that a run of entries contains all those of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceProof {
    /// Position of the first entry of the run.
    pub first: u32,
    /// The run: the entries of the namespace and the neighbour on each side where there is one.
    pub entries: Vec<BlobEntry>,
    /// Hashes of the subtrees beside the run, left to right.
    pub outside: Vec<B256>,
}

/// All entries of a namespace in a block; none if it is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedListing {
    namespace: Namespace,
    entries: Vec<BlobEntry>,
}

impl VerifiedListing {
    /// The namespace.
    pub const fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Its entries in the order of their places.
    pub fn entries(&self) -> &[BlobEntry] {
        &self.entries
    }
}

fn in_payload(header: &Header, entry: &BlobEntry) -> Result<(), ProofFault> {
    match entry.end() {
        Some(end) if end <= header.shape.total_len() && entry.length > 0 => Ok(()),
        _ => Err(ProofFault::Place),
    }
}

fn width(header: &Header) -> Option<usize> {
    let count = header.blob_count as usize;
    (1..=MAX_BLOBS_PER_BLOCK).contains(&count).then(|| count.next_power_of_two())
}

impl BlobIndex {
    /// Proof of the entry at `position`.
    pub fn prove(&self, position: u32) -> Option<BlobProof> {
        let entry = *self.entries().get(position as usize)?;
        let path = self.tree().path(position as usize)?;
        Some(BlobProof { position, entry, path })
    }

    /// Proof of all entries of `namespace`, or of its absence.
    pub fn prove_namespace(&self, namespace: &Namespace) -> NamespaceProof {
        let inside = self.positions_of(namespace);
        let run = inside.start.saturating_sub(1)..self.entries().len().min(inside.end + 1);
        NamespaceProof {
            first: run.start as u32,
            entries: self.entries()[run.clone()].to_vec(),
            outside: range::prove(self.tree(), &run),
        }
    }
}

impl BlobProof {
    /// Checks it against a header.
    pub fn verify(&self, header: &Header) -> Result<VerifiedBlob, ProofFault> {
        let width = width(header).ok_or(ProofFault::Position)?;
        if self.position >= header.blob_count {
            return Err(ProofFault::Position);
        }
        if self.path.len() != width.trailing_zeros() as usize {
            return Err(ProofFault::Root);
        }
        let root = root_of_path(Domain::Index, self.position as usize, self.entry.leaf(), &self.path);
        if bind_count(header.blob_count, root) != header.blob_index_root {
            return Err(ProofFault::Root);
        }
        in_payload(header, &self.entry)?;
        Ok(VerifiedBlob { entry: self.entry })
    }
}

impl NamespaceProof {
    /// Checks that it shows all entries of `namespace`.
    pub fn verify(&self, header: &Header, namespace: &Namespace) -> Result<VerifiedListing, ProofFault> {
        let width = width(header).ok_or(ProofFault::Position)?;
        let end = self.first as usize + self.entries.len();
        if self.entries.is_empty() || end > header.blob_count as usize {
            return Err(ProofFault::Position);
        }
        let leaves: Vec<B256> = self.entries.iter().map(BlobEntry::leaf).collect();
        let root =
            range::root(Domain::Index, width, self.first as usize, &leaves, &self.outside).ok_or(ProofFault::Root)?;
        if bind_count(header.blob_count, root) != header.blob_index_root {
            return Err(ProofFault::Root);
        }
        let entries = self.enclosed(end == header.blob_count as usize, namespace)?;
        entries.iter().try_for_each(|entry| in_payload(header, entry))?;
        Ok(VerifiedListing { namespace: *namespace, entries: entries.to_vec() })
    }

    /// The entries between the neighbours, if the run encloses `namespace` exactly.
    fn enclosed(&self, reaches_end: bool, namespace: &Namespace) -> Result<&[BlobEntry], ProofFault> {
        let below = self.entries.iter().take_while(|entry| entry.namespace < *namespace).count();
        let above = self.entries.iter().rev().take_while(|entry| entry.namespace > *namespace).count();
        let inside = self.entries.get(below..self.entries.len() - above).ok_or(ProofFault::Incomplete)?;
        let left = below == 1 || (below == 0 && self.first == 0);
        let right = above == 1 || (above == 0 && reaches_end);
        if left && right && inside.iter().all(|entry| entry.namespace == *namespace) {
            Ok(inside)
        } else {
            Err(ProofFault::Incomplete)
        }
    }
}
