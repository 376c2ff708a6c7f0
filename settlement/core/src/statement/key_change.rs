//! The posting key hands over to another one.

use alloy_primitives::{Address, B256, keccak256};
use weft_primitives::codec::{DecodeError, Reader};
use weft_primitives::signer::SignatureError;
use weft_primitives::{Signature, Signer};

/// Domain separation of the hash that is signed.
const DOMAIN: &[u8] = b"weft/key/v1";

/// From now on commitments are taken from `new_key`, from `epoch` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Hash of the chain configuration.
    pub config_hash: B256,
    /// Whose commitments are taken.
    pub new_key: Address,
    /// Lowest epoch of its commitments; above every epoch before, so that no change can be replayed.
    pub epoch: u64,
}

impl KeyChange {
    /// Length of the encoding in bytes.
    pub const ENCODED_LEN: usize = 8 + 32 + 20 + 8;

    /// All fields in order, fixed width, big-endian.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SignedKeyChange::ENCODED_LEN);
        out.extend_from_slice(&self.chain_id.to_be_bytes());
        out.extend_from_slice(self.config_hash.as_slice());
        out.extend_from_slice(self.new_key.as_slice());
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out
    }

    /// What is signed.
    pub fn hash(&self) -> B256 {
        keccak256([DOMAIN, &self.encode()].concat())
    }

    /// Signs with the key that hands over, or with the chain's admin key.
    pub fn sign(self, signer: &Signer) -> SignedKeyChange {
        SignedKeyChange { change: self, signature: signer.sign(self.hash()) }
    }
}

/// A key change and the signature over its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedKeyChange {
    /// What changes.
    pub change: KeyChange,
    /// Over [`KeyChange::hash`].
    pub signature: Signature,
}

impl SignedKeyChange {
    /// Length of the encoding in bytes.
    pub const ENCODED_LEN: usize = KeyChange::ENCODED_LEN + 65;

    /// The encoded change followed by the 65 signature bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.change.encode();
        out.extend_from_slice(&self.signature.0);
        out
    }

    /// Inverse of [`SignedKeyChange::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let signed = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(signed)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let change = KeyChange {
            chain_id: reader.u64("chain_id")?,
            config_hash: reader.b256("config_hash")?,
            new_key: reader.address("new_key")?,
            epoch: reader.u64("epoch")?,
        };
        Ok(Self { change, signature: Signature(reader.array("signature")?) })
    }

    /// Who signed it.
    pub fn signer(&self) -> Result<Address, SignatureError> {
        self.signature.recover(self.change.hash())
    }
}
