//! Why the chain cannot be derived.

use weft_primitives::B256;
use weft_settlement::{RejectReason, ReplayError};

use crate::chain::ChainError;
use crate::store::StoreError;

/// What this node found of a batch is not what the settlement log says of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// The log takes for valid what is not.
    #[error("settlement says that batch {index} (commitment {commitment}) is valid, but it is not: {why}")]
    InvalidAccepted {
        /// The batch.
        index: u64,
        /// Its commitment.
        commitment: B256,
        /// What is wrong with it.
        why: String,
    },
    /// The log has rejected what is valid.
    #[error("settlement rejected batch {index} (commitment {commitment}) with {reason}, but every claim of it holds")]
    ValidRejected {
        /// The batch.
        index: u64,
        /// Its commitment.
        commitment: B256,
        /// Settlement's reason.
        reason: RejectReason,
    },
    /// The log holds a promise for broken by a block that is another.
    #[error(
        "settlement says that block {number} of commitment {commitment} is {theirs}, and by that a promise was broken; \
         it is {ours}"
    )]
    FalseEvidence {
        /// The block.
        number: u64,
        /// The commitment.
        commitment: B256,
        /// Its hash by the log.
        theirs: B256,
        /// Its hash.
        ours: B256,
    },
    /// The log takes back what was final.
    #[error("settlement's log replaces batch {index}, which was final")]
    FinalReplaced {
        /// The batch.
        index: u64,
    },
}

/// Why deriving ended. None of it heals by itself.
#[derive(Debug, thiserror::Error)]
pub enum DeriveError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// State or disk failed.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The log is not one that settlement's rules could have made.
    #[error("settlement's log breaks settlement's rules: {0}")]
    Log(#[from] ReplayError),
    /// This node and the log do not agree.
    #[error("{0}: nothing is derived any more")]
    Disagreement(#[from] Disagreement),
    /// Blocks that were confirmed here are not those that settlement has.
    #[error(
        "block {first} here is not the one in batch {batch} that settlement has for this key: another copy of this \
         sequencer ran, or the folder is an old one that went on alone. If what only this folder has confirmed may be \
         lost, move it away and start again: the chain is derived from settlement and DA"
    )]
    Conflict {
        /// The first block that differs, as far as can be told.
        first: u64,
        /// The batch that has another.
        batch: u64,
    },
    /// A part of the state is not there.
    #[error("batch {index} cannot be judged: {missing} is missing")]
    Undecided {
        /// The batch.
        index: u64,
        /// What is missing.
        missing: String,
    },
    /// The system gives no threads.
    #[error("threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A part panicked.
    #[error("deriving panicked; see the log")]
    Panicked,
}
