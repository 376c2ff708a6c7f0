//! Settlement's own verdicts: from posted to final, or to rejected.
//!
//! That nothing could be decided yet is no verdict and never comes here.

use std::sync::Arc;

use alloy_primitives::B256;

use super::terms::Mode;
use super::{Chain, Effect, Status};
use crate::log::{AvailabilityVerdict, Event, ExecutionVerdict, RejectReason};

/// What sampling found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampled {
    /// The data is there, with the configured confidence.
    Available,
    /// The DA layer answers, but not with enough valid samples. Counts only after the deadline.
    Withheld,
    /// The signed DA header shows that the block does not hold the payload. Counts at once.
    NotInDaBlock,
    /// A sampled row proves that the DA block is wrongly encoded. Counts at once.
    WrongEncoding,
}

impl Sampled {
    /// Why the commitment is rejected; `None` if it is not.
    pub const fn reject_reason(self) -> Option<RejectReason> {
        match self {
            Self::Available => None,
            Self::Withheld => Some(RejectReason::Unavailable),
            Self::NotInDaBlock => Some(RejectReason::NotInDaBlock),
            Self::WrongEncoding => Some(RejectReason::WrongEncoding),
        }
    }

    /// Inverse of [`Sampled::reject_reason`].
    pub(super) fn from_reject_reason(reason: RejectReason) -> Option<Self> {
        [Self::Withheld, Self::NotInDaBlock, Self::WrongEncoding]
            .into_iter()
            .find(|sampled| sampled.reject_reason() == Some(reason))
    }
}

/// What re-execution found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Every claim holds.
    Valid,
    /// Some claim does not.
    Invalid {
        /// Why.
        reason: RejectReason,
        /// The block that broke the rules, if one did.
        block: Option<u64>,
    },
}

/// Why a verdict is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerdictRefusal {
    /// No canonical commitment that waits for a verdict has this hash.
    #[error("commitment {0} does not wait for a verdict")]
    NotPending(B256),
    /// It waits for another verdict.
    #[error("commitment {commitment} is {}, which this verdict does not apply to", .status.as_str())]
    WrongStatus {
        /// Which.
        commitment: B256,
        /// Its state.
        status: Status,
    },
    /// Missing data has until then to appear.
    #[error("data may be missing until {deadline_ms} ms")]
    TooEarly {
        /// In milliseconds of log time.
        deadline_ms: u64,
    },
    /// Judged by another version.
    #[error("the verdict is by version {got} of the state transition function; this chain runs {want}")]
    WrongVersion {
        /// Of the verdict.
        got: u32,
        /// Of the chain.
        want: u32,
    },
    /// Settlement re-executes only what is challenged.
    #[error("in mode optimistic verdicts come by challenge")]
    Optimistic,
}

impl Chain {
    /// Takes what sampling found for a posted commitment.
    pub fn judge_availability(
        &mut self,
        now_ms: u64,
        commitment: B256,
        sampled: Sampled,
        out: &mut Vec<Effect>,
    ) -> Result<(), VerdictRefusal> {
        let at = self.waiting(commitment, Status::Posted)?;
        let record = &self.pending[at];
        let batch_index = record.signed.header.batch_index;
        let deadline_ms = record.posted_ms.saturating_add(self.rules.terms.availability_deadline_ms);
        if sampled == Sampled::Withheld && self.log_time(now_ms) < deadline_ms {
            return Err(VerdictRefusal::TooEarly { deadline_ms });
        }
        let available = sampled == Sampled::Available;
        self.append(now_ms, Event::Availability(AvailabilityVerdict { batch_index, commitment, available }), out);
        match sampled.reject_reason() {
            None => {
                Arc::make_mut(&mut self.pending[at]).available_ms = Some(self.head.log_time_ms);
                self.set_status(at, Status::Available, out);
            }
            Some(reason) => self.reject(now_ms, at, reason, None, out),
        }
        Ok(())
    }

    /// In mode `verified`: takes what re-execution found for an available commitment, and makes final what may be.
    pub fn judge_execution(
        &mut self,
        now_ms: u64,
        commitment: B256,
        stf_version: u32,
        judgement: Judgement,
        out: &mut Vec<Effect>,
    ) -> Result<(), VerdictRefusal> {
        if stf_version != self.rules.stf_version {
            return Err(VerdictRefusal::WrongVersion { got: stf_version, want: self.rules.stf_version });
        }
        if self.rules.terms.mode != Mode::Verified {
            return Err(VerdictRefusal::Optimistic);
        }
        let at = self.waiting(commitment, Status::Available)?;
        let batch_index = self.pending[at].signed.header.batch_index;
        let valid = judgement == Judgement::Valid;
        self.append(now_ms, Event::Verdict(ExecutionVerdict { batch_index, commitment, valid, stf_version }), out);
        match judgement {
            Judgement::Valid => {
                self.set_status(at, Status::Verified, out);
                self.finalize_judged(now_ms, out);
            }
            Judgement::Invalid { reason, block } => self.reject(now_ms, at, reason, block, out),
        }
        Ok(())
    }

    fn waiting(&self, commitment: B256, want: Status) -> Result<usize, VerdictRefusal> {
        let at = self.position(commitment).ok_or(VerdictRefusal::NotPending(commitment))?;
        match self.pending[at].status {
            status if status == want => Ok(at),
            status => Err(VerdictRefusal::WrongStatus { commitment, status }),
        }
    }

    pub(super) fn set_status(&mut self, at: usize, status: Status, out: &mut Vec<Effect>) {
        let record = Arc::make_mut(&mut self.pending[at]);
        record.status = status;
        out.push(Effect::Save(Box::new(record.clone())));
    }
}
