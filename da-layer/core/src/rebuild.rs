//! From rows back to bytes.
//!
//! Any `k` verified rows rebuild the block ([`rebuild`]); with the `k` originals
//! nothing is decoded ([`payload_from_rows`]); for one blob the original rows
//! that it lies in suffice ([`blob_from_rows`]); a block that was downloaded
//! whole is encoded again and compared ([`check_full`]).

use alloy_primitives::B256;

use crate::blob::{BlobFault, BlobIndex, IndexFault, VerifiedBlob};
use crate::block::{EncodedBlock, EncodedRows, OriginalsLengthError};
use crate::codec::{CodecError, Geometry, IndexedRow};
use crate::header::Header;
use crate::matrix::Matrix;
use crate::row::VerifiedRow;
use crate::schedule::Schedule;
use crate::shape::Shape;

/// Why rows do not rebuild a block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RebuildFault {
    /// A row was verified against another block.
    #[error("row {0} belongs to another block")]
    ForeignRow(u32),
    /// Fewer than `k` distinct rows.
    #[error("{found} distinct rows, {needed} are needed")]
    TooFewRows {
        /// Distinct rows given.
        found: usize,
        /// Original rows of the block.
        needed: usize,
    },
    /// The rows lie on a codeword, but the header commits to a matrix that
    /// differs from it somewhere: the producer encoded wrongly. If sampling
    /// accepted the block, `originals` are its one and only content all the
    /// same; if not, they prove nothing.
    #[error("the committed matrix is not a codeword: wrong encoding")]
    WrongEncoding {
        /// The codeword's original rows.
        originals: Vec<u8>,
    },
    /// The codec refused; cannot happen with verified rows.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// Rebuilds all rows from any `k` of them and compares with the row root.
pub fn rebuild<'a>(
    header: &Header,
    rows: impl IntoIterator<Item = &'a VerifiedRow>,
    schedule: Schedule,
) -> Result<EncodedRows, RebuildFault> {
    let shape = header.shape;
    let rows = distinct(header, rows)?;
    if rows.len() < shape.k() {
        return Err(RebuildFault::TooFewRows { found: rows.len(), needed: shape.k() });
    }
    let mut matrix = Matrix::any(shape.matrix_len());
    let geometry = Geometry { k: shape.k(), row_len: shape.row_len() };
    shape.codec().codec().restore(geometry, &rows, &mut matrix[..shape.originals_len()], schedule)?;
    let encoded = EncodedRows::encode(shape, matrix, schedule);
    if encoded.row_root() != header.row_root {
        return Err(RebuildFault::WrongEncoding { originals: encoded.originals().to_vec() });
    }
    Ok(encoded)
}

/// The payload from the `k` original rows, in any order, without decoding anything.
pub fn payload_from_rows<'a>(
    header: &Header,
    rows: impl IntoIterator<Item = &'a VerifiedRow>,
) -> Result<Vec<u8>, RebuildFault> {
    let shape = header.shape;
    let mut rows = distinct(header, rows)?;
    rows.retain(|(index, _)| (*index as usize) < shape.k());
    if rows.len() < shape.k() {
        return Err(RebuildFault::TooFewRows { found: rows.len(), needed: shape.k() });
    }
    let mut payload = Vec::with_capacity(shape.originals_len());
    rows.iter().for_each(|(_, row)| payload.extend_from_slice(row));
    payload.truncate(shape.total_len() as usize);
    Ok(payload)
}

/// The rows without repetition, by index; all of this block.
fn distinct<'a>(
    header: &Header,
    rows: impl IntoIterator<Item = &'a VerifiedRow>,
) -> Result<Vec<IndexedRow<'a>>, RebuildFault> {
    let mut slots: Vec<Option<&[u8]>> = vec![None; header.shape.rows()];
    for row in rows {
        let slot = slots.get_mut(row.index() as usize).filter(|_| row.row_root() == header.row_root);
        *slot.ok_or(RebuildFault::ForeignRow(row.index()))? = Some(row.bytes());
    }
    Ok((0u32..).zip(slots).filter_map(|(index, row)| Some((index, row?))).collect())
}

/// Why rows do not yield a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobRowsFault {
    /// This row is needed and not there.
    #[error("original row {0} is needed")]
    MissingRow(u32),
    /// The bytes are there but are not the blob.
    #[error(transparent)]
    Blob(#[from] BlobFault),
}

/// Indices of the original rows in which the bytes `offset..offset + length` of the payload lie.
pub fn rows_of(shape: &Shape, offset: u64, length: u64) -> std::ops::Range<u32> {
    let row_len = shape.row_len() as u64;
    let end = offset.saturating_add(length).min(shape.originals_len() as u64);
    let start = (offset / row_len).min(shape.k() as u64);
    start as u32..(end.div_ceil(row_len).max(start)) as u32
}

/// One blob from the original rows that it lies in ([`rows_of`] its entry).
/// A [`BlobFault::Hash`] with these rows shows that the entry is void.
pub fn blob_from_rows<'a>(
    header: &Header,
    blob: &VerifiedBlob,
    rows: impl IntoIterator<Item = &'a VerifiedRow>,
) -> Result<Vec<u8>, BlobRowsFault> {
    let entry = blob.entry();
    let needed = rows_of(&header.shape, entry.offset, entry.length);
    let mut slots: Vec<Option<&[u8]>> = vec![None; needed.len()];
    for row in rows.into_iter().filter(|row| row.row_root() == header.row_root) {
        let slot = row.index().checked_sub(needed.start).and_then(|at| slots.get_mut(at as usize));
        if let Some(slot) = slot {
            *slot = Some(row.bytes());
        }
    }
    let mut bytes = Vec::with_capacity(needed.len() * header.shape.row_len());
    for (index, row) in needed.clone().zip(slots) {
        bytes.extend_from_slice(row.ok_or(BlobRowsFault::MissingRow(index))?);
    }
    let skip = entry.offset - u64::from(needed.start) * header.shape.row_len() as u64;
    bytes.drain(..skip as usize);
    bytes.truncate(entry.length as usize);
    blob.check(&bytes)?;
    Ok(bytes)
}

/// Why a downloaded block is not the one that the header commits to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FullFault {
    /// Not `k` rows.
    #[error(transparent)]
    Length(#[from] OriginalsLengthError),
    /// Encoded again, they have another row root: the rows were tampered with
    /// on the way, or the producer encoded wrongly. Sampling tells which.
    #[error("rows encode to row root {found}, the header has {expected}")]
    RowRoot {
        /// Root of the rows given.
        found: B256,
        /// Root in the header.
        expected: B256,
    },
    /// The rows are right and the committed digests are not theirs: the producer is at fault.
    #[error("rows have digest root {found}, the header has {expected}")]
    DigestRoot {
        /// Root of the digests of the rows given.
        found: B256,
        /// Root in the header.
        expected: B256,
    },
    /// The rows are right and the committed blob index is not theirs: the producer is at fault.
    #[error(transparent)]
    Index(#[from] IndexFault),
}

/// Encodes the `k` original rows (payload and padding) again and compares everything with the header.
pub fn check_full(header: &Header, originals: &[u8], schedule: Schedule) -> Result<EncodedBlock, FullFault> {
    let rows = EncodedRows::from_originals(header.shape, originals, schedule)?;
    if rows.row_root() != header.row_root {
        return Err(FullFault::RowRoot { found: rows.row_root(), expected: header.row_root });
    }
    if rows.digest_root() != header.digest_root {
        return Err(FullFault::DigestRoot { found: rows.digest_root(), expected: header.digest_root });
    }
    let index = BlobIndex::verify(header, rows.payload())?;
    Ok(EncodedBlock::from_parts(rows, index))
}
