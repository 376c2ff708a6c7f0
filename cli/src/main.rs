//! `weft`: every service and every client of the stack in one binary.

mod amount;
mod args;
mod commands;
mod config_file;
mod dev_accounts;
mod keystore;
mod mnemonic;
mod output;
mod password;
mod quantity;
mod secrets;
mod transactor;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::args::Cli;
use crate::output::Exit;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The development chain: chain id 31337, ten funded accounts.
pub(crate) const DEV_GENESIS: &str = include_str!("../../config/genesis.dev.json");

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    let command = config_file::with_environment(Cli::command());
    let command = match config_file::with_file(command, &args) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("error: {error}");
            return Exit::Usage.into();
        }
    };
    // clap prints help, versions and usage errors itself, with exit codes 0 and 2.
    let matches = command.get_matches_from(args);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    password::set_file(cli.password_file.clone());
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("error: {failure}");
            Exit::Error.into()
        }
    }
}
