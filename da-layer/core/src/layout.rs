//! Packing blobs of many namespaces into the original rows of one matrix.
//!
//! Payload = blob index, then the blobs in its order: by namespace, and within
//! one in the order given. The rows are cut from the payload without regard to
//! blobs; what is left of the last rows is zero. Empty blocks and empty blobs
//! are not made.

use alloy_primitives::B256;
use rayon::prelude::*;
use weft_primitives::namespace::Namespace;

use crate::blob::{BLOB_ENTRY_BYTES, BlobEntry, BlobIndex};
use crate::hash::blob_hash;
use crate::limits::{MAX_BLOBS_PER_BLOCK, MAX_PAYLOAD_BYTES};
use crate::matrix::Matrix;
use crate::shape::{Shape, ShapeError};

/// Bytes that a thread copies at a time.
const COPY_BYTES: usize = 512 * 1024;

/// A blob to be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blob<'a> {
    namespace: Namespace,
    hash: B256,
    data: &'a [u8],
}

impl<'a> Blob<'a> {
    /// A blob, hashed here.
    pub fn new(namespace: Namespace, data: &'a [u8]) -> Self {
        Self::with_hash(namespace, blob_hash(data), data)
    }

    /// A blob whose plain BLAKE3 hash the caller has computed before.
    pub const fn with_hash(namespace: Namespace, hash: B256, data: &'a [u8]) -> Self {
        Self { namespace, hash, data }
    }
}

/// Why blobs do not fit into one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// No blob at all.
    #[error("a DA block needs at least one blob")]
    NoBlobs,
    /// Too many.
    #[error("{count} blobs, above the limit of {MAX_BLOBS_PER_BLOCK} a block")]
    TooManyBlobs {
        /// Blobs given.
        count: usize,
    },
    /// A blob without bytes.
    #[error("blob {0} is empty")]
    EmptyBlob(usize),
    /// The payload is above the limit.
    #[error("payload is {len_bytes} bytes, above the limit of {limit_bytes}")]
    PayloadTooLarge {
        /// Blobs and index.
        len_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// No matrix has this payload.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// Length of the payload that `blobs` blobs of `data_bytes` bytes together make.
pub const fn payload_len(blobs: usize, data_bytes: u64) -> u64 {
    data_bytes.saturating_add((blobs * BLOB_ENTRY_BYTES) as u64)
}

/// A packed payload, in a buffer that has room for the parity rows.
#[derive(Clone, Debug)]
pub struct Packed {
    pub(crate) shape: Shape,
    /// `4k` rows; only the originals are filled.
    pub(crate) matrix: Matrix,
    pub(crate) index: BlobIndex,
    positions: Vec<u32>,
}

impl Packed {
    /// Packs `blobs` into at most `max_payload_bytes` (the node's own limit, below the protocol's). Large blobs are
    /// copied by all threads of the surrounding rayon pool.
    pub fn new(blobs: &[Blob<'_>], max_payload_bytes: u64) -> Result<Self, PackError> {
        let total_len = check_limits(blobs, max_payload_bytes)?;
        let shape = Shape::for_payload(total_len)?;
        let mut order: Vec<usize> = (0..blobs.len()).collect();
        order.sort_by_key(|at| blobs[*at].namespace);

        let mut positions = vec![0; blobs.len()];
        let mut entries = Vec::with_capacity(blobs.len());
        let mut offset = payload_len(blobs.len(), 0);
        for (position, at) in order.iter().enumerate() {
            let Blob { namespace, hash, data } = blobs[*at];
            positions[*at] = position as u32;
            entries.push(BlobEntry { namespace, hash, offset, length: data.len() as u64 });
            offset += data.len() as u64;
        }
        let index = BlobIndex::new(entries).expect("entries were just made in order and without gaps");

        let mut matrix = Matrix::any(shape.matrix_len());
        matrix[total_len as usize..shape.originals_len()].fill(0);
        let head = index.encode();
        matrix[..head.len()].copy_from_slice(&head);
        for (entry, at) in index.entries().iter().zip(&order) {
            copy(blobs[*at].data, &mut matrix[entry.offset as usize..][..entry.length as usize]);
        }
        Ok(Self { shape, matrix, index, positions })
    }

    /// The shape of the matrix.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The blob index.
    pub const fn index(&self) -> &BlobIndex {
        &self.index
    }

    /// Position in the index of each blob, in the order in which they were given.
    pub fn positions(&self) -> &[u32] {
        &self.positions
    }
}

fn copy(data: &[u8], target: &mut [u8]) {
    if data.len() <= COPY_BYTES {
        return target.copy_from_slice(data);
    }
    let parts = target.par_chunks_mut(COPY_BYTES).zip(data.par_chunks(COPY_BYTES));
    parts.for_each(|(target, data)| target.copy_from_slice(data));
}

fn check_limits(blobs: &[Blob<'_>], max_payload_bytes: u64) -> Result<u64, PackError> {
    if blobs.is_empty() {
        return Err(PackError::NoBlobs);
    }
    if blobs.len() > MAX_BLOBS_PER_BLOCK {
        return Err(PackError::TooManyBlobs { count: blobs.len() });
    }
    if let Some(at) = blobs.iter().position(|blob| blob.data.is_empty()) {
        return Err(PackError::EmptyBlob(at));
    }
    let data_bytes = blobs.iter().fold(0u64, |sum, blob| sum.saturating_add(blob.data.len() as u64));
    let len_bytes = payload_len(blobs.len(), data_bytes);
    let limit_bytes = max_payload_bytes.min(MAX_PAYLOAD_BYTES);
    if len_bytes > limit_bytes {
        return Err(PackError::PayloadTooLarge { len_bytes, limit_bytes });
    }
    Ok(len_bytes)
}
