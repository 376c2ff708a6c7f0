//! The embedded store: one SQLite file.
//!
//! Write-ahead log with `synchronous = FULL`: a commit returns after fdatasync.
//! One connection writes, under `BEGIN IMMEDIATE`, so that a transaction never
//! fails half-way for want of a lock; others read beside it.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes};
use futures::TryStreamExt;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Connection, QueryBuilder, Sqlite, SqlitePool, Transaction};
use weft_primitives::SignedBatch;
use weft_settlement::{
    Account, Claimed, Effect, Event, InboxRow, LogEntry, PostFacts, Record, SignedKeyChange, Status,
};
use weft_state::{TreeKey, Value};

use super::rows::{self, Cells};
use super::sql::{self, sql_reads, sql_writes};
use super::writer::Writer;
use super::{Answer, Genesis, Loaded, MAX_PAGE, StateWrite, Store, StoreError, VerifierState, Write};

/// Name of the database within the data folder.
pub const FILE_NAME: &str = "settlement.db";

/// How long a writer waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections that read.
const READERS: u32 = 4;

/// Leaves in one statement; SQLite takes 32,766 parameters.
const LEAVES_PER_STATEMENT: usize = 1_000;

/// The tables of one chain in a file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    chain_id: i64,
    pub(super) writer: Arc<Writer<SqliteConnection>>,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens the database in `folder`, makes it if there is none, and brings its tables up to date.
    pub async fn connect(folder: &Path, chain_id: u64) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(|source| StoreError::Folder { path: folder.to_owned(), source })?;
        let options = SqliteConnectOptions::new()
            .filename(folder.join(FILE_NAME))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        let first = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        sqlx::migrate!("../../migrations/sqlite").run(&first).await?;
        first.close().await;
        let writer = Arc::new(Writer::new(options.clone()));
        let readers = SqlitePoolOptions::new().max_connections(READERS).connect_with(options.read_only(true)).await?;
        Ok(Self { chain_id: rows::sql(chain_id), writer, readers })
    }

    /// The tables of another chain in the same database, over the same connections.
    pub fn for_chain(&self, chain_id: u64) -> Self {
        Self { chain_id: rows::sql(chain_id), ..self.clone() }
    }

    const BEGIN: &str = "BEGIN IMMEDIATE";

    async fn write(&self, connection: &mut SqliteConnection, write: &Write) -> Result<(), StoreError> {
        let Some((entry, record)) = sql::plain(write) else { return self.write_all(connection, write).await };
        let query = Self::bind_entry(self.bind_head(sqlx::query(sql::POST_IN_ONE), write), entry);
        // All statements run only if all rows are asked for.
        let moved = Self::bind_record(query, record).fetch_all(connection).await?;
        if moved.len() == 1 { Ok(()) } else { Err(StoreError::Conflict) }
    }

    async fn snapshot(&self) -> Result<Transaction<'_, Sqlite>, StoreError> {
        Ok(self.readers.begin().await?)
    }

    async fn put_leaves(
        &self,
        connection: &mut SqliteConnection,
        leaves: &[(TreeKey, Option<Value>)],
    ) -> Result<(), StoreError> {
        let written: Vec<_> = leaves.iter().filter_map(|(key, value)| Some((key, (*value)?))).collect();
        for chunk in written.chunks(LEAVES_PER_STATEMENT) {
            let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO state_leaf (chain_id, leaf_key, value) ");
            query.push_values(chunk, |mut row, (key, value)| {
                row.push_bind(self.chain_id).push_bind(key.as_slice().to_vec()).push_bind(value.to_vec());
            });
            query.push(" ON CONFLICT (chain_id, leaf_key) DO UPDATE SET value = excluded.value");
            query.build().persistent(false).execute(&mut *connection).await?;
        }
        let deleted: Vec<_> = leaves.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| key).collect();
        for chunk in deleted.chunks(LEAVES_PER_STATEMENT) {
            let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM state_leaf WHERE chain_id = ");
            query.push_bind(self.chain_id).push(" AND leaf_key IN (");
            let mut keys = query.separated(", ");
            for key in chunk {
                keys.push_bind(key.as_slice().to_vec());
            }
            query.push(")").build().persistent(false).execute(&mut *connection).await?;
        }
        Ok(())
    }

    /// Nothing here passes by itself: locks are waited for by the busy timeout.
    async fn retry<T, F: Future<Output = Result<T, StoreError>>>(
        &self,
        attempt: impl Fn() -> F,
    ) -> Result<T, StoreError> {
        attempt().await
    }
}

sql_reads!(SqliteStore, SqliteRow);
sql_writes!(SqliteStore, SqliteConnection, Sqlite);
