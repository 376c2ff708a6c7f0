//! The suite on PostgreSQL, and a server that is killed.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use alloy_primitives::{B256, Bytes};
use sqlx::{Connection, PgConnection};
use weft_settlement::{Chain, Effect, Limits};

use super::fixture::*;
use super::server::Server;
use super::{Fresh, TABLES, history, suite};
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
        let store = Arc::new(PostgresStore::connect(&url, CHAIN_ID).await.unwrap());
        Fresh { store, dump: Box::new(move || Box::pin(dump(url.clone()))) }
    })
    .await;

    let url = database(&server, "rules").await;
    let store = PostgresStore::connect(&url, CHAIN_ID).await.unwrap();
    the_log_only_grows(&store, &url).await;
    two_chains_share_a_database(&store, &url).await;
    unsafe_servers_are_refused(&server).await;
}

/// Every row as PostgreSQL writes it.
async fn dump(url: String) -> Vec<String> {
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let mut rows = Vec::new();
    for table in TABLES {
        let all = format!("SELECT t::text FROM {table} t ORDER BY 1");
        let found: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(all)).fetch_all(&mut connection).await.unwrap();
        rows.extend(found.into_iter().map(|row| format!("{table}: {row}")));
    }
    rows
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

/// Writes with the right version whose last row exists already: any, and one as when a commitment is posted.
pub(super) async fn commit_with_a_clash(store: &dyn Store) {
    let loaded = store.load().await.unwrap();
    let entry = store.entries(1, 1).await.unwrap().remove(0);
    let mut head = loaded.head;
    head.log_seq += 1;
    let mut fresh = entry.clone();
    fresh.seq = head.log_seq;
    let mut rival = store.canonical(0, 1).await.unwrap().remove(0);
    rival.commitment = B256::ZERO;
    for clash in [Effect::Append(entry), Effect::Save(Box::new(rival))] {
        let effects = vec![Effect::Append(fresh.clone()), clash];
        let failed = store.commit(&Write { version: loaded.version, head: head.clone(), effects, state: None }).await;
        assert!(matches!(failed, Err(StoreError::Database(_))), "{failed:?}");
    }
}

const WRITERS: u64 = 4;

/// What writers were told before the server fell: log entries with their hashes' sources.
#[derive(Default)]
struct Told {
    /// Inbox items by index.
    items: Mutex<Vec<(u64, Bytes)>>,
    /// Commitments that stand.
    commitments: Mutex<Vec<B256>>,
}

/// Invariants 9, 11, 12 and 13: several writers at once, a server that is killed in between, and what was acknowledged is
/// there afterwards, once, in one gapless log.
#[tokio::test(flavor = "multi_thread")]
async fn what_concurrent_writers_were_told_survives_kill_9_of_the_server() {
    let mut server = Server::start().await;
    let url = database(&server, "killed").await;
    let store = Arc::new(PostgresStore::connect(&url, CHAIN_ID).await.unwrap());
    store.open(&genesis()).await.unwrap();
    let told = Arc::new(Told::default());
    for round in 0..3 {
        let before = told.items.lock().unwrap().len();
        let writers: Vec<_> =
            (0..WRITERS).map(|writer| tokio::spawn(write(store.clone(), told.clone(), round, writer))).collect();
        let enough = || {
            let commitments = told.commitments.lock().unwrap().len();
            told.items.lock().unwrap().len() >= before + 20 && commitments > round as usize
        };
        while !enough() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        server.kill();
        for writer in writers {
            writer.await.unwrap();
        }
        server.restart().await;
        let len = store.load().await.unwrap().head.inbox_len;
        let (items, commitments) = (told.items.lock().unwrap().clone(), told.commitments.lock().unwrap().clone());
        for (index, transaction) in items {
            let row = store.inbox(index, 1).await.unwrap().remove(0);
            assert!(row.item.index == index && row.item.content.encode() == transaction && index < len);
        }
        for commitment in commitments {
            assert!(store.record(commitment).await.unwrap().unwrap().status.is_canonical());
        }
        history::check(&*store).await;
    }
    assert!(!told.commitments.lock().unwrap().is_empty());
    let twin = database(&server, "twin").await;
    let fresh = async |url: String| Fresh {
        store: Arc::new(PostgresStore::connect(&url, CHAIN_ID).await.unwrap()),
        dump: Box::new(move || Box::pin(dump(url.clone()))),
    };
    history::rebuilds(&fresh(url).await, &fresh(twin).await, &rules()).await;
}

/// Inbox items and commitments until the database fails; whoever is too slow decides again.
async fn write(store: Arc<PostgresStore>, told: Arc<Told>, round: u64, writer: u64) {
    for number in 0.. {
        let transaction = transaction(((round * WRITERS) + writer) * 1_000_000 + number);
        let submit = |chain: &mut Chain, out: &mut _| chain.submit_inbox(START_MS, transaction.clone(), out).unwrap();
        match transition(&*store, None, submit).await {
            Ok(receipt) => told.items.lock().unwrap().push((receipt.index, transaction)),
            Err(StoreError::Conflict) => {}
            Err(_) => return,
        }
        if writer == 0 {
            let Ok(loaded) = store.load().await else { return };
            let chain = loaded.restore(rules(), Limits::default()).unwrap();
            let header = next_after(&rules(), &chain, number as u8);
            let signed = header.sign(&sequencer());
            let Ok(facts) = store.facts(&signed).await else { return };
            let post = |chain: &mut Chain, out: &mut _| chain.post(START_MS, &signed, &facts, out);
            match transition(&*store, None, post).await {
                Ok(Ok(receipt)) => told.commitments.lock().unwrap().push(receipt.commitment),
                Ok(Err(_)) | Err(StoreError::Conflict) => {}
                Err(_) => return,
            }
        }
    }
}
