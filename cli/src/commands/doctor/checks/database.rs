//! Settlement's database: whether it can be reached and is of this version.

use std::time::Duration;

use weft_settlement_node::store::{Inspection, inspect};

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
    let kind = if plan.database_url.is_some() { "PostgreSQL" } else { "SQLite" };
    let found = tokio::time::timeout(LONGEST, inspect(&plan.data_dir, plan.database_url.as_deref())).await;
    let name = plan.service.name();
    vec![match found {
        Ok(Ok(Inspection::Absent)) => {
            Finding::fine("database", name, format!("{kind}: there is none yet; the service makes it"))
        }
        Ok(Ok(Inspection::Present { applied, known })) if applied > known => Finding::problem(
            "database",
            name,
            format!("{kind}: it has migration {applied}, this program knows up to {known}"),
            "use the version of Weft that migrated it, or a newer one",
        ),
        Ok(Ok(Inspection::Present { applied, known })) if applied < known => Finding::warning(
            "database",
            name,
            format!("{kind}: it has migration {applied} of {known}; the service migrates it when it starts"),
            "back it up before that: there is no way back",
        ),
        Ok(Ok(Inspection::Present { applied, .. })) => {
            Finding::fine("database", name, format!("{kind}: reachable, at migration {applied}"))
        }
        Ok(Err(error)) => Finding::problem("database", name, format!("{kind}: {error}"), fix(plan)),
        Err(_) => Finding::problem("database", name, format!("{kind}: no answer within {LONGEST:?}"), fix(plan)),
    }]
}

fn fix(plan: &Plan) -> String {
    match plan.database_url {
        Some(_) => "check --database-url, that the server runs, and that it lets this user in (psql URL)".to_owned(),
        None => format!("check {}; if the file is damaged, put it back from a copy", plan.data_dir.display()),
    }
}
