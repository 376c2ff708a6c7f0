//! Custody: members, where rows lie, certificates.

use alloy_primitives::{Address, hex};
use serde_json::{Value, json};
use weft_da::custody::{Attestation, AttestationFault, Certificate, CertificateFault, Members, MembersError};
use weft_da::{ChainPosition, Header, Shape};
use weft_primitives::signer::SignatureError;
use weft_primitives::{B256, Signature, Signer};

use super::blocks::{FIRST, encoded};
use super::golden;
use crate::common::position;

fn signers(count: u8) -> Vec<Signer> {
    let mut signers: Vec<Signer> = (1..=count).map(|key| Signer::from_bytes([key; 32]).unwrap()).collect();
    signers.sort_by_key(Signer::address);
    signers
}

fn members_verdict(error: MembersError) -> &'static str {
    match error {
        MembersError::Count(_) => "count",
        MembersError::Copies { .. } => "copies",
        MembersError::Twice(_) => "twice",
    }
}

fn members(name: &str, addresses: Vec<Address>, copies: u8) -> Value {
    let made = Members::new(addresses.clone(), copies);
    json!({
        "name": name,
        "check": "members",
        "addresses": addresses.iter().map(hex::encode).collect::<Vec<_>>(),
        "copies": copies,
        "hash": made.as_ref().ok().map(|members| hex::encode(members.hash())),
        "verdict": made.map_or_else(members_verdict, |_| "ok"),
    })
}

fn assignment(name: &str, count: u8, copies: u8, row_root: B256) -> Value {
    let members = Members::new(signers(count).iter().map(Signer::address).collect(), copies).unwrap();
    let shape = Shape::for_payload(1).unwrap();
    let assignment = members.assign(&shape, row_root);
    let holders: Vec<Vec<usize>> = (0..shape.rows() as u32).map(|row| assignment.holders(row).collect()).collect();
    json!({
        "name": name,
        "check": "assignment",
        "addresses": members.addresses().iter().map(hex::encode).collect::<Vec<_>>(),
        "copies": copies,
        "row_root": hex::encode(row_root),
        "rows": shape.rows(),
        "holders": holders,
    })
}

fn certificate_verdict(header: &Header, bytes: &[u8]) -> &'static str {
    match Certificate::decode(bytes).and_then(|certificate| certificate.verify(header)) {
        Ok(_) => "ok",
        Err(CertificateFault::Decode(_)) => "decode",
        Err(CertificateFault::Members(error)) => members_verdict(error),
        Err(CertificateFault::Order(_)) => "order",
        Err(CertificateFault::TooFew { .. }) => "too_few",
        Err(CertificateFault::OtherMembers | CertificateFault::UnknownMembers { .. }) => "other_members",
        Err(CertificateFault::Attestation(AttestationFault::Stranger(_))) => "stranger",
        Err(CertificateFault::Attestation(AttestationFault::Signer { .. })) => "signer",
        Err(CertificateFault::Attestation(AttestationFault::Signature(error))) => match error {
            SignatureError::Length(_) => "signature_length",
            SignatureError::RecoveryId(_) => "signature_v",
            SignatureError::HighS => "signature_high_s",
            SignatureError::Unrecoverable => "signature_unrecoverable",
        },
    }
}

fn certificate(name: &str, header: &Header, bytes: &[u8], expected: &str) -> Value {
    assert_eq!(certificate_verdict(header, bytes), expected, "{name}");
    json!({
        "name": name,
        "check": "certificate",
        "header": hex::encode(header.encode()),
        "certificate": hex::encode(bytes),
        "verdict": expected,
    })
}

fn signed(header: &Header, count: u8, copies: u8, signing: &[usize]) -> Certificate {
    let signers = signers(count);
    let members = Members::new(signers.iter().map(Signer::address).collect(), copies).unwrap();
    let attestations = signing.iter().map(|at| Attestation::sign(header, &members, &signers[*at])).collect();
    Certificate { members, attestations }
}

#[test]
fn custody() {
    let block = encoded(FIRST);
    let header = block.header(position());
    let next = block.header(ChainPosition { height: 2, ..position() });
    let addresses: Vec<Address> = signers(5).iter().map(Signer::address).collect();
    let good = signed(&header, 4, 2, &[0, 1, 3]);
    let bytes = good.encode();
    let with = |change: &dyn Fn(&mut Certificate)| {
        let mut other = good.clone();
        change(&mut other);
        other.encode()
    };
    let unsigned = |signature| with(&|other| other.attestations[1].signature = Signature(signature));
    let mut swapped = bytes.clone();
    swapped[1..41].rotate_left(20);
    let mut high_s = good.attestations[1].signature.0;
    high_s[32..64].fill(0xf0);
    let vectors = vec![
        members("five members", addresses.clone(), 2),
        members("one member", addresses[..1].to_vec(), 1),
        members("none", Vec::new(), 1),
        members("more copies than members", addresses.clone(), 6),
        members("no copy", addresses.clone(), 0),
        members("one twice", [&addresses[..], &addresses[..1]].concat(), 2),
        assignment("four members, two copies", 4, 2, header.row_root),
        assignment("seven members, one copy", 7, 1, header.row_root),
        assignment("three members, three copies", 3, 3, B256::repeat_byte(9)),
        certificate("three of four", &header, &bytes, "ok"),
        certificate("four of four", &header, &signed(&header, 4, 2, &[0, 1, 2, 3]).encode(), "ok"),
        certificate("one of one", &header, &signed(&header, 1, 1, &[0]).encode(), "ok"),
        certificate("two of four", &header, &signed(&header, 4, 2, &[0, 1]).encode(), "too_few"),
        certificate("for another height", &next, &bytes, "signer"),
        certificate("out of order", &header, &signed(&header, 4, 2, &[1, 0, 3]).encode(), "order"),
        certificate("one attests twice", &header, &signed(&header, 4, 2, &[0, 0, 3]).encode(), "order"),
        certificate("members out of order", &header, &swapped, "order"),
        certificate(
            "other copies",
            &header,
            &with(&|other| {
                other.members = Members::new(other.members.addresses().to_vec(), 1).unwrap();
            }),
            "signer",
        ),
        certificate("a stranger", &header, &with(&|other| other.attestations[0].member = Address::ZERO), "stranger"),
        certificate(
            "another's name",
            &header,
            &with(&|other| {
                other.attestations[1].member = other.members.addresses()[2];
            }),
            "signer",
        ),
        certificate("v", &header, &unsigned([0; 65]), "signature_v"),
        certificate("high s", &header, &unsigned(high_s), "signature_high_s"),
        certificate("cut", &header, &bytes[..bytes.len() - 1], "decode"),
        certificate("a byte left over", &header, &[&bytes[..], &[0]].concat(), "decode"),
        certificate("nothing", &header, &[], "decode"),
    ];
    golden("custody", "Members of a custody, which rows they have, and their certificates.", vectors);
}
