//! The shared store: PostgreSQL.
//!
//! A transition first updates the chain's row if it still has the version that
//! was decided on; that takes the row's lock, so transitions of one chain
//! never interleave, at any isolation level. What the server rolls back for
//! reasons of its own (serialization, deadlock) is tried again, a bounded
//! number of times.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes};
use futures::TryStreamExt;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions, PgRow};
use sqlx::{Connection, PgPool, Postgres, Transaction};
use weft_primitives::SignedBatch;
use weft_service::backoff::Backoff;
use weft_settlement::{
    Account, Claimed, Effect, Event, InboxRow, LogEntry, PostFacts, Record, SignedKeyChange, Status,
};
use weft_state::{TreeKey, Value};

use super::rows::{self, Cells};
use super::sql::{self, sql_reads, sql_writes};
use super::writer::Writer;
use super::{Answer, Genesis, Loaded, MAX_PAGE, StateWrite, Store, StoreError, VerifierState, Write};

/// Connections to the server that read.
const MAX_CONNECTIONS: u32 = 8;

/// How long to wait for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Tries of a transaction that the server rolled back.
const MAX_TRIES: u32 = 5;

/// Leaves in one statement, to bound the message.
const LEAVES_PER_STATEMENT: usize = 10_000;

/// SQLSTATE of a serialization failure and of a deadlock.
const ROLLED_BACK: [&str; 2] = ["40001", "40P01"];

/// The tables of one chain on a server.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    chain_id: i64,
    writer: Arc<Writer<PgConnection>>,
    readers: PgPool,
}

impl PostgresStore {
    /// Connects to `url` (`postgres://user:password@host/database`), and brings the tables up to date.
    pub async fn connect(url: &str, chain_id: u64) -> Result<Self, StoreError> {
        let options: PgConnectOptions = url.parse()?;
        let pool = PgPoolOptions::new().max_connections(MAX_CONNECTIONS).acquire_timeout(ACQUIRE_TIMEOUT);
        let readers = pool.connect_with(options.clone()).await;
        if matches!(readers, Err(sqlx::Error::PoolTimedOut)) {
            // Why nothing came of it, a single try tells.
            PgConnection::connect_with(&options).await?;
        }
        let readers = readers?;
        if let Some(setting) = unsafe_setting(&mut *readers.acquire().await?).await? {
            return Err(StoreError::Unsafe { setting });
        }
        let store = Self { chain_id: rows::sql(chain_id), writer: Arc::new(Writer::new(options)), readers };
        sqlx::migrate!("../../migrations/postgres").run(&store.readers).await?;
        Ok(store)
    }

    /// The tables of another chain in the same database, over a connection of its own to write.
    pub fn for_chain(&self, chain_id: u64) -> Self {
        let writer = Arc::new(self.writer.another());
        Self { chain_id: rows::sql(chain_id), writer, readers: self.readers.clone() }
    }

    const BEGIN: &str = "BEGIN";

    async fn write(&self, connection: &mut PgConnection, write: &Write) -> Result<(), StoreError> {
        let Some((entry, record)) = sql::plain(write) else { return self.write_all(connection, write).await };
        let query = Self::bind_entry(self.bind_head(sqlx::query(sql::POST), write), entry);
        let saved = Self::bind_record(query, record).execute(connection).await?;
        if saved.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Conflict) }
    }

    async fn snapshot(&self) -> Result<Transaction<'_, Postgres>, StoreError> {
        Ok(self.readers.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
    }

    async fn put_leaves(
        &self,
        connection: &mut PgConnection,
        leaves: &[(TreeKey, Option<Value>)],
    ) -> Result<(), StoreError> {
        for chunk in leaves.chunks(LEAVES_PER_STATEMENT) {
            let (mut keys, mut values, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
            for (key, value) in chunk {
                match value {
                    Some(value) => {
                        keys.push(key.as_slice().to_vec());
                        values.push(value.to_vec());
                    }
                    None => deleted.push(key.as_slice().to_vec()),
                }
            }
            sqlx::query(
                "INSERT INTO state_leaf (chain_id, leaf_key, value) \
                 SELECT $1, leaf_key, value FROM UNNEST($2::bytea[], $3::bytea[]) AS new (leaf_key, value) \
                 ON CONFLICT (chain_id, leaf_key) DO UPDATE SET value = excluded.value",
            )
            .bind(self.chain_id)
            .bind(keys)
            .bind(values)
            .execute(&mut *connection)
            .await?;
            sqlx::query("DELETE FROM state_leaf WHERE chain_id = $1 AND leaf_key = ANY($2)")
                .bind(self.chain_id)
                .bind(deleted)
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }

    /// A broken connection is not tried again here: whether its commit happened is for the caller to find out.
    async fn retry<T, F: Future<Output = Result<T, StoreError>>>(
        &self,
        attempt: impl Fn() -> F,
    ) -> Result<T, StoreError> {
        let mut backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(100));
        for _ in 1..MAX_TRIES {
            match attempt().await {
                Err(error) if was_rolled_back(&error) => tokio::time::sleep(backoff.delay()).await,
                other => return other,
            }
        }
        attempt().await
    }
}

/// What is off of all that makes an acknowledged commit survive a crash.
pub(super) async fn unsafe_setting(connection: &mut PgConnection) -> Result<Option<&'static str>, sqlx::Error> {
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        let value: String =
            sqlx::query_scalar("SELECT current_setting($1)").bind(setting).fetch_one(&mut *connection).await?;
        if value == "off" {
            return Ok(Some(setting));
        }
    }
    Ok(None)
}

fn was_rolled_back(error: &StoreError) -> bool {
    let StoreError::Database(sqlx::Error::Database(error)) = error else { return false };
    error.code().is_some_and(|code| ROLLED_BACK.contains(&code.as_ref()))
}

sql_reads!(PostgresStore, PgRow);
sql_writes!(PostgresStore, PgConnection, Postgres);
