//! Posting a commitment.
//!
//! A refusal changes nothing, with one exception: the first equivocation is
//! recorded and freezes posting. Of two signatures for one place the first in
//! the log stands; a commitment that was rejected or orphaned holds no place.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use weft_primitives::SignedBatch;
use weft_primitives::signer::SignatureError;

use super::key::MAX_EPOCH_STEP;
use super::lineage::{self, LineageRefusal};
use super::{Chain, Effect, Record, Status};
use crate::log::{Equivocation, Event};

/// A log entry that a commitment names as the newest its sequencer had seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Anchor {
    /// Its hash.
    pub hash: B256,
    /// Its time in milliseconds.
    pub time_ms: u64,
}

/// What the machine has to look up to judge a commitment, as of now.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PostFacts {
    /// Log entry and state of the commitment with this very hash, if it was posted before.
    pub known: Option<(u64, Status)>,
    /// The canonical commitment with the same index.
    pub rival: Option<SignedBatch>,
    /// The log entry at the header's `anchor_seq`.
    pub anchor: Option<Anchor>,
    /// The inbox accumulator at the header's `inbox_to` (zero at 0), if there are so many items.
    pub inbox_acc: Option<B256>,
    /// When the item at the header's `inbox_to`, the first that is left out, entered the inbox, in milliseconds.
    pub first_left_ms: Option<u64>,
    /// When the item at the header's `inbox_from`, the first that waits, entered the inbox, in milliseconds.
    pub oldest_ms: Option<u64>,
}

/// The commitment is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostReceipt {
    /// Its hash.
    pub commitment: B256,
    /// Sequence number of its log entry.
    pub log_seq: u64,
    /// Whether it had been posted before.
    pub duplicate: bool,
    /// Its state.
    pub status: Status,
}

/// Why a commitment is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostRefusal {
    /// For another chain.
    #[error("the commitment is for chain id {got}; this service settles chain id {want}")]
    WrongChain {
        /// In the commitment.
        got: u64,
        /// Of this service.
        want: u64,
    },
    /// Made under another chain configuration.
    #[error("the commitment's config hash is {got}; this service has {want}: compare the genesis files")]
    WrongConfig {
        /// In the commitment.
        got: B256,
        /// Of this service.
        want: B256,
    },
    /// No signer.
    #[error("commitment signature: {0}")]
    BadSignature(#[from] SignatureError),
    /// Signed by another key.
    #[error("the commitment is signed by {got}; commitments are taken from {want}")]
    UnknownSigner {
        /// Who signed.
        got: Address,
        /// The sequencer.
        want: Address,
    },
    /// Another commitment with this index and parent stands.
    #[error(
        "commitment {stands} was signed for batch {index} before; the evidence is in the log and posting is frozen"
    )]
    Equivocation {
        /// The batch.
        index: u64,
        /// The commitment that stands.
        stands: B256,
    },
    /// The sequencer has equivocated, or broken a promise.
    #[error("posting is frozen: the sequencer signed two commitments for one place, or two blocks with one number")]
    PostingFrozen,
    /// A newer sequencer has posted.
    #[error("the commitment's epoch is {got}; epoch {current} has posted already")]
    StaleEpoch {
        /// In the commitment.
        got: u64,
        /// The highest so far.
        current: u64,
    },
    /// Far above every epoch before.
    #[error("the commitment's epoch is {got}, too far above {current}")]
    EpochAhead {
        /// In the commitment.
        got: u64,
        /// The highest so far.
        current: u64,
    },
    /// It does not fit the chain.
    #[error(transparent)]
    Lineage(#[from] LineageRefusal),
    /// Too many came in a short time. The service counts them; the machine knows no rate.
    #[error("{limit} commitments a minute are taken (max_posts_per_minute); the next one in {wait_ms} ms")]
    TooOften {
        /// The limit.
        limit: u32,
        /// When the same commitment would be taken, in milliseconds from now.
        wait_ms: u64,
    },
    /// Too many commitments wait.
    #[error("{limit} commitments wait for finality (max_pending_commitments); try again later")]
    TooManyPending {
        /// The limit.
        limit: usize,
    },
}

impl PostRefusal {
    /// The stable reason in UPPER_SNAKE_CASE.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::WrongChain { .. } => "WRONG_CHAIN",
            Self::WrongConfig { .. } => "WRONG_CONFIG",
            Self::BadSignature(_) => "BAD_SIGNATURE",
            Self::UnknownSigner { .. } => "UNKNOWN_SIGNER",
            Self::Equivocation { .. } => "EQUIVOCATION",
            Self::PostingFrozen => "POSTING_FROZEN",
            Self::StaleEpoch { .. } => "STALE_EPOCH",
            Self::EpochAhead { .. } => "EPOCH_AHEAD",
            Self::Lineage(refusal) => refusal.reason(),
            Self::TooOften { .. } => "POST_RATE",
            Self::TooManyPending { .. } => "TOO_MANY_PENDING",
        }
    }
}

impl Chain {
    /// Takes a commitment as the new tip. Idempotent: the same commitment again yields the first receipt, also after
    /// its key was replaced.
    pub fn post(
        &mut self,
        now_ms: u64,
        signed: &SignedBatch,
        facts: &PostFacts,
        out: &mut Vec<Effect>,
    ) -> Result<PostReceipt, PostRefusal> {
        let signer = self.authenticate(signed)?;
        let commitment = signed.header.hash();
        if let Some((log_seq, status)) = facts.known {
            return Ok(PostReceipt { commitment, log_seq, duplicate: true, status });
        }
        let want = self.posting_key();
        if signer != want {
            return Err(PostRefusal::UnknownSigner { got: signer, want });
        }
        if let Some(rival) = facts.rival.as_ref().filter(|rival| contradicts(rival, signed, signer)) {
            return Err(self.equivocation(now_ms, rival, signed, out));
        }
        self.admit(now_ms, signed, facts)?;
        Ok(self.accept(now_ms, signed, commitment, out))
    }

    /// It is for this chain. Returns who signed it.
    fn authenticate(&self, signed: &SignedBatch) -> Result<Address, PostRefusal> {
        let (header, rules) = (&signed.header, &self.rules);
        if header.chain_id != rules.chain_id {
            return Err(PostRefusal::WrongChain { got: header.chain_id, want: rules.chain_id });
        }
        if header.config_hash != rules.config_hash {
            return Err(PostRefusal::WrongConfig { got: header.config_hash, want: rules.config_hash });
        }
        Ok(signed.signer()?)
    }

    fn admit(&self, now_ms: u64, signed: &SignedBatch, facts: &PostFacts) -> Result<(), PostRefusal> {
        if self.head.frozen {
            return Err(PostRefusal::PostingFrozen);
        }
        let (got, current) = (signed.header.leader_epoch, self.head.epoch);
        if got < current {
            return Err(PostRefusal::StaleEpoch { got, current });
        }
        if got - current > MAX_EPOCH_STEP {
            return Err(PostRefusal::EpochAhead { got, current });
        }
        lineage::check(&signed.header, &self.parent(), &self.rules, self.log_time(now_ms), facts)?;
        let limit = self.limits.max_pending_commitments;
        if self.pending.len() >= limit {
            return Err(PostRefusal::TooManyPending { limit });
        }
        Ok(())
    }

    fn accept(&mut self, now_ms: u64, signed: &SignedBatch, commitment: B256, out: &mut Vec<Effect>) -> PostReceipt {
        let log_seq = self.append(now_ms, Event::Posted(Box::new(signed.clone())), out);
        self.head.epoch = signed.header.leader_epoch;
        let record = Record {
            signed: signed.clone(),
            commitment,
            status: Status::Posted,
            log_seq,
            posted_ms: self.head.log_time_ms,
            available_ms: None,
            finalized_ms: None,
            votes: Vec::new(),
            rejection: None,
            generation: self.head.generation,
        };
        self.pending.push_back(Arc::new(record.clone()));
        self.update_tip();
        out.push(Effect::Save(Box::new(record)));
        PostReceipt { commitment, log_seq, duplicate: false, status: Status::Posted }
    }

    /// Records the evidence, once: one pair proves the fault, and more would let the faulty key fill the log.
    fn equivocation(
        &mut self,
        now_ms: u64,
        first: &SignedBatch,
        second: &SignedBatch,
        out: &mut Vec<Effect>,
    ) -> PostRefusal {
        if !self.head.frozen {
            let evidence = Equivocation { first: first.clone(), second: second.clone() };
            self.append(now_ms, Event::Equivocation(Box::new(evidence)), out);
            self.head.frozen = true;
        }
        PostRefusal::Equivocation { index: first.header.batch_index, stands: first.header.hash() }
    }
}

/// Whether two different commitments of one signer claim one place. The chain is known to be the same; the signer is not:
/// the rival may be of a key that was replaced since, and nobody has signed a forced batch.
fn contradicts(rival: &SignedBatch, signed: &SignedBatch, signer: Address) -> bool {
    let place = |signed: &SignedBatch| {
        let header = &signed.header;
        (header.batch_index, header.parent_commitment, header.leader_epoch)
    };
    place(rival) == place(signed) && rival.header != signed.header && rival.signer() == Ok(signer)
}
