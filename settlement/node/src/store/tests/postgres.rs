//! The suite on PostgreSQL, and a server that is killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{Connection, PgConnection};
use weft_settlement::Effect;

use super::fixture::*;
use super::server::Server;
use super::{history, suite};
use crate::store::{PostgresStore, Store, StoreError, Write};

async fn database(server: &Server, name: &str) -> String {
    let mut connection = PgConnection::connect(&server.url("postgres")).await.unwrap();
    let statement = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    server.url(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_passes_the_suite() {
    let server = Server::start().await;
    let number = AtomicU32::new(0);
    suite::run(async || {
        let name = format!("suite_{}", number.fetch_add(1, Ordering::Relaxed));
        let url = database(&server, &name).await;
        Arc::new(PostgresStore::connect(&url, CHAIN_ID).await.unwrap()) as Arc<dyn Store>
    })
    .await;

    let url = database(&server, "rules").await;
    let store = PostgresStore::connect(&url, CHAIN_ID).await.unwrap();
    the_log_only_grows(&store, &url).await;
    two_chains_share_a_database(&store, &url).await;
    unsafe_servers_are_refused(&server).await;
}

async fn the_log_only_grows(store: &PostgresStore, url: &str) {
    store.open(&genesis()).await.unwrap();
    post(store, &next(store, 0).await.sign(&sequencer())).await.unwrap();
    let before = store.load().await.unwrap();
    commit_with_a_clash(store).await;
    assert_eq!(store.load().await.unwrap(), before);
    let mut connection = PgConnection::connect(url).await.unwrap();
    for forgery in ["UPDATE log SET time_ms = 0", "DELETE FROM log", "TRUNCATE log"] {
        let error = sqlx::query(forgery).execute(&mut connection).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{error}");
    }
    history::check(store).await;
}

async fn two_chains_share_a_database(first: &PostgresStore, url: &str) {
    let other = PostgresStore::connect(url, CHAIN_ID + 1).await.unwrap();
    other.open(&genesis()).await.unwrap();
    assert_eq!(other.load().await.unwrap().head.log_seq, 0);
    assert_eq!(first.load().await.unwrap().head.log_seq, 1);
}

async fn unsafe_servers_are_refused(server: &Server) {
    let url = format!("{}?options=-c%20synchronous_commit%3Doff", server.url("rules"));
    let refused = PostgresStore::connect(&url, CHAIN_ID).await;
    assert!(matches!(refused, Err(StoreError::Unsafe { setting: "synchronous_commit" })), "{refused:?}");
}

/// A write with the right version whose last row exists already.
pub(super) async fn commit_with_a_clash(store: &dyn Store) {
    let loaded = store.load().await.unwrap();
    let entry = store.entries(1, 1).await.unwrap().remove(0);
    let mut head = loaded.head;
    head.log_seq += 1;
    let mut fresh = entry.clone();
    fresh.seq = head.log_seq;
    let effects = vec![Effect::Append(fresh), Effect::Append(entry)];
    let failed = store.commit(&Write { version: loaded.version, head, effects, state: None }).await;
    assert!(matches!(failed, Err(StoreError::Database(_))), "{failed:?}");
}

/// Invariant 12: what was acknowledged before kill -9 is there after it, once.
#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_write_survives_kill_9_of_the_server() {
    let mut server = Server::start().await;
    let url = database(&server, "killed").await;
    let store = Arc::new(PostgresStore::connect(&url, CHAIN_ID).await.unwrap());
    store.open(&genesis()).await.unwrap();
    for round in 0..3u64 {
        let acknowledged = Arc::new(AtomicU32::new(0));
        let writer = tokio::spawn({
            let (store, acknowledged) = (store.clone(), acknowledged.clone());
            async move {
                for nonce in 0.. {
                    let submit = |chain: &mut weft_settlement::Chain, out: &mut _| {
                        chain.submit_inbox(START_MS, transaction(round * 1_000_000 + nonce), out).unwrap()
                    };
                    match transition(&*store, None, submit).await {
                        Ok(receipt) => acknowledged.store(receipt.index as u32 + 1, Ordering::SeqCst),
                        Err(_) => break,
                    }
                }
            }
        });
        while acknowledged.load(Ordering::SeqCst) < 5 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        server.kill();
        writer.await.unwrap();
        server.restart().await;
        let len = store.load().await.unwrap().head.inbox_len;
        let acknowledged = u64::from(acknowledged.load(Ordering::SeqCst));
        // The last one may have been committed without an answer.
        assert!((acknowledged..=acknowledged + 1).contains(&len), "{acknowledged} acknowledged, {len} found");
        history::check(&*store).await;
    }
}
