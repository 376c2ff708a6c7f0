//! One commitment and what became of it; what its successor builds on; one inbox item.

use alloy_primitives::B256;
use weft_primitives::withdrawal::Summary;
use weft_primitives::{InboxItem, SignedBatch};

use super::Vote;
use crate::log::RejectReason;

/// State of a commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// In the log.
    Posted,
    /// Its data was sampled.
    Available,
    /// Re-execution agreed.
    Verified,
    /// Final.
    Finalized,
    /// Refused by availability or re-execution.
    Rejected,
    /// A commitment before it was rejected.
    Orphaned,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Posted, Self::Available, Self::Verified, Self::Finalized, Self::Rejected, Self::Orphaned];

    /// Whether it never changes again.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Finalized | Self::Rejected | Self::Orphaned)
    }

    /// Whether the commitment is part of the chain.
    pub const fn is_canonical(self) -> bool {
        !matches!(self, Self::Rejected | Self::Orphaned)
    }

    /// A stable number from 1: canonical states are below [`Status::FIRST_FALLEN_CODE`].
    pub const fn code(self) -> u8 {
        match self {
            Self::Posted => 1,
            Self::Available => 2,
            Self::Verified => 3,
            Self::Finalized => 4,
            Self::Rejected => 5,
            Self::Orphaned => 6,
        }
    }

    /// The least code of a state that is not canonical.
    pub const FIRST_FALLEN_CODE: u8 = 5;

    /// Inverse of [`Status::code`].
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// The name in UPPER_SNAKE_CASE.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Posted => "POSTED",
            Self::Available => "AVAILABLE",
            Self::Verified => "VERIFIED",
            Self::Finalized => "FINALIZED",
            Self::Rejected => "REJECTED",
            Self::Orphaned => "ORPHANED",
        }
    }
}

/// Why and where a commitment was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Why.
    pub reason: RejectReason,
    /// The block that broke the rules, if one did.
    pub block: Option<u64>,
}

/// A commitment and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What was posted.
    pub signed: SignedBatch,
    /// Its hash.
    pub commitment: B256,
    /// Its state.
    pub status: Status,
    /// Sequence number of the log entry that posted it.
    pub log_seq: u64,
    /// When it was posted, in milliseconds of log time.
    pub posted_ms: u64,
    /// When its data was found available, in milliseconds of log time.
    pub available_ms: Option<u64>,
    /// When it became final, in milliseconds of log time.
    pub finalized_ms: Option<u64>,
    /// What independent verifiers found, in the order of the log.
    pub votes: Vec<Vote>,
    /// Present when it was rejected.
    pub rejection: Option<Rejection>,
    /// Rejections of other commitments before it was posted.
    pub generation: u64,
}

/// What the next commitment builds on: a commitment, or genesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Index that the next commitment has.
    pub next_index: u64,
    /// Hash of the commitment; zero at genesis.
    pub commitment: B256,
    /// Number of the last block.
    pub block: u64,
    /// Hash of the last block.
    pub block_hash: B256,
    /// Time of the last block in seconds.
    pub timestamp: u64,
    /// State root after the last block.
    pub state_root: B256,
    /// First inbox item not consumed.
    pub inbox_cursor: u64,
    /// Newest log entry that the commitment was anchored to.
    pub anchor_seq: u64,
    /// The withdrawals tree.
    pub withdrawals: Summary,
}

impl Parent {
    /// Genesis: block 0 has this hash, state root, and time in seconds.
    pub const fn genesis(block_hash: B256, state_root: B256, timestamp: u64) -> Self {
        Self {
            next_index: 0,
            commitment: B256::ZERO,
            block: 0,
            block_hash,
            timestamp,
            state_root,
            inbox_cursor: 0,
            anchor_seq: 0,
            withdrawals: Summary { count: 0, root: B256::ZERO },
        }
    }

    /// What the successor of `record` builds on.
    pub const fn of(record: &Record) -> Self {
        let header = &record.signed.header;
        Self {
            next_index: header.batch_index.saturating_add(1),
            commitment: record.commitment,
            block: header.last_block,
            block_hash: header.last_block_hash,
            timestamp: header.last_timestamp,
            state_root: header.post_state_root,
            inbox_cursor: header.inbox_to,
            anchor_seq: header.anchor_seq,
            withdrawals: Summary { count: header.withdrawals_count, root: header.withdrawals_root },
        }
    }
}

/// An inbox item and the accumulator after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRow {
    /// The item.
    pub item: InboxItem,
    /// Accumulator over all items up to this one.
    pub acc: B256,
}
