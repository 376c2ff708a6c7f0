//! Looks at a service's database without changing it: whether it can be reached, and which migrations it has.

use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::StoreError;
use super::sqlite::FILE_NAME;

static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

const NEWEST: &str = "SELECT MAX(version) FROM _sqlx_migrations WHERE success";

/// How a database stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inspection {
    /// There is none yet; the service makes it.
    Absent,
    /// It is there.
    Present {
        /// Newest migration that it has; 0 for none.
        applied: i64,
        /// Newest migration that this program knows.
        known: i64,
    },
}

/// Looks at the database at `url`, or without one at that in `folder`.
pub async fn inspect(folder: &Path, url: Option<&str>) -> Result<Inspection, StoreError> {
    let known = |migrator: &Migrator| migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
    if let Some(url) = url {
        let mut connection = PgConnection::connect(url).await?;
        let table: Option<String> =
            sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations')::text").fetch_one(&mut connection).await?;
        let applied: Option<i64> = match table {
            Some(_) => sqlx::query_scalar(NEWEST).fetch_one(&mut connection).await?,
            None => None,
        };
        return Ok(Inspection::Present { applied: applied.unwrap_or(0), known: known(&POSTGRES) });
    }
    let file = folder.join(FILE_NAME);
    if !file.exists() {
        return Ok(Inspection::Absent);
    }
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut connection: SqliteConnection = options.connect().await?;
    let tables: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'")
        .fetch_one(&mut connection)
        .await?;
    let applied: Option<i64> = match tables {
        0 => None,
        _ => sqlx::query_scalar(NEWEST).fetch_one(&mut connection).await?,
    };
    Ok(Inspection::Present { applied: applied.unwrap_or(0), known: known(&SQLITE) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::SqliteStore;
    use super::*;

    #[tokio::test]
    async fn a_database_is_looked_at_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(inspect(folder.path(), None).await.unwrap(), Inspection::Absent);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        drop(SqliteStore::connect(folder.path(), 7).await.unwrap());
        let found = inspect(folder.path(), None).await.unwrap();
        let Inspection::Present { applied, known } = found else { panic!("{found:?}") };
        assert!(applied == known && known >= 2, "{found:?}");
        let other = tempfile::tempdir().unwrap();
        std::fs::write(other.path().join(FILE_NAME), b"something else altogether, and no database").unwrap();
        assert!(inspect(other.path(), None).await.is_err());
        assert!(inspect(folder.path(), Some("postgres://127.0.0.1:1/none")).await.is_err());
    }
}
