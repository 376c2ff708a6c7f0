//! Who shares the rows of a DA network, and what they sign.

use weft_da::custody::{Attestation, Certificate, Members};
use weft_primitives::Address;

use super::field::{WireError, address, bytes, signature};
use crate::pb::da::v1 as pb;

/// The members of a custody.
pub fn members<B: AsRef<[u8]>>(addresses: &[B], copies: u32) -> Result<Members, WireError> {
    let given: Vec<Address> =
        addresses.iter().map(|member| address("members", member.as_ref())).collect::<Result<_, _>>()?;
    let copies = u8::try_from(copies).map_err(|_| WireError::new("copies", "must fit into a byte"))?;
    if !given.is_sorted() {
        return Err(WireError::new("members", "must be ascending"));
    }
    Members::new(given, copies).map_err(|error| WireError::new("members", error.to_string()))
}

impl From<&Attestation> for pb::Attestation {
    fn from(attestation: &Attestation) -> Self {
        Self { member: bytes(attestation.member), signature: bytes(attestation.signature.0) }
    }
}

impl TryFrom<pb::Attestation> for Attestation {
    type Error = WireError;

    fn try_from(attestation: pb::Attestation) -> Result<Self, WireError> {
        Ok(Self {
            member: address("member", &attestation.member)?,
            signature: signature("signature", &attestation.signature)?,
        })
    }
}

impl From<&Certificate> for pb::Certificate {
    fn from(certificate: &Certificate) -> Self {
        Self {
            members: certificate.members.addresses().iter().map(bytes).collect(),
            copies: certificate.members.copies().into(),
            attestations: certificate.attestations.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<pb::Certificate> for Certificate {
    type Error = WireError;

    /// Nothing is verified here.
    fn try_from(certificate: pb::Certificate) -> Result<Self, WireError> {
        Ok(Self {
            members: members(&certificate.members, certificate.copies)?,
            attestations: certificate.attestations.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use weft_primitives::Signature;

    use super::*;

    #[test]
    fn certificates_come_back() {
        let members = Members::new((1..=4).map(Address::repeat_byte).collect(), 2).unwrap();
        let attestation = |member| Attestation { member, signature: Signature([7; 65]) };
        let attestations = members.addresses().iter().copied().map(attestation).collect();
        let certificate = Certificate { members, attestations };
        let wire = pb::Certificate::from(&certificate);
        assert_eq!(Certificate::try_from(wire.clone()), Ok(certificate));
        let refused = |change: fn(&mut pb::Certificate)| {
            let mut odd = wire.clone();
            change(&mut odd);
            Certificate::try_from(odd).unwrap_err().field
        };
        assert_eq!(refused(|odd| odd.copies = 256), "copies");
        assert_eq!(refused(|odd| odd.copies = 5), "members");
        assert_eq!(refused(|odd| odd.members[0] = vec![1; 19].into()), "members");
        assert_eq!(refused(|odd| odd.members.clear()), "members");
        assert_eq!(refused(|odd| odd.members.swap(0, 1)), "members");
        assert_eq!(refused(|odd| odd.attestations[1].signature = vec![1; 64].into()), "signature");
        assert_eq!(refused(|odd| odd.attestations[0].member.clear()), "member");
    }
}
