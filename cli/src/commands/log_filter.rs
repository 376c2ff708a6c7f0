//! `weft log`: what a running service logs, shown and changed.

use serde_json::Value;

use crate::args::LogCommandArgs;
use crate::output::{Exit, Failure, print};

/// Runs the command.
pub async fn run(args: LogCommandArgs) -> Result<Exit, Failure> {
    let url = format!("{}/log-filter", args.http_url.trim_end_matches('/'));
    let client = reqwest::Client::builder().timeout(std::time::Duration::from_secs(5)).build()?;
    let request = match args.filter {
        Some(filter) => client.put(&url).body(filter),
        None => client.get(&url),
    };
    let answer = request.send().await?;
    let refused = !answer.status().is_success();
    let value: Value = answer.json().await?;
    if refused {
        return Err(Failure(format!("{url}: {}", value["error"].as_str().unwrap_or("refused"))));
    }
    print(args.json, &value, || value["filter"].as_str().unwrap_or_default().to_owned())?;
    Ok(Exit::Ok)
}
