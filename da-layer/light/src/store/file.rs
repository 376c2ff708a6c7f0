//! Files: replaced whole and durably, locked against a second client.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;

/// Longest file that is read in one piece.
const MAX_SMALL_FILE_BYTES: u64 = 1 << 16;

/// Names the path in an error.
pub(super) fn io(path: &Path) -> impl Fn(std::io::Error) -> StoreError + '_ {
    |source| StoreError::Io { path: path.to_owned(), source }
}

/// Holds the folder for this process until the file is dropped.
pub(super) fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(StoreError::Io { path, source }),
    }
}

/// Writes a file so that after a crash either the old or the new content is there.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let next = path.with_extension("next");
    let mut file = File::create(&next).map_err(io(&next))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(io(&next))?;
    rename(&next, path)
}

/// Puts `from` in the place of `to`, durably.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    std::fs::rename(from, to).map_err(io(to))?;
    match to.parent() {
        Some(dir) => File::open(dir).and_then(|dir| dir.sync_all()).map_err(io(dir)),
        None => Ok(()),
    }
}

/// Reads a small JSON file; `None` if there is none.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(io(path))?,
    };
    let mut text = Vec::new();
    file.take(MAX_SMALL_FILE_BYTES).read_to_end(&mut text).map_err(io(path))?;
    serde_json::from_slice(&text).map(Some).map_err(|error| damaged(path, error.line(), error))
}

/// Writes a small JSON file.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), StoreError> {
    let text = serde_json::to_vec_pretty(value).map_err(|error| damaged(path, 0, error))?;
    replace(path, &text)
}

pub(super) fn damaged(path: &Path, line: usize, why: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), line, why: why.to_string() }
}
