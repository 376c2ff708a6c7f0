//! `weft bench da`.

use weft_bench::da::{self, Options, shape};

use super::{da_put, tell};
use crate::output::{Exit, Failure};

/// Measures and prints the rows.
pub async fn run(options: &Options, with_shape: bool, json: bool) -> Result<Exit, Failure> {
    let tell = |row: &_| tell(row, json);
    let rows = if with_shape { shape::run(options, tell) } else { da::run(options, tell) };
    let mut rows = rows.map_err(|error| Failure(error.to_string()))?;
    if !with_shape && da_put::NAME.contains(&options.only) {
        let row = da_put::run(options.rounds).await?;
        tell(&row);
        rows.push(row);
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    }
    Ok(Exit::Ok)
}
