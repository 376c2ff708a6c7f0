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

/// Bytes of a hidden node.
pub(super) const HIDDEN_LEN: usize = 1 + size_of::<NodeHash>();

#[inline]
pub(super) fn put_hidden(out: &mut Vec<u8>, hash: &NodeHash) {
    out.push(tag::HIDDEN);
    out.extend_from_slice(hash);
}

#[inline]
pub(super) fn put_branch(out: &mut Vec<u8>, prefix: &Prefix<'_>) {
    match *prefix {
        // Nearly all, and very many: written as one number, of which the front counts.
        Prefix::Word { word, len } => {
            let aligned = word.checked_shl(64 - u32::from(len)).unwrap_or(0);
            let number = u128::from(tag::BRANCH) << 120 | u128::from(len) << 104 | u128::from(aligned) << 40;
            let end = out.len() + 3 + usize::from(len).div_ceil(8);
            out.extend_from_slice(&number.to_be_bytes());
            out.truncate(end);
        }
        Prefix::Key { .. } => {
            let mut bytes = [0; MAX_KEY_BYTES];
            let (bits, len) = prefix.put(&mut bytes);
            out.push(tag::BRANCH);
            out.extend_from_slice(&bits.to_be_bytes());
            out.extend_from_slice(&bytes[..len]);
        }
    }
}

/// The leaf's prefix begins at bit `from`.
#[inline]
pub(super) fn put_leaf(out: &mut Vec<u8>, key: &TreeKey, value: &Value, from: u16) {
    let key = key.as_slice();
    out.extend([tag::LEAF, key.len() as u8]);
    out.extend_from_slice(&key[usize::from(from / 8)..]);
    out.extend_from_slice(value);
}
