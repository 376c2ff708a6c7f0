//! Log entries and commitments with their state.

use alloy_primitives::B256;
use weft_primitives::inbox::Content;
use weft_primitives::{InboxItem, SignedBatch};
use weft_settlement::{
    AvailabilityVerdict, BrokenPromise, Challenge, Equivocation, Event, ExecutionVerdict, Finalized, ForcedBatch,
    KeyChange, LogEntry, MAX_VERIFIERS, Record, Rejected, SignedKeyChange, SignedVerdict, Status, Vote,
};

use super::field::{WireError, address, bytes, hash, required, signature};
use crate::pb::settlement::v1 as pb;
use pb::inbox_item::Content as PbContent;
use pb::log_entry::Event as PbEvent;

impl From<&InboxItem> for pb::InboxItem {
    fn from(item: &InboxItem) -> Self {
        let content = match &item.content {
            Content::Transaction(raw) => PbContent::Transaction(raw.0.clone()),
            Content::Deposit(deposit) => PbContent::Deposit(deposit.into()),
        };
        Self { index: item.index, time_ms: item.time_ms, content: Some(content) }
    }
}

impl TryFrom<pb::InboxItem> for InboxItem {
    type Error = WireError;

    fn try_from(item: pb::InboxItem) -> Result<Self, WireError> {
        let content = match required("content", item.content)? {
            PbContent::Transaction(raw) => {
                let limit = weft_primitives::limits::MAX_TRANSACTION_BYTES;
                if raw.len() > limit {
                    return Err(WireError::new("transaction", format!("is longer than {limit} bytes")));
                }
                Content::Transaction(raw.into())
            }
            PbContent::Deposit(deposit) => Content::Deposit(deposit.try_into()?),
        };
        Ok(Self { index: item.index, time_ms: item.time_ms, content })
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
            Event::Verdict(verdict) => PbEvent::Verdict(verdict.into()),
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
            Event::KeyChange(signed) => PbEvent::KeyChange((&**signed).into()),
            Event::Challenge(challenge) => PbEvent::Challenge(pb::ChallengeMade {
                batch_index: challenge.batch_index,
                commitment_hash: bytes(challenge.commitment),
                witness_hash: bytes(challenge.witness_hash),
            }),
            Event::ChallengeOutcome(verdict) => PbEvent::ChallengeOutcome(verdict.into()),
            Event::SignedVerdict(signed) => PbEvent::SignedVerdict((&**signed).into()),
            Event::Forced(forced) => {
                PbEvent::Forced(pb::ForcedBatch { header: Some((&forced.header).into()), inbox_len: forced.inbox_len })
            }
            Event::Funding(funding) => PbEvent::Funding(funding.into()),
            Event::Claim(claim) => PbEvent::Claim((&**claim).into()),
            Event::BrokenPromise(broken) => PbEvent::BrokenPromise(pb::BrokenPromise {
                promise: Some((&broken.promise).into()),
                commitment_hash: bytes(broken.commitment),
                stands_hash: bytes(broken.stands),
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
        PbEvent::Verdict(verdict) => Event::Verdict(verdict.try_into()?),
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
        PbEvent::KeyChange(signed) => Event::KeyChange(Box::new(signed.try_into()?)),
        PbEvent::Challenge(challenge) => Event::Challenge(Challenge {
            batch_index: challenge.batch_index,
            commitment: commitment(&challenge.commitment_hash)?,
            witness_hash: hash("witness_hash", &challenge.witness_hash)?,
        }),
        PbEvent::ChallengeOutcome(verdict) => Event::ChallengeOutcome(verdict.try_into()?),
        PbEvent::SignedVerdict(signed) => Event::SignedVerdict(Box::new(signed.try_into()?)),
        PbEvent::Forced(forced) => Event::Forced(Box::new(ForcedBatch {
            header: required("header", forced.header)?.try_into()?,
            inbox_len: forced.inbox_len,
        })),
        PbEvent::Funding(funding) => Event::Funding(funding.try_into()?),
        PbEvent::Claim(claim) => Event::Claim(Box::new(claim.try_into()?)),
        PbEvent::BrokenPromise(broken) => Event::BrokenPromise(Box::new(BrokenPromise {
            promise: required("promise", broken.promise)?.try_into()?,
            commitment: commitment(&broken.commitment_hash)?,
            stands: hash("stands_hash", &broken.stands_hash)?,
        })),
    })
}

impl From<&ExecutionVerdict> for pb::ExecutionVerdict {
    fn from(verdict: &ExecutionVerdict) -> Self {
        Self {
            batch_index: verdict.batch_index,
            commitment_hash: bytes(verdict.commitment),
            valid: verdict.valid,
            stf_version: verdict.stf_version,
        }
    }
}

impl TryFrom<pb::ExecutionVerdict> for ExecutionVerdict {
    type Error = WireError;

    fn try_from(verdict: pb::ExecutionVerdict) -> Result<Self, WireError> {
        Ok(Self {
            batch_index: verdict.batch_index,
            commitment: hash("commitment_hash", &verdict.commitment_hash)?,
            valid: verdict.valid,
            stf_version: verdict.stf_version,
        })
    }
}

impl From<&SignedKeyChange> for pb::SignedKeyChange {
    fn from(signed: &SignedKeyChange) -> Self {
        let change = &signed.change;
        Self {
            chain_id: change.chain_id,
            config_hash: bytes(change.config_hash),
            new_key: bytes(change.new_key),
            epoch: change.epoch,
            signature: bytes(signed.signature.0),
        }
    }
}

impl TryFrom<pb::SignedKeyChange> for SignedKeyChange {
    type Error = WireError;

    fn try_from(signed: pb::SignedKeyChange) -> Result<Self, WireError> {
        let change = KeyChange {
            chain_id: signed.chain_id,
            config_hash: hash("config_hash", &signed.config_hash)?,
            new_key: address("new_key", &signed.new_key)?,
            epoch: signed.epoch,
        };
        Ok(Self { change, signature: signature("signature", &signed.signature)? })
    }
}

impl From<&SignedVerdict> for pb::SignedVerdict {
    fn from(signed: &SignedVerdict) -> Self {
        Self { verdict: Some((&signed.verdict).into()), signature: bytes(signed.signature.0) }
    }
}

impl TryFrom<pb::SignedVerdict> for SignedVerdict {
    type Error = WireError;

    fn try_from(signed: pb::SignedVerdict) -> Result<Self, WireError> {
        Ok(Self {
            verdict: required("verdict", signed.verdict)?.try_into()?,
            signature: signature("signature", &signed.signature)?,
        })
    }
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
    /// When its data was found available.
    pub available_ms: Option<u64>,
    /// When it became final.
    pub finalized_ms: Option<u64>,
    /// What independent verifiers found.
    pub votes: Vec<Vote>,
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
            available_ms: record.available_ms,
            votes: record.votes.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Vote> for pb::Vote {
    fn from(vote: &Vote) -> Self {
        Self { verifier: bytes(vote.verifier), valid: vote.valid, log_seq: vote.log_seq }
    }
}

impl TryFrom<pb::Vote> for Vote {
    type Error = WireError;

    fn try_from(vote: pb::Vote) -> Result<Self, WireError> {
        Ok(Self { verifier: address("verifier", &vote.verifier)?, valid: vote.valid, log_seq: vote.log_seq })
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
        if view.votes.len() > MAX_VERIFIERS {
            return Err(WireError::new("votes", format!("are more than {MAX_VERIFIERS}")));
        }
        if signed.header.hash() != commitment {
            return Err(WireError::new("commitment_hash", "is not the commitment's"));
        }
        Ok(Self {
            signed,
            commitment,
            status: required("status", known)?,
            log_seq: view.log_seq,
            posted_ms: view.posted_ms,
            available_ms: view.available_ms,
            finalized_ms: view.finalized_ms,
            votes: view.votes.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            reject_reason: view.reject_reason,
            generation: view.generation,
        })
    }
}
