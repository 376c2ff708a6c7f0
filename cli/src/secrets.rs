//! Where keys come from: plain key files, encrypted ones (keystores), and the environment.
//!
//! A file that begins with `{` is a keystore, with a [`password`].
//! `WEFT_SECRET_KEY` is the key of a service, or of who sends, where no key
//! file is given. It is no option: arguments are seen by everyone on the
//! machine.

use std::path::Path;

use weft_primitives::Signer;
use weft_service::key_file;

use crate::output::Failure;
use crate::{keystore, password};

/// Name of the variable with a secret key, 64 hexadecimal digits.
pub const SECRET_KEY: &str = "WEFT_SECRET_KEY";

/// As much of a file as is looked at.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// The key in a file, encrypted or not.
pub fn load(path: &Path) -> Result<Signer, Failure> {
    match keystore_text(path)? {
        Some(text) => keystore::decrypt(&text, &password::of(path)?)
            .map_err(|error| Failure(format!("key file {}: {error}", path.display()))),
        None => Ok(key_file::load(path)?),
    }
}

/// The text of a file, if it is a keystore.
pub fn keystore_text(path: &Path) -> Result<Option<String>, Failure> {
    Ok(Some(read(path)?).filter(|text| text.trim_start().starts_with('{')))
}

/// The key in the environment, if there is one.
pub fn from_environment() -> Result<Option<Signer>, Failure> {
    let Some(text) = std::env::var(SECRET_KEY).ok().filter(|text| !text.is_empty()) else { return Ok(None) };
    // The error must not repeat the text.
    Signer::from_hex(&text).map(Some).map_err(|error| Failure(format!("{SECRET_KEY}: {error}")))
}

/// A small file's text.
pub fn read(path: &Path) -> Result<String, Failure> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map(|file| file.take(MAX_FILE_BYTES));
    let whole = file.and_then(|mut file| file.read_to_end(&mut bytes));
    whole.map_err(|error| Failure(format!("cannot read {}: {error}", path.display())))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
