//! The policies' file.
//!
//! ```toml
//! open = true                      # may namespaces without a table of their own be used?
//!
//! [default]                        # each of those
//! quota_bytes = 1073741824
//!
//! [namespace."weft documents"]     # a name of at most 32 ASCII characters, or 64 hexadecimal digits
//! keys = ["0xF67377a43b719d2f92D5EC8d5869F6949C9cB863"]
//! bytes_per_second = 1000000
//! ```
//!
//! Each table stands by itself: what it leaves out is not limited, whatever
//! `[default]` says. Unknown keys are refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use weft_primitives::Namespace;

use super::rules::{Policies, Policy};
use crate::config::Limits;

/// Namespaces with a policy of their own: each has a name in metrics.
pub const MAX_NAMESPACES: usize = 1_024;

/// Keys of one namespace.
pub const MAX_KEYS: usize = 64;

/// Largest file read, bytes.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It cannot be read.
    #[error("cannot read the namespaces file {path}: {source}")]
    Read {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It is not TOML, or has a key or value that means nothing.
    #[error("{path}: {source}")]
    Syntax {
        /// Its path.
        path: PathBuf,
        /// Where and what.
        source: Box<toml::de::Error>,
    },
    /// A value that cannot work.
    #[error("{path}: `{key}`: {why}")]
    Value {
        /// Its path.
        path: PathBuf,
        /// The dotted key.
        key: String,
        /// What is wrong.
        why: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(default = "yes")]
    open: bool,
    #[serde(default)]
    default: Policy,
    #[serde(default)]
    namespace: BTreeMap<String, Policy>,
}

const fn yes() -> bool {
    true
}

/// Reads the file for a node with these limits.
pub fn load(path: &Path, limits: &Limits) -> Result<Policies, PolicyError> {
    let read = |source| PolicyError::Read { path: path.to_owned(), source };
    let length = std::fs::metadata(path).map_err(read)?.len();
    if length > MAX_FILE_BYTES {
        return Err(read(std::io::Error::other(format!("{length} bytes are above the limit of {MAX_FILE_BYTES}"))));
    }
    parse(path, &std::fs::read_to_string(path).map_err(read)?, limits)
}

/// The policies in `text`; `path` is for errors.
pub fn parse(path: &Path, text: &str, limits: &Limits) -> Result<Policies, PolicyError> {
    let content: Content = toml::from_str(text)
        .map_err(|source| PolicyError::Syntax { path: path.to_owned(), source: Box::new(source) })?;
    let value = |key: String, why: String| PolicyError::Value { path: path.to_owned(), key, why };
    if content.namespace.len() > MAX_NAMESPACES {
        let why = format!("{} namespaces are above the limit of {MAX_NAMESPACES}", content.namespace.len());
        return Err(value("namespace".to_owned(), why));
    }
    let check = |table: &str, policy: &Policy| match policy.fault(limits) {
        Some((key, why)) => Err(value(format!("{table}.{key}"), why)),
        None if policy.keys.as_ref().is_some_and(|keys| keys.len() > MAX_KEYS) => {
            Err(value(format!("{table}.keys"), format!("more than {MAX_KEYS} keys")))
        }
        None => Ok(()),
    };
    check("default", &content.default)?;
    let mut policies = Policies { open: content.open, default: content.default, ..Policies::default() };
    for (name, policy) in content.namespace {
        let table = format!("namespace.{name:?}");
        let namespace: Namespace = name.parse().map_err(|error| value(table.clone(), format!("{error}")))?;
        check(&table, &policy)?;
        if policies.names().any(|other| *other == namespace) {
            return Err(value(table, "the same namespace has two tables".to_owned()));
        }
        policies.set(namespace, &name, policy);
    }
    Ok(policies)
}
