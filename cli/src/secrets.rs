//! Where keys come from: plain key files, encrypted ones (keystores), and the environment.
//!
//! A file that begins with `{` is a keystore; its password is in the file named
//! by `--password-file` (`WEFT_PASSWORD_FILE`), or in `WEFT_PASSWORD`.
//! `WEFT_SECRET_KEY` is the key of a service, or of who sends, where no key
//! file is given. Neither is an option: arguments are seen by everyone on the
//! machine.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use weft_primitives::Signer;
use weft_service::key_file;

use crate::keystore;
use crate::output::Failure;

/// Name of the variable with a secret key, 64 hexadecimal digits.
pub const SECRET_KEY: &str = "WEFT_SECRET_KEY";
/// Name of the variable with a password.
const PASSWORD: &str = "WEFT_PASSWORD";

/// As much of a file as is looked at.
const MAX_FILE_BYTES: u64 = 64 << 10;

static PASSWORD_FILE: OnceLock<PathBuf> = OnceLock::new();

/// Notes `--password-file`; once, when the program starts.
pub fn set_password_file(path: Option<PathBuf>) {
    if let Some(path) = path {
        // Only `main` calls this.
        let _ = PASSWORD_FILE.set(path);
    }
}

/// The password for keystores.
pub fn password() -> Result<String, Failure> {
    if let Some(path) = PASSWORD_FILE.get() {
        let text = read(path)?;
        return Ok(text.trim_end_matches(['\n', '\r']).to_owned());
    }
    std::env::var(PASSWORD)
        .map_err(|_| Failure(format!("a keystore needs a password: --password-file FILE, or {PASSWORD}")))
}

/// The key in a file, encrypted or not.
pub fn load(path: &Path) -> Result<Signer, Failure> {
    match keystore_text(path)? {
        Some(text) => keystore::decrypt(&text, &password()?)
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

fn read(path: &Path) -> Result<String, Failure> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map(|file| file.take(MAX_FILE_BYTES));
    let whole = file.and_then(|mut file| file.read_to_end(&mut bytes));
    whole.map_err(|error| Failure(format!("cannot read {}: {error}", path.display())))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
