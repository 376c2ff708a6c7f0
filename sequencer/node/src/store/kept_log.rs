//! The settlement log's entries as they were read: for a settlement service that has lost some, and so that a follower
//! need not read them again.

use weft_primitives::{B256, Signature};
use weft_settlement::LogEntry;

use super::chain::{number_key, put};
use super::keys::LOG_HEAD;
use super::{ChainStore, Family, StoreError};

/// An entry whose head settlement has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// Sequence number.
    pub seq: u64,
    /// Its hash.
    pub hash: B256,
    /// Settlement's, as it came.
    pub signature: Signature,
}

impl ChainStore {
    /// Keeps an entry, and settlement's signature if it came with one. Not synced: it can be read from the log again.
    pub fn keep_log_entry(&self, entry: &LogEntry, signature: Option<Signature>) -> Result<(), StoreError> {
        let mut writes = vec![put(Family::Log, number_key(entry.seq), entry.encode())];
        writes.extend(signature.map(|signature| {
            let head = [&entry.seq.to_be_bytes()[..], entry.hash().as_slice(), &signature.0].concat();
            put(Family::Meta, LOG_HEAD, head)
        }));
        self.kv.write(writes, false)
    }

    /// Kept entries from `from_seq` on, without gaps, at most `limit`.
    pub fn kept_log(&self, from_seq: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let damaged = |_| StoreError::Damaged { what: "log entry" };
        let pairs = self.kv.scan(Family::Log, &number_key(from_seq), limit)?;
        let mut entries = Vec::with_capacity(pairs.len());
        for ((_, bytes), seq) in pairs.iter().zip(from_seq..) {
            let entry = LogEntry::decode(bytes).map_err(damaged)?;
            if entry.seq != seq {
                break;
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// The newest kept entry whose head is signed.
    pub fn signed_log_head(&self) -> Result<Option<SignedHead>, StoreError> {
        let Some(bytes) = self.kv.get(Family::Meta, LOG_HEAD)? else { return Ok(None) };
        let damaged = StoreError::Damaged { what: "signed log head" };
        let Some((seq, rest)) = bytes.split_first_chunk::<8>() else { return Err(damaged) };
        let Some((hash, signature)) = rest.split_first_chunk::<32>() else { return Err(damaged) };
        let signature = Signature::from_slice(signature).map_err(|_| damaged)?;
        Ok(Some(SignedHead { seq: u64::from_be_bytes(*seq), hash: B256::from(*hash), signature }))
    }
}
