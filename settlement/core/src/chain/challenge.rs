//! Challenges: in mode `optimistic` anyone may show, with a witness, that a commitment is false.
//!
//! One round: whoever keeps the log runs the batch on the witness, and what
//! comes of it decides. The challenge enters the log together with its
//! outcome. One that decides nothing never comes here; a commitment that was
//! challenged in vain is VERIFIED and cannot be challenged again, so a
//! commitment has at most one challenge in the log.

use alloy_primitives::B256;

use super::terms::Mode;
use super::{Chain, Effect, Judgement, Status};
use crate::log::{self, Event, ExecutionVerdict};

/// Why a challenge is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeRefusal {
    /// Settlement judges for itself.
    #[error("this chain's mode is verified: settlement re-executes every batch, and there is nothing to challenge")]
    NotOptimistic,
    /// No canonical commitment that waits for finality has this hash.
    #[error("commitment {0} does not wait for finality: it is final, has fallen, or was never posted")]
    NotPending(B256),
    /// Its data was not sampled yet.
    #[error("commitment {0} cannot be challenged yet: its data has not been sampled")]
    NotAvailable(B256),
    /// Re-execution has agreed before.
    #[error("commitment {0} was challenged before, and re-execution agreed with it")]
    AlreadyVerified(B256),
    /// The window is over.
    #[error("the challenge window of commitment {commitment} ended at {end_ms} ms")]
    TooLate {
        /// Which.
        commitment: B256,
        /// When, in milliseconds of log time.
        end_ms: u64,
    },
    /// Judged by another version.
    #[error("the outcome is by version {got} of the state transition function; this chain runs {want}")]
    WrongVersion {
        /// Of the outcome.
        got: u32,
        /// Of the chain.
        want: u32,
    },
}

impl ChallengeRefusal {
    /// The stable reason in UPPER_SNAKE_CASE.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotOptimistic => "NOT_OPTIMISTIC",
            Self::NotPending(_) => "NOT_PENDING",
            Self::NotAvailable(_) => "NOT_AVAILABLE",
            Self::AlreadyVerified(_) => "ALREADY_VERIFIED",
            Self::TooLate { .. } => "TOO_LATE",
            Self::WrongVersion { .. } => "WRONG_VERSION",
        }
    }
}

impl Chain {
    /// Whether a challenge that comes now would be judged. One that was taken in time may end after the window, as
    /// long as whoever judges it does not make the commitment final meanwhile.
    pub fn may_challenge(&self, now_ms: u64, commitment: B256) -> Result<(), ChallengeRefusal> {
        let record = &self.pending[self.challenged(commitment)?];
        match self.window_ends_ms(record) {
            Some(end_ms) if end_ms <= self.log_time(now_ms) => Err(ChallengeRefusal::TooLate { commitment, end_ms }),
            _ => Ok(()),
        }
    }

    /// Takes a challenge together with what judging it found. Returns the sequence number of its log entry.
    pub fn challenge(
        &mut self,
        now_ms: u64,
        commitment: B256,
        witness_hash: B256,
        stf_version: u32,
        judgement: Judgement,
        out: &mut Vec<Effect>,
    ) -> Result<u64, ChallengeRefusal> {
        if stf_version != self.rules.stf_version {
            return Err(ChallengeRefusal::WrongVersion { got: stf_version, want: self.rules.stf_version });
        }
        let at = self.challenged(commitment)?;
        let batch_index = self.pending[at].signed.header.batch_index;
        let challenge = log::Challenge { batch_index, commitment, witness_hash };
        let seq = self.append(now_ms, Event::Challenge(challenge), out);
        let valid = judgement == Judgement::Valid;
        let outcome = ExecutionVerdict { batch_index, commitment, valid, stf_version };
        self.append(now_ms, Event::ChallengeOutcome(outcome), out);
        match judgement {
            Judgement::Valid => self.set_status(at, Status::Verified, out),
            Judgement::Invalid { reason, block } => self.reject(now_ms, at, reason, block, out),
        }
        Ok(seq)
    }

    /// Where the commitment is, if it can be challenged at all.
    fn challenged(&self, commitment: B256) -> Result<usize, ChallengeRefusal> {
        if self.rules.terms.mode == Mode::Verified {
            return Err(ChallengeRefusal::NotOptimistic);
        }
        let at = self.position(commitment).ok_or(ChallengeRefusal::NotPending(commitment))?;
        match self.pending[at].status {
            Status::Available => Ok(at),
            Status::Posted => Err(ChallengeRefusal::NotAvailable(commitment)),
            Status::Verified => Err(ChallengeRefusal::AlreadyVerified(commitment)),
            Status::Finalized | Status::Rejected | Status::Orphaned => Err(ChallengeRefusal::NotPending(commitment)),
        }
    }
}
