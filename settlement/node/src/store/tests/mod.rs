//! One suite over the memory twin, SQLite and PostgreSQL; what only a database can do, apart.
#![allow(clippy::unwrap_used)]

mod fixture;
mod history;
mod lives;
mod postgres;
pub(crate) mod server;
mod sqlite;
mod suite;

use std::sync::Arc;

use futures::future::BoxFuture;

use super::{MemoryStore, Store};

/// An empty store, and how all its rows that follow from a log are read as text.
struct Fresh {
    store: Arc<dyn Store>,
    dump: Box<dyn Fn() -> BoxFuture<'static, Vec<String>>>,
}

/// Tables that follow from the log alone, or are it.
const TABLES: [&str; 9] =
    ["chain", "log", "batch", "inbox", "equivocation", "key_change", "account", "claim", "broken_promise"];

#[tokio::test(flavor = "multi_thread")]
async fn memory_passes_the_suite() {
    suite::run(async || {
        let store = Arc::new(MemoryStore::default());
        let dumped = store.clone();
        let dump = move || -> BoxFuture<'static, Vec<String>> {
            let text = format!("{dumped:#?}");
            Box::pin(async move { text.lines().map(str::to_owned).collect() })
        };
        Fresh { store, dump: Box::new(dump) }
    })
    .await;
}
