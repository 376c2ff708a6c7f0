//! The bytes of a witness, node by node, in preorder.
//!
//! - hidden: `00 || hash (32)`;
//! - branch: `01 || prefix length in bits (2) || prefix, zero-padded || left node || right node`;
//! - leaf: `02 || key length in bytes (1) || key || value (32)`, the key without
//!   the whole bytes that the way to the leaf gives.
//!
//! Big-endian. The empty tree is no bytes at all.

use super::tag;
use crate::Value;
use crate::hash::{NodeHash, Prefix};
use crate::keys::{MAX_KEY_BYTES, TreeKey};

pub(super) fn put_hidden(out: &mut Vec<u8>, hash: &NodeHash) {
    // In one piece of fixed length, as there are very many.
    let mut bytes = [tag::HIDDEN; 1 + size_of::<NodeHash>()];
    bytes[1..].copy_from_slice(hash);
    out.extend_from_slice(&bytes);
}

pub(super) fn put_branch(out: &mut Vec<u8>, prefix: &Prefix<'_>) {
    const HEAD: usize = 3;
    let mut bytes = [tag::BRANCH; HEAD + MAX_KEY_BYTES];
    bytes[HEAD..].fill(0);
    let (bits, len) = prefix.put(&mut bytes[HEAD..]);
    bytes[1..HEAD].copy_from_slice(&bits.to_be_bytes());
    let end = out.len() + HEAD + len;
    if len <= 8 {
        // Nearly all: copied in one piece of fixed length, too.
        out.extend_from_slice(&bytes[..HEAD + 8]);
        out.truncate(end);
    } else {
        out.extend_from_slice(&bytes[..HEAD + len]);
    }
}

/// The leaf's prefix begins at bit `from`.
pub(super) fn put_leaf(out: &mut Vec<u8>, key: &TreeKey, value: &Value, from: u16) {
    let key = key.as_slice();
    out.extend([tag::LEAF, key.len() as u8]);
    out.extend_from_slice(&key[usize::from(from / 8)..]);
    out.extend_from_slice(value);
}
