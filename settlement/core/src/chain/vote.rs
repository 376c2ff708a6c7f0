//! Signed verdicts of independent verifiers.
//!
//! Where a chain has verifiers, a commitment becomes final only once enough of
//! them have found it valid. One that finds it invalid rejects nothing by its
//! word: in mode `verified` settlement's own re-execution decides, in mode
//! `optimistic` a challenge does.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use weft_primitives::signer::SignatureError;

use super::terms::Mode;
use super::{Chain, Effect};
use crate::log::Event;
use crate::statement::SignedVerdict;

/// What one verifier found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Whose verdict it is.
    pub verifier: Address,
    /// Whether every claim holds.
    pub valid: bool,
    /// Sequence number of its log entry.
    pub log_seq: u64,
}

/// The verdict is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoteReceipt {
    /// Sequence number of its log entry.
    pub log_seq: u64,
    /// Whether it had been given before.
    pub duplicate: bool,
}

/// Why a verifier's verdict is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoteRefusal {
    /// No signer.
    #[error("verdict signature: {0}")]
    BadSignature(#[from] SignatureError),
    /// Not by a verifier of this chain.
    #[error("the verdict is signed by {0}, who is no verifier of this chain")]
    UnknownVerifier(Address),
    /// No canonical commitment that waits for finality has this hash and index.
    #[error("commitment {0} does not wait for finality: it is final, has fallen, or was never posted")]
    NotPending(B256),
    /// The verifier has said something else before.
    #[error("{verifier} has judged commitment {commitment} otherwise before")]
    Contradiction {
        /// Who.
        verifier: Address,
        /// About what.
        commitment: B256,
    },
    /// Judged by another version.
    #[error("the verdict is by version {got} of the state transition function; this chain runs {want}")]
    WrongVersion {
        /// Of the verdict.
        got: u32,
        /// Of the chain.
        want: u32,
    },
    /// Words do not reject.
    #[error("in mode optimistic a false commitment is rejected by a challenge with a witness, not by a verdict")]
    ChallengeInstead,
}

impl VoteRefusal {
    /// The stable reason in UPPER_SNAKE_CASE.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::BadSignature(_) => "BAD_SIGNATURE",
            Self::UnknownVerifier(_) => "UNKNOWN_VERIFIER",
            Self::NotPending(_) => "NOT_PENDING",
            Self::Contradiction { .. } => "CONTRADICTION",
            Self::WrongVersion { .. } => "WRONG_VERSION",
            Self::ChallengeInstead => "CHALLENGE_INSTEAD",
        }
    }
}

impl Chain {
    /// Takes an independent verifier's verdict. Idempotent while the commitment waits for finality.
    pub fn vote(
        &mut self,
        now_ms: u64,
        signed: &SignedVerdict,
        out: &mut Vec<Effect>,
    ) -> Result<VoteReceipt, VoteRefusal> {
        let (verifier, verdict) = (signed.verifier()?, &signed.verdict);
        let (commitment, terms) = (verdict.commitment, &self.rules.terms);
        if terms.verifiers.binary_search(&verifier).is_err() {
            return Err(VoteRefusal::UnknownVerifier(verifier));
        }
        if verdict.stf_version != self.rules.stf_version {
            return Err(VoteRefusal::WrongVersion { got: verdict.stf_version, want: self.rules.stf_version });
        }
        if terms.mode != Mode::Verified && !verdict.valid {
            return Err(VoteRefusal::ChallengeInstead);
        }
        let at = self.position(commitment).ok_or(VoteRefusal::NotPending(commitment))?;
        let record = &self.pending[at];
        if record.signed.header.batch_index != verdict.batch_index {
            return Err(VoteRefusal::NotPending(commitment));
        }
        if let Some(before) = record.votes.iter().find(|vote| vote.verifier == verifier) {
            return match before.valid == verdict.valid {
                true => Ok(VoteReceipt { log_seq: before.log_seq, duplicate: true }),
                false => Err(VoteRefusal::Contradiction { verifier, commitment }),
            };
        }
        let valid = verdict.valid;
        let log_seq = self.append(now_ms, Event::SignedVerdict(Box::new(*signed)), out);
        let record = Arc::make_mut(&mut self.pending[at]);
        record.votes.push(Vote { verifier, valid, log_seq });
        out.push(Effect::Save(Box::new(record.clone())));
        self.finalize_judged(now_ms, out);
        Ok(VoteReceipt { log_seq, duplicate: false })
    }
}
