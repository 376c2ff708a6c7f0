//! Keeps the repository true to ARCHITECTURE.md: dependency edges, paths named in the docs, documented
//! protocol files, metrics named by dashboards and alert rules.
//!
//! The checks are tests of this crate; the library finds the workspace and reads PromQL.

pub mod promql;

use std::path::PathBuf;

/// The repository's root folder: that of the run, which need not be that of the build where clones share a build folder.
pub fn root() -> PathBuf {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(folder).join("../..")
}
