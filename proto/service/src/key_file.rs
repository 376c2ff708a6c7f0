//! Key files: one secp256k1 secret as 64 hexadecimal digits, for its owner's eyes only.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rand::TryRngCore;
use weft_primitives::Signer;

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
    let text = std::fs::read_to_string(path).map_err(io)?;
    let mode = std::fs::metadata(path).map_err(io)?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "other users may read this key file: chmod 600");
    }
    Signer::from_hex(&text).map_err(|source| KeyFileError::Content { path: path.to_owned(), source })
}

/// Makes a new key and its file; fails if the file exists.
pub fn create(path: &Path) -> Result<Signer, KeyFileError> {
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    let signer = random()?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    let digits: String = signer.secret_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(file, "0x{digits}").map_err(io)?;
    file.sync_all().map_err(io)?;
    Ok(signer)
}

/// Reads the key, or makes it if there is no file yet.
pub fn load_or_create(path: &Path) -> Result<Signer, KeyFileError> {
    match create(path) {
        Err(KeyFileError::Io { source, .. }) if source.kind() == std::io::ErrorKind::AlreadyExists => load(path),
        other => other,
    }
}

fn random() -> Result<Signer, KeyFileError> {
    loop {
        let mut secret = [0; 32];
        rand::rngs::OsRng.try_fill_bytes(&mut secret).map_err(|_| KeyFileError::Randomness)?;
        // One in 2^128 is out of range.
        if let Ok(signer) = Signer::from_bytes(secret) {
            return Ok(signer);
        }
    }
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
        std::fs::write(&path, "zz").unwrap();
        assert!(matches!(load(&path), Err(KeyFileError::Content { .. })));
    }
}
