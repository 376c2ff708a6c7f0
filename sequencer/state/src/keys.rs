//! Where accounts and storage lie in the tree (EIP-8297, "Tree embedding").
//!
//! - header zone: `00 || H(address32) || sub`, 34 bytes;
//! - storage zone: `FF || H(address32) || H(address32 || u256be(slot / 256)) || slot % 256`, 66 bytes;
//!
//! with `address32` the address left-padded to 32 bytes and `H` BLAKE3. The
//! lengths differ but the first byte does too, so no key is a prefix of another.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use alloy_primitives::{Address, U256};

use crate::hash::blake3;

/// Longest key in bytes.
pub const MAX_KEY_BYTES: usize = 66;

/// Sub-index of the leaf with version, code size, nonce and balance.
pub const BASIC_DATA: u8 = 0;
/// Sub-index of the leaf with the keccak256 hash of the code.
pub const CODE_HASH: u8 = 1;
/// Sub-index of the leaf with an EIP-7702 delegation; it stands in place of [`CODE_HASH`].
pub const DELEGATION: u8 = 2;
/// Sub-index of storage slot 0; slots 0 to 63 lie in the header zone.
pub const HEADER_STORAGE: u8 = 64;
/// Storage slots that lie in the header zone.
pub const HEADER_STORAGE_SLOTS: u64 = 64;

const HEADER_ZONE: u8 = 0x00;
const STORAGE_ZONE: u8 = 0xff;

/// A key of 1 to 66 bytes, ordered as its bits.
#[derive(Clone, Copy)]
pub struct TreeKey {
    len: u8,
    bytes: [u8; MAX_KEY_BYTES],
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
    fn join(parts: &[&[u8]]) -> Self {
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

    /// The bit at `index`, most significant first; false beyond the end.
    pub fn bit(&self, index: u16) -> bool {
        let byte = self.bytes.get(usize::from(index / 8)).copied().unwrap_or_default();
        byte >> (7 - index % 8) & 1 == 1
    }

    /// Number of leading bits in common, at most the shorter one's length.
    pub fn common_bits(&self, other: &Self) -> u16 {
        let (a, b) = (self.as_slice(), other.as_slice());
        let shorter = a.len().min(b.len());
        match a.iter().zip(b).position(|(x, y)| x != y) {
            Some(at) => at as u16 * 8 + (a[at] ^ b[at]).leading_zeros() as u16,
            None => shorter as u16 * 8,
        }
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

/// Computes the keys of one account with its address hashed once.
#[derive(Clone, Copy, Debug)]
pub struct AccountKeys {
    address32: [u8; 32],
    stem: [u8; 32],
}

impl AccountKeys {
    /// For the account at `address`.
    pub fn new(address: Address) -> Self {
        let mut address32 = [0; 32];
        address32[12..].copy_from_slice(address.as_slice());
        Self { address32, stem: blake3(&address32) }
    }

    /// Key of a leaf in the account's header.
    pub fn header(&self, sub: u8) -> TreeKey {
        TreeKey::join(&[&[HEADER_ZONE], &self.stem, &[sub]])
    }

    /// Key of a storage slot.
    pub fn storage(&self, slot: U256) -> TreeKey {
        if slot < U256::from(HEADER_STORAGE_SLOTS) {
            return self.header(HEADER_STORAGE + slot.to::<u8>());
        }
        let group: U256 = slot >> 8;
        let mut preimage = [0; 64];
        preimage[..32].copy_from_slice(&self.address32);
        preimage[32..].copy_from_slice(&group.to_be_bytes::<32>());
        TreeKey::join(&[&[STORAGE_ZONE], &self.stem, &blake3(&preimage), &[slot.byte(0)]])
    }

    /// What all keys of the account's header begin with.
    pub fn header_prefix(&self) -> TreeKey {
        TreeKey::join(&[&[HEADER_ZONE], &self.stem])
    }

    /// What all keys of the account's storage zone begin with.
    pub fn storage_prefix(&self) -> TreeKey {
        TreeKey::join(&[&[STORAGE_ZONE], &self.stem])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::address;

    /// The keys published for this address with EIP-8297's vectors.
    #[test]
    fn published_keys() {
        let keys = AccountKeys::new(address!("00112233445566778899aabbccddeeff00112233"));
        let stem = "f4e42504054ae2ba2c9aab59b7cafad1e3df583c385d10fcb8ab0a0ab82e7a08";
        let text = |key: TreeKey| format!("{key:?}");
        assert_eq!(text(keys.header(BASIC_DATA)), format!("00{stem}00"));
        assert_eq!(text(keys.header(CODE_HASH)), format!("00{stem}01"));
        assert_eq!(text(keys.storage(U256::from(63))), format!("00{stem}7f"));
        let slot_64 = "b7b7ba8d57e997347b504830cfb1837de0bb46da8c5c53654442588e0ca0bdbf40";
        assert_eq!(text(keys.storage(U256::from(64))), format!("ff{stem}{slot_64}"));
        let slot_2_200 = "de40820dcd8994eedc4c374fd005321c147c12928ed5a191b1a0406bd81a0d7000";
        assert_eq!(text(keys.storage(U256::ONE << 200)), format!("ff{stem}{slot_2_200}"));
    }

    #[test]
    fn bits_in_common() {
        let key = |bytes: &[u8]| TreeKey::new(bytes).expect("short");
        assert_eq!(key(&[0xff]).common_bits(&key(&[0xfe])), 7);
        assert_eq!(key(&[1, 2]).common_bits(&key(&[1, 2, 3])), 16);
        assert!(key(&[0x80]).bit(0) && !key(&[0x80]).bit(1));
        assert_eq!(TreeKey::new(&[]), Err(KeyLengthError(0)));
        assert_eq!(TreeKey::new(&[0; 67]), Err(KeyLengthError(67)));
    }
}
