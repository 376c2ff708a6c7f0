//! Key files: one secp256k1 secret as 64 hexadecimal digits, for its owner's eyes only.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rand::TryRngCore;
use weft_primitives::Signer;

/// As much of a key file as is looked at; a key is 67 bytes.
const MAX_FILE_BYTES: u64 = 1_024;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("key file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("key file {path}: {source}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: weft_primitives::signer::BadSecretKey,
    },
    /// The system gives no randomness.
    #[error("the system gives no randomness for a key")]
    Randomness,
}

/// Reads a key; warns if others may read it too.
pub fn load(path: &Path) -> Result<Signer, KeyFileError> {
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    let mode = file.metadata().map_err(io)?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "other users may read this key file: chmod 600");
    }
    let mut text = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut text).map_err(io)?;
    let content = |source| KeyFileError::Content { path: path.to_owned(), source };
    // Bytes that are no text become characters that are no digits.
    Signer::from_hex(&String::from_utf8_lossy(&text)).map_err(content)
}

/// Makes a new key and its file, as [`write()`] does.
pub fn create(path: &Path) -> Result<Signer, KeyFileError> {
    let signer = random()?;
    write(path, &to_text(&signer))?;
    Ok(signer)
}

/// What a key file says.
pub fn to_text(signer: &Signer) -> String {
    let digits: String = signer.secret_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("0x{digits}\n")
}

/// Makes a file for its owner's eyes only; fails if it exists. Whatever interrupts it, it is whole or not there.
pub fn write(path: &Path, text: &str) -> Result<(), KeyFileError> {
    let draft = draft_path(path)?;
    let written = write_new(&draft, text).and_then(|()| publish(&draft, path));
    // Gone already where it was renamed.
    let _ = std::fs::remove_file(&draft);
    written.map_err(|source| KeyFileError::Io { path: path.to_owned(), source })
}

/// A name beside `path` that no other process uses.
fn draft_path(path: &Path) -> Result<PathBuf, KeyFileError> {
    let tag = u64::from_be_bytes(random_bytes()?);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{tag:016x}.new"));
    Ok(path.with_file_name(name))
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Gives the finished file its name, unless that is taken, and makes the name durable.
fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    match std::fs::hard_link(draft, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // A file system without hard links: here two who make the same file at once may both succeed.
        Err(_) if !path.try_exists()? => std::fs::rename(draft, path)?,
        Err(_) => return Err(io::ErrorKind::AlreadyExists.into()),
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Reads the key, or makes it if there is no file yet.
pub fn load_or_create(path: &Path) -> Result<Signer, KeyFileError> {
    match create(path) {
        Err(KeyFileError::Io { source, .. }) if source.kind() == std::io::ErrorKind::AlreadyExists => load(path),
        other => other,
    }
}

/// A new key.
pub fn random() -> Result<Signer, KeyFileError> {
    loop {
        // One in 2^128 is out of range.
        if let Ok(signer) = Signer::from_bytes(random_bytes()?) {
            return Ok(signer);
        }
    }
}

/// Randomness from the operating system.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], KeyFileError> {
    let mut bytes = [0; N];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(|_| KeyFileError::Randomness)?;
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        let made = load_or_create(&path).unwrap();
        assert_eq!(load_or_create(&path).unwrap().address(), made.address());
        assert!(matches!(create(&path), Err(KeyFileError::Io { .. })));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "drafts are left behind");
        for wrong in [b"zz".to_vec(), Vec::new(), vec![0xff; 3_000]] {
            std::fs::write(&path, wrong).unwrap();
            assert!(matches!(load(&path), Err(KeyFileError::Content { .. })));
        }
        assert!(matches!(create(&folder.path().join("none/a.key")), Err(KeyFileError::Io { .. })));
    }

    #[test]
    fn those_who_come_at_once_get_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        let address = || load_or_create(&path).unwrap().address();
        let addresses: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(address)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(addresses.iter().all(|other| *other == addresses[0]), "{addresses:?}");
    }
}
