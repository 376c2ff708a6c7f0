//! Headers: decoding, following a chain, and two that contradict each other.

use alloy_primitives::{Address, hex};
use serde_json::{Value, json};
use weft_da::header::HeaderDecodeError;
use weft_da::signed::HeaderFault;
use weft_da::{Header, SignedHeader, verify_checkpoint, verify_header};
use weft_primitives::signer::SignatureError;
use weft_primitives::{B256, Signer};

use super::blocks::{FIRST, NEXT, encoded, next_position};
use super::{golden, sign};
use crate::common::{position, signer};

fn decode(name: &str, bytes: &[u8], expected: &str) -> Value {
    let verdict = match Header::decode(bytes) {
        Ok(_) => "ok",
        Err(HeaderDecodeError::Bytes(_)) => "length",
        Err(HeaderDecodeError::Version(_)) => "version",
        Err(HeaderDecodeError::Codec(_)) => "codec",
        Err(HeaderDecodeError::Shape(_)) => "shape",
        Err(HeaderDecodeError::BlobCount(_)) => "blob_count",
    };
    assert_eq!(verdict, expected, "{name}");
    json!({ "name": name, "check": "decode", "header": hex::encode(bytes), "verdict": verdict })
}

fn follow(name: &str, parent: Option<&SignedHeader>, signed: &SignedHeader, expected: &str) -> Value {
    let verdict = match verify_header(parent, signed, signer().address()) {
        Ok(_) => "ok",
        Err(HeaderFault::Signature(SignatureError::Length(_))) => "signature_length",
        Err(HeaderFault::Signature(SignatureError::RecoveryId(_))) => "signature_v",
        Err(HeaderFault::Signature(SignatureError::HighS)) => "signature_high_s",
        Err(HeaderFault::Signature(SignatureError::Unrecoverable)) => "signature_unrecoverable",
        Err(HeaderFault::Signer { .. }) => "signer",
        Err(HeaderFault::Network { .. }) => "network",
        Err(HeaderFault::Height { .. }) => "height",
        Err(HeaderFault::Link { .. }) => "link",
        Err(HeaderFault::Time { .. }) => "time",
        Err(HeaderFault::BlobCount(_)) => "blob_count",
    };
    assert_eq!(verdict, expected, "{name}");
    json!({
        "name": name,
        "check": "follow",
        "trusted": hex::encode(signer().address()),
        "parent": parent.map(|parent| hex::encode(parent.encode())),
        "signed": hex::encode(signed.encode()),
        "verdict": verdict,
    })
}

/// Whether the trusted key signed two headers for one place.
fn pair(name: &str, ours: &SignedHeader, theirs: &SignedHeader, expected: &str) -> Value {
    let trusted: Address = signer().address();
    let signed = |header| verify_checkpoint(header, trusted).is_ok();
    let place = |of: &SignedHeader| (of.header.network_id, of.header.height);
    let fork = signed(ours) && signed(theirs) && place(ours) == place(theirs) && ours.header != theirs.header;
    let verdict = if fork { "fork" } else { "none" };
    assert_eq!(verdict, expected, "{name}");
    json!({
        "name": name,
        "check": "pair",
        "trusted": hex::encode(trusted),
        "ours": hex::encode(ours.encode()),
        "theirs": hex::encode(theirs.encode()),
        "verdict": verdict,
    })
}

#[test]
fn headers() {
    let first = sign(encoded(FIRST).header(position()));
    let next_header = encoded(NEXT).header(next_position());
    let next = sign(next_header);
    let set = |at: usize, value: &[u8]| {
        let mut bytes = first.header.encode();
        bytes[at..at + value.len()].copy_from_slice(value);
        bytes
    };
    let changed = |change: fn(&mut Header)| {
        let mut header = next_header;
        change(&mut header);
        sign(header)
    };
    let altered = |at: usize, value: &[u8]| {
        let mut signed = next;
        signed.signature.0[at..at + value.len()].copy_from_slice(value);
        signed
    };
    let stranger = SignedHeader::sign(next_header, &Signer::from_bytes([2; 32]).unwrap());
    // Half of all r are the x coordinate of no point of the curve.
    let no_point = altered(5, &[next.signature.0[5] ^ 1]);
    let second = changed(|header| header.time_ms += 1);
    let encoded = first.header.encode();
    golden(
        "headers",
        "decode: a header alone; follow: a signed one after its parent or as the first; pair: two that a node showed.",
        vec![
            decode("a header", &encoded, "ok"),
            decode("a byte less", &encoded[..174], "length"),
            decode("a byte more", &[&encoded[..], &[0]].concat(), "length"),
            decode("an unknown version", &set(0, &[0, 2]), "version"),
            decode("an unknown codec", &set(58, &[3]), "codec"),
            decode("gf8 with 128 rows", &set(59, &[0, 0, 0, 128]), "shape"),
            decode("a row length that is not the least", &set(63, &[0, 0, 0, 32]), "shape"),
            decode("an empty payload", &set(67, &[0; 8]), "shape"),
            decode("no blob", &set(171, &[0; 4]), "blob_count"),
            decode("more blobs than the payload holds", &set(171, &[0, 0, 0, 8]), "blob_count"),
            decode("more blobs than allowed", &set(171, &[0, 0, 0x10, 1]), "blob_count"),
            follow("the first header", None, &first, "ok"),
            follow("the next header", Some(&first), &next, "ok"),
            follow("a second header at that height is signed as well", Some(&first), &second, "ok"),
            follow("the next header as the first", None, &next, "height"),
            follow("the first header again", Some(&first), &first, "height"),
            follow("a height left out", Some(&first), &changed(|header| header.height = 3), "height"),
            follow("another parent", Some(&first), &changed(|header| header.prev_hash = B256::ZERO), "link"),
            follow("another network", Some(&first), &changed(|header| header.network_id = 1), "network"),
            follow("earlier than its parent", Some(&first), &changed(|header| header.time_ms -= 1_001), "time"),
            follow("another signer", Some(&first), &stranger, "signer"),
            follow("a flipped bit in s", Some(&first), &altered(40, &[next.signature.0[40] ^ 1]), "signer"),
            follow("an r that no point has", Some(&first), &no_point, "signature_unrecoverable"),
            follow("v = 0", Some(&first), &altered(64, &[0]), "signature_v"),
            follow("s in the upper half", Some(&first), &altered(32, &[0xff]), "signature_high_s"),
            follow("r = 0", Some(&first), &altered(0, &[0; 32]), "signature_unrecoverable"),
            pair("signed twice at one height", &next, &second, "fork"),
            pair("the same header twice", &next, &next, "none"),
            pair("a second header of another key", &next, &stranger, "none"),
            pair("two heights", &first, &next, "none"),
        ],
    );
}
