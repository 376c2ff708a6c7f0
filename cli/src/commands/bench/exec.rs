//! `weft bench exec`.

use std::path::Path;

use weft_bench::exec::{self, Options};
use weft_bench::shape;

use super::tell;
use crate::output::{Exit, Failure};

/// Measures and prints the rows.
pub fn run(options: &Options, mainnet: Option<&Path>, shape: bool, json: bool) -> Result<Exit, Failure> {
    let tell = |row: &_| tell(row, json);
    let rows = if shape { shape::run(options, tell) } else { exec::run(options, mainnet, tell) };
    let rows = rows.map_err(|error| Failure(error.to_string()))?;
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    }
    Ok(Exit::Ok)
}
