//! `weft bench state`.

use std::path::Path;

use weft_bench::state::{self, Options, shape};

use super::{state_beyond, state_durable, tell};
use crate::output::{Exit, Failure};

/// Measures and prints the rows.
pub fn run(options: &Options, mainnet: Option<&Path>, with_shape: bool, json: bool) -> Result<Exit, Failure> {
    let tell = |row: &_| tell(row, json);
    let rows = if with_shape { shape::run(options, tell) } else { state::run(options, mainnet, tell) };
    let mut rows = rows.map_err(|error| Failure(error.to_string()))?;
    if !with_shape && options.name("durable").contains(&options.only) {
        let row = state_durable::run(options)?;
        tell(&row);
        rows.push(row);
    }
    if !with_shape {
        state_beyond::run(options, |row| {
            tell(&row);
            rows.push(row);
        })?;
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    }
    Ok(Exit::Ok)
}
