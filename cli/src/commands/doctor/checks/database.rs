//! Settlement's database: whether it can be used and is of this version.

use std::time::Duration;

use weft_settlement_node::store::{InspectError, Inspection, inspect, place};

use super::super::finding::Finding;
use super::super::plan::Plan;
use crate::args::ServiceName;

/// A database that does not answer by then is not there.
const LONGEST: Duration = Duration::from_secs(5);

/// The plan's database, if it is settlement's.
pub async fn check(plan: &Plan) -> Vec<Finding> {
    if plan.service != ServiceName::Settlement {
        return Vec::new();
    }
    let url = plan.database_url.as_deref();
    let kind = url.map_or_else(|| "SQLite".to_owned(), place);
    let name = plan.service.name();
    vec![match tokio::time::timeout(LONGEST, inspect(&plan.data_dir, url)).await {
        Ok(Ok(found)) => standing(name, &kind, found),
        Ok(Err(error)) => Finding::problem("database", name, format!("{kind}: {error}"), fix(plan, &error)),
        Err(_) => {
            let fix = "start the server, or correct host and port in database_url; a firewall may be between";
            Finding::problem("database", name, format!("{kind}: no answer within {LONGEST:?}"), fix)
        }
    }]
}

/// Of one that can be used, or could by another version.
fn standing(name: &'static str, kind: &str, found: Inspection) -> Finding {
    match found {
        Inspection::Absent => {
            Finding::fine("database", name, format!("{kind}: there is none yet; the service makes it"))
        }
        Inspection::Present { applied: 0, .. } => {
            Finding::fine("database", name, format!("{kind}: reachable, empty; the service makes its tables"))
        }
        Inspection::Present { applied, known } if applied > known => Finding::problem(
            "database",
            name,
            format!("{kind}: it has migration {applied}, this program knows up to {known}"),
            "use the version of Weft that migrated it, or a newer one",
        ),
        Inspection::Present { applied, known } if applied < known => Finding::warning(
            "database",
            name,
            format!("{kind}: it has migration {applied} of {known}; the service migrates it when it starts"),
            "back it up before that: there is no way back",
        ),
        Inspection::Present { applied, .. } => {
            Finding::fine("database", name, format!("{kind}: reachable, at migration {applied}"))
        }
    }
}

fn fix(plan: &Plan, error: &InspectError) -> String {
    match error {
        InspectError::Url(_) => "database_url is postgres://USER:PASSWORD@HOST:PORT/DATABASE; what is special in a \
                                 password is written as %40 (@), %3A (:), %2F (/)"
            .to_owned(),
        InspectError::Unreachable(_) => "start the server, or correct host and port in database_url; from another \
                                         machine it must listen there (listen_addresses)"
            .to_owned(),
        InspectError::Refused { .. } => "correct user and password in database_url (WEFT_DATABASE_URL); the server \
                                         must let them in from here (pg_hba.conf)"
            .to_owned(),
        InspectError::NoDatabase(database) => format!("createdb --owner USER {database}, or correct its name"),
        InspectError::Busy(_) => "wait until it has started; if it is full, raise max_connections: a service needs 8 \
                                  and one for each chain"
            .to_owned(),
        InspectError::NoRights { user, .. } => {
            format!("make it the owner: ALTER DATABASE ... OWNER TO {user}, or GRANT CREATE ON SCHEMA public TO {user}")
        }
        InspectError::Unsafe(setting) => format!("set {setting} = on: the service does not start without"),
        InspectError::Foreign(_) => "it belongs to another program or a changed version: name another database, or \
                                     use the version that made it"
            .to_owned(),
        InspectError::Other(_) if plan.database_url.is_some() => {
            "look into the server's log, and try the URL with psql".to_owned()
        }
        InspectError::Other(_) => {
            format!("check {}; if the file is damaged, put it back from a copy", plan.data_dir.display())
        }
    }
}
