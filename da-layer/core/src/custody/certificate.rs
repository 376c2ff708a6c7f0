//! The word of two thirds of the members: together they have the block.

use alloy_primitives::Address;
use weft_primitives::codec::{DecodeError, Reader};
use weft_primitives::signer::Signature;

use super::{Attestation, AttestationFault, Members, MembersError};
use crate::header::Header;

/// Members, and attestations in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Who shared the custody of the block.
    pub members: Members,
    /// In order of the members, none twice.
    pub attestations: Vec<Attestation>,
}

/// A certificate of a certain block that passed all checks. It says who signed, not who the members should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCertificate {
    members: Members,
    attested: Vec<usize>,
}

/// Why a certificate is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// Wrong length, or a field that cannot be.
    #[error("certificate does not decode: {0}")]
    Decode(#[from] DecodeError),
    /// The members are none.
    #[error("certificate: {0}")]
    Members(#[from] MembersError),
    /// An attestation is not one.
    #[error("certificate: {0}")]
    Attestation(#[from] AttestationFault),
    /// Out of order, or one member twice.
    #[error("attestation {0} is out of order")]
    Order(usize),
    /// Less than two thirds.
    #[error("{found} attestations, {needed} are needed")]
    TooFew {
        /// Attestations given.
        found: usize,
        /// Two thirds of the members.
        needed: usize,
    },
    /// The members are not those that the caller knows.
    #[error("the certificate is of other members")]
    OtherMembers,
    /// Of the members that the caller knows too few have signed under the members that the certificate names.
    #[error(
        "the certificate is of other members, under whom {known} of those known have attested; {needed} are needed"
    )]
    UnknownMembers {
        /// Members known that attested.
        known: usize,
        /// More than a third of the members known.
        needed: usize,
    },
}

impl Certificate {
    /// Checks everything about it against the header of its block. Compare [`VerifiedCertificate::members`] with those
    /// that you know, or call [`Certificate::verify_of`].
    pub fn verify(&self, header: &Header) -> Result<VerifiedCertificate, CertificateFault> {
        let needed = self.members.quorum();
        if self.attestations.len() < needed {
            return Err(CertificateFault::TooFew { found: self.attestations.len(), needed });
        }
        let mut attested: Vec<usize> = Vec::with_capacity(self.attestations.len());
        for (at, attestation) in self.attestations.iter().enumerate() {
            let place = attestation.verify(header, &self.members)?;
            if attested.last().is_some_and(|last| *last >= place) {
                return Err(CertificateFault::Order(at));
            }
            attested.push(place);
        }
        Ok(VerifiedCertificate { members: self.members.clone(), attested })
    }

    /// As [`Certificate::verify`], by these members and no others.
    pub fn verify_of(&self, header: &Header, members: &Members) -> Result<VerifiedCertificate, CertificateFault> {
        if self.members != *members {
            return Err(CertificateFault::OtherMembers);
        }
        self.verify(header)
    }

    /// As [`Certificate::verify`], by these members, or by others for whom more than a third of these vouch. The members of
    /// a custody change in time, and who attests names them: while less than a third lie, one of those who did is honest,
    /// and was told of the members by its operator.
    pub fn verify_by(&self, header: &Header, known: &Members) -> Result<VerifiedCertificate, CertificateFault> {
        let verified = self.verify(header)?;
        if self.members != *known {
            let vouch = self.attestations.iter().filter(|attestation| known.position(&attestation.member).is_some());
            let (found, needed) = (vouch.count(), known.addresses().len() / 3 + 1);
            if found < needed {
                return Err(CertificateFault::UnknownMembers { known: found, needed });
            }
        }
        Ok(verified)
    }

    /// `members (1) || addresses (20 each) || copies (1) || attestations (1) || address and signature (85 each)`.
    pub fn encode(&self) -> Vec<u8> {
        let addresses = self.members.addresses();
        let mut out = vec![addresses.len() as u8];
        addresses.iter().for_each(|address| out.extend_from_slice(address.as_slice()));
        out.push(self.members.copies());
        out.push(self.attestations.len() as u8);
        for Attestation { member, signature } in &self.attestations {
            out.extend_from_slice(member.as_slice());
            out.extend_from_slice(&signature.0);
        }
        out
    }

    /// Inverse of [`Certificate::encode`]; nothing is verified but the form.
    pub fn decode(bytes: &[u8]) -> Result<Self, CertificateFault> {
        let mut reader = Reader::new(bytes);
        let count = reader.u8("members")?;
        let given: Vec<Address> = (0..count).map(|_| reader.address("member")).collect::<Result<_, _>>()?;
        let members = Members::new(given.clone(), reader.u8("copies")?)?;
        if let Some(at) = (0..given.len()).find(|at| members.addresses()[*at] != given[*at]) {
            return Err(CertificateFault::Order(at));
        }
        let attestations = (0..reader.u8("attestations")?)
            .map(|_| {
                Ok(Attestation { member: reader.address("member")?, signature: Signature(reader.array("signature")?) })
            })
            .collect::<Result<_, DecodeError>>()?;
        reader.finish()?;
        Ok(Self { members, attestations })
    }
}

impl VerifiedCertificate {
    /// Who shared the custody.
    pub const fn members(&self) -> &Members {
        &self.members
    }

    /// Places of the members that attested.
    pub fn attested(&self) -> &[usize] {
        &self.attested
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloy_primitives::B256;
    use proptest::prelude::*;
    use weft_primitives::Signer;

    use super::*;
    use crate::Shape;

    fn header(height: u64) -> Header {
        let (shape, root) = (Shape::for_payload(1_000).unwrap(), B256::repeat_byte(9));
        let (row_root, digest_root, blob_index_root) = (root, root, root);
        let (prev_hash, time_ms) = (B256::ZERO, 5);
        Header {
            network_id: 1,
            height,
            prev_hash,
            time_ms,
            shape,
            row_root,
            digest_root,
            blob_index_root,
            blob_count: 1,
        }
    }

    fn signers(count: u8) -> Vec<Signer> {
        let mut signers: Vec<Signer> = (1..=count).map(|key| Signer::from_bytes([key; 32]).unwrap()).collect();
        signers.sort_by_key(Signer::address);
        signers
    }

    fn certificate(height: u64, count: u8, signing: &[usize]) -> Certificate {
        let signers = signers(count);
        let members = Members::new(signers.iter().map(Signer::address).collect(), 1).unwrap();
        let sign = |at: &usize| Attestation::sign(&header(height), &members, &signers[*at]);
        let attestations = signing.iter().map(sign).collect();
        Certificate { members, attestations }
    }

    #[test]
    fn two_thirds_certify_and_nothing_less() {
        let good = certificate(1, 4, &[0, 1, 3]);
        let verified = good.verify(&header(1)).unwrap();
        assert_eq!(verified.attested(), [0, 1, 3]);
        good.verify_of(&header(1), verified.members()).unwrap();
        let few = certificate(1, 4, &[0, 1]).verify(&header(1));
        assert_eq!(few, Err(CertificateFault::TooFew { found: 2, needed: 3 }));
        assert_eq!(certificate(1, 4, &[0, 0, 1]).verify(&header(1)), Err(CertificateFault::Order(1)));
        assert!(matches!(good.verify(&header(2)), Err(CertificateFault::Attestation(AttestationFault::Signer { .. }))));
        let mut stranger = good.clone();
        stranger.attestations[0] = certificate(1, 5, &[0, 1, 2, 3, 4])
            .attestations
            .into_iter()
            .find(|other| good.members.position(&other.member).is_none())
            .unwrap();
        assert!(matches!(
            stranger.verify(&header(1)),
            Err(CertificateFault::Attestation(AttestationFault::Stranger(_)))
        ));
        let others = certificate(1, 5, &[]).members;
        assert_eq!(good.verify_of(&header(1), &others), Err(CertificateFault::OtherMembers));
    }

    #[test]
    fn members_of_another_time_are_vouched_for() {
        // Keys 1 to 6; who reads the certificate knows the first four, or the last four, as the members of today.
        let all = signers(6);
        let members = |keys: &[usize]| Members::new(keys.iter().map(|at| all[*at].address()).collect(), 1).unwrap();
        let then = members(&[0, 1, 2, 3]);
        let signed = |by: &[usize]| {
            let attestations = by.iter().map(|at| Attestation::sign(&header(1), &then, &all[*at])).collect();
            Certificate { members: then.clone(), attestations }
        };
        signed(&[0, 1, 2]).verify_by(&header(1), &then).unwrap();
        // Two of the four of today were there; one is not more than a third.
        signed(&[1, 2, 3]).verify_by(&header(1), &members(&[2, 3, 4, 5])).unwrap();
        let few = signed(&[0, 1, 2]).verify_by(&header(1), &members(&[2, 3, 4, 5]));
        assert_eq!(few, Err(CertificateFault::UnknownMembers { known: 1, needed: 2 }));
        // What is wrong by itself is no better for who vouches.
        assert!(matches!(signed(&[2, 3]).verify_by(&header(1), &then), Err(CertificateFault::TooFew { .. })));
        assert!(signed(&[1, 2, 3]).verify_by(&header(2), &members(&[2, 3, 4, 5])).is_err());
    }

    #[test]
    fn other_members_or_copies_are_another_statement() {
        let good = certificate(1, 4, &[0, 1, 3]);
        let members = Members::new(good.members.addresses().to_vec(), 2).unwrap();
        assert!(Certificate { members, ..good }.verify(&header(1)).is_err());
    }

    proptest! {
        #[test]
        fn bytes_have_one_meaning(count in 1u8..6, cut in any::<prop::sample::Index>(), flip in any::<prop::sample::Index>()) {
            let all: Vec<usize> = (0..usize::from(count)).collect();
            let certificate = certificate(3, count, &all);
            let bytes = certificate.encode();
            prop_assert_eq!(&Certificate::decode(&bytes).unwrap(), &certificate);
            prop_assert!(Certificate::decode(&bytes[..cut.index(bytes.len())]).is_err());
            let mut other = bytes.clone();
            other[flip.index(bytes.len())] ^= 1;
            if let Ok(decoded) = Certificate::decode(&other) {
                prop_assert_eq!(decoded.encode(), other);
                prop_assert!(decoded.verify(&header(3)).is_err());
            }
        }

        #[test]
        fn foreign_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(decoded) = Certificate::decode(&bytes) {
                prop_assert_eq!(decoded.encode(), bytes);
            }
        }
    }
}
