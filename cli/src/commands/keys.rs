//! `weft keys`: make a key file, show whose it is.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;
use weft_service::key_file;

use crate::output::{Exit, Failure, print};

/// Key files hold one secp256k1 secret as 64 hexadecimal digits.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a new key file, readable by its owner only; never overwrites one.
    #[command(after_help = "Example:\n  weft keys new /etc/weft/sequencer.key")]
    New {
        /// Where to write it.
        path: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the address of a key file.
    #[command(after_help = "Example:\n  weft keys show config/dev-keys/sequencer.key")]
    Show {
        /// The file.
        path: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
pub fn run(keys: Keys) -> Result<Exit, Failure> {
    let (signer, path, json) = match keys {
        Keys::New { path, json } => (key_file::create(&path)?, path, json),
        Keys::Show { path, json } => (key_file::load(&path)?, path, json),
    };
    let address = signer.address();
    print(json, &json!({ "path": path, "address": address }), || address.to_string())?;
    Ok(Exit::Ok)
}
