//! `weft bench exec`.

use std::path::Path;

use weft_bench::exec::{self, Options};

use super::tell;
use crate::output::{Exit, Failure};

/// Measures and prints the rows.
pub fn run(options: &Options, mainnet: Option<&Path>, json: bool) -> Result<Exit, Failure> {
    let rows = exec::run(options, mainnet, |row| tell(row, json)).map_err(|error| Failure(error.to_string()))?;
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    }
    Ok(Exit::Ok)
}
