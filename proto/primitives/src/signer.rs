//! secp256k1 signatures over 32-byte hashes, as Solidity's `ecrecover` takes them.
//!
//! Invariant: one message and one key have exactly one accepted signature
//! encoding; high-s and out-of-range recovery ids are refused (EIP-2).

use std::fmt;

use alloy_primitives::{Address, B256, keccak256};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, PublicKey, SECP256K1, SecretKey};

/// Half of the group order: the largest `s` accepted.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e,
    0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// `r (32) || s (32) || v (1)`, with `v` in {27, 28}.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature(pub [u8; 65]);

/// Why a signature yields no signer.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum SignatureError {
    /// Not 65 bytes.
    #[error("a signature is 65 bytes (r, s, v), not {0}")]
    Length(usize),
    /// `v` is neither 27 nor 28.
    #[error("signature v must be 27 or 28, not {0}")]
    RecoveryId(u8),
    /// `s` lies in the upper half of the group order.
    #[error("signature s is in the upper half of the order (malleable)")]
    HighS,
    /// No public key matches.
    #[error("signature does not recover to any key")]
    Unrecoverable,
}

impl Signature {
    /// Stands where nothing is signed, and recovers to nobody.
    pub const ABSENT: Self = Self([0; 65]);

    /// Takes 65 bytes; the content is judged by [`Signature::recover`].
    pub fn from_slice(bytes: &[u8]) -> Result<Self, SignatureError> {
        bytes.try_into().map(Self).map_err(|_| SignatureError::Length(bytes.len()))
    }

    /// The address whose key signed `hash`.
    pub fn recover(&self, hash: B256) -> Result<Address, SignatureError> {
        let (rs, v) = self.0.split_at(64);
        let id = match v[0] {
            27 => RecoveryId::Zero,
            28 => RecoveryId::One,
            other => return Err(SignatureError::RecoveryId(other)),
        };
        if rs[32..] > HALF_ORDER[..] {
            return Err(SignatureError::HighS);
        }
        let signature = RecoverableSignature::from_compact(rs, id).map_err(|_| SignatureError::Unrecoverable)?;
        let key = SECP256K1
            .recover_ecdsa(Message::from_digest(hash.0), &signature)
            .map_err(|_| SignatureError::Unrecoverable)?;
        Ok(address_of(&key))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", alloy_primitives::hex::encode(self.0))
    }
}

/// A secret key and its address. `Debug` shows only the address.
#[derive(Clone)]
pub struct Signer {
    secret: SecretKey,
    address: Address,
}

/// The bytes are not a secret key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a secp256k1 secret key: 32 bytes, nonzero and below the group order")]
pub struct BadSecretKey;

impl Signer {
    /// From the 32 secret bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, BadSecretKey> {
        let secret = SecretKey::from_byte_array(bytes).map_err(|_| BadSecretKey)?;
        let address = address_of(&secret.public_key(SECP256K1));
        Ok(Self { secret, address })
    }

    /// From 64 hexadecimal digits, with or without 0x and surrounding white space.
    pub fn from_hex(text: &str) -> Result<Self, BadSecretKey> {
        let mut bytes = [0; 32];
        alloy_primitives::hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| BadSecretKey)?;
        Self::from_bytes(bytes)
    }

    /// The Ethereum address of the key.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// The secret as 32 bytes, for writing a key file.
    pub fn secret_bytes(&self) -> [u8; 32] {
        self.secret.secret_bytes()
    }

    /// Signs a 32-byte hash (RFC 6979 nonce, low s).
    pub fn sign(&self, hash: B256) -> Signature {
        let signature = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(hash.0), &self.secret);
        let (id, rs) = signature.serialize_compact();
        let mut bytes = [0; 65];
        bytes[..64].copy_from_slice(&rs);
        // libsecp256k1 never makes ids 2 and 3 but for r above the field order, which no one has ever seen.
        bytes[64] = 27 + (i32::from(id) & 1) as u8;
        Signature(bytes)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("address", &self.address).finish_non_exhaustive()
    }
}

fn address_of(key: &PublicKey) -> Address {
    Address::from_slice(&keccak256(&key.serialize_uncompressed()[1..])[12..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{address, b256};

    const HASH: B256 = b256!("00000000000000000000000000000000000000000000000000000000000000aa");

    fn signer() -> Signer {
        // First account of the public test mnemonic "test test ... junk".
        Signer::from_hex("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80").expect("valid key")
    }

    #[test]
    fn signs_and_recovers() {
        let signer = signer();
        assert_eq!(signer.address(), address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"));
        let signature = signer.sign(HASH);
        assert_eq!(signature.recover(HASH), Ok(signer.address()));
        assert_ne!(signature.recover(B256::ZERO), Ok(signer.address()));
        assert_eq!(format!("{signer:?}"), "Signer { address: 0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266, .. }");
    }

    #[test]
    fn malleable_twins_are_refused() {
        let mut signature = signer().sign(HASH);
        // n - s with the other parity is the classic second encoding.
        let order = alloy_primitives::U256::from_be_bytes(HALF_ORDER) * alloy_primitives::U256::from(2)
            + alloy_primitives::U256::from(1);
        let s = alloy_primitives::U256::from_be_slice(&signature.0[32..64]);
        signature.0[32..64].copy_from_slice(&(order - s).to_be_bytes::<32>());
        signature.0[64] ^= 27 ^ 28;
        assert_eq!(signature.recover(HASH), Err(SignatureError::HighS));
        signature.0[64] = 0;
        assert_eq!(signature.recover(HASH), Err(SignatureError::RecoveryId(0)));
        assert_eq!(Signature::ABSENT.recover(HASH), Err(SignatureError::RecoveryId(0)));
        assert_eq!(Signature::from_slice(&[0; 64]), Err(SignatureError::Length(64)));
    }
}
