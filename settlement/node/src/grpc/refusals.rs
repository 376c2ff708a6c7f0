//! Refusals and failures as gRPC codes with stable reasons.

use std::fmt;
use std::time::Duration;

use tonic::{Code, Status};
use weft_settlement::{
    BridgeRefusal, ChallengeRefusal, InboxRefusal, KeyRefusal, LineageRefusal, PostRefusal, PromiseRefusal, VoteRefusal,
};
use weft_wire::status::{Plain, Reason, status};

use crate::challenge::Refused;
use crate::engine::Failure;
use crate::verifier::ForceFailure;

/// A refusal with its code: the domain knows no gRPC.
struct Coded<'a, R> {
    refusal: &'a R,
    code: Code,
    reason: &'static str,
    wait: Option<Duration>,
}

impl<R: fmt::Display> fmt::Display for Coded<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl<R: fmt::Display> Reason for Coded<'_, R> {
    fn code(&self) -> Code {
        self.code
    }

    fn reason(&self) -> &'static str {
        self.reason
    }

    fn retry_after(&self) -> Option<Duration> {
        self.wait
    }
}

fn coded<R: fmt::Display>(refusal: &R, code: Code, reason: &'static str) -> Status {
    status(&Coded { refusal, code, reason, wait: None })
}

/// Why a commitment was not taken.
pub(super) fn post(failure: Failure<PostRefusal>) -> Status {
    let refusal = match failure {
        Failure::Refused(refusal) => refusal,
        other => return common(&other),
    };
    let code = match &refusal {
        PostRefusal::WrongChain { .. }
        | PostRefusal::WrongConfig { .. }
        | PostRefusal::BadSignature(_)
        | PostRefusal::Lineage(LineageRefusal::Malformed(_)) => Code::InvalidArgument,
        PostRefusal::UnknownSigner { .. }
        | PostRefusal::PostingFrozen
        | PostRefusal::StaleEpoch { .. }
        | PostRefusal::EpochAhead { .. } => Code::PermissionDenied,
        PostRefusal::Equivocation { .. } => Code::AlreadyExists,
        PostRefusal::Lineage(_) => Code::FailedPrecondition,
        PostRefusal::TooManyPending { .. } | PostRefusal::TooOften { .. } => Code::ResourceExhausted,
    };
    let wait = match &refusal {
        PostRefusal::TooOften { wait_ms, .. } => Some(Duration::from_millis(*wait_ms)),
        _ => None,
    };
    status(&Coded { reason: refusal.reason(), refusal: &refusal, code, wait })
}

/// Why a transaction did not enter the inbox.
pub(super) fn inbox(failure: Failure<InboxRefusal>) -> Status {
    let refusal = match failure {
        Failure::Refused(refusal) => refusal,
        other => return common(&other),
    };
    let code = match &refusal {
        InboxRefusal::BadTransaction(_) => Code::InvalidArgument,
        InboxRefusal::Full { .. } => Code::ResourceExhausted,
    };
    coded(&refusal, code, refusal.reason())
}

/// Why the posting key was not changed.
pub(super) fn key(failure: Failure<KeyRefusal>) -> Status {
    let refusal = match failure {
        Failure::Refused(refusal) => refusal,
        other => return common(&other),
    };
    let code = match &refusal {
        KeyRefusal::WrongChain { .. }
        | KeyRefusal::WrongConfig { .. }
        | KeyRefusal::ZeroKey
        | KeyRefusal::BadSignature(_) => Code::InvalidArgument,
        KeyRefusal::UnknownSigner { .. } | KeyRefusal::AdminNeeded => Code::PermissionDenied,
        KeyRefusal::StaleEpoch { .. } | KeyRefusal::EpochAhead { .. } => Code::FailedPrecondition,
    };
    coded(&refusal, code, refusal.reason())
}

/// Why a report of a broken promise was not taken.
pub(super) fn promise(failure: Failure<PromiseRefusal>) -> Status {
    match failure {
        Failure::Refused(refusal) => promise_rules(&refusal),
        other => common(&other),
    }
}

/// The same, before the engine was asked.
pub(super) fn promise_rules(refusal: &PromiseRefusal) -> Status {
    let code = match refusal {
        PromiseRefusal::WrongChain { .. }
        | PromiseRefusal::WrongConfig { .. }
        | PromiseRefusal::BadSignature(_)
        | PromiseRefusal::Evidence(_) => Code::InvalidArgument,
        PromiseRefusal::UnknownSigner { .. } => Code::PermissionDenied,
        PromiseRefusal::PostingFrozen
        | PromiseRefusal::UnknownBase(_)
        | PromiseRefusal::UnknownCommitment(_)
        | PromiseRefusal::NotAfterBase { .. }
        | PromiseRefusal::Void(_)
        | PromiseRefusal::Kept(_) => Code::FailedPrecondition,
    };
    coded(refusal, code, refusal.reason())
}

/// Why a verifier's verdict was not taken.
pub(super) fn vote(failure: Failure<VoteRefusal>) -> Status {
    let refusal = match failure {
        Failure::Refused(refusal) => refusal,
        other => return common(&other),
    };
    let code = match &refusal {
        VoteRefusal::BadSignature(_) => Code::InvalidArgument,
        VoteRefusal::UnknownVerifier(_) => Code::PermissionDenied,
        VoteRefusal::Contradiction { .. } => Code::AlreadyExists,
        VoteRefusal::NotPending(_) | VoteRefusal::WrongVersion { .. } | VoteRefusal::ChallengeInstead => {
            Code::FailedPrecondition
        }
    };
    coded(&refusal, code, refusal.reason())
}

/// Why a challenge was not judged, or no forced batch made on a witness.
pub(super) fn challenge(refused: &Refused) -> Status {
    let (code, reason) = match refused {
        Refused::Rules(refusal) => (challenge_code(refusal), refusal.reason()),
        Refused::Force(refusal) => (Code::FailedPrecondition, refusal.reason()),
        Refused::Incomplete(_) => (Code::FailedPrecondition, "WITNESS_INCOMPLETE"),
        Refused::WrongParent(_) => (Code::InvalidArgument, "WRONG_PARENT"),
        Refused::TooLarge { .. } => (Code::InvalidArgument, "WITNESS_TOO_LARGE"),
        Refused::TooMany { .. } | Refused::BeingJudged(_) => (Code::ResourceExhausted, "CHALLENGES_BUSY"),
        Refused::Failed(_) => (Code::Unavailable, "UNAVAILABLE"),
    };
    coded(refused, code, reason)
}

const fn challenge_code(refusal: &ChallengeRefusal) -> Code {
    match refusal {
        ChallengeRefusal::WrongVersion { .. } => Code::Internal,
        ChallengeRefusal::NotOptimistic
        | ChallengeRefusal::NotPending(_)
        | ChallengeRefusal::NotAvailable(_)
        | ChallengeRefusal::AlreadyVerified(_)
        | ChallengeRefusal::TooLate { .. } => Code::FailedPrecondition,
    }
}

/// Why there is no forced batch.
pub(super) fn force(failure: ForceFailure) -> Status {
    let refusal = match failure {
        ForceFailure::Engine(Failure::Refused(refusal)) => refusal,
        ForceFailure::Engine(other) => return common(&other),
        ForceFailure::WitnessNeeded => {
            return Plain::precondition("WITNESS_NEEDED", failure.to_string()).into();
        }
        ForceFailure::NotNow(_) => return Plain::unavailable(failure.to_string()).into(),
    };
    status(&Coded { reason: refusal.reason(), refusal: &refusal, code: Code::FailedPrecondition, wait: None })
}

/// Why value did not move.
pub(super) fn bridge(failure: Failure<BridgeRefusal>) -> Status {
    let refusal = match failure {
        Failure::Refused(refusal) => refusal,
        other => return common(&other),
    };
    let code = match &refusal {
        BridgeRefusal::BadSignature(_) | BridgeRefusal::Nothing | BridgeRefusal::WrongProof(_) => Code::InvalidArgument,
        BridgeRefusal::WrongSigner { .. } | BridgeRefusal::NoAdmin => Code::PermissionDenied,
        BridgeRefusal::WrongNonce { .. }
        | BridgeRefusal::Supply
        | BridgeRefusal::InsufficientBalance { .. }
        | BridgeRefusal::NotFinal(_)
        | BridgeRefusal::InsufficientEscrow { .. } => Code::FailedPrecondition,
        BridgeRefusal::AlreadyClaimed(_) => Code::AlreadyExists,
        BridgeRefusal::InboxFull { .. } => Code::ResourceExhausted,
    };
    status(&Coded { reason: refusal.reason(), refusal: &refusal, code, wait: None })
}

fn common<R: fmt::Display>(failure: &Failure<R>) -> Status {
    match failure {
        Failure::Busy => Plain::exhausted("BUSY", failure.to_string()).into(),
        Failure::Refused(_) | Failure::Store(_) | Failure::Behind | Failure::Stopped => {
            Plain::unavailable(failure.to_string()).into()
        }
    }
}
