//! The one database of a service, shared by its chains.

use std::sync::Arc;

use super::{PostgresStore, SqliteStore, Store, StoreError};
use crate::config::Config;

/// SQLite in the data folder, or PostgreSQL.
#[derive(Debug)]
pub(crate) enum Database {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

impl Database {
    /// Connects, and brings the tables up to date.
    pub(crate) async fn connect(config: &Config) -> Result<Self, StoreError> {
        // Whose tables are used is said where a store is taken.
        Ok(match &config.database_url {
            Some(url) => Self::Postgres(PostgresStore::connect(url, 0).await?),
            None => Self::Sqlite(SqliteStore::connect(&config.data_dir, 0).await?),
        })
    }

    /// The tables of one chain.
    pub(crate) fn store(&self, chain_id: u64) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => Arc::new(store.for_chain(chain_id)),
            Self::Postgres(store) => Arc::new(store.for_chain(chain_id)),
        }
    }
}
