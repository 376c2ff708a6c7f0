//! `weft keys`: make key files, show whose they are, encrypt and decrypt them.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;
use weft_primitives::Signer;
use weft_service::key_file;

use crate::output::{Exit, Failure, print};
use crate::{keystore, password, secrets};

/// Key files hold one secp256k1 secret: as 64 hexadecimal digits, or encrypted (Web3 Secret Storage, version 3). Wherever
/// a key file is asked for, both will do; --password-file or WEFT_PASSWORD has the password, else it is asked for on the
/// terminal.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a new key file, readable by its owner only; never overwrites one.
    #[command(after_help = "Examples:\n  weft keys new /etc/weft/sequencer.key\n  \
                            weft keys new operator.json --keystore            asks for a password\n  \
                            weft keys new operator.json --keystore --password-file password.txt")]
    New {
        /// Where to write it.
        path: PathBuf,
        /// Encrypt it.
        #[arg(long)]
        keystore: bool,
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
    /// Write a key as a new keystore.
    #[command(after_help = "Example:\n  weft keys import plain.key operator.json --password-file password.txt")]
    Import {
        /// The key file.
        from: PathBuf,
        /// The keystore to make.
        to: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write the key in a keystore as a new key file that is not encrypted.
    #[command(after_help = "Example:\n  weft keys export operator.json plain.key --password-file password.txt")]
    Export {
        /// The keystore.
        from: PathBuf,
        /// The key file to make.
        to: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the key files in a folder. A keystore's address is what the file says; nothing is decrypted.
    #[command(after_help = "Example:\n  weft keys list ~/.weft/keys")]
    List {
        /// The folder.
        folder: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
pub fn run(keys: Keys) -> Result<Exit, Failure> {
    let (signer, path, json) = match keys {
        Keys::New { path, keystore: false, json } => (key_file::create(&path)?, path, json),
        Keys::New { path, keystore: true, json } => {
            let signer = key_file::random()?;
            encrypted(&signer, &path)?;
            (signer, path, json)
        }
        Keys::Show { path, json } => (secrets::load(&path)?, path, json),
        Keys::Import { from, to, json } => {
            let signer = secrets::load(&from)?;
            encrypted(&signer, &to)?;
            (signer, to, json)
        }
        Keys::Export { from, to, json } => {
            let signer = secrets::load(&from)?;
            key_file::write(&to, &key_file::to_text(&signer))?;
            (signer, to, json)
        }
        Keys::List { folder, json } => return list(&folder, json),
    };
    let address = signer.address();
    print(json, &json!({ "path": path, "address": address }), || address.to_string())?;
    Ok(Exit::Ok)
}

fn encrypted(signer: &Signer, path: &Path) -> Result<(), Failure> {
    Ok(key_file::write(path, &(keystore::encrypt(signer, &password::for_new(path)?)? + "\n"))?)
}

fn list(folder: &Path, json: bool) -> Result<Exit, Failure> {
    let unreadable = |error| Failure(format!("cannot list {}: {error}", folder.display()));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        // What cannot be read, and what holds no key, is no key file.
        if !path.is_file() {
            continue;
        }
        let Ok(text) = secrets::keystore_text(&path) else { continue };
        let address = match &text {
            Some(text) => keystore::claimed_address(text).ok().flatten(),
            None => key_file::load(&path).ok().map(|signer| signer.address()),
        };
        if let Some(address) = address {
            found.push((path, address, text.is_some()));
        }
    }
    found.sort();
    let values: Vec<_> = found
        .iter()
        .map(|(path, address, keystore)| json!({ "path": path, "address": address, "keystore": keystore }))
        .collect();
    print(json, &values, || {
        let line = |(path, address, keystore): &(PathBuf, _, bool)| {
            format!("{address}  {}{}", path.display(), if *keystore { "  (keystore)" } else { "" })
        };
        found.iter().map(line).collect::<Vec<_>>().join("\n")
    })?;
    Ok(Exit::Ok)
}
