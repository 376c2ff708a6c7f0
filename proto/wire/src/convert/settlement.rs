//! Log entries and commitments with their state.

use alloy_primitives::B256;
use weft_primitives::{InboxItem, SignedBatch};
use weft_settlement::{
    AvailabilityVerdict, Equivocation, Event, ExecutionVerdict, Finalized, LogEntry, Record, Rejected, Status,
};

use super::field::{WireError, bytes, hash, required};
use crate::pb::settlement::v1 as pb;
use pb::log_entry::Event as PbEvent;

impl From<&InboxItem> for pb::InboxItem {
    fn from(item: &InboxItem) -> Self {
        Self { index: item.index, time_ms: item.time_ms, transaction: item.transaction.0.clone() }
    }
}

impl TryFrom<pb::InboxItem> for InboxItem {
    type Error = WireError;

    fn try_from(item: pb::InboxItem) -> Result<Self, WireError> {
        let limit = weft_primitives::limits::MAX_TRANSACTION_BYTES;
        if item.transaction.len() > limit {
            return Err(WireError::new("transaction", format!("is longer than {limit} bytes")));
        }
        Ok(Self { index: item.index, time_ms: item.time_ms, transaction: item.transaction.into() })
    }
}

impl From<&LogEntry> for pb::LogEntry {
    fn from(entry: &LogEntry) -> Self {
        let event = match &entry.event {
            Event::Posted(signed) => PbEvent::Posted((&**signed).into()),
            Event::Availability(verdict) => PbEvent::Availability(pb::AvailabilityVerdict {
                batch_index: verdict.batch_index,
                commitment_hash: bytes(verdict.commitment),
                available: verdict.available,
            }),
            Event::Verdict(verdict) => PbEvent::Verdict(pb::ExecutionVerdict {
                batch_index: verdict.batch_index,
                commitment_hash: bytes(verdict.commitment),
                valid: verdict.valid,
                stf_version: verdict.stf_version,
            }),
            Event::Finalized(finalized) => PbEvent::Finalized(pb::Finalized {
                batch_index: finalized.batch_index,
                commitment_hash: bytes(finalized.commitment),
            }),
            Event::Rejected(rejected) => PbEvent::Rejected(pb::Rejected {
                batch_index: rejected.batch_index,
                commitment_hash: bytes(rejected.commitment),
                reason: rejected.reason.to_string(),
                block_number: rejected.block,
            }),
            Event::Inbox(item) => PbEvent::Inbox(item.into()),
            Event::Equivocation(evidence) => PbEvent::Equivocation(pb::Equivocation {
                first: Some((&evidence.first).into()),
                second: Some((&evidence.second).into()),
            }),
        };
        Self {
            seq: entry.seq,
            prev_hash: bytes(entry.prev_hash),
            time_ms: entry.time_ms,
            hash: bytes(entry.hash()),
            event: Some(event),
        }
    }
}

impl TryFrom<pb::LogEntry> for LogEntry {
    type Error = WireError;

    /// Checks that the entry has the hash that it came with.
    fn try_from(entry: pb::LogEntry) -> Result<Self, WireError> {
        let event = event(required("event", entry.event)?)?;
        let prev_hash = hash("prev_hash", &entry.prev_hash)?;
        let converted = Self { seq: entry.seq, prev_hash, time_ms: entry.time_ms, event };
        if converted.hash() != hash("hash", &entry.hash)? {
            return Err(WireError::new("hash", "is not the entry's"));
        }
        Ok(converted)
    }
}

fn event(event: PbEvent) -> Result<Event, WireError> {
    let commitment = |bytes: &[u8]| hash("commitment_hash", bytes);
    Ok(match event {
        PbEvent::Posted(signed) => Event::Posted(Box::new(signed.try_into()?)),
        PbEvent::Availability(verdict) => Event::Availability(AvailabilityVerdict {
            batch_index: verdict.batch_index,
            commitment: commitment(&verdict.commitment_hash)?,
            available: verdict.available,
        }),
        PbEvent::Verdict(verdict) => Event::Verdict(ExecutionVerdict {
            batch_index: verdict.batch_index,
            commitment: commitment(&verdict.commitment_hash)?,
            valid: verdict.valid,
            stf_version: verdict.stf_version,
        }),
        PbEvent::Finalized(finalized) => Event::Finalized(Finalized {
            batch_index: finalized.batch_index,
            commitment: commitment(&finalized.commitment_hash)?,
        }),
        PbEvent::Rejected(rejected) => Event::Rejected(Rejected {
            batch_index: rejected.batch_index,
            commitment: commitment(&rejected.commitment_hash)?,
            reason: rejected.reason.parse().map_err(|_| WireError::new("reason", "unknown reject reason"))?,
            block: rejected.block_number,
        }),
        PbEvent::Inbox(item) => Event::Inbox(item.try_into()?),
        PbEvent::Equivocation(evidence) => Event::Equivocation(Box::new(Equivocation {
            first: required("first", evidence.first)?.try_into()?,
            second: required("second", evidence.second)?.try_into()?,
        })),
    })
}

/// A commitment with its state, as settlement shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitmentView {
    /// What was posted.
    pub signed: SignedBatch,
    /// Its hash.
    pub commitment: B256,
    /// Its state.
    pub status: Status,
    /// Sequence number of the log entry that posted it.
    pub log_seq: u64,
    /// When it was posted.
    pub posted_ms: u64,
    /// When it became final.
    pub finalized_ms: Option<u64>,
    /// Why it was rejected; empty otherwise.
    pub reject_reason: String,
    /// Rollbacks before it was posted.
    pub generation: u64,
}

impl From<&Record> for pb::Commitment {
    fn from(record: &Record) -> Self {
        Self {
            signed: Some((&record.signed).into()),
            commitment_hash: bytes(record.commitment),
            status: status(record.status).into(),
            log_seq: record.log_seq,
            posted_ms: record.posted_ms,
            finalized_ms: record.finalized_ms,
            reject_reason: record.rejection.map(|rejection| rejection.reason.to_string()).unwrap_or_default(),
            generation: record.generation,
        }
    }
}

const fn status(status: Status) -> pb::CommitmentStatus {
    match status {
        Status::Posted => pb::CommitmentStatus::Posted,
        Status::Available => pb::CommitmentStatus::Available,
        Status::Verified => pb::CommitmentStatus::Verified,
        Status::Finalized => pb::CommitmentStatus::Finalized,
        Status::Rejected => pb::CommitmentStatus::Rejected,
        Status::Orphaned => pb::CommitmentStatus::Orphaned,
    }
}

impl TryFrom<pb::Commitment> for CommitmentView {
    type Error = WireError;

    fn try_from(view: pb::Commitment) -> Result<Self, WireError> {
        let wanted = view.status();
        let known = Status::ALL.into_iter().find(|known| status(*known) == wanted);
        let signed: SignedBatch = required("signed", view.signed)?.try_into()?;
        let commitment = hash("commitment_hash", &view.commitment_hash)?;
        if signed.header.hash() != commitment {
            return Err(WireError::new("commitment_hash", "is not the commitment's"));
        }
        Ok(Self {
            signed,
            commitment,
            status: required("status", known)?,
            log_seq: view.log_seq,
            posted_ms: view.posted_ms,
            finalized_ms: view.finalized_ms,
            reject_reason: view.reject_reason,
            generation: view.generation,
        })
    }
}
