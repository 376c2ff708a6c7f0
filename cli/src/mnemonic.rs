//! Accounts of a mnemonic, as every wallet derives them: BIP-39, BIP-32, path m/44'/60'/0'/0/n.

use hmac::{Hmac, KeyInit, Mac};
use secp256k1::{Scalar, SecretKey};
use sha2::Sha512;
use weft_primitives::Signer;

/// m/44'/60'/0'/0; the number of the account follows.
const PATH: [u32; 4] = [HARDENED + 44, HARDENED + 60, HARDENED, 0];
const HARDENED: u32 = 1 << 31;

/// Why there are no accounts.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MnemonicError {
    /// Words that are none, too few, or with a wrong checksum.
    #[error("not a mnemonic: {0}")]
    Words(#[from] bip39::Error),
    /// One in 2^127 keys cannot be derived.
    #[error("account {0} of this mnemonic does not exist; take another mnemonic")]
    NoKey(u32),
}

/// A key that others are derived from.
struct Parent {
    secret: SecretKey,
    chain_code: [u8; 32],
}

/// The first `count` accounts.
pub fn accounts(words: &str, count: u32) -> Result<Vec<Signer>, MnemonicError> {
    let seed = bip39::Mnemonic::parse_normalized(words)?.to_seed_normalized("");
    let none = MnemonicError::NoKey(0);
    let master = split(hmac(b"Bitcoin seed", &[&seed]));
    let master = SecretKey::from_byte_array(master.0).ok().map(|secret| Parent { secret, chain_code: master.1 });
    let parent =
        PATH.iter().try_fold(master.ok_or(none.clone())?, |parent, index| child(&parent, *index).ok_or(none.clone()));
    let parent = parent?;
    let account = |number| {
        let signer = child(&parent, number).and_then(|key| Signer::from_bytes(key.secret.secret_bytes()).ok());
        signer.ok_or(MnemonicError::NoKey(number))
    };
    (0..count).map(account).collect()
}

/// BIP-32's private derivation.
fn child(parent: &Parent, index: u32) -> Option<Parent> {
    let index_bytes = index.to_be_bytes();
    let (tweak, chain_code) = if index >= HARDENED {
        split(hmac(&parent.chain_code, &[&[0], &parent.secret.secret_bytes(), &index_bytes]))
    } else {
        let public = parent.secret.public_key(secp256k1::SECP256K1).serialize();
        split(hmac(&parent.chain_code, &[&public, &index_bytes]))
    };
    let secret = parent.secret.add_tweak(&Scalar::from_be_bytes(tweak).ok()?).ok()?;
    Some(Parent { secret, chain_code })
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 64] {
    // Any length is a key.
    let mut mac = Hmac::<Sha512>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

fn split(bytes: [u8; 64]) -> ([u8; 32], [u8; 32]) {
    let (mut left, mut right) = ([0; 32], [0; 32]);
    left.copy_from_slice(&bytes[..32]);
    right.copy_from_slice(&bytes[32..]);
    (left, right)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::dev_accounts::{MNEMONIC, SECRET_KEYS};

    #[test]
    fn the_accounts_that_every_tool_has() {
        let accounts = accounts(MNEMONIC, 10).unwrap();
        for (account, key) in accounts.iter().zip(SECRET_KEYS) {
            assert_eq!(account.address(), Signer::from_hex(key).unwrap().address());
        }
        assert_eq!(accounts.len(), 10);
    }

    #[test]
    fn another_mnemonic_has_others() {
        let words = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
        let address = accounts(words, 1).unwrap()[0].address();
        assert_eq!(address.to_string(), "0x9858EfFD232B4033E47d90003D41EC34EcaEda94");
        for wrong in ["", "test", &words.replace("about", "abandon"), &words.replace("about", "weft")] {
            assert!(accounts(wrong, 1).is_err(), "{wrong}");
        }
    }
}
