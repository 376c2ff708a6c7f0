//! Keeps the repository true to ARCHITECTURE.md: dependency edges, paths named in the docs, documented protocol files.
//!
//! The checks are tests of this crate; the library only finds the workspace.

use std::path::PathBuf;

/// The repository's root folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
