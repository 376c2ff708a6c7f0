//! What becomes of errors: code and reason of each, logged or counted here, once.

use std::time::Duration;

use tonic::{Code, Status};
use weft_primitives::Namespace;
use weft_wire::status::{Reason, status};

use crate::archive::ArchiveError;
use crate::custody::{GatherError, NotCertified};
use crate::intake::{Intake, PutError};
use crate::reader::ReadError;

impl Reason for PutError {
    fn code(&self) -> Code {
        match self {
            Self::Empty => Code::InvalidArgument,
            Self::Closed | Self::Key { .. } => Code::PermissionDenied,
            // Waiting alone does not help.
            Self::Quota { .. } => Code::FailedPrecondition,
            Self::TooLarge { .. }
            | Self::Rate { .. }
            | Self::NamespaceFull { .. }
            | Self::Full { .. }
            | Self::DiskFull { .. }
            | Self::Uncertified { .. } => Code::ResourceExhausted,
            Self::Slow { .. } => Code::DeadlineExceeded,
            Self::Stopped => Code::Unavailable,
            Self::Store(_) => Code::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "EMPTY_BLOB",
            Self::TooLarge { .. } => "BLOB_TOO_LARGE",
            Self::Closed => "NAMESPACE_CLOSED",
            Self::Key { .. } => "NAMESPACE_KEY",
            Self::Quota { .. } => "NAMESPACE_QUOTA",
            Self::Rate { .. } => "NAMESPACE_RATE",
            Self::NamespaceFull { .. } => "NAMESPACE_FULL",
            Self::Slow { .. } => "RECEIVE_TIMEOUT",
            Self::Full { .. } => "INTAKE_FULL",
            Self::DiskFull { .. } => "STORE_FULL",
            Self::Uncertified { .. } => "UNCERTIFIED",
            Self::Stopped => "UNAVAILABLE",
            Self::Store(_) => "INTERNAL",
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Rate { wait } => Some(*wait),
            _ => None,
        }
    }
}

impl Reason for NotCertified {
    fn code(&self) -> Code {
        Code::Unavailable
    }

    fn reason(&self) -> &'static str {
        "NOT_CERTIFIED"
    }
}

impl Reason for GatherError {
    fn code(&self) -> Code {
        match self {
            Self::TooFew { .. } | Self::NoFrame(_) => Code::Unavailable,
            Self::Rebuild { .. } | Self::Blob(_) => Code::DataLoss,
            Self::Store(_) | Self::Panicked => Code::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::TooFew { .. } | Self::NoFrame(_) => "ROWS_UNAVAILABLE",
            Self::Rebuild { .. } => "WRONG_ENCODING",
            Self::Blob(_) => "WRONG_BLOB",
            Self::Store(_) | Self::Panicked => "INTERNAL",
        }
    }
}

impl Reason for ReadError {
    fn code(&self) -> Code {
        match self {
            Self::Store(_) => Code::Internal,
            Self::Archive(ArchiveError::Busy { .. }) => Code::ResourceExhausted,
            Self::Archive(_) => Code::Unavailable,
            Self::RowsPruned { .. } | Self::BlobPruned { .. } => Code::NotFound,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Store(_) => "INTERNAL",
            Self::Archive(ArchiveError::Busy { .. }) => "ARCHIVE_BUSY",
            Self::Archive(_) => "ARCHIVE_UNAVAILABLE",
            Self::RowsPruned { .. } | Self::BlobPruned { .. } => "PRUNED",
        }
    }
}

/// A read that failed, as an answer.
pub(crate) fn unreadable(error: ReadError) -> Status {
    match &error {
        ReadError::Store(error) => tracing::error!(%error, "store"),
        ReadError::Archive(error) => tracing::warn!(%error, "a read from the archive failed"),
        ReadError::RowsPruned { .. } | ReadError::BlobPruned { .. } => {
            metrics::counter!("weft_da_pruned_reads_total").increment(1);
        }
    }
    status(&error)
}

/// A put that is refused, as an answer.
pub(super) fn refused(intake: &Intake, namespace: &Namespace, error: &PutError) -> Status {
    let label = intake.label(namespace);
    metrics::counter!("weft_da_puts_refused_total", "reason" => error.reason(), "namespace" => label).increment(1);
    status(error)
}
