//! The settlement log: entries, their canonical bytes and their hash chain.
//!
//! `kind (1) || seq (8) || prev_hash (32) || time_ms (8) || body`, integers
//! big-endian; an entry's hash is keccak256 of `"weft/log/v1"` and these
//! bytes, and the next entry carries it as `prev_hash`. Sequence numbers start
//! at 1, without gaps; time never decreases; the first `prev_hash` is zero.
//! Bodies: [`event`].

pub mod event;
mod reason;
#[cfg(test)]
mod tests;

use alloy_primitives::{B256, keccak256};
use weft_primitives::codec::{DecodeError, Reader};
use weft_primitives::limits::MAX_TRANSACTION_BYTES;

pub use event::{
    AvailabilityVerdict, BrokenPromise, Challenge, Equivocation, Event, ExecutionVerdict, Finalized, ForcedBatch,
    Rejected,
};
pub use reason::{RejectReason, UnknownReason};

/// Domain separation of the entry hash.
const DOMAIN: &[u8] = b"weft/log/v1";

/// Bytes of an entry before its body.
pub const ENTRY_HEADER_BYTES: usize = 1 + 8 + 32 + 8;

/// Largest entry: an inbox item with the largest transaction.
pub const MAX_ENTRY_BYTES: usize = ENTRY_HEADER_BYTES + 16 + MAX_TRANSACTION_BYTES;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Position in the log, from 1.
    pub seq: u64,
    /// Hash of the entry before; zero for the first.
    pub prev_hash: B256,
    /// When it was appended, in milliseconds of Unix time; not below the entry before.
    pub time_ms: u64,
    /// What happened.
    pub event: Event,
}

impl LogEntry {
    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(ENTRY_HEADER_BYTES + 128);
        out.push(self.event.kind());
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(self.prev_hash.as_slice());
        out.extend_from_slice(&self.time_ms.to_be_bytes());
        self.event.encode_body(&mut out);
        out
    }

    /// Inverse of [`LogEntry::encode`]; refuses what it would not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_ENTRY_BYTES {
            let (value, limit) = (bytes.len() as u64, MAX_ENTRY_BYTES as u64);
            return Err(DecodeError::TooLarge { field: "log entry", value, limit });
        }
        let mut reader = Reader::new(bytes);
        let kind = reader.u8("kind")?;
        let seq = reader.u64("seq")?;
        let prev_hash = reader.b256("prev_hash")?;
        let time_ms = reader.u64("time_ms")?;
        let body = reader.take("body", reader.remaining())?;
        if seq == 0 || (seq == 1) != prev_hash.is_zero() {
            return Err(DecodeError::Invalid { field: "seq", why: "starts at 1, and only 1 follows nothing" });
        }
        Ok(Self { seq, prev_hash, time_ms, event: Event::decode_body(kind, body)? })
    }

    /// keccak256 of the domain and the canonical bytes.
    pub fn hash(&self) -> B256 {
        keccak256([DOMAIN, &self.encode()].concat())
    }
}
