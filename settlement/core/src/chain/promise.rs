//! Broken promises: the sequencer told one block and committed to another.
//!
//! A promise is broken if a canonical commitment after its base has another
//! block in its place. It is void if, in the log after the base, a forced batch
//! came before that commitment (taking blocks back is then the sequencer's
//! right), or the posting key changed: what was signed before a key change
//! counts no more, and a key that the admin takes again begins anew. With
//! neither, all commitments after the base are the posting key's own, so both
//! signatures are of one hand. A rejection does not void a promise: else a
//! sequencer could get rid of one by withholding its own data.
//!
//! That the commitment has that other block was shown by headers
//! ([`weft_primitives::promise::Trail`]), which are not in the log: a replay
//! takes it from the log, and whoever executes the batch sees it.

use alloy_primitives::{Address, B256};
use weft_primitives::promise::EvidenceFault;
use weft_primitives::signer::SignatureError;

use super::{Chain, Effect, Record};
use crate::log::{BrokenPromise, Event};

/// What the machine has to look up to judge a promise, as of now.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PromiseFacts {
    /// The log entry that has recorded this promise as broken.
    pub known: Option<u64>,
    /// The commitment that it builds on.
    pub base: Option<Record>,
    /// The commitment that is said to have another block.
    pub commitment: Option<Record>,
    /// The first log entry after the base (after the beginning, if that is unknown) that is a forced batch not after the
    /// commitment, or a key change.
    pub voided: Option<u64>,
}

/// The broken promise is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PromiseReceipt {
    /// Sequence number of its log entry.
    pub log_seq: u64,
    /// Whether it had been recorded before.
    pub duplicate: bool,
}

/// Why a report of a broken promise is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromiseRefusal {
    /// For another chain.
    #[error("the promise is for chain id {got}; this chain is {want}")]
    WrongChain {
        /// In the promise.
        got: u64,
        /// Of this chain.
        want: u64,
    },
    /// Made under another chain configuration.
    #[error("the promise's config hash is {got}; this chain has {want}: compare the genesis files")]
    WrongConfig {
        /// In the promise.
        got: B256,
        /// Of this chain.
        want: B256,
    },
    /// No signer.
    #[error("promise signature: {0}")]
    BadSignature(#[from] SignatureError),
    /// Of another key than the one that posts.
    #[error("the promise is signed by {got}; only {want}, whose commitments are taken, can be frozen")]
    UnknownSigner {
        /// Who signed.
        got: Address,
        /// The posting key.
        want: Address,
    },
    /// Posting is frozen already.
    #[error("posting is frozen already")]
    PostingFrozen,
    /// What it builds on is not part of the chain.
    #[error("the promise builds on commitment {0}, which is not canonical: it says nothing about this chain")]
    UnknownBase(B256),
    /// No such commitment is part of the chain.
    #[error("commitment {0} is not canonical: report it when it is posted")]
    UnknownCommitment(B256),
    /// The commitment is not after the base.
    #[error("the commitment is for batch {got}, and not after the promise's base: there is nothing to compare")]
    NotAfterBase {
        /// The commitment's batch.
        got: u64,
    },
    /// A forced batch or a key change came between.
    #[error("the promise is void: since its base there was a forced batch or a key change (log entry {0})")]
    Void(u64),
    /// The headers do not show it.
    #[error(transparent)]
    Evidence(#[from] EvidenceFault),
    /// The promise was kept.
    #[error("the promise was kept: block {0} is the one that was promised")]
    Kept(u64),
}

impl PromiseRefusal {
    /// The stable reason in UPPER_SNAKE_CASE.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::WrongChain { .. } => "WRONG_CHAIN",
            Self::WrongConfig { .. } => "WRONG_CONFIG",
            Self::BadSignature(_) => "BAD_SIGNATURE",
            Self::UnknownSigner { .. } => "UNKNOWN_SIGNER",
            Self::PostingFrozen => "POSTING_FROZEN",
            Self::UnknownBase(_) => "UNKNOWN_BASE",
            Self::UnknownCommitment(_) => "UNKNOWN_COMMITMENT",
            Self::NotAfterBase { .. } => "NOT_AFTER_BASE",
            Self::Void(_) => "VOID",
            Self::Evidence(EvidenceFault::OutsideBatch { .. }) => "OUTSIDE_BATCH",
            Self::Evidence(EvidenceFault::Short { .. } | EvidenceFault::Unlinked(_)) => "UNLINKED",
            Self::Kept(_) => "KEPT",
        }
    }
}

impl Chain {
    /// Records that a promise was broken, and freezes posting. `stands` of `broken` was shown by headers, if it is not
    /// the batch's last block. Idempotent: the same promise again yields the first receipt.
    pub fn report_promise(
        &mut self,
        now_ms: u64,
        broken: &BrokenPromise,
        facts: &PromiseFacts,
        out: &mut Vec<Effect>,
    ) -> Result<PromiseReceipt, PromiseRefusal> {
        if let Some(log_seq) = self.judge_promise(broken, facts)? {
            return Ok(PromiseReceipt { log_seq, duplicate: true });
        }
        let log_seq = self.append(now_ms, Event::BrokenPromise(Box::new(*broken)), out);
        self.head.frozen = true;
        Ok(PromiseReceipt { log_seq, duplicate: false })
    }

    /// Whether a report would be taken; the log entry, if it was before.
    pub fn judge_promise(&self, broken: &BrokenPromise, facts: &PromiseFacts) -> Result<Option<u64>, PromiseRefusal> {
        let (promise, rules) = (&broken.promise.promise, &self.rules);
        if promise.chain_id != rules.chain_id {
            return Err(PromiseRefusal::WrongChain { got: promise.chain_id, want: rules.chain_id });
        }
        if promise.config_hash != rules.config_hash {
            return Err(PromiseRefusal::WrongConfig { got: promise.config_hash, want: rules.config_hash });
        }
        let signer = broken.promise.signer()?;
        if facts.known.is_some() {
            return Ok(facts.known);
        }
        let want = self.posting_key();
        if signer != want {
            return Err(PromiseRefusal::UnknownSigner { got: signer, want });
        }
        if self.head.frozen {
            return Err(PromiseRefusal::PostingFrozen);
        }
        let canonical = |record: &Option<Record>| record.clone().filter(|record| record.status.is_canonical());
        let base = match canonical(&facts.base) {
            None if !promise.base.is_zero() => return Err(PromiseRefusal::UnknownBase(promise.base)),
            base => base,
        };
        let commitment = canonical(&facts.commitment).ok_or(PromiseRefusal::UnknownCommitment(broken.commitment))?;
        let claim = &commitment.signed.header;
        if base.is_some_and(|base| base.signed.header.batch_index >= claim.batch_index) {
            return Err(PromiseRefusal::NotAfterBase { got: claim.batch_index });
        }
        if let Some(log_seq) = facts.voided {
            return Err(PromiseRefusal::Void(log_seq));
        }
        let (number, first, last) = (promise.number, claim.first_block, claim.last_block);
        if !(first..=last).contains(&number) {
            return Err(EvidenceFault::OutsideBatch { number, first, last }.into());
        }
        if number == last && broken.stands != claim.last_block_hash {
            return Err(EvidenceFault::Unlinked(number).into());
        }
        if broken.stands == promise.block_hash {
            return Err(PromiseRefusal::Kept(number));
        }
        Ok(None)
    }
}
