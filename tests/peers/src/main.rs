//! Others' programs beside ours, on the same input and threads, in one process.
//!
//! A workspace of its own, so that what the peers need is no burden for whoever
//! builds Weft. What is timed on each side, and what is not the same: README.md.

mod da;
mod row;
mod state;
mod timing;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use row::Row;

/// As in Weft's own binary, for all.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Peers beside Weft.
#[derive(Parser)]
#[command(after_help = "Example: cargo run --release -- da --threads 1 --json")]
struct Arguments {
    /// Print a JSON array of rows.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Data availability: rsema1d, commonware-coding, celestia-types, rust_eth_kzg.
    Da(da::Options),
    /// State: nomt, commonware's qmdb.
    State(state::Options),
}

fn main() -> ExitCode {
    let Arguments { json, what } = Arguments::parse();
    let tell = |row: &Row| {
        if !json {
            println!("{row}");
        }
    };
    let rows = match what {
        What::Da(options) => da::run(&options, tell),
        What::State(options) => state::run(&options, tell),
    };
    match rows {
        Ok(rows) if json => print_json(&rows),
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print_json(rows: &[Row]) -> ExitCode {
    match serde_json::to_string_pretty(rows) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
