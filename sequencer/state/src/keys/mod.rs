//! Where accounts and storage lie in the tree (EIP-8297, "Tree embedding").
//!
//! - header zone: `00 || H(address32) || sub`, 34 bytes;
//! - storage zone: `FF || H(address32) || H(address32 || u256be(slot / 256)) || slot % 256`, 66 bytes;
//!
//! with `address32` the address left-padded to 32 bytes and `H` BLAKE3. The
//! lengths differ but the first byte does too, so no key is a prefix of another.
//!
//! Deliberately absent: the code zone, `01 || H(code hash || chunk group) || chunk`.

mod bits;
mod key;

use alloy_primitives::{Address, U256};

use crate::hash::blake3;

pub use key::{KeyLengthError, MAX_KEY_BITS, MAX_KEY_BYTES, TreeKey};

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
const HEADER_KEY_BYTES: usize = 34;

impl TreeKey {
    /// Whether this is the key of a storage slot, in the header zone or the storage zone.
    pub fn is_storage(&self) -> bool {
        match self.as_slice() {
            [STORAGE_ZONE, ..] => true,
            [HEADER_ZONE, .., sub] => self.as_slice().len() == HEADER_KEY_BYTES && *sub >= HEADER_STORAGE,
            _ => false,
        }
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

    /// What all keys of the account begin with: header zone, storage zone.
    pub fn prefixes(&self) -> [TreeKey; 2] {
        [self.header_prefix(), self.storage_prefix()]
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
    fn storage_keys_are_told_from_the_rest() {
        let keys = AccountKeys::new(Address::repeat_byte(7));
        assert!([0, 63, 64, 1000].iter().all(|slot| keys.storage(U256::from(*slot)).is_storage()));
        assert!([BASIC_DATA, CODE_HASH, DELEGATION].iter().all(|sub| !keys.header(*sub).is_storage()));
        assert!(!keys.header_prefix().is_storage());
    }
}
