//! Why nothing was taken from a mirror.

use weft_settlement::ReplayError;
use weft_wire::RemoteError;

use crate::store::StoreError;

/// Why a mirror is not believed, or cannot help now.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// Not ours.
    #[error("its head of the log is not signed by this service's log key (log_key_file): it was not our log")]
    BadSignature,
    /// Two logs were signed by our key.
    #[error(
        "its log and ours go different ways, at or before entry {seq}, and both were signed here: something was \
         appended to an old copy. Use the newer database, or take the mirror out to go on with this one"
    )]
    Forked {
        /// An entry that differs.
        seq: u64,
    },
    /// The entries are not those that were signed.
    #[error("its entries do not lead to the head that was signed, from entry {seq} on")]
    Unlinked {
        /// The first that is wrong or missing.
        seq: u64,
    },
    /// The rules.
    #[error(transparent)]
    Rules(#[from] ReplayError),
    /// The log finds valid what is not.
    #[error("batch {index} is not valid, but the log says so: {why}")]
    Invalid {
        /// The batch.
        index: u64,
        /// What is wrong with it.
        why: String,
    },
    /// Our own log.
    #[error("the log in the database does not follow its own rules: {0}")]
    Own(String),
    /// The engine did not take it.
    #[error("{0}")]
    Engine(String),
    /// It is away.
    #[error("{0}")]
    Remote(#[from] RemoteError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refused {
    /// The stable reason in UPPER_SNAKE_CASE.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::BadSignature => "BAD_SIGNATURE",
            Self::Forked { .. } => "FORKED",
            Self::Unlinked { .. } => "UNLINKED",
            Self::Rules(_) => "RULES",
            Self::Invalid { .. } => "INVALID_BATCH",
            Self::Own(_) => "OWN_LOG",
            Self::Engine(_) => "ENGINE",
            Self::Remote(_) => "UNREACHABLE",
            Self::Store(_) => "STORE",
        }
    }
}
