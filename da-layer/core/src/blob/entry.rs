//! One entry of the blob index: 80 bytes, `namespace (32) || hash (32) || offset (8) || length (8)`, big-endian.

use alloy_primitives::B256;
use weft_primitives::codec::{DecodeError, Reader};
use weft_primitives::namespace::Namespace;

use crate::hash::blob_hash;
use crate::tree::Domain;

/// Length of an encoded entry.
pub const BLOB_ENTRY_BYTES: usize = 80;

/// Where a blob lies and what its bytes hash to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobEntry {
    /// Under which name it was published.
    pub namespace: Namespace,
    /// Plain BLAKE3 of its bytes.
    pub hash: B256,
    /// First byte, counted from the start of the payload.
    pub offset: u64,
    /// Length in bytes, at least 1.
    pub length: u64,
}

/// Why an entry has no blob in the given bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobFault {
    /// The bytes end before the blob does.
    #[error("blob ends at byte {end} of a payload of {len_bytes}")]
    OutOfRange {
        /// End of the blob.
        end: u64,
        /// Length of the payload.
        len_bytes: u64,
    },
    /// The data has another length than the entry says.
    #[error("blob has {found} bytes, the index says {expected}")]
    Length {
        /// Bytes given.
        found: u64,
        /// Bytes stated by the index.
        expected: u64,
    },
    /// The bytes do not hash to the entry's hash. If they are the bytes at the
    /// entry's place, the entry is void.
    #[error("blob does not hash to what the index says")]
    Hash,
}

impl BlobEntry {
    /// The canonical bytes.
    pub fn encode(&self) -> [u8; BLOB_ENTRY_BYTES] {
        let mut out = [0; BLOB_ENTRY_BYTES];
        out[..32].copy_from_slice(self.namespace.as_bytes());
        out[32..64].copy_from_slice(self.hash.as_slice());
        out[64..72].copy_from_slice(&self.offset.to_be_bytes());
        out[72..].copy_from_slice(&self.length.to_be_bytes());
        out
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            namespace: Namespace(reader.array("blob namespace")?),
            hash: reader.b256("blob hash")?,
            offset: reader.u64("blob offset")?,
            length: reader.u64("blob length")?,
        })
    }

    /// Inverse of [`BlobEntry::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let entry = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(entry)
    }

    /// Its hash as a leaf of the index tree.
    pub(super) fn leaf(&self) -> B256 {
        Domain::Index.leaf(&self.encode())
    }

    /// First byte after the blob; `None` beyond 64 bits.
    pub const fn end(&self) -> Option<u64> {
        self.offset.checked_add(self.length)
    }

    /// Whether `data` is this blob.
    pub fn check(&self, data: &[u8]) -> Result<(), BlobFault> {
        if data.len() as u64 != self.length {
            return Err(BlobFault::Length { found: data.len() as u64, expected: self.length });
        }
        if blob_hash(data) != self.hash {
            return Err(BlobFault::Hash);
        }
        Ok(())
    }

    /// The blob within its payload.
    pub fn open<'a>(&self, payload: &'a [u8]) -> Result<&'a [u8], BlobFault> {
        let end = self.end().unwrap_or(u64::MAX);
        let out_of_range = BlobFault::OutOfRange { end, len_bytes: payload.len() as u64 };
        if end > payload.len() as u64 {
            return Err(out_of_range);
        }
        let data = payload.get(self.offset as usize..end as usize).ok_or(out_of_range)?;
        self.check(data)?;
        Ok(data)
    }
}
