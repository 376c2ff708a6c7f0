//! Passwords of keystores: from a file, the environment, or whoever sits at the terminal.
//!
//! `--password-file` (`WEFT_PASSWORD_FILE`) comes first, then `WEFT_PASSWORD`; with neither, and only where both the
//! question can be seen and the answer typed, it is asked for without echo, once for each keystore. A password is no
//! option: arguments are seen by everyone on the machine. Nothing here is ever logged.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write, stderr, stdin};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use console::Term;

use crate::output::Failure;
use crate::secrets;

/// Name of the variable with a password.
const PASSWORD: &str = "WEFT_PASSWORD";

static FILE: OnceLock<PathBuf> = OnceLock::new();

/// Answers, by keystore: what needs a key twice asks once.
static ASKED: Mutex<BTreeMap<PathBuf, String>> = Mutex::new(BTreeMap::new());

/// Notes `--password-file`; once, when the program starts.
pub fn set_file(path: Option<PathBuf>) {
    if let Some(path) = path {
        // Only `main` calls this.
        let _ = FILE.set(path);
    }
}

/// Of a keystore that is there.
pub fn of(keystore: &Path) -> Result<String, Failure> {
    if let Some(password) = given()? {
        return Ok(password);
    }
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(password) = asked.get(keystore) {
        return Ok(password.clone());
    }
    let password = ask(&format!("Password of {}: ", keystore.display()))?;
    asked.insert(keystore.to_owned(), password.clone());
    Ok(password)
}

/// For a keystore that is to be made; asked for twice, because nothing will tell a slip of the finger.
pub fn for_new(keystore: &Path) -> Result<String, Failure> {
    if let Some(password) = given()? {
        return Ok(password);
    }
    let password = ask(&format!("New password of {}: ", keystore.display()))?;
    if password.is_empty() {
        return Err(Failure("an empty password protects nothing".to_owned()));
    }
    if ask("The same again: ")? != password {
        return Err(Failure("the two passwords differ; nothing was written".to_owned()));
    }
    Ok(password)
}

fn given() -> Result<Option<String>, Failure> {
    if let Some(path) = FILE.get() {
        let text = secrets::read(path)?;
        return Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()));
    }
    Ok(std::env::var(PASSWORD).ok())
}

/// Without echo.
fn ask(question: &str) -> Result<String, Failure> {
    if !(stdin().is_terminal() && stderr().is_terminal()) {
        let words = "a keystore needs a password: --password-file FILE, or";
        return Err(Failure(format!(
            "{words} {PASSWORD}; without them it is asked for on a terminal, and here is none"
        )));
    }
    let unreadable = |error| Failure(format!("cannot read a password from the terminal: {error}"));
    let mut terminal = Term::stderr();
    terminal.write_all(question.as_bytes()).and_then(|()| terminal.flush()).map_err(unreadable)?;
    terminal.read_secure_line().map_err(unreadable)
}
