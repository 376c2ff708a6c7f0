//! Node hashes of EIP-8297.
//!
//! `leaf = H(00 || key || value)`,
//! `branch = H(01 || u16be(prefix length in bits) || prefix, most significant bit first, zero-padded || left || right)`.

use crate::Value;
use crate::keys::{MAX_KEY_BYTES, TreeKey};

/// A node's hash. The empty tree's root is all zero.
pub(crate) type NodeHash = [u8; 32];

pub(crate) fn blake3(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

pub(crate) fn leaf(key: &TreeKey, value: &Value) -> NodeHash {
    let key = key.as_slice();
    let mut preimage = [0; 1 + MAX_KEY_BYTES + 32];
    preimage[1..=key.len()].copy_from_slice(key);
    preimage[1 + key.len()..][..32].copy_from_slice(value);
    blake3(&preimage[..1 + key.len() + 32])
}

/// The branch whose prefix is the bits `from..to` of `key`.
pub(crate) fn branch(key: &TreeKey, from: u16, to: u16, left: &NodeHash, right: &NodeHash) -> NodeHash {
    let mut preimage = [0; 3 + MAX_KEY_BYTES + 64];
    preimage[0] = 1;
    preimage[1..3].copy_from_slice(&(to - from).to_be_bytes());
    let len = copy_bits(key.as_slice(), from, to, &mut preimage[3..]);
    preimage[3 + len..][..32].copy_from_slice(left);
    preimage[3 + len + 32..][..32].copy_from_slice(right);
    blake3(&preimage[..3 + len + 64])
}

/// Copies the bits `from..to` to the front of `out`, zero-padded; returns the bytes used.
fn copy_bits(bytes: &[u8], from: u16, to: u16, out: &mut [u8]) -> usize {
    let len = usize::from(to - from).div_ceil(8);
    let (start, shift) = (usize::from(from / 8), from % 8);
    for (at, byte) in out[..len].iter_mut().enumerate() {
        let high = bytes[start + at] << shift;
        let low = bytes.get(start + at + 1).map_or(0, |next| (u16::from(*next) << shift >> 8) as u8);
        *byte = high | low;
    }
    let used = (to - from) % 8;
    if used != 0 {
        out[len - 1] &= 0xff << (8 - used);
    }
    len
}
