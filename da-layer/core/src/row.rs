//! Rows on their way to a verifier, and what it takes to believe them.
//!
//! [`VerifiedDigests`] is what a light client holds of a block: the digests of
//! all `4k` rows (extended from the committed `k`) and the functionals. With it
//! every row is judged alone: is it the row that the header commits to, and
//! does it belong to the one codeword that the digests certify?

use alloy_primitives::B256;

use crate::digest::{Digest, RowDigester, extend_digests};
use crate::header::Header;
use crate::limits::DIGEST_BYTES;
use crate::schedule::Schedule;
use crate::shape::Shape;
use crate::tree::{Domain, Tree, root_of_path};

/// A row as a node serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowProof {
    /// Index among the `4k` rows; originals come first.
    pub index: u32,
    /// Its bytes.
    pub row: Vec<u8>,
    /// Siblings in the row tree, lowest first.
    pub path: Vec<B256>,
}

/// A row that is the committed one and agrees with the digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRow {
    index: u32,
    bytes: Vec<u8>,
    row_root: B256,
}

impl VerifiedRow {
    /// Index among the `4k` rows.
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its bytes, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Root of the tree that it was verified against.
    pub const fn row_root(&self) -> B256 {
        self.row_root
    }
}

/// Why a row is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// The block has no such row.
    #[error("row {index} is beyond the {rows} rows of the block")]
    Index {
        /// Index given.
        index: u32,
        /// Rows of the block.
        rows: usize,
    },
    /// The row has another length.
    #[error("row has {found} bytes, must have {expected}")]
    RowLength {
        /// Bytes given.
        found: usize,
        /// Row length of the block.
        expected: usize,
    },
    /// The path has another length.
    #[error("path has {found} hashes, must have {expected}")]
    PathLength {
        /// Hashes given.
        found: usize,
        /// Depth of the row tree.
        expected: usize,
    },
    /// The row is not the one that the header commits to: whoever sent it is at fault.
    #[error("path does not lead to the row root: not the committed row")]
    BadPath,
    /// The header commits to this row, but it is not part of the certified
    /// codeword: the producer is at fault, and this row proves it.
    #[error("committed row does not agree with the digests: wrong encoding")]
    DigestMismatch,
}

impl RowFault {
    /// Whether the block's producer is at fault, not the sender of the row.
    pub const fn is_wrong_encoding(&self) -> bool {
        matches!(self, Self::DigestMismatch)
    }
}

/// Why bytes are not the digests of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestsFault {
    /// Wrong length.
    #[error("{found} bytes of digests, must be {expected}")]
    Length {
        /// Bytes given.
        found: usize,
        /// 16 for each original row.
        expected: usize,
    },
    /// The header commits to others.
    #[error("digests do not hash to the digest root in the header")]
    Root,
}

/// The digests of all rows of a block, certified by its header.
#[derive(Clone)]
pub struct VerifiedDigests {
    shape: Shape,
    row_root: B256,
    extended: Vec<Digest>,
    digester: RowDigester,
}

impl VerifiedDigests {
    /// Checks the `16k` bytes of digests against `header` and extends them to all rows.
    pub fn verify(header: &Header, bytes: &[u8]) -> Result<Self, DigestsFault> {
        let shape = header.shape;
        let expected = shape.k() * DIGEST_BYTES;
        if bytes.len() != expected {
            return Err(DigestsFault::Length { found: bytes.len(), expected });
        }
        if Tree::over(Domain::Digests, bytes, DIGEST_BYTES, Schedule::Sequential).root() != header.digest_root {
            return Err(DigestsFault::Root);
        }
        let digester = RowDigester::derive(&shape, header.row_root);
        let extended = extend_digests(shape.codec(), bytes.as_chunks().0);
        Ok(Self { shape, row_root: header.row_root, extended, digester })
    }

    /// Shape of the block.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Row root of the block.
    pub const fn row_root(&self) -> B256 {
        self.row_root
    }

    /// Digests of all `4k` rows.
    pub fn extended(&self) -> &[Digest] {
        &self.extended
    }

    /// Judges one row: sizes, then path, then digest.
    pub fn verify_row(&self, proof: &RowProof) -> Result<VerifiedRow, RowFault> {
        verify_path(&self.shape, self.row_root, proof)?;
        let index = proof.index;
        if self.extended.get(index as usize) != Some(&self.digester.digest(&proof.row)) {
            return Err(RowFault::DigestMismatch);
        }
        Ok(VerifiedRow { index, bytes: proof.row.clone(), row_root: self.row_root })
    }
}

impl std::fmt::Debug for VerifiedDigests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedDigests").field("shape", &self.shape).field("row_root", &self.row_root).finish()
    }
}

/// Whether `proof` is the committed row; says nothing about its encoding.
fn verify_path(shape: &Shape, row_root: B256, proof: &RowProof) -> Result<(), RowFault> {
    let RowProof { index, row, path } = proof;
    if *index as usize >= shape.rows() {
        return Err(RowFault::Index { index: *index, rows: shape.rows() });
    }
    if row.len() != shape.row_len() {
        return Err(RowFault::RowLength { found: row.len(), expected: shape.row_len() });
    }
    if path.len() != shape.path_len() {
        return Err(RowFault::PathLength { found: path.len(), expected: shape.path_len() });
    }
    if root_of_path(Domain::Rows, *index as usize, Domain::Rows.leaf(row), path) != row_root {
        return Err(RowFault::BadPath);
    }
    Ok(())
}
