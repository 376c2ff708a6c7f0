//! The suite on SQLite, and what only a file can show.

use std::sync::Arc;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row};

use super::fixture::*;
use super::{history, suite};
use crate::store::sqlite::FILE_NAME;
use crate::store::{SqliteStore, Store};

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_passes_the_suite() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::sync::atomic::AtomicU32::new(0);
    suite::run(async || {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = folder.path().join(number.to_string());
        Arc::new(SqliteStore::connect(&folder, CHAIN_ID).await.unwrap()) as Arc<dyn Store>
    })
    .await;
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
        let mut connection = store.writer.acquire().await.unwrap();
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

/// A transition that fails at its end leaves nothing of its beginning.
#[tokio::test]
async fn a_failed_transition_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::connect(folder.path(), CHAIN_ID).await.unwrap();
    store.open(&genesis()).await.unwrap();
    post(&store, &next(&store, 0).await.sign(&sequencer())).await.unwrap();
    let before = store.load().await.unwrap();
    super::postgres::commit_with_a_clash(&store).await;
    assert_eq!(store.load().await.unwrap(), before);
    history::check(&store).await;
}
