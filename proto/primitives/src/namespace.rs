//! Namespaces: the 32-byte names under which rollups publish blobs.

use std::fmt;
use std::str::FromStr;

/// A 32-byte name that separates the blobs of one publisher from another's.
///
/// Ordered bytewise, the order of the blob index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Namespace(pub [u8; 32]);

/// The text names no namespace.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a namespace is 64 hexadecimal digits (32 bytes), with or without 0x, or a name of 1 to 32 ASCII characters")]
pub struct NamespaceParseError;

impl Namespace {
    /// The namespace in which the rollup with this chain id publishes its batches.
    pub fn for_chain(chain_id: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("weft 2026-11 rollup namespace v1");
        hasher.update(&chain_id.to_be_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// The namespace with a name for people: its ASCII characters, then zeros. `None` for a name that is empty, longer
    /// than 32 characters, not printable ASCII, or begins with 0x.
    pub fn named(name: &str) -> Option<Self> {
        let printable = name.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if name.is_empty() || name.len() > 32 || !printable || name.starts_with("0x") {
            return None;
        }
        let mut bytes = [0; 32];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Some(Self(bytes))
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
        match alloy_primitives::hex::decode_to_slice(text, &mut bytes) {
            Ok(()) => Ok(Self(bytes)),
            Err(_) => Self::named(text).ok_or(NamespaceParseError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trip() {
        let namespace = Namespace::for_chain(31337);
        assert_eq!(namespace.to_string().parse(), Ok(namespace));
        assert_eq!(format!("0x{namespace}").parse(), Ok(namespace));
        assert_ne!(namespace, Namespace::for_chain(1));
    }

    #[test]
    fn names_are_padded() {
        let mut bytes = [0; 32];
        bytes[..14].copy_from_slice(b"weft documents");
        assert_eq!("weft documents".parse(), Ok(Namespace(bytes)));
        assert_eq!("z".repeat(32).parse(), Ok(Namespace([b'z'; 32])));
        for wrong in ["", "0x00", "\u{e9}", "a\nb", &"z".repeat(33), &"0".repeat(63)] {
            assert_eq!(wrong.parse::<Namespace>(), Err(NamespaceParseError), "{wrong:?}");
        }
    }
}
