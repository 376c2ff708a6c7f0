//! One definition of every option: a flag, an environment variable and a TOML key.
//!
//! `--block-min-interval-ms 5`, `WEFT_BLOCK_MIN_INTERVAL_MS=5` and
//!
//! ```toml
//! [block]
//! min_interval_ms = 5
//! ```
//!
//! are the same option, in falling order of precedence; the built-in default
//! comes last. An array of tables (`[[chain]]`) is an option that may be given
//! several times, each time as the text of one table. Keys that are no option are refused, with the nearest one named.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Command};

/// Why the configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read the configuration file {path}: {source}")]
    Read {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It is not TOML.
    #[error("{path}: {source}")]
    Syntax {
        /// Its path.
        path: PathBuf,
        /// Where and what.
        source: Box<toml::de::Error>,
    },
    /// A key is no option of the command.
    #[error("{path}: unknown key `{key}`{hint}")]
    UnknownKey {
        /// Its path.
        path: PathBuf,
        /// The dotted key.
        key: String,
        /// "; did you mean ...", or empty.
        hint: String,
    },
    /// A value of a type that no option has.
    #[error("{path}: `{key}` must be a string, a number, true or false, or an array of these")]
    BadValue {
        /// Its path.
        path: PathBuf,
        /// The dotted key.
        key: String,
    },
}

/// Gives every long option of every subcommand its `WEFT_*` environment variable.
pub fn with_environment(command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let command = command.mut_args(|arg| match arg.get_long() {
        Some("help" | "version") | None => arg,
        Some(long) => {
            let name = format!("WEFT_{}", long.replace('-', "_").to_uppercase());
            arg.env(name).hide_env_values(true)
        }
    });
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, with_environment))
}

/// Lays the file named by `--config` (or `WEFT_CONFIG`) under the subcommand's options, as their defaults.
pub fn with_file(command: Command, args: &[OsString]) -> Result<Command, ConfigError> {
    let lenient = command.clone().ignore_errors(true).try_get_matches_from(args);
    let Some((name, matches)) = lenient.as_ref().ok().and_then(|matches| matches.subcommand()) else {
        return Ok(command);
    };
    let Ok(Some(path)) = matches.try_get_one::<PathBuf>("config") else {
        return Ok(command);
    };
    let settings = read(path)?;
    let mut failure = None;
    let command = command.mut_subcommand(name, |sub| {
        settings.into_iter().fold(sub, |sub, (key, values)| match apply(&sub, path, &key) {
            Ok(id) => sub.mut_arg(id, |arg| match arg.get_action() {
                ArgAction::Append => arg.default_values(values),
                _ => arg.required(false).default_value(values.join(",")),
            }),
            Err(error) => {
                failure.get_or_insert(error);
                sub
            }
        })
    });
    failure.map_or(Ok(command), Err)
}

/// The id of the option that a key names.
fn apply(command: &Command, path: &Path, key: &str) -> Result<String, ConfigError> {
    let long = key.replace(['.', '_'], "-");
    let options = || command.get_arguments().filter(|arg| arg.get_long().is_some_and(|name| name != "config"));
    if let Some(arg) = options().find(|arg| arg.get_long() == Some(&long)) {
        return Ok(arg.get_id().to_string());
    }
    let nearest = options().filter_map(|arg| arg.get_long()).min_by_key(|name| distance(name, &long));
    let hint = nearest.filter(|name| distance(name, &long) <= 4).map(|name| format!("; did you mean `{name}`?"));
    Err(ConfigError::UnknownKey { path: path.to_owned(), key: key.to_owned(), hint: hint.unwrap_or_default() })
}

fn read(path: &Path) -> Result<Vec<(String, Vec<String>)>, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let table: toml::Table =
        text.parse().map_err(|source| ConfigError::Syntax { path: path.to_owned(), source: Box::new(source) })?;
    let mut out = Vec::new();
    flatten(path, "", table, &mut out)?;
    Ok(out)
}

fn flatten(
    path: &Path,
    prefix: &str,
    table: toml::Table,
    out: &mut Vec<(String, Vec<String>)>,
) -> Result<(), ConfigError> {
    for (name, value) in table {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(path, &key, inner, out)?,
            toml::Value::Array(items) => {
                let items: Option<Vec<String>> = items.iter().map(|item| scalar(item).or_else(|| text(item))).collect();
                let items = items.ok_or_else(|| ConfigError::BadValue { path: path.to_owned(), key: key.clone() })?;
                out.push((key, items));
            }
            value => {
                let text =
                    scalar(&value).ok_or_else(|| ConfigError::BadValue { path: path.to_owned(), key: key.clone() })?;
                out.push((key, vec![text]));
            }
        }
    }
    Ok(())
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// A table of an array of tables, as text.
fn text(value: &toml::Value) -> Option<String> {
    value.as_table().and_then(|table| toml::to_string(table).ok())
}

/// Levenshtein distance, for hints only.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let next = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row[b.len()]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use clap::Arg;

    fn command() -> Command {
        let sub = Command::new("run")
            .arg(Arg::new("config").long("config").value_parser(clap::value_parser!(PathBuf)))
            .arg(Arg::new("block_min_interval_ms").long("block-min-interval-ms").default_value("5"))
            .arg(Arg::new("peers").long("peers").action(ArgAction::Append))
            .arg(Arg::new("verbose").long("verbose").action(ArgAction::SetTrue));
        Command::new("weft").subcommand(sub)
    }

    fn parse(toml: &str, extra: &[&str]) -> Result<(String, Vec<String>, bool), String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("weft.toml");
        std::fs::write(&file, toml).unwrap();
        let mut args: Vec<OsString> = vec!["weft".into(), "run".into(), "--config".into(), file.into()];
        args.extend(extra.iter().map(OsString::from));
        let command = with_file(command(), &args).map_err(|error| error.to_string())?;
        let matches = command.try_get_matches_from(args).map_err(|error| error.to_string())?;
        let (_, matches) = matches.subcommand().unwrap();
        let peers = matches.get_many::<String>("peers").map(|all| all.cloned().collect()).unwrap_or_default();
        Ok((matches.get_one::<String>("block_min_interval_ms").unwrap().clone(), peers, matches.get_flag("verbose")))
    }

    #[test]
    fn flags_go_before_the_file() {
        let toml = "peers = [\"a\", \"b\"]\nverbose = true\n[block]\nmin_interval_ms = 9";
        let peers = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(parse(toml, &[]), Ok(("9".to_owned(), peers.clone(), true)));
        assert_eq!(parse(toml, &["--block-min-interval-ms", "7"]), Ok(("7".to_owned(), peers, true)));
    }

    #[test]
    fn an_array_of_tables_is_one_text_each() {
        let toml = "[[peers]]\nname = \"a\"\nport = 1\n[[peers]]\nname = \"b\"";
        let (_, peers, _) = parse(toml, &[]).unwrap();
        assert_eq!(peers, ["name = \"a\"\nport = 1\n", "name = \"b\"\n"]);
        assert!(parse("[[block]]\nmin_interval_ms = 9", &[]).unwrap_err().contains("unknown key `block`"));
    }

    #[test]
    fn unknown_keys_are_refused_with_a_hint() {
        let error = parse("[block]\nmin_intervall_ms = 9", &[]).unwrap_err();
        assert!(
            error.contains("unknown key `block.min_intervall_ms`; did you mean `block-min-interval-ms`?"),
            "{error}"
        );
        assert!(parse("config = \"x\"", &[]).unwrap_err().contains("unknown key"));
        assert!(parse("when = 2026-01-01", &[]).unwrap_err().contains("must be a string"));
    }
}
