//! The word of one member that it has its share of a block.

use alloy_primitives::{Address, B256};
use weft_primitives::signer::{Signature, SignatureError, Signer};

use super::Members;
use crate::hash::{ATTESTATION_CONTEXT, derived};
use crate::header::Header;

/// Length of an encoded attestation: address and signature.
pub const ATTESTATION_BYTES: usize = 20 + 65;

/// Signed by a member once all rows of its share are verified and durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// Who signed.
    pub member: Address,
    /// `r || s || v` over [`Attestation::hash`].
    pub signature: Signature,
}

/// Why an attestation is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttestationFault {
    /// Not one of the members.
    #[error("{0} is not a member of the custody")]
    Stranger(Address),
    /// The signature is not one.
    #[error("attestation signature: {0}")]
    Signature(#[from] SignatureError),
    /// Another key signed, or it was signed for another block or other members.
    #[error("attestation of {member} is signed by {found}, or for something else")]
    Signer {
        /// Who is said to have signed.
        member: Address,
        /// Who did.
        found: Address,
    },
}

impl Attestation {
    /// What is signed: `network id (8) || height (8) || header hash (32) || hash of the members (32)`, hashed.
    pub fn hash(header: &Header, members: &Members) -> B256 {
        let mut bytes = [0; 80];
        bytes[..8].copy_from_slice(&header.network_id.to_be_bytes());
        bytes[8..16].copy_from_slice(&header.height.to_be_bytes());
        bytes[16..48].copy_from_slice(header.hash().as_slice());
        bytes[48..].copy_from_slice(members.hash().as_slice());
        derived(ATTESTATION_CONTEXT, &bytes)
    }

    /// Signs for the block with this header.
    pub fn sign(header: &Header, members: &Members, signer: &Signer) -> Self {
        Self { member: signer.address(), signature: signer.sign(Self::hash(header, members)) }
    }

    /// Checks it; the place of the member.
    pub fn verify(&self, header: &Header, members: &Members) -> Result<usize, AttestationFault> {
        let place = members.position(&self.member).ok_or(AttestationFault::Stranger(self.member))?;
        let found = self.signature.recover(Self::hash(header, members))?;
        if found != self.member {
            return Err(AttestationFault::Signer { member: self.member, found });
        }
        Ok(place)
    }
}
