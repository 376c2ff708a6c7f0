//! Looks at a service's database without changing it: whether it can be used, and if not, what is in the way.

use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::postgres::unsafe_setting;
use super::sqlite::FILE_NAME;

static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

const APPLIED: &str = "SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version";

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

/// Why a database cannot be used as it is. No text has a password in it.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// What is configured is no address of one.
    #[error("no URL of a database: {0}")]
    Url(String),
    /// Nothing answers there.
    #[error("no server answers: {0}")]
    Unreachable(#[source] std::io::Error),
    /// It lets the user not in.
    #[error("the server does not let {user} in: {why}")]
    Refused {
        /// Who asked.
        user: String,
        /// In the server's words.
        why: String,
    },
    /// It is there and has not this database.
    #[error("the server has no database {0}")]
    NoDatabase(String),
    /// It takes no connection at present.
    #[error("the server takes no connection now: {0}")]
    Busy(String),
    /// The service must make tables, and may not.
    #[error("{user} may not make tables in {schema}")]
    NoRights {
        /// Who asked.
        user: String,
        /// Where.
        schema: String,
    },
    /// It may lose what it acknowledges.
    #[error("it runs with {0} = off and may lose what it acknowledges")]
    Unsafe(&'static str),
    /// It was made by another program.
    #[error("its migration {0} is not this program's")]
    Foreign(i64),
    /// Something else.
    #[error("{0}")]
    Other(#[source] sqlx::Error),
}

/// Where a PostgreSQL database is, in words, without the password.
pub fn place(url: &str) -> String {
    let Ok(options) = url.parse::<PgConnectOptions>() else { return "PostgreSQL".to_owned() };
    let (user, database) = (options.get_username(), database(&options));
    match options.get_socket() {
        Some(socket) => format!("PostgreSQL, {database} of {user} at {}", socket.display()),
        None => format!("PostgreSQL, {database} of {user} at {}:{}", options.get_host(), options.get_port()),
    }
}

/// Looks at the database at `url`, or without one at that in `folder`.
pub async fn inspect(folder: &Path, url: Option<&str>) -> Result<Inspection, InspectError> {
    match url {
        Some(url) => {
            let options = url.parse().map_err(|error: sqlx::Error| InspectError::Url(error.to_string()))?;
            postgres(&options).await
        }
        None => sqlite(&folder.join(FILE_NAME)).await,
    }
}

async fn postgres(options: &PgConnectOptions) -> Result<Inspection, InspectError> {
    let failed = |error| explain(options, error);
    let mut connection = PgConnection::connect_with(options).await.map_err(failed)?;
    if let Some(setting) = unsafe_setting(&mut connection).await.map_err(failed)? {
        return Err(InspectError::Unsafe(setting));
    }
    let table: Option<String> = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations')::text")
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
    let applied = match table {
        Some(_) => sqlx::query_as(APPLIED).fetch_all(&mut connection).await.map_err(failed)?,
        None => Vec::new(),
    };
    let found = compare(&POSTGRES, &applied)?;
    if matches!(found, Inspection::Present { applied, known } if applied < known) {
        let rights = "SELECT coalesce(current_schema(), 'any schema'), \
                      coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)";
        let (schema, may): (String, bool) = sqlx::query_as(rights).fetch_one(&mut connection).await.map_err(failed)?;
        if !may {
            return Err(InspectError::NoRights { user: options.get_username().to_owned(), schema });
        }
    }
    Ok(found)
}

async fn sqlite(file: &Path) -> Result<Inspection, InspectError> {
    if !file.exists() {
        return Ok(Inspection::Absent);
    }
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut connection: SqliteConnection = options.connect().await.map_err(InspectError::Other)?;
    let tables: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'")
        .fetch_one(&mut connection)
        .await
        .map_err(InspectError::Other)?;
    let applied = match tables {
        0 => Vec::new(),
        _ => sqlx::query_as(APPLIED).fetch_all(&mut connection).await.map_err(InspectError::Other)?,
    };
    compare(&SQLITE, &applied)
}

/// What a database has beside what this program would do. One that is ahead is not looked at closer: it may be right.
fn compare(migrator: &Migrator, applied: &[(i64, Vec<u8>)]) -> Result<Inspection, InspectError> {
    for (version, checksum) in applied {
        let own = migrator.iter().find(|migration| migration.version == *version);
        if own.is_some_and(|own| own.checksum.as_ref() != checksum.as_slice()) {
            return Err(InspectError::Foreign(*version));
        }
    }
    let known = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
    Ok(Inspection::Present { applied: applied.last().map_or(0, |(version, _)| *version), known })
}

/// The database that is meant: without a name, the user's own.
fn database(options: &PgConnectOptions) -> &str {
    options.get_database().unwrap_or_else(|| options.get_username())
}

/// By SQLSTATE: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn explain(options: &PgConnectOptions, error: sqlx::Error) -> InspectError {
    let answer = match error {
        sqlx::Error::Io(error) => return InspectError::Unreachable(error),
        sqlx::Error::Database(ref answer) => answer,
        other => return InspectError::Other(other),
    };
    let why = answer.message().to_owned();
    match answer.code().as_deref() {
        // Of class 28: no such user, a wrong password, no line in pg_hba.conf.
        Some("28000" | "28P01") => InspectError::Refused { user: options.get_username().to_owned(), why },
        Some("3D000") => InspectError::NoDatabase(database(options).to_owned()),
        // Too many connections; starting or ending.
        Some("53300" | "57P01" | "57P02" | "57P03") => InspectError::Busy(why),
        _ => InspectError::Other(error),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::server::Server;
    use super::super::{PostgresStore, SqliteStore};
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
    }

    #[test]
    fn a_place_has_no_password() {
        let place = place("postgres://weft:secret@db.example:5433/rollup?password=secret2");
        assert_eq!(place, "PostgreSQL, rollup of weft at db.example:5433");
        assert_eq!(super::place("postgres://weft@%2Frun%2Fpostgresql/x"), "PostgreSQL, x of weft at /run/postgresql");
        assert_eq!(super::place("postgres://weft:secret@db:port/x"), "PostgreSQL");
    }

    async fn look(url: &str) -> Result<Inspection, InspectError> {
        inspect(Path::new("/nowhere"), Some(url)).await
    }

    async fn execute(url: &str, statement: &str) {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_in_the_way_is_told_apart() {
        let mut server = Server::start().await;
        let (admin, url) = (server.url("postgres"), server.url("rollup"));
        let missing = look(&url).await.unwrap_err();
        assert!(matches!(&missing, InspectError::NoDatabase(name) if name == "rollup"), "{missing}");
        execute(&admin, "CREATE DATABASE rollup").await;
        let newest = POSTGRES.iter().map(|migration| migration.version).max().unwrap();
        let present = |applied| Inspection::Present { applied, known: newest };
        assert_eq!(look(&url).await.unwrap(), present(0));

        // Since PostgreSQL 15 not everyone may make tables.
        execute(&url, "CREATE ROLE guest LOGIN PASSWORD 'right'; REVOKE CREATE ON SCHEMA public FROM PUBLIC").await;
        let guest = |password: &str| url.replace("weft@", &format!("guest:{password}@"));
        let poor = look(&guest("right")).await.unwrap_err();
        assert!(
            matches!(&poor, InspectError::NoRights { user, schema } if user == "guest" && schema == "public"),
            "{poor}"
        );
        server.ask_passwords_of("guest");
        execute(&admin, "SELECT pg_reload_conf()").await;
        // The server reads its files again in its own time.
        let mut refused = look(&guest("wrong-secret")).await;
        for _ in 0..200 {
            if matches!(refused, Err(InspectError::Refused { .. })) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            refused = look(&guest("wrong-secret")).await;
        }
        let refused = refused.unwrap_err();
        assert!(matches!(&refused, InspectError::Refused { user, .. } if user == "guest"), "{refused}");
        assert!(!format!("{refused} {refused:?}").contains("wrong-secret"), "{refused:?}");
        let unknown = look(&url.replace("weft@", "nobody@")).await.unwrap_err();
        assert!(matches!(unknown, InspectError::Refused { .. }), "{unknown}");

        drop(PostgresStore::connect(&url, 7).await.unwrap());
        assert_eq!(look(&url).await.unwrap(), present(newest));
        execute(&url, &format!("DELETE FROM _sqlx_migrations WHERE version = {newest}")).await;
        assert_eq!(look(&url).await.unwrap(), present(newest - 1));
        let ahead = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                     VALUES (9999, 'of a later version', true, '\\x00', 0)";
        execute(&url, ahead).await;
        assert_eq!(look(&url).await.unwrap(), present(9_999));
        execute(&url, "UPDATE _sqlx_migrations SET checksum = '\\x01' WHERE version = 1").await;
        assert!(matches!(look(&url).await, Err(InspectError::Foreign(1))));
        execute(&url, "ALTER DATABASE rollup SET synchronous_commit = off").await;
        assert!(matches!(look(&url).await, Err(InspectError::Unsafe("synchronous_commit"))));

        server.kill();
        let gone = look(&url).await.unwrap_err();
        assert!(matches!(gone, InspectError::Unreachable(_)), "{gone}");
        assert!(PostgresStore::connect(&url, 7).await.unwrap_err().to_string().contains("refused"));
        assert!(
            matches!(look("postgres://weft:secret@db:port/x").await, Err(InspectError::Url(why)) if !why.contains("secret"))
        );
    }
}
