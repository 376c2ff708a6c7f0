//! Node hashes of EIP-8297.
//!
//! `leaf = H(00 || key || value)`,
//! `branch = H(01 || u16be(prefix length in bits) || prefix, most significant bit first, zero-padded || left || right)`.
//!
//! What is hashed is built first ([`weft_hash::Message`]) and hashed after, so that
//! many can be hashed at once.

use weft_hash::Message;

use crate::Value;
use crate::keys::{MAX_KEY_BYTES, TreeKey};

/// A node's hash. The empty tree's root is all zero.
pub(crate) type NodeHash = [u8; 32];

// The longest is a branch with the longest prefix.
const _: () = assert!(3 + MAX_KEY_BYTES + 64 <= Message::MAX_LEN);

pub(crate) fn blake3(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

/// The bits that all keys below a branch share, after the branch above.
pub(crate) enum Prefix<'a> {
    /// The low `len` bits of a word; at most 64.
    Word {
        /// Holds the bits.
        word: u64,
        /// How many.
        len: u16,
    },
    /// The bits `from..to` of a key.
    Key {
        /// Holds the bits.
        key: &'a TreeKey,
        /// First bit.
        from: u16,
        /// Bit after the last.
        to: u16,
    },
}

impl Prefix<'_> {
    /// Puts the bits at the front of `out`, which is zero and long enough; how many they are, and how many bytes hold them.
    pub(crate) fn put(&self, out: &mut [u8]) -> (u16, usize) {
        match *self {
            // Shifting out all 64 bits of an empty prefix leaves the zeros that belong there.
            Prefix::Word { word, len } => {
                let aligned = word.checked_shl(64 - u32::from(len)).unwrap_or(0);
                out[..8].copy_from_slice(&aligned.to_be_bytes());
                (len, usize::from(len).div_ceil(8))
            }
            Prefix::Key { key, from, to } => (to - from, key.copy_bits(from, to, out)),
        }
    }
}

/// Writes what a leaf's hash is taken of, for [`Message::set`].
pub(crate) fn leaf(key: &TreeKey, value: &Value) -> impl FnOnce(&mut [u8; Message::MAX_LEN]) -> usize {
    let key = key.as_slice();
    move |bytes| {
        bytes[1..=key.len()].copy_from_slice(key);
        bytes[1 + key.len()..][..32].copy_from_slice(value);
        1 + key.len() + 32
    }
}

/// Writes what a branch's hash is taken of, for [`Message::set`].
pub(crate) fn branch(
    prefix: &Prefix<'_>,
    left: &NodeHash,
    right: &NodeHash,
) -> impl FnOnce(&mut [u8; Message::MAX_LEN]) -> usize {
    move |bytes| {
        bytes[0] = 1;
        let (bits, len) = prefix.put(&mut bytes[3..]);
        bytes[1..3].copy_from_slice(&bits.to_be_bytes());
        bytes[3 + len..][..32].copy_from_slice(left);
        bytes[3 + len + 32..][..32].copy_from_slice(right);
        3 + len + 64
    }
}
