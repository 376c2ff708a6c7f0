//! Namespaces: the 32-byte names under which rollups publish blobs.

use std::fmt;
use std::str::FromStr;

/// A 32-byte name that separates the blobs of one publisher from another's.
///
/// Ordered bytewise, the order of the blob index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Namespace(pub [u8; 32]);

/// The text is not 64 hexadecimal digits.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a namespace is 64 hexadecimal digits (32 bytes), with or without 0x")]
pub struct NamespaceParseError;

impl Namespace {
    /// The namespace in which the rollup with this chain id publishes its batches.
    pub fn for_chain(chain_id: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("weft 2026-11 rollup namespace v1");
        hasher.update(&chain_id.to_be_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Namespace({self})")
    }
}

impl FromStr for Namespace {
    type Err = NamespaceParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        alloy_primitives::hex::decode_to_slice(text, &mut bytes).map_err(|_| NamespaceParseError)?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trip() {
        let namespace = Namespace::for_chain(31337);
        assert_eq!(namespace.to_string().parse(), Ok(namespace));
        assert_eq!("00".parse::<Namespace>(), Err(NamespaceParseError));
        assert_ne!(namespace, Namespace::for_chain(1));
    }
}
