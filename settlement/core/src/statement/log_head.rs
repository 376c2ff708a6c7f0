//! Where a log ends, signed by the service that keeps it.
//!
//! Whoever holds entries up to such a head can prove later that the service
//! had them: each entry names the one before, so nothing can be put in or left
//! out. A service whose database is an old copy knows by this what it may take
//! back from others.

use alloy_primitives::{Address, B256, keccak256};
use weft_primitives::signer::SignatureError;
use weft_primitives::{Signature, Signer};

/// Domain separation of the hash that is signed.
const DOMAIN: &[u8] = b"weft/log-head/v1";

/// The newest entry of a chain's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogHead {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Hash of the chain configuration.
    pub config_hash: B256,
    /// The entry's sequence number.
    pub seq: u64,
    /// The entry's hash.
    pub hash: B256,
}

impl LogHead {
    /// What is signed: keccak256 of the domain and all fields in order, fixed width, big-endian.
    pub fn signing_hash(&self) -> B256 {
        let (chain_id, seq) = (self.chain_id.to_be_bytes(), self.seq.to_be_bytes());
        keccak256([DOMAIN, &chain_id, self.config_hash.as_slice(), &seq, self.hash.as_slice()].concat())
    }

    /// Signs as the service that keeps the log.
    pub fn sign(&self, signer: &Signer) -> Signature {
        signer.sign(self.signing_hash())
    }

    /// Who signed it.
    pub fn signer(&self, signature: &Signature) -> Result<Address, SignatureError> {
        signature.recover(self.signing_hash())
    }
}
