//! What can go wrong with the archive.

/// Why the archive did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The address names no archive.
    #[error("archive.url {url}: {why}")]
    Address {
        /// As given, without what follows a `?`.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The object store failed or refused.
    #[error("archive, {operation}: {source}")]
    Store {
        /// What was asked for.
        operation: &'static str,
        /// The object store's error.
        source: object_store::Error,
    },
    /// No answer in time.
    #[error("archive, {operation}: no answer within {timeout_ms} ms (archive.timeout_ms)")]
    Timeout {
        /// What was asked for.
        operation: &'static str,
        /// The limit.
        timeout_ms: u64,
    },
    /// The archive has no such block.
    #[error("the archive does not hold DA block {height}")]
    Missing {
        /// Its height.
        height: u64,
    },
    /// The archive's bytes are not what was put there.
    #[error("DA block {height} in the archive is damaged: {what}")]
    Damaged {
        /// Its height.
        height: u64,
        /// Which part, and how.
        what: &'static str,
    },
    /// Too many reads wait.
    #[error("reads from the archive wait up to their limit (archive.max_reads = {limit}); try again soon")]
    Busy {
        /// Reads at once.
        limit: usize,
    },
}

impl ArchiveError {
    /// A word for metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Address { .. } => "address",
            Self::Store { .. } => "store",
            Self::Timeout { .. } => "timeout",
            Self::Missing { .. } => "missing",
            Self::Damaged { .. } => "damaged",
            Self::Busy { .. } => "busy",
        }
    }
}
