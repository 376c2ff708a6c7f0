//! Errors on the wire: a gRPC code, a stable reason in the trailer `weft-reason`, words for people.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

/// Name of the trailer that holds the reason.
pub const REASON_TRAILER: &str = "weft-reason";

/// Name of the trailer that tells how long to wait before trying again, in milliseconds (gRPC's own, proposal A6).
pub const RETRY_TRAILER: &str = "grpc-retry-pushback-ms";

/// An error that has a place in the protocol.
pub trait Reason: fmt::Display {
    /// gRPC code.
    fn code(&self) -> Code;
    /// Stable, UPPER_SNAKE_CASE.
    fn reason(&self) -> &'static str;
    /// After how long the same call may succeed, where that is known.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// The status of an error.
pub fn status(error: &impl Reason) -> Status {
    let mut status = Status::new(error.code(), error.to_string());
    status.metadata_mut().insert(REASON_TRAILER, MetadataValue::from_static(error.reason()));
    if let Some(wait) = error.retry_after() {
        let wait_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
        status.metadata_mut().insert(RETRY_TRAILER, MetadataValue::from(wait_ms));
    }
    status
}

/// A plain error without a type of its own.
#[derive(Debug, Clone)]
pub struct Plain {
    code: Code,
    reason: &'static str,
    message: String,
}

impl Plain {
    /// What was asked for does not exist.
    pub fn not_found(what: impl fmt::Display) -> Self {
        Self { code: Code::NotFound, reason: "NOT_FOUND", message: format!("{what} does not exist") }
    }

    /// This node does not know the chain.
    pub fn unknown_chain(message: impl Into<String>) -> Self {
        Self { code: Code::NotFound, reason: "UNKNOWN_CHAIN", message: message.into() }
    }

    /// The request took too long to arrive.
    pub fn too_slow(reason: &'static str, message: impl Into<String>) -> Self {
        Self { code: Code::DeadlineExceeded, reason, message: message.into() }
    }

    /// The request breaks a rule of the protocol.
    pub fn invalid(reason: &'static str, message: impl Into<String>) -> Self {
        Self { code: Code::InvalidArgument, reason, message: message.into() }
    }

    /// A bound of this node is reached.
    pub fn exhausted(reason: &'static str, message: impl Into<String>) -> Self {
        Self { code: Code::ResourceExhausted, reason, message: message.into() }
    }

    /// This node is not the one to ask, or not in the state for it.
    pub fn precondition(reason: &'static str, message: impl Into<String>) -> Self {
        Self { code: Code::FailedPrecondition, reason, message: message.into() }
    }

    /// The node itself failed.
    pub fn internal(message: impl fmt::Display) -> Self {
        Self { code: Code::Internal, reason: "INTERNAL", message: message.to_string() }
    }

    /// The node is stopping or not ready.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { code: Code::Unavailable, reason: "UNAVAILABLE", message: message.into() }
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Reason for Plain {
    fn code(&self) -> Code {
        self.code
    }

    fn reason(&self) -> &'static str {
        self.reason
    }
}

impl From<Plain> for Status {
    fn from(plain: Plain) -> Self {
        status(&plain)
    }
}

/// What a service answered instead of a result.
#[derive(Debug, Clone, thiserror::Error)]
pub struct RemoteError {
    /// gRPC code.
    pub code: Code,
    /// Stable reason; empty if there was none.
    pub reason: String,
    /// For people.
    pub message: String,
    /// After how long the service wants to be asked again, if it said so.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match (self.code, self.reason.as_str()) {
            (Code::Unavailable, _) => f.write_str(" (is the service running and reachable?)"),
            (_, "") => write!(f, " ({:?})", self.code),
            (_, reason) => write!(f, " ({reason})"),
        }
    }
}

impl RemoteError {
    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self.code,
            Code::Unavailable
                | Code::DeadlineExceeded
                | Code::ResourceExhausted
                | Code::Aborted
                | Code::Cancelled
                | Code::Unknown
                | Code::Internal
        )
    }

    /// The peer broke the protocol.
    pub fn protocol(message: impl Into<String>) -> Self {
        Self { code: Code::DataLoss, reason: "PROTOCOL".to_owned(), message: message.into(), retry_after: None }
    }
}

impl From<Status> for RemoteError {
    fn from(status: Status) -> Self {
        let reason = status.metadata().get(REASON_TRAILER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut message = status.message().to_owned();
        // An error of the connection tells its cause only in the errors behind it.
        if let Some(cause) = root_cause(&status)
            && !message.contains(&cause)
        {
            message = if message.is_empty() { cause } else { format!("{message}: {cause}") };
        }
        let wait_ms = status.metadata().get(RETRY_TRAILER).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
        let retry_after = wait_ms.map(|wait_ms| Duration::from_millis(wait_ms.into()));
        Self { code: status.code(), reason: reason.to_owned(), message, retry_after }
    }
}

/// What the last error behind a status says; `None` if the status came from the peer.
fn root_cause(status: &Status) -> Option<String> {
    let mut error = status.source()?;
    while let Some(source) = error.source() {
        error = source;
    }
    Some(error.to_string())
}

impl From<crate::WireError> for RemoteError {
    fn from(error: crate::WireError) -> Self {
        Self::protocol(format!("the service's answer is malformed: {error}"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_code_reason_and_words() {
        let sent = Status::from(Plain::exhausted("INTAKE_FULL", "the intake is full"));
        let error = RemoteError::from(sent);
        assert_eq!((error.code, error.reason.as_str()), (Code::ResourceExhausted, "INTAKE_FULL"));
        assert_eq!(error.to_string(), "the intake is full (INTAKE_FULL)");
        assert!(error.is_retryable());
        let malformed = crate::convert::hash("namespace", &[1; 3]).unwrap_err();
        let error = RemoteError::from(Status::from(malformed));
        assert_eq!((error.code, error.reason.as_str()), (Code::InvalidArgument, "MALFORMED"));
        assert_eq!(error.message, "namespace: must be 32 bytes, not 3");
        assert!(!error.is_retryable());
    }

    struct Busy;

    impl fmt::Display for Busy {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("busy")
        }
    }

    impl Reason for Busy {
        fn code(&self) -> Code {
            Code::ResourceExhausted
        }

        fn reason(&self) -> &'static str {
            "BUSY"
        }

        fn retry_after(&self) -> Option<Duration> {
            Some(Duration::from_millis(1_500))
        }
    }

    #[test]
    fn a_wait_is_told() {
        let error = RemoteError::from(status(&Busy));
        assert_eq!((error.reason.as_str(), error.retry_after), ("BUSY", Some(Duration::from_millis(1_500))));
        for odd in ["", "-1", "soon", "99999999999999999999"] {
            let mut status = Status::unavailable("busy");
            status.metadata_mut().insert(RETRY_TRAILER, odd.parse().unwrap());
            assert_eq!(RemoteError::from(status).retry_after, None, "{odd:?}");
        }
    }

    #[test]
    fn peers_may_send_any_reason() {
        let mut status = Status::not_found("gone");
        status.metadata_mut().insert(REASON_TRAILER, MetadataValue::try_from(&b"\xff\xfe"[..]).unwrap());
        assert_eq!(RemoteError::from(status).reason, "");
    }
}
