//! The suite on SQLite, and what only a file can show.

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Row};
use weft_settlement::Sampled;

use super::fixture::*;
use super::{Fresh, TABLES, history, suite};
use crate::store::sqlite::FILE_NAME;
use crate::store::{SqliteStore, Store};

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_passes_the_suite() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::sync::atomic::AtomicU32::new(0);
    suite::run(async || {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = folder.path().join(number.to_string());
        let store = Arc::new(SqliteStore::connect(&folder, CHAIN_ID).await.unwrap());
        Fresh { store, dump: Box::new(move || Box::pin(dump(folder.clone()))) }
    })
    .await;
}

/// Every row, every column as SQLite writes it.
async fn dump(folder: PathBuf) -> Vec<String> {
    let options = SqliteConnectOptions::new().filename(folder.join(FILE_NAME)).read_only(true);
    let mut connection = options.connect().await.unwrap();
    let mut rows = Vec::new();
    for table in TABLES {
        let columns =
            format!("SELECT group_concat('quote(' || name || ')', '||'',''||') FROM pragma_table_info('{table}')");
        let columns: String =
            sqlx::query_scalar(sqlx::AssertSqlSafe(columns)).fetch_one(&mut connection).await.unwrap();
        let all = format!("SELECT {columns} FROM {table} ORDER BY 1");
        let found: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(all)).fetch_all(&mut connection).await.unwrap();
        rows.extend(found.into_iter().map(|row| format!("{table}: {row}")));
    }
    rows
}

/// A database of the first version is brought up to date: what the log says of its past is filled in.
#[tokio::test]
async fn a_database_of_the_first_version_is_brought_up_to_date() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = SqliteStore::connect(new.path(), CHAIN_ID).await.unwrap();
    store.open(&genesis()).await.unwrap();
    for salt in 0..3 {
        let commitment = post(&store, &next(&store, salt).await.sign(&sequencer())).await.unwrap().commitment;
        let sampled = |chain: &mut weft_settlement::Chain, out: &mut _| {
            chain.judge_availability(START_MS + u64::from(salt), commitment, Sampled::Available, out)
        };
        if salt < 2 {
            transition(&store, None, sampled).await.unwrap().unwrap();
        }
    }
    // The same rows in tables as the first version made them.
    let options = SqliteConnectOptions::new().filename(old.path().join(FILE_NAME)).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    let migrations = sqlx::migrate!("../../migrations/sqlite");
    let first = sqlx::migrate::Migrator::with_migrations(migrations.iter().take(1).cloned().collect());
    first.run(&mut connection).await.unwrap();
    let attach = format!("ATTACH '{}' AS new", new.path().join(FILE_NAME).display());
    sqlx::query(sqlx::AssertSqlSafe(attach)).execute(&mut connection).await.unwrap();
    for table in ["chain", "log", "batch", "inbox", "equivocation", "checkpoint", "state_leaf", "state_code"] {
        let columns = format!("SELECT group_concat(name) FROM pragma_table_info('{table}', 'main')");
        let columns: String =
            sqlx::query_scalar(sqlx::AssertSqlSafe(columns)).fetch_one(&mut connection).await.unwrap();
        // The only column that has another name now.
        let named = columns.replace("signed_transaction", "content");
        let copy = format!("INSERT INTO main.{table} ({columns}) SELECT {named} FROM new.{table}");
        sqlx::query(sqlx::AssertSqlSafe(copy)).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    let upgraded = SqliteStore::connect(old.path(), CHAIN_ID).await.unwrap();
    upgraded.open(&genesis()).await.unwrap();
    history::check(&upgraded).await;
    assert_eq!(dump(old.path().to_owned()).await, dump(new.path().to_owned()).await);
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = {
        let store = SqliteStore::connect(folder.path(), CHAIN_ID).await.unwrap();
        store.open(&genesis()).await.unwrap();
        post(&store, &next(&store, 0).await.sign(&sequencer())).await.unwrap();
        store.load().await.unwrap()
    };
    let store = SqliteStore::connect(folder.path(), CHAIN_ID).await.unwrap();
    store.open(&genesis()).await.unwrap();
    assert_eq!(store.load().await.unwrap(), loaded);
    history::check(&store).await;
}

#[tokio::test]
async fn commits_are_synced_and_the_log_only_grows() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::connect(folder.path(), CHAIN_ID).await.unwrap();
    store.open(&genesis()).await.unwrap();
    post(&store, &next(&store, 0).await.sign(&sequencer())).await.unwrap();
    let pragma = async |name: &'static str| {
        let mut connection = store.writer.take().await.unwrap();
        sqlx::query(name).fetch_one(&mut *connection).await.unwrap()
    };
    assert_eq!(pragma("PRAGMA synchronous").await.get::<i64, _>(0), 2);
    assert_eq!(pragma("PRAGMA journal_mode").await.get::<String, _>(0), "wal");
    let options = SqliteConnectOptions::new().filename(folder.path().join(FILE_NAME));
    let mut connection = options.connect().await.unwrap();
    for forgery in ["UPDATE log SET time_ms = 0", "DELETE FROM log"] {
        let error = sqlx::query(forgery).execute(&mut connection).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{error}");
    }
}

/// A transition that fails at its end leaves nothing of its beginning, and holds up nothing.
#[tokio::test]
async fn a_failed_transition_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::connect(folder.path(), CHAIN_ID).await.unwrap();
    store.open(&genesis()).await.unwrap();
    post(&store, &next(&store, 0).await.sign(&sequencer())).await.unwrap();
    let before = store.load().await.unwrap();
    super::postgres::commit_with_a_clash(&store).await;
    assert_eq!(store.load().await.unwrap(), before);
    post(&store, &next(&store, 1).await.sign(&sequencer())).await.unwrap();
    history::check(&store).await;
}
