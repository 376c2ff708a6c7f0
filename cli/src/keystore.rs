//! Encrypted key files: Web3 Secret Storage, version 3, as geth, cast and wallets write them.
//!
//! <https://ethereum.org/developers/docs/data-structures-and-encoding/web3-secret-storage>. What a
//! file asks for is bounded before it is done: time and memory of the key
//! derivation come from the file. Deliberately absent: version 1.

use aes::cipher::{KeyIvInit, StreamCipher};
use alloy_primitives::{Address, hex, keccak256};
use hmac::Hmac;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use weft_primitives::Signer;
use weft_service::key_file::{self, KeyFileError};

/// scrypt's cost as geth writes it: 256 MiB, about a second.
const LOG_N: u8 = 18;
const R: u32 = 8;
const P: u32 = 1;

/// Most memory that a file may ask for, bytes.
const MAX_SCRYPT_BYTES: u64 = 1 << 30;
/// Most passes over that memory.
const MAX_SCRYPT_P: u32 = 16;
/// Most rounds of PBKDF2; geth's files have 262,144.
const MAX_ROUNDS: u32 = 10_000_000;

/// Why a keystore gives no key.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// Not such a file.
    #[error("not a keystore of version 3: {0}")]
    Malformed(String),
    /// It asks for too much work.
    #[error("the keystore asks for more work than is done for any: {0}")]
    TooDear(String),
    /// The password is another one, or the file is damaged.
    #[error("wrong password, or a damaged keystore")]
    WrongPassword,
    /// No randomness.
    #[error(transparent)]
    Randomness(#[from] KeyFileError),
}

#[derive(Serialize, Deserialize)]
struct File {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(alias = "Crypto")]
    crypto: Crypto,
    id: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: CipherParams,
    ciphertext: String,
    kdf: String,
    kdfparams: KdfParams,
    mac: String,
}

#[derive(Serialize, Deserialize)]
struct CipherParams {
    iv: String,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum KdfParams {
    Scrypt { dklen: usize, n: u64, p: u32, r: u32, salt: String },
    Pbkdf2 { c: u32, dklen: usize, prf: String, salt: String },
}

type Cipher = ctr::Ctr128BE<aes::Aes128>;

/// The file's text for a key, under a password.
pub fn encrypt(signer: &Signer, password: &str) -> Result<String, KeystoreError> {
    let [salt, mut id] = [key_file::random_bytes::<32>()?, key_file::random_bytes::<32>()?];
    let iv = key_file::random_bytes::<16>()?;
    let kdfparams = KdfParams::Scrypt { dklen: 32, n: 1 << LOG_N, p: P, r: R, salt: hex::encode(salt) };
    let key = derive(&kdfparams, password)?;
    let mut text = signer.secret_bytes();
    apply(&key, &iv, &mut text);
    // A random UUID, version 4.
    id[6] = id[6] & 0x0f | 0x40;
    id[8] = id[8] & 0x3f | 0x80;
    let id: Vec<String> = [0..4, 4..6, 6..8, 8..10, 10..16].map(|part| hex::encode(&id[part])).into();
    let file = File {
        address: Some(hex::encode(signer.address())),
        crypto: Crypto {
            cipher: "aes-128-ctr".to_owned(),
            cipherparams: CipherParams { iv: hex::encode(iv) },
            mac: hex::encode(mac(&key, &text)),
            ciphertext: hex::encode(text),
            kdf: "scrypt".to_owned(),
            kdfparams,
        },
        id: id.join("-"),
        version: 3,
    };
    serde_json::to_string_pretty(&file).map_err(|error| KeystoreError::Malformed(error.to_string()))
}

/// The key in a file's text.
pub fn decrypt(text: &str, password: &str) -> Result<Signer, KeystoreError> {
    let File { crypto, version, .. } = parse(text)?;
    if version != 3 || crypto.cipher != "aes-128-ctr" {
        return Err(KeystoreError::Malformed(format!("version {version}, cipher {}", crypto.cipher)));
    }
    let (mut secret, mut iv, mut expected) = ([0; 32], [0; 16], [0; 32]);
    for (what, digits, bytes) in [
        ("ciphertext", &crypto.ciphertext, &mut secret[..]),
        ("iv", &crypto.cipherparams.iv, &mut iv[..]),
        ("mac", &crypto.mac, &mut expected[..]),
    ] {
        hex::decode_to_slice(digits, bytes).map_err(|error| KeystoreError::Malformed(format!("{what}: {error}")))?;
    }
    let key = derive(&crypto.kdfparams, password)?;
    if mac(&key, &secret) != expected {
        return Err(KeystoreError::WrongPassword);
    }
    apply(&key, &iv, &mut secret);
    Signer::from_bytes(secret).map_err(|error| KeystoreError::Malformed(error.to_string()))
}

/// Whose key a file says that it holds; it need not be true.
pub fn claimed_address(text: &str) -> Result<Option<Address>, KeystoreError> {
    let address = parse(text)?.address;
    Ok(address.and_then(|digits| digits.parse().ok()))
}

fn parse(text: &str) -> Result<File, KeystoreError> {
    serde_json::from_str(text).map_err(|error| KeystoreError::Malformed(error.to_string()))
}

fn derive(params: &KdfParams, password: &str) -> Result<[u8; 32], KeystoreError> {
    let mut key = [0; 32];
    let malformed = |words: &str| KeystoreError::Malformed(words.to_owned());
    let salt = |digits: &str| hex::decode(digits).map_err(|error| KeystoreError::Malformed(format!("salt: {error}")));
    match params {
        KdfParams::Scrypt { dklen: 32, n, p, r, salt: digits } => {
            let memory = n.saturating_mul(u64::from(*r)).saturating_mul(128);
            if memory > MAX_SCRYPT_BYTES || *p > MAX_SCRYPT_P {
                return Err(KeystoreError::TooDear(format!("scrypt with n = {n}, r = {r}, p = {p}")));
            }
            if !n.is_power_of_two() {
                return Err(malformed("scrypt's n must be a power of two"));
            }
            let params = scrypt::Params::new(n.ilog2() as u8, *r, *p);
            let params = params.map_err(|error| KeystoreError::Malformed(error.to_string()))?;
            scrypt::scrypt(password.as_bytes(), &salt(digits)?, &params, &mut key)
                .map_err(|error| KeystoreError::Malformed(error.to_string()))?;
        }
        KdfParams::Pbkdf2 { c, dklen: 32, prf, salt: digits } if prf == "hmac-sha256" => {
            if *c > MAX_ROUNDS {
                return Err(KeystoreError::TooDear(format!("{c} rounds of PBKDF2")));
            }
            pbkdf2::pbkdf2::<Hmac<Sha256>>(password.as_bytes(), &salt(digits)?, *c, &mut key)
                .map_err(|error| KeystoreError::Malformed(error.to_string()))?;
        }
        _ => return Err(malformed("an unknown way to derive the key")),
    }
    Ok(key)
}

/// Encrypts or decrypts: the same in this mode.
fn apply(key: &[u8; 32], iv: &[u8; 16], text: &mut [u8; 32]) {
    let mut first = [0; 16];
    first.copy_from_slice(&key[..16]);
    Cipher::new(&first.into(), &(*iv).into()).apply_keystream(text);
}

fn mac(key: &[u8; 32], text: &[u8; 32]) -> [u8; 32] {
    let mut input = [0; 48];
    input[..16].copy_from_slice(&key[16..]);
    input[16..].copy_from_slice(text);
    keccak256(input).0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SECRET: &str = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";

    /// Of the definition, with a password of "testpassword".
    const PBKDF2: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2","kdfparams":
        {"c":262144,"dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
        "mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},
        "id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;
    const SCRYPT: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"83dbcc02d8ccb40e466191a123791e0e"},
        "ciphertext":"d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c","kdf":"scrypt","kdfparams":
        {"dklen":32,"n":262144,"p":8,"r":1,"salt":"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"},
        "mac":"2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"},
        "id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;

    #[test]
    fn files_of_the_definition_are_read() {
        for text in [PBKDF2, SCRYPT] {
            let signer = decrypt(text, "testpassword").unwrap();
            assert_eq!(hex::encode(signer.secret_bytes()), SECRET);
            assert!(matches!(decrypt(text, "testpasswore"), Err(KeystoreError::WrongPassword)));
            let damaged = text.replace("\"ciphertext\":\"5", "\"ciphertext\":\"6").replace("\"d172", "\"d173");
            assert!(matches!(decrypt(&damaged, "testpassword"), Err(KeystoreError::WrongPassword)));
        }
    }

    #[test]
    fn what_is_written_is_read_with_its_password_alone() {
        let signer = Signer::from_hex(SECRET).unwrap();
        let text = encrypt(&signer, "long live the king").unwrap();
        assert!(!text.contains(SECRET), "{text}");
        assert_eq!(claimed_address(&text).unwrap(), Some(signer.address()));
        assert_eq!(decrypt(&text, "long live the king").unwrap().address(), signer.address());
        assert!(matches!(decrypt(&text, ""), Err(KeystoreError::WrongPassword)));
    }

    #[test]
    fn strange_files_are_refused_before_any_work() {
        let dear = [SCRYPT.replace("262144", "1073741824"), SCRYPT.replace("\"p\":8", "\"p\":17")];
        let dear = dear.into_iter().chain([PBKDF2.replace("262144", "4000000000")]);
        for text in dear {
            assert!(matches!(decrypt(&text, "x"), Err(KeystoreError::TooDear(_))), "{text}");
        }
        for (old, new) in [
            ("\"version\":3", "\"version\":1"),
            ("aes-128-ctr", "aes-256-gcm"),
            ("\"dklen\":32", "\"dklen\":64"),
            ("262144", "262143"),
            ("d172bf", "zz"),
            ("}", ""),
        ] {
            let text = SCRYPT.replace(old, new);
            assert!(matches!(decrypt(&text, "x"), Err(KeystoreError::Malformed(_))), "{text}");
        }
    }
}
