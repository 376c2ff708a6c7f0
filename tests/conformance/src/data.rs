//! Where the cases are: a folder that the environment names, or an archive beside the repository.
//!
//! Archives are unpacked into the build folder, once for each version of them,
//! and never into the tree.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Archive, and the variable that names a folder instead.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// File name without `.tar.zst`.
    pub archive: &'static str,
    /// The variable.
    pub variable: &'static str,
    /// The folder in the archive that a variable would name; empty for all of it.
    pub inside: &'static str,
}

/// Ethereum's own tests, laid out as in the repository `ethereum/tests`.
pub const ETHEREUM_TESTS: Source = Source { archive: "ethereum-tests", variable: "WEFT_ETHEREUM_TESTS", inside: "" };

/// Blocks of the main network, as [`weft_bench::mainnet`] reads them.
pub const MAINNET_BLOCKS: Source = Source { archive: "mainnet", variable: "WEFT_MAINNET_BLOCKS", inside: "mainnet" };

/// Requests and answers, laid out as in the repository `ethereum/execution-apis`.
pub const EXECUTION_APIS: Source =
    Source { archive: "execution-apis", variable: "WEFT_EXECUTION_APIS", inside: "execution-apis" };

/// What there is.
#[derive(Clone, Debug)]
pub enum Data {
    /// The cases.
    Folder(PathBuf),
    /// Nothing, and where it was looked for.
    Absent(String),
}

/// Why cases that are there cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The variable names no folder.
    #[error("{variable}={}: no such folder", folder.display())]
    NoFolder {
        /// Its name.
        variable: &'static str,
        /// Its value.
        folder: PathBuf,
    },
    /// The file system.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// The archive cannot be unpacked.
    #[error("tar --zstd -xf {}: {why}", archive.display())]
    Unpack {
        /// The archive.
        archive: PathBuf,
        /// What it said.
        why: String,
    },
}

/// Finds the cases; `build_folder` is where archives may be unpacked.
pub fn find(source: Source, build_folder: &Path) -> Result<Data, DataError> {
    if let Some(folder) = std::env::var_os(source.variable).map(PathBuf::from) {
        let variable = source.variable;
        return if folder.is_dir() { Ok(Data::Folder(folder)) } else { Err(DataError::NoFolder { variable, folder }) };
    }
    // Of the run, which need not be that of the build where clones share a build folder.
    let own = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let root = Path::new(&own).join("../..");
    let name = format!("{}.tar.zst", source.archive);
    let places = ["../shared/data", "shared/data"].map(|folder| root.join(folder).join(&name));
    match places.into_iter().find(|place| place.is_file()) {
        Some(archive) => Ok(Data::Folder(unpacked(&archive, source, build_folder)?.join(source.inside))),
        None => Ok(Data::Absent(format!(
            "no data: {} is not set, and {name} is neither in ../shared/data nor in shared/data",
            source.variable
        ))),
    }
}

/// The folder with what is in the archive.
fn unpacked(archive: &Path, source: Source, build_folder: &Path) -> Result<PathBuf, DataError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| DataError::Io { path, source }
    };
    let len = std::fs::metadata(archive).map_err(io(archive))?.len();
    let folder = build_folder.join(format!("{}-{len}", source.archive));
    if folder.is_dir() {
        return Ok(folder);
    }
    // Other tests may do the same at this time: whoever is first wins.
    let draft = build_folder.join(format!("{}-{len}.{}", source.archive, std::process::id()));
    std::fs::create_dir_all(&draft).map_err(io(&draft))?;
    let mut tar = Command::new("tar");
    let output = tar.arg("--zstd").arg("-xf").arg(archive).arg("-C").arg(&draft).output().map_err(io(archive))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(DataError::Unpack { archive: archive.to_owned(), why });
    }
    match std::fs::rename(&draft, &folder) {
        Err(_) if folder.is_dir() => std::fs::remove_dir_all(&draft).map_err(io(&draft))?,
        renamed => renamed.map_err(io(&folder))?,
    }
    Ok(folder)
}
