//! A column as it stands in the batch: raw, or compressed with zstd if that is smaller.
//!
//! ```text
//! uvarint len | if len > 0: codec (1) | raw:  len bytes
//!                                     | zstd: uvarint stored_len, stored_len bytes
//! ```
//!
//! The zstd form is what follows the frame header in one zstd frame (RFC 8878):
//! the blocks alone. The header is not stored, because `len` says all that it
//! could: single segment, content size `len`, no checksum, no dictionary. So
//! there is no window to bound (it is the column itself, of at most
//! [`MAX_BATCH_DECOMPRESSED_BYTES`]), no skippable frame, no dictionary, and 6
//! to 9 bytes are saved a column. Which blocks make up the frame is the
//! encoder's choice: this is the only place where a batch has many encodings.

use std::borrow::Cow;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::find_frame_compressed_size;

use crate::codec::{DecodeError, Reader, put_uvarint};
use crate::limits::MAX_BATCH_DECOMPRESSED_BYTES;

use super::column::Column;
use super::error::{BatchDecodeError, BatchEncodeError, invalid};
use super::level::Level;

const RAW: u8 = 0;
const ZSTD: u8 = 1;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Frame header descriptor: content size in 4 bytes, single segment, no checksum, no dictionary.
const SINGLE_SEGMENT: u8 = 0b1010_0000;
/// Frame header descriptor as the encoder's zstd writes it: a window, no content size, no checksum, no dictionary.
const WINDOW_ONLY: u8 = 0;
/// Magic, descriptor, window: the length of the header then.
const WRITTEN_HEADER_LEN: usize = 6;

/// Writes columns, with one zstd context for all.
pub(super) struct ColumnWriter {
    compressor: Option<Compressor<'static>>,
}

impl ColumnWriter {
    /// zstd allocates its tables here.
    pub(super) fn new(level: Level) -> std::io::Result<Self> {
        let Some(level) = level.zstd() else { return Ok(Self { compressor: None }) };
        let mut compressor = Compressor::new(level)?;
        compressor.include_contentsize(false)?;
        compressor.include_checksum(false)?;
        Ok(Self { compressor: Some(compressor) })
    }

    /// Appends a column in the smaller of its two forms.
    pub(super) fn put(&mut self, out: &mut Vec<u8>, column: Column, bytes: &[u8]) -> Result<(), BatchEncodeError> {
        put_uvarint(out, bytes.len() as u64);
        if bytes.is_empty() {
            return Ok(());
        }
        if let Some(compressor) = self.compressor.as_mut().filter(|_| !column.is_stored_raw()) {
            let blocks = blocks(compressor, bytes).ok_or(BatchEncodeError::Compress { column: column.name() })?;
            if blocks.len() < bytes.len() {
                out.push(ZSTD);
                put_uvarint(out, blocks.len() as u64);
                out.extend_from_slice(&blocks);
                return Ok(());
            }
        }
        out.push(RAW);
        out.extend_from_slice(bytes);
        Ok(())
    }
}

/// One frame of `bytes`, its header taken off.
fn blocks(compressor: &mut Compressor<'_>, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut frame = compressor.compress(bytes).ok()?;
    // A header of another kind would be longer or shorter, and the batch lost.
    if frame.get(4) != Some(&WINDOW_ONLY) || frame.len() < WRITTEN_HEADER_LEN {
        return None;
    }
    frame.drain(..WRITTEN_HEADER_LEN);
    Some(frame)
}

/// A column whose place and length are known, not yet decompressed.
#[derive(Clone, Copy, Debug)]
pub(super) enum StoredColumn<'a> {
    Raw(&'a [u8]),
    Zstd { len: usize, blocks: &'a [u8] },
}

impl<'a> StoredColumn<'a> {
    /// Reads a column's place; `budget` is what may still be decompressed, in bytes.
    pub(super) fn take(reader: &mut Reader<'a>, column: Column, budget: &mut usize) -> Result<Self, DecodeError> {
        let field = column.name();
        let len = reader.uvarint(field)?;
        let too_large = DecodeError::TooLarge {
            field: "decompressed bytes of the batch",
            value: len.saturating_add((MAX_BATCH_DECOMPRESSED_BYTES - *budget) as u64),
            limit: MAX_BATCH_DECOMPRESSED_BYTES as u64,
        };
        let len = usize::try_from(len).map_err(|_| too_large.clone())?;
        *budget = budget.checked_sub(len).ok_or(too_large)?;
        if len == 0 {
            return Ok(Self::Raw(&[]));
        }
        match reader.u8(field)? {
            RAW => Ok(Self::Raw(reader.take(field, len)?)),
            ZSTD if column.is_stored_raw() => Err(invalid(field, "this column is never compressed")),
            ZSTD => {
                let stored_len = reader.uvarint(field)?;
                // Keeps the smaller form the only one; also the bound for the cast.
                if stored_len >= len as u64 {
                    return Err(invalid(field, "compressed although that makes it no smaller"));
                }
                Ok(Self::Zstd { len, blocks: reader.take(field, stored_len as usize)? })
            }
            _ => Err(invalid(field, "unknown codec")),
        }
    }

    /// The column itself. Allocates its length, which the budget bounds.
    pub(super) fn unpack(
        self,
        column: Column,
        decompressor: &mut Decompressor<'_>,
    ) -> Result<Cow<'a, [u8]>, BatchDecodeError> {
        let (len, blocks) = match self {
            Self::Raw(bytes) => return Ok(Cow::Borrowed(bytes)),
            Self::Zstd { len, blocks } => (len, blocks),
        };
        let failed = || BatchDecodeError::Decompress { column: column.name() };
        let mut frame = Vec::with_capacity(9 + blocks.len());
        frame.extend_from_slice(&MAGIC);
        frame.push(SINGLE_SEGMENT);
        frame.extend_from_slice(&u32::try_from(len).map_err(|_| failed())?.to_le_bytes());
        frame.extend_from_slice(blocks);
        // zstd would go on with whatever frame follows: there must be none.
        if find_frame_compressed_size(&frame) != Ok(frame.len()) {
            return Err(failed());
        }
        let mut bytes = Vec::with_capacity(len);
        match decompressor.decompress_to_buffer(&frame, &mut bytes) {
            Ok(written) if written == len => Ok(Cow::Owned(bytes)),
            _ => Err(failed()),
        }
    }
}
