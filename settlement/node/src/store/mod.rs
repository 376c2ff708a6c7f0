//! Where settlement's log and tables live.
//!
//! One trait, three stores: [`SqliteStore`] (embedded, the default),
//! [`PostgresStore`] (by `database_url`) and [`MemoryStore`] (their twin for
//! tests). A [`Write`] is one transition of the state machine; it is committed
//! whole, synced, and only if nobody else moved the chain since (compare and
//! swap on the chain's version), so any number of services may share one
//! database. Deliberately absent: any judgement, which is the machine's.

mod database;
mod inspect;
mod memory;
mod postgres;
mod rows;
mod sql;
mod sqlite;
#[cfg(test)]
pub(crate) mod tests;
mod writer;

use alloy_primitives::{Address, B256, Bytes};
use futures::future::BoxFuture;
use weft_execution::verify::Checkpoint;
use weft_primitives::withdrawal::Claim;
use weft_primitives::{Promise, SignedBatch};
use weft_settlement::{
    Account, Chain, ClaimFacts, Effect, Head, InboxRow, Limits, LogEntry, PostFacts, PromiseFacts, Record,
    RestoreError, Rules, SignedKeyChange, Terms,
};
use weft_state::{TreeKey, Value};

pub(crate) use database::Database;
pub use inspect::{InspectError, Inspection, inspect, place};
pub use memory::MemoryStore;
pub use postgres::PostgresStore;
#[cfg(test)]
pub(crate) use sqlite::FILE_NAME;
pub use sqlite::SqliteStore;

/// Most rows that one call reads.
pub const MAX_PAGE: u32 = 1_000;

/// What a chain's tables begin with.
#[derive(Clone, Debug)]
pub struct Genesis {
    /// Hash of the chain configuration; a database belongs to one for good.
    pub config_hash: B256,
    /// How its commitments become final; a chain keeps them for good.
    pub terms: Terms,
    /// The verifier's state at block 0.
    pub state: StateWrite,
}

/// A change of the verifier's state.
#[derive(Clone, Debug)]
pub struct StateWrite {
    /// Where the next batch must start.
    pub checkpoint: Checkpoint,
    /// Changed leaves, each key once; `None` deletes.
    pub leaves: Vec<(TreeKey, Option<Value>)>,
    /// New code, by hash.
    pub codes: Vec<(B256, Bytes)>,
}

/// One transition, all of it or nothing.
#[derive(Clone, Debug)]
pub struct Write {
    /// The chain's version that it was decided on.
    pub version: u64,
    /// Heads after it.
    pub head: Head,
    /// What the machine said.
    pub effects: Vec<Effect>,
    /// The verifier's state, if it moves too.
    pub state: Option<StateWrite>,
}

/// A chain as it was persisted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Its version: the number of transitions so far.
    pub version: u64,
    /// Its heads.
    pub head: Head,
    /// The newest final commitment.
    pub finalized: Option<Record>,
    /// Canonical commitments after it, ascending.
    pub pending: Vec<Record>,
}

impl Loaded {
    /// The machine, as it was.
    pub fn restore(self, rules: Rules, limits: Limits) -> Result<Chain, RestoreError> {
        Chain::restore(rules, limits, self.head, self.finalized, self.pending)
    }
}

/// The verifier's whole state.
#[derive(Clone, Debug)]
pub struct VerifierState {
    /// Where the next batch must start.
    pub checkpoint: Checkpoint,
    /// All leaves.
    pub leaves: Vec<(TreeKey, Value)>,
    /// All code.
    pub codes: Vec<Bytes>,
}

/// Why a store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another writer moved the chain. Load it again and decide again.
    #[error("another settlement service moved the chain")]
    Conflict,
    /// The database was made for another chain configuration.
    #[error(
        "the database belongs to a chain with config hash {found}, the configured genesis file has {expected}: \
         use the right genesis file or another data_dir"
    )]
    WrongChain {
        /// In the database.
        found: B256,
        /// Of the configuration.
        expected: B256,
    },
    /// The chain began under other terms.
    #[error(
        "the chain began with {found}; the configuration says {expected}: a chain keeps its terms, or what was posted \
         under one mode could become final under another"
    )]
    WrongTerms {
        /// In the database.
        found: String,
        /// Of the configuration.
        expected: String,
    },
    /// What was read cannot have been written by us.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The database may lose what it acknowledges.
    #[error("PostgreSQL runs with {setting} = off and may lose what it acknowledges: switch it on")]
    Unsafe {
        /// The setting.
        setting: &'static str,
    },
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A migration failed.
    #[error("database migration: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The folder cannot be made.
    #[error("data_dir {path}: {source}")]
    Folder {
        /// The folder.
        path: std::path::PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

impl StoreError {
    pub(crate) fn damaged(why: impl std::fmt::Display) -> Self {
        Self::Damaged(why.to_string())
    }
}

/// The answer of a store.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// The tables of one chain.
pub trait Store: Send + Sync + 'static {
    /// Makes the chain's rows if there are none; checks that they are this chain's.
    fn open<'a>(&'a self, genesis: &'a Genesis) -> Answer<'a, ()>;

    /// The chain as of now.
    fn load(&self) -> Answer<'_, Loaded>;

    /// The chain's version as of now.
    fn version(&self) -> Answer<'_, u64>;

    /// Commits one transition; durable when it returns.
    fn commit<'a>(&'a self, write: &'a Write) -> Answer<'a, ()>;

    /// What has to be looked up to judge a commitment.
    fn facts<'a>(&'a self, signed: &'a SignedBatch) -> Answer<'a, PostFacts>;

    /// The key change that opened an epoch, with its log entry.
    fn key_change(&self, epoch: u64) -> Answer<'_, Option<(u64, SignedKeyChange)>>;

    /// Log entries from a sequence number on, at most [`MAX_PAGE`].
    fn entries(&self, from_seq: u64, limit: u32) -> Answer<'_, Vec<LogEntry>>;

    /// A commitment by hash.
    fn record(&self, commitment: B256) -> Answer<'_, Option<Record>>;

    /// Canonical commitments from an index on, at most [`MAX_PAGE`].
    fn canonical(&self, from_index: u64, limit: u32) -> Answer<'_, Vec<Record>>;

    /// An account; an empty one if it was never credited.
    fn account(&self, address: Address) -> Answer<'_, Account>;

    /// The log entry that has paid a withdrawal.
    fn paid(&self, index: u64) -> Answer<'_, Option<u64>>;

    /// What has to be looked up to judge a claim.
    fn claim_facts<'a>(&'a self, claim: &'a Claim) -> Answer<'a, ClaimFacts> {
        Box::pin(async move {
            let batch_index = claim.batch_index;
            let found = self.canonical(batch_index, 1).await?;
            Ok(ClaimFacts {
                commitment: found.into_iter().find(|record| record.signed.header.batch_index == batch_index),
                paid: self.paid(claim.withdrawal.index).await?,
                recipient: self.account(claim.withdrawal.recipient).await?,
            })
        })
    }

    /// The log entry that has recorded a promise, by its hash, as broken.
    fn broken_promise(&self, promise: B256) -> Answer<'_, Option<u64>>;

    /// The first log entry after `base` that is a key change, or a forced batch not after the entry `commitment`.
    fn voided(&self, base: u64, commitment: u64) -> Answer<'_, Option<u64>>;

    /// What has to be looked up to judge a promise against a commitment.
    fn promise_facts<'a>(&'a self, promise: &'a Promise, commitment: B256) -> Answer<'a, PromiseFacts> {
        Box::pin(async move {
            let (base, commitment) = (self.record(promise.base).await?, self.record(commitment).await?);
            let log_seq = |record: &Option<Record>| record.as_ref().map_or(0, |record| record.log_seq);
            let voided = self.voided(log_seq(&base), log_seq(&commitment)).await?;
            Ok(PromiseFacts { known: self.broken_promise(promise.hash()).await?, base, commitment, voided })
        })
    }

    /// Inbox items from an index on, at most [`MAX_PAGE`].
    fn inbox(&self, from_index: u64, limit: u32) -> Answer<'_, Vec<InboxRow>>;

    /// The verifier's whole state, as of one moment.
    fn verifier_state(&self) -> Answer<'_, VerifierState>;
}
