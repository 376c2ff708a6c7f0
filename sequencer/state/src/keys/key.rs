//! A tree key: bounded bytes, held inline.
//!
//! Bytes beyond the end are zero, always: comparing bits relies on it.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// Longest key in bytes.
pub const MAX_KEY_BYTES: usize = 66;

/// Longest key in bits.
pub const MAX_KEY_BITS: u16 = MAX_KEY_BYTES as u16 * 8;

/// A key of 1 to 66 bytes, ordered as its bits.
#[derive(Clone, Copy)]
pub struct TreeKey {
    pub(super) len: u8,
    pub(super) bytes: [u8; MAX_KEY_BYTES],
}

/// The bytes are none, or more than a key has.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("a tree key has 1 to {MAX_KEY_BYTES} bytes, not {0}")]
pub struct KeyLengthError(pub usize);

impl TreeKey {
    /// From its bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, KeyLengthError> {
        if bytes.is_empty() || bytes.len() > MAX_KEY_BYTES {
            return Err(KeyLengthError(bytes.len()));
        }
        Ok(Self::join(&[bytes]))
    }

    /// For parts whose total length is known to fit.
    pub(super) fn join(parts: &[&[u8]]) -> Self {
        let mut key = Self { len: 0, bytes: [0; MAX_KEY_BYTES] };
        for part in parts {
            let at = usize::from(key.len);
            key.bytes[at..at + part.len()].copy_from_slice(part);
            key.len += part.len() as u8;
        }
        key
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Length in bits.
    pub const fn bits(&self) -> u16 {
        self.len as u16 * 8
    }
}

impl PartialEq for TreeKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for TreeKey {}

impl PartialOrd for TreeKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TreeKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl Hash for TreeKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.as_slice());
    }
}

impl fmt::Debug for TreeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&alloy_primitives::hex::encode(self.as_slice()))
    }
}
