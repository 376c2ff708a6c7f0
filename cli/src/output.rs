//! What a command prints: lines for people, or one JSON value with `--json`.

use std::fmt;
use std::io::{IsTerminal, stdout};
use std::process::ExitCode;

use serde::Serialize;

/// Exit codes that scripts may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It worked; for `verify`: Valid.
    Ok = 0,
    /// It failed.
    Error = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// `verify`: Invalid. `light`: not available, or wrongly encoded. `blob list`: not proved.
    Invalid = 3,
    /// `verify`: Undecided. `light`: not decided in time.
    Undecided = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command's failure: what went wrong, in words for the user.
#[derive(Debug)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            let inner_text = inner.to_string();
            if !text.contains(&inner_text) {
                text = format!("{text}: {inner_text}");
            }
            source = inner.source();
        }
        Self(text)
    }
}

/// Prints `value` as JSON, or `text` for people.
pub fn print<T: Serialize>(json: bool, value: &T, text: impl FnOnce() -> String) -> Result<(), Failure> {
    if json {
        println!("{}", serde_json::to_string_pretty(value)?);
    } else {
        println!("{}", text());
    }
    Ok(())
}

/// A colour of the terminal's own palette.
#[derive(Clone, Copy, Debug)]
pub enum Colour {
    /// Bad.
    Red = 31,
    /// Good.
    Green = 32,
    /// Doubtful.
    Yellow = 33,
}

/// The text in a colour where standard output is a terminal and its user has not declined colours
/// (<https://no-color.org>), else as it is.
pub fn paint(colour: Colour, text: &str) -> String {
    let declined = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if declined || !stdout().is_terminal() {
        return text.to_owned();
    }
    format!("\x1b[{}m{text}\x1b[0m", colour as u8)
}
