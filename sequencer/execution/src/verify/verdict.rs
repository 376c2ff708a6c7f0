//! What the judge may say.

use alloy_primitives::B256;

use crate::block::Parent;
use crate::seal::Sealed;
use crate::view::Missing;

/// The end of what is known to be true: the point on which the next batch must build.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Index that the next batch must have.
    pub next_batch: u64,
    /// Hash of the last commitment; zero at genesis.
    pub commitment: B256,
    /// The last block.
    pub block: Parent,
    /// First inbox item not consumed.
    pub inbox_cursor: u64,
    /// Accumulator over the consumed ones.
    pub inbox_acc: B256,
}

impl Checkpoint {
    /// Nothing but the genesis block.
    pub fn genesis(block: Parent) -> Self {
        Self { next_batch: 0, commitment: B256::ZERO, block, inbox_cursor: 0, inbox_acc: B256::ZERO }
    }
}

/// Why a claim is false. The code of each is stable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The payload is no batch.
    #[error("the payload does not decode: {0}")]
    Undecodable(String),
    /// A field of the claim differs from what follows from parent, payload and inbox.
    #[error("the commitment's {0} is wrong")]
    Mismatch(&'static str),
    /// Block times go back, or lie in the future of the log.
    #[error("block times are out of order or ahead of the settlement log")]
    BadTimestamp,
    /// More of something than the protocol allows.
    #[error("more {0} than the protocol allows")]
    Limits(&'static str),
    /// An inbox item was left out that was overdue at the post.
    #[error("an inbox item was overdue when the commitment was posted, and is not included")]
    ForcedInclusion,
    /// A transaction cannot be executed where it stands.
    #[error("transaction {index} cannot be executed: {why}")]
    Transaction {
        /// Position among the sequencer's transactions of the block.
        index: usize,
        /// Why.
        why: String,
    },
}

impl Reason {
    /// Stable name for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Undecodable(_) => "UNDECODABLE",
            Self::Mismatch(_) => "INVALID_STF",
            Self::BadTimestamp => "BAD_TIMESTAMP",
            Self::Limits(_) => "LIMITS",
            Self::ForcedInclusion => "FORCED_INCLUSION",
            Self::Transaction { .. } => "INVALID_TRANSACTION",
        }
    }
}

/// A judgement.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Every claim is true; the state is now that after the batch.
    Valid(Box<Valid>),
    /// Some claim is false.
    Invalid {
        /// The block in which it shows, if it is one.
        block: Option<u64>,
        /// What is false.
        reason: Reason,
    },
    /// It cannot be told, because something is missing.
    Undecided {
        /// What.
        missing: String,
    },
}

/// A batch found valid.
#[derive(Clone, Debug)]
pub struct Valid {
    /// Where the next batch must start.
    pub checkpoint: Checkpoint,
    /// The batch's blocks.
    pub blocks: Vec<Sealed>,
}

/// Everything but Valid, on the way out.
#[derive(Debug)]
pub(super) enum Stop {
    Invalid(Option<u64>, Reason),
    Undecided(String),
}

impl Stop {
    pub(super) const fn mismatch(field: &'static str) -> Self {
        Self::Invalid(None, Reason::Mismatch(field))
    }
}

impl From<Missing> for Verdict {
    fn from(missing: Missing) -> Self {
        Self::Undecided { missing: missing.to_string() }
    }
}

impl From<Stop> for Verdict {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Invalid(block, reason) => Self::Invalid { block, reason },
            Stop::Undecided(missing) => Self::Undecided { missing },
        }
    }
}
