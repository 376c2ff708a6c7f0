//! What a publisher signs to put a blob into a namespace that only certain keys may use.
//!
//! The signature says "this content may be in this namespace of this network",
//! nothing of time or place. Whoever sees it can send the same put again; that
//! does no harm, because a put is idempotent by content: a second one changes
//! nothing. Deliberately absent: a nonce, an expiry.

use alloy_primitives::{Address, B256};
use weft_primitives::Namespace;
use weft_primitives::signer::{Signature, SignatureError, Signer};

use crate::hash::{PUT_CONTEXT, derived};

/// A blob and where it shall go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PutClaim {
    /// The DA network.
    pub network_id: u64,
    /// The namespace.
    pub namespace: Namespace,
    /// BLAKE3 of the blob.
    pub content: B256,
    /// Its length in bytes.
    pub length: u64,
}

impl PutClaim {
    /// What is signed: BLAKE3 in key derivation mode over `network id (8) || namespace (32) || content hash (32) ||
    /// length (8)`, integers big-endian.
    pub fn hash(&self) -> B256 {
        let mut bytes = [0; 80];
        bytes[..8].copy_from_slice(&self.network_id.to_be_bytes());
        bytes[8..40].copy_from_slice(self.namespace.as_bytes());
        bytes[40..72].copy_from_slice(self.content.as_slice());
        bytes[72..].copy_from_slice(&self.length.to_be_bytes());
        derived(PUT_CONTEXT, &bytes)
    }

    /// The publisher's signature.
    pub fn sign(&self, signer: &Signer) -> Signature {
        signer.sign(self.hash())
    }

    /// Who signed it.
    pub fn signer(&self, signature: &Signature) -> Result<Address, SignatureError> {
        signature.recover(self.hash())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloy_primitives::b256;

    fn claim() -> PutClaim {
        PutClaim { network_id: 7, namespace: Namespace([1; 32]), content: B256::repeat_byte(2), length: 3 }
    }

    #[test]
    fn golden() {
        let hash = b256!("e62f551c9aec51e3c6cbaaf55fd28e1282cd567dd47d4106b25d4f6a6a7cb4ff");
        assert_eq!(claim().hash(), hash);
    }

    #[test]
    fn a_signature_is_for_one_claim() {
        let signer = Signer::from_bytes([5; 32]).unwrap();
        let signature = claim().sign(&signer);
        assert_eq!(claim().signer(&signature), Ok(signer.address()));
        let others = [
            PutClaim { network_id: 8, ..claim() },
            PutClaim { namespace: Namespace([2; 32]), ..claim() },
            PutClaim { content: B256::repeat_byte(3), ..claim() },
            PutClaim { length: 4, ..claim() },
        ];
        for other in others {
            assert_ne!(other.signer(&signature), Ok(signer.address()));
        }
    }
}
