//! Deposits: value that leaves an account of settlement, and arrives on the rollup through the inbox.
//!
//! A deposit is an inbox item. Where a transaction's bytes would stand, its own
//! stand, told apart by their first byte, which no transaction of this chain
//! has. It is executed as a plain credit: no code runs, so it cannot fail.

use alloy_primitives::{Address, B256, keccak256};

use crate::codec::{DecodeError, Reader};
use crate::signer::{Signature, SignatureError, Signer};

/// First byte of a deposit: an EIP-2718 type that is no transaction here (as in the OP stack).
pub const DEPOSIT_TYPE: u8 = 0x7e;

/// Domain separation of the signature.
const DOMAIN: &[u8] = b"weft/deposit/v1";

/// A deposit, signed by the account that pays for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deposit {
    /// Account of settlement that pays.
    pub account: Address,
    /// How many deposits the account has made before.
    pub nonce: u64,
    /// Who is credited on the rollup.
    pub to: Address,
    /// In wei, not zero.
    pub amount: u128,
    /// Of the account, over [`Deposit::signing_hash`].
    pub signature: Signature,
}

impl Deposit {
    /// Length of the encoding in bytes.
    pub const ENCODED_LEN: usize = 1 + 20 + 8 + 20 + 16 + 65;

    /// A deposit by the owner of a key. `config_hash` names the chain ([`crate::ChainConfig::hash`]).
    pub fn sign(config_hash: B256, signer: &Signer, nonce: u64, to: Address, amount: u128) -> Self {
        let account = signer.address();
        let unsigned = Self { account, nonce, to, amount, signature: Signature::ABSENT };
        Self { signature: signer.sign(unsigned.signing_hash(config_hash)), ..unsigned }
    }

    /// keccak256 of the domain, the chain's configuration hash, and the fields before the signature.
    pub fn signing_hash(&self, config_hash: B256) -> B256 {
        keccak256([DOMAIN, config_hash.as_slice(), &self.fields()].concat())
    }

    /// Whether the account signed it, for this chain.
    pub fn check(&self, config_hash: B256) -> Result<bool, SignatureError> {
        Ok(self.signature.recover(self.signing_hash(config_hash))? == self.account)
    }

    /// `account (20) || nonce (8) || to (20) || amount (16)`, big-endian.
    fn fields(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::ENCODED_LEN);
        out.extend_from_slice(self.account.as_slice());
        out.extend_from_slice(&self.nonce.to_be_bytes());
        out.extend_from_slice(self.to.as_slice());
        out.extend_from_slice(&self.amount.to_be_bytes());
        out
    }

    /// `0x7e || account (20) || nonce (8) || to (20) || amount (16) || signature (65)`, big-endian.
    pub fn encode(&self) -> Vec<u8> {
        [&[DEPOSIT_TYPE][..], &self.fields(), &self.signature.0].concat()
    }

    /// Inverse of [`Deposit::encode`]. The signature is judged by [`Deposit::check`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8("deposit type")? != DEPOSIT_TYPE {
            return Err(DecodeError::Invalid { field: "deposit type", why: "must be 0x7e" });
        }
        let deposit = Self {
            account: reader.address("account")?,
            nonce: reader.u64("nonce")?,
            to: reader.address("to")?,
            amount: reader.array("amount").map(u128::from_be_bytes)?,
            signature: Signature(reader.array("signature")?),
        };
        reader.finish()?;
        Ok(deposit)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONFIG: B256 = B256::repeat_byte(0xc0);

    fn sample() -> Deposit {
        Deposit::sign(CONFIG, &Signer::from_bytes([3; 32]).unwrap(), 5, Address::repeat_byte(7), 1_000_000_007)
    }

    #[test]
    fn golden() {
        let deposit = sample();
        assert_eq!(deposit.check(CONFIG), Ok(true));
        assert_eq!(deposit.encode().len(), Deposit::ENCODED_LEN);
        assert_eq!(Deposit::decode(&deposit.encode()), Ok(deposit));
        let want = "0x8899739b9df78a125ab63e7201283adb342c73df02ee7194e60d89d6188638e3";
        assert_eq!(deposit.signing_hash(CONFIG).to_string(), want);
    }

    proptest! {
        #[test]
        fn any_bit_flip_breaks_the_signature(bit in 8..8 * Deposit::ENCODED_LEN) {
            let mut bytes = sample().encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(Deposit::decode(&bytes).unwrap().check(CONFIG), Ok(true));
            prop_assert_ne!(sample().check(B256::ZERO), Ok(true));
        }

        #[test]
        fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let bytes = [&[DEPOSIT_TYPE][..], &bytes].concat();
            if let Ok(deposit) = Deposit::decode(&bytes) {
                prop_assert_eq!(deposit.encode(), bytes);
            }
        }
    }
}
