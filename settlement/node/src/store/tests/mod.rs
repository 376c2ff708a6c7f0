//! One suite over the memory twin, SQLite and PostgreSQL; what only a database can do, apart.
#![allow(clippy::unwrap_used)]

mod fixture;
mod history;
mod postgres;
pub(crate) mod server;
mod sqlite;
mod suite;

use std::sync::Arc;

use super::MemoryStore;

#[tokio::test(flavor = "multi_thread")]
async fn memory_passes_the_suite() {
    suite::run(async || Arc::new(MemoryStore::default()) as Arc<dyn super::Store>).await;
}
