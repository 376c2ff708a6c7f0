//! Commitments: what the sequencer signs and settlement makes final.
//!
//! The hash is keccak256 over a fixed-width big-endian encoding, never over
//! protobuf bytes, so that the same bytes and signature verify in Solidity.

use alloy_primitives::{Address, B256, keccak256};

use crate::codec::{DecodeError, Reader};
use crate::signer::{Signature, SignatureError, Signer};

/// Domain separation of the commitment hash.
const DOMAIN: &[u8] = b"weft/batch/v1";

/// The only version of the encoding.
pub const VERSION: u32 = 1;

macro_rules! batch_header {
    ($($(#[$doc:meta])* $field:ident: $kind:ident,)*) => {
        /// Everything that a batch claims, and everything that could change its outcome.
        #[derive(Clone, Debug, PartialEq, Eq, Default)]
        pub struct BatchHeader { $($(#[$doc])* pub $field: batch_header!(@type $kind),)* }

        impl BatchHeader {
            /// Length of the encoding in bytes.
            pub const ENCODED_LEN: usize = 0 $(+ size_of::<batch_header!(@type $kind)>())*;

            /// All fields in order, fixed width, big-endian.
            pub fn encode(&self) -> Vec<u8> {
                let mut out = Vec::with_capacity(Self::ENCODED_LEN);
                $(batch_header!(@put $kind out, self.$field);)*
                out
            }

            /// Inverse of [`BatchHeader::encode`].
            pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
                let mut reader = Reader::new(bytes);
                let header = Self { $($field: reader.$kind(stringify!($field))?,)* };
                reader.finish()?;
                if header.version != VERSION {
                    return Err(DecodeError::Invalid { field: "version", why: "unknown commitment version" });
                }
                Ok(header)
            }
        }
    };
    (@type u32) => { u32 };
    (@type u64) => { u64 };
    (@type b256) => { B256 };
    (@put b256 $out:ident, $value:expr) => { $out.extend_from_slice($value.as_slice()) };
    (@put $kind:ident $out:ident, $value:expr) => { $out.extend_from_slice(&$value.to_be_bytes()) };
}

batch_header! {
    /// Version of this encoding, 1.
    version: u32,
    /// EIP-155 chain id.
    chain_id: u64,
    /// [`crate::ChainConfig::hash`].
    config_hash: b256,
    /// Batch number, from 0, without gaps.
    batch_index: u64,
    /// Hash of the commitment before this one; zero for batch 0.
    parent_commitment: b256,
    /// Number of the first block in the batch.
    first_block: u64,
    /// Number of the last block in the batch.
    last_block: u64,
    /// Hash of the last block's header.
    last_block_hash: b256,
    /// Time of the first block, seconds.
    first_timestamp: u64,
    /// Time of the last block, seconds.
    last_timestamp: u64,
    /// State root before the first block.
    pre_state_root: b256,
    /// State root after the last block.
    post_state_root: b256,
    /// Data root of the DA block that holds the payload.
    da_data_root: b256,
    /// BLAKE3 of the payload: its content key on DA.
    payload_hash: b256,
    /// Length of the payload in bytes.
    payload_len: u64,
    /// Height of the DA block that holds the payload.
    da_height: u64,
    /// First inbox item not consumed before this batch.
    inbox_from: u64,
    /// First inbox item not consumed after this batch.
    inbox_to: u64,
    /// Inbox accumulator at `inbox_to`.
    inbox_acc: b256,
    /// Root of the withdrawals tree; zero while there are no withdrawals.
    withdrawals_root: b256,
    /// Withdrawals since genesis.
    withdrawals_count: u64,
    /// Sequence number of the newest settlement log entry that the sequencer had seen.
    anchor_seq: u64,
    /// Hash of that log entry.
    anchor_hash: b256,
    /// Epoch of the sequencer that made the batch; never decreases.
    leader_epoch: u64,
    /// Transactions in the batch, those from the inbox included.
    tx_count: u64,
    /// Gas used by the batch.
    gas_used: u64,
}

impl BatchHeader {
    /// The commitment hash.
    pub fn hash(&self) -> B256 {
        keccak256([DOMAIN, &self.encode()].concat())
    }

    /// Signs the commitment hash.
    pub fn sign(self, signer: &Signer) -> SignedBatch {
        let signature = signer.sign(self.hash());
        SignedBatch { header: self, signature }
    }

    /// A forced batch: what it claims follows from the log, so nobody signs it.
    pub const fn forced(self) -> SignedBatch {
        SignedBatch { header: self, signature: Signature::ABSENT }
    }
}

/// A commitment and the sequencer's signature over its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBatch {
    /// What is claimed.
    pub header: BatchHeader,
    /// Over [`BatchHeader::hash`]; [`Signature::ABSENT`] of a forced batch.
    pub signature: Signature,
}

impl SignedBatch {
    /// Encoded header followed by the 65 signature bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.header.encode();
        out.extend_from_slice(&self.signature.0);
        out
    }

    /// Inverse of [`SignedBatch::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (header, signature) =
            bytes.split_at_checked(BatchHeader::ENCODED_LEN).ok_or(DecodeError::Truncated { field: "commitment" })?;
        let header = BatchHeader::decode(header)?;
        let mut reader = Reader::new(signature);
        let signature = Signature(reader.array("signature")?);
        reader.finish()?;
        Ok(Self { header, signature })
    }

    /// Whether nobody signed it: a forced batch. Only the log can tell whether it is one that stands.
    pub fn is_forced(&self) -> bool {
        self.signature == Signature::ABSENT
    }

    /// Who signed it.
    pub fn signer(&self) -> Result<Address, SignatureError> {
        self.signature.recover(self.header.hash())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloy_primitives::b256;
    use proptest::prelude::*;

    fn sample() -> BatchHeader {
        BatchHeader {
            version: VERSION,
            chain_id: 31337,
            batch_index: 3,
            last_block: 9,
            payload_len: 1000,
            post_state_root: B256::repeat_byte(7),
            ..Default::default()
        }
    }

    #[test]
    fn golden() {
        assert_eq!(BatchHeader::ENCODED_LEN, 4 + 15 * 8 + 10 * 32);
        assert_eq!(sample().hash(), b256!("bbc7beac7f72e0176028bae55bf834fe1016e4c2e41677642e0bf0c878e37c84"));
    }

    proptest! {
        #[test]
        fn any_bit_flip_breaks_the_signature(bit in 32..8 * BatchHeader::ENCODED_LEN) {
            let signer = Signer::from_bytes([1; 32]).unwrap();
            let mut bytes = sample().sign(&signer).encode();
            prop_assert_eq!(SignedBatch::decode(&bytes).unwrap().signer(), Ok(signer.address()));
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(SignedBatch::decode(&bytes).unwrap().signer(), Ok(signer.address()));
        }

        #[test]
        fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(signed) = SignedBatch::decode(&bytes) {
                prop_assert_eq!(signed.encode(), bytes);
            }
        }
    }
}
