//! What an independent verifier found, signed.

use alloy_primitives::{Address, B256, keccak256};
use weft_primitives::signer::SignatureError;
use weft_primitives::{Signature, Signer};

use crate::log::ExecutionVerdict;

/// Domain separation of the hash that is signed.
const DOMAIN: &[u8] = b"weft/verdict/v1";

/// A verdict and its verifier's signature. The commitment's hash binds the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedVerdict {
    /// What re-execution found.
    pub verdict: ExecutionVerdict,
    /// Over [`ExecutionVerdict::hash`].
    pub signature: Signature,
}

impl ExecutionVerdict {
    /// What a verifier signs: keccak256 of the domain and the bytes that the log has.
    pub fn hash(&self) -> B256 {
        keccak256([DOMAIN, &self.encode()].concat())
    }

    /// Signs as a verifier.
    pub fn sign(self, signer: &Signer) -> SignedVerdict {
        SignedVerdict { verdict: self, signature: signer.sign(self.hash()) }
    }
}

impl SignedVerdict {
    /// Who signed it.
    pub fn verifier(&self) -> Result<Address, SignatureError> {
        self.signature.recover(self.verdict.hash())
    }
}
