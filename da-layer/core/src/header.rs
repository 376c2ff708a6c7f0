//! The header of a DA block: all that a light client must trust a signature for.
//!
//! Fixed width, 175 bytes, big-endian, in the order of the fields; decoding
//! refuses every shape that cannot be, so a [`Header`] holds a valid [`Shape`].
//! Its hash is BLAKE3 in key derivation mode over these bytes. `data_root`
//! commits to the content alone, apart from height, time and chain.

use alloy_primitives::B256;
use weft_primitives::codec::{DecodeError, Reader};

use crate::blob::BLOB_ENTRY_BYTES;
use crate::codec::CodecId;
use crate::hash::{DATA_ROOT_CONTEXT, HEADER_CONTEXT, derived};
use crate::limits::MAX_BLOBS_PER_BLOCK;
use crate::shape::{Shape, ShapeError};

/// Version of the format, the first field.
pub const HEADER_VERSION: u16 = 1;

/// Length of an encoded header.
pub const HEADER_BYTES: usize = 175;

/// Height of the first block of a network; its `prev_hash` is zero.
pub const FIRST_HEIGHT: u64 = 1;

/// A DA block header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which DA network, so that headers of one cannot be shown to another.
    pub network_id: u64,
    /// Position in the chain of headers, from [`FIRST_HEIGHT`].
    pub height: u64,
    /// Hash of the header before; zero at the first height.
    pub prev_hash: B256,
    /// When the producer made the block, in milliseconds of Unix time; never less than the header before.
    pub time_ms: u64,
    /// Codec, original rows, row length and payload length.
    pub shape: Shape,
    /// Root of the tree over all `4k` rows.
    pub row_root: B256,
    /// Root of the tree over the digests of the `k` original rows.
    pub digest_root: B256,
    /// Root of the blob index, bound to its count.
    pub blob_index_root: B256,
    /// Number of blobs.
    pub blob_count: u32,
}

/// Why bytes are not a header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderDecodeError {
    /// Wrong length.
    #[error("header does not decode: {0}")]
    Bytes(#[from] DecodeError),
    /// A version that this code does not know.
    #[error("header version {0} is unknown")]
    Version(u16),
    /// A codec that this code does not know.
    #[error("codec {0} is unknown")]
    Codec(u8),
    /// The shape cannot be.
    #[error("header has no valid shape: {0}")]
    Shape(#[from] ShapeError),
    /// The number of blobs is zero, above the limit, or more than the payload can hold.
    #[error("{0} blobs do not fit the payload or the limit of {MAX_BLOBS_PER_BLOCK}")]
    BlobCount(u32),
}

impl Header {
    /// The canonical bytes.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        let fields: [&[u8]; 13] = [
            &HEADER_VERSION.to_be_bytes(),
            &self.network_id.to_be_bytes(),
            &self.height.to_be_bytes(),
            self.prev_hash.as_slice(),
            &self.time_ms.to_be_bytes(),
            &[self.shape.codec().as_byte()],
            &(self.shape.k() as u32).to_be_bytes(),
            &(self.shape.row_len() as u32).to_be_bytes(),
            &self.shape.total_len().to_be_bytes(),
            self.row_root.as_slice(),
            self.digest_root.as_slice(),
            self.blob_index_root.as_slice(),
            &self.blob_count.to_be_bytes(),
        ];
        let mut at = 0;
        for field in fields {
            out[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        }
        debug_assert_eq!(at, HEADER_BYTES);
        out
    }

    /// Inverse of [`Header::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderDecodeError> {
        let mut reader = Reader::new(bytes);
        let version = u16::from_be_bytes(reader.array("version")?);
        if version != HEADER_VERSION {
            return Err(HeaderDecodeError::Version(version));
        }
        let network_id = reader.u64("network id")?;
        let height = reader.u64("height")?;
        let prev_hash = reader.b256("previous hash")?;
        let time_ms = reader.u64("time")?;
        let codec = reader.u8("codec")?;
        let codec = CodecId::from_byte(codec).ok_or(HeaderDecodeError::Codec(codec))?;
        let shape = Shape::checked(codec, reader.u32("k")?, reader.u32("row length")?, reader.u64("total length")?)?;
        let header = Self {
            network_id,
            height,
            prev_hash,
            time_ms,
            shape,
            row_root: reader.b256("row root")?,
            digest_root: reader.b256("digest root")?,
            blob_index_root: reader.b256("blob index root")?,
            blob_count: reader.u32("blob count")?,
        };
        reader.finish()?;
        if !header.blob_count_fits() {
            return Err(HeaderDecodeError::BlobCount(header.blob_count));
        }
        Ok(header)
    }

    /// Whether so many entries, and a byte for each blob, fit into the payload.
    pub(crate) fn blob_count_fits(&self) -> bool {
        let count = self.blob_count as usize;
        (1..=MAX_BLOBS_PER_BLOCK).contains(&count) && (count * (BLOB_ENTRY_BYTES + 1)) as u64 <= self.shape.total_len()
    }

    /// Length of the blob index at the start of the payload, in bytes.
    pub const fn index_len(&self) -> usize {
        self.blob_count as usize * BLOB_ENTRY_BYTES
    }

    /// Hash of the header: what is signed and what the next header links to.
    pub fn hash(&self) -> B256 {
        derived(HEADER_CONTEXT, &self.encode())
    }

    /// Commits to shape, rows, digests and blob index:
    /// `codec (1) || k (4) || row_len (4) || total_len (8) || row_root || digest_root || blob_index_root`.
    pub fn data_root(&self) -> B256 {
        let mut bytes = Vec::with_capacity(113);
        bytes.push(self.shape.codec().as_byte());
        bytes.extend_from_slice(&(self.shape.k() as u32).to_be_bytes());
        bytes.extend_from_slice(&(self.shape.row_len() as u32).to_be_bytes());
        bytes.extend_from_slice(&self.shape.total_len().to_be_bytes());
        bytes.extend_from_slice(self.row_root.as_slice());
        bytes.extend_from_slice(self.digest_root.as_slice());
        bytes.extend_from_slice(self.blob_index_root.as_slice());
        derived(DATA_ROOT_CONTEXT, &bytes)
    }
}
