//! Others' programs beside ours, on the same input and threads, in one process.
//!
//! A workspace of its own, so that what the peers need is no burden for whoever
//! builds Weft. What is timed on each side, and what is not the same: README.md.

mod da;
mod row;
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
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Data availability: rsema1d, commonware-coding, celestia-types, rust_eth_kzg.
    Da(da::Options),
}

fn main() -> ExitCode {
    let Arguments { what: What::Da(options) } = Arguments::parse();
    let json = options.json;
    match da::run(&options, |row| {
        if !json {
            println!("{row}")
        }
    }) {
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
