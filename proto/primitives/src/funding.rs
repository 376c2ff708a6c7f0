//! Funding: the admin of a chain's settlement credits an account there.
//!
//! How the value came to the admin is not the protocol's matter; that the admin
//! said so, once, is: each funding is signed and numbered.

use alloy_primitives::{Address, B256, keccak256};

use crate::codec::{DecodeError, Reader};
use crate::signer::{Signature, SignatureError, Signer};

/// Domain separation of the signature.
const DOMAIN: &[u8] = b"weft/funding/v1";

/// A credit, signed by the admin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funding {
    /// How many fundings came before, so that each counts once.
    pub number: u64,
    /// Who is credited.
    pub account: Address,
    /// In wei, not zero.
    pub amount: u128,
    /// Of the admin, over [`Funding::signing_hash`].
    pub signature: Signature,
}

impl Funding {
    /// Length of the encoding in bytes.
    pub const ENCODED_LEN: usize = 8 + 20 + 16 + 65;

    /// A funding by the owner of a key. `config_hash` names the chain ([`crate::ChainConfig::hash`]).
    pub fn sign(config_hash: B256, signer: &Signer, number: u64, account: Address, amount: u128) -> Self {
        let unsigned = Self { number, account, amount, signature: Signature::ABSENT };
        Self { signature: signer.sign(unsigned.signing_hash(config_hash)), ..unsigned }
    }

    /// keccak256 of the domain, the chain's configuration hash, and the fields before the signature.
    pub fn signing_hash(&self, config_hash: B256) -> B256 {
        keccak256([DOMAIN, config_hash.as_slice(), &self.fields()].concat())
    }

    /// Who signed it, for this chain.
    pub fn signer(&self, config_hash: B256) -> Result<Address, SignatureError> {
        self.signature.recover(self.signing_hash(config_hash))
    }

    fn fields(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::ENCODED_LEN);
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(self.account.as_slice());
        out.extend_from_slice(&self.amount.to_be_bytes());
        out
    }

    /// `number (8) || account (20) || amount (16) || signature (65)`, big-endian.
    pub fn encode(&self) -> Vec<u8> {
        [&self.fields()[..], &self.signature.0].concat()
    }

    /// Inverse of [`Funding::encode`], of all that is left in `reader`.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let funding = Self {
            number: reader.u64("number")?,
            account: reader.address("account")?,
            amount: reader.array("amount").map(u128::from_be_bytes)?,
            signature: Signature(reader.array("signature")?),
        };
        reader.finish()?;
        Ok(funding)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let (config, admin) = (B256::repeat_byte(0xc0), Signer::from_bytes([4; 32]).unwrap());
        let funding = Funding::sign(config, &admin, 2, Address::repeat_byte(9), 77);
        assert_eq!(funding.signer(config), Ok(admin.address()));
        assert_ne!(funding.signer(B256::ZERO), Ok(admin.address()));
        assert_eq!(funding.encode().len(), Funding::ENCODED_LEN);
        assert_eq!(Funding::decode(&funding.encode()), Ok(funding));
        assert!(Funding::decode(&funding.encode()[1..]).is_err());
        assert_eq!(
            funding.signing_hash(config).to_string(),
            "0x5cdd2f94ae4733046376c79e1bd6c8f96a05de48bfec351d2373b1d53f8943f1"
        );
    }
}
