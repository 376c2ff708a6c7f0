//! `weft bench`.

mod da;
mod da_put;
mod e2e;
mod exec;
mod load;
mod produce;
mod rebuild;
mod state;
mod state_beyond;
mod state_durable;
mod token;

use weft_bench::Row;
use weft_bench::exec::Options;

use crate::args::BenchCommand;
use crate::output::{Exit, Failure};

/// Runs the command.
pub async fn run(command: BenchCommand) -> Result<Exit, Failure> {
    match command {
        BenchCommand::E2e { seconds, accounts, json } => e2e::run(seconds, accounts, json).await,
        BenchCommand::Da { rounds, threads, only, shape, json } => {
            let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
            da::run(&weft_bench::da::Options { rounds, threads, only }, shape, json).await
        }
        BenchCommand::State { rounds, threads, keys, only, mainnet, shape, json } => {
            let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
            let options = weft_bench::state::Options { rounds, threads, keys, only };
            state::run(&options, mainnet.as_deref(), shape, json)
        }
        BenchCommand::Produce { transactions, rounds, json } => {
            let work = move || produce::run(transactions, rounds, json);
            tokio::task::spawn_blocking(work).await.map_err(|error| Failure(error.to_string()))?
        }
        BenchCommand::Rebuild { transactions, shape, json } => rebuild::run(transactions, shape, json).await,
        BenchCommand::Exec { transactions, rounds, threads, only, mainnet, shape, json } => {
            let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
            exec::run(&Options { transactions, rounds, threads, only }, mainnet.as_deref(), shape, json)
        }
    }
}

/// A row for people; JSON is printed when all are there.
fn tell(row: &Row, json: bool) {
    if json {
        eprintln!("{row}");
    } else {
        println!("{row}");
    }
}
