//! Refusals and failures as gRPC codes with stable reasons.

use std::fmt;

use tonic::{Code, Status};
use weft_settlement::{InboxRefusal, LineageRefusal, PostRefusal};
use weft_wire::status::{Plain, Reason, status};

use crate::engine::Failure;

/// A refusal with its code: the domain knows no gRPC.
struct Coded<'a, R> {
    refusal: &'a R,
    code: Code,
    reason: &'static str,
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
        PostRefusal::UnknownSigner { .. } | PostRefusal::PostingFrozen | PostRefusal::StaleEpoch { .. } => {
            Code::PermissionDenied
        }
        PostRefusal::Equivocation { .. } => Code::AlreadyExists,
        PostRefusal::Lineage(_) => Code::FailedPrecondition,
        PostRefusal::TooManyPending { .. } => Code::ResourceExhausted,
    };
    status(&Coded { reason: refusal.reason(), refusal: &refusal, code })
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
    status(&Coded { reason: refusal.reason(), refusal: &refusal, code })
}

fn common<R: fmt::Display>(failure: &Failure<R>) -> Status {
    match failure {
        Failure::Busy => Plain::exhausted("BUSY", failure.to_string()).into(),
        Failure::Refused(_) | Failure::Store(_) | Failure::Stopped => Plain::unavailable(failure.to_string()).into(),
    }
}
