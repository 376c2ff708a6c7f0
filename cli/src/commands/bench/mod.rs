//! `weft bench`.

mod e2e;
mod load;
mod row;
mod token;

use crate::args::BenchCommand;
use crate::output::{Exit, Failure};

/// Runs the command.
pub async fn run(command: BenchCommand) -> Result<Exit, Failure> {
    match command {
        BenchCommand::E2e { seconds, accounts, json } => e2e::run(seconds, accounts, json).await,
    }
}
