//! `weft bench da`.

use weft_bench::da::{self, Options, shape};

use super::tell;
use crate::output::{Exit, Failure};

/// Measures and prints the rows.
pub fn run(options: &Options, shape: bool, json: bool) -> Result<Exit, Failure> {
    let tell = |row: &_| tell(row, json);
    let rows = if shape { shape::run(options, tell) } else { da::run(options, tell) };
    let rows = rows.map_err(|error| Failure(error.to_string()))?;
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    }
    Ok(Exit::Ok)
}
