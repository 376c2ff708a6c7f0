//! The chain of signed headers.

use proptest::prelude::*;
use weft_da::header::{HEADER_BYTES, HeaderDecodeError};
use weft_da::signed::{HeaderFault, SIGNED_HEADER_BYTES};
use weft_da::{Header, SignedHeader, verify_checkpoint, verify_header};
use weft_primitives::{B256, Signer};

use crate::common::{encode, one_blob, signer};

fn chain() -> (SignedHeader, SignedHeader) {
    let header = encode(&one_blob(500, 1)).1;
    let first = SignedHeader::sign(header, &signer());
    let next = Header { height: 2, prev_hash: header.hash(), time_ms: header.time_ms + 5, ..header };
    (first, SignedHeader::sign(next, &signer()))
}

#[test]
fn a_chain_is_followed() {
    let (first, next) = chain();
    let trusted = signer().address();
    let verified = verify_header(None, &first, trusted).unwrap();
    assert_eq!((verified.header(), verified.hash()), (&first.header, first.header.hash()));
    verify_header(Some(&first), &next, trusted).unwrap();
    verify_checkpoint(&next, trusted).unwrap();
    assert_eq!(SignedHeader::decode(&next.encode()), Ok(next));
}

#[test]
fn faults_of_a_chain() {
    let (first, next) = chain();
    let trusted = signer().address();
    let judge = |change: fn(&mut Header)| {
        let mut header = next.header;
        change(&mut header);
        verify_header(Some(&first), &SignedHeader::sign(header, &signer()), trusted).unwrap_err()
    };
    assert!(matches!(judge(|header| header.height = 3), HeaderFault::Height { found: 3, expected: 2 }));
    assert!(matches!(judge(|header| header.prev_hash = B256::ZERO), HeaderFault::Link { .. }));
    assert!(matches!(judge(|header| header.time_ms -= 6), HeaderFault::Time { .. }));
    assert!(matches!(judge(|header| header.network_id = 1), HeaderFault::Network { found: 1, .. }));
    assert!(matches!(judge(|header| header.blob_count = 0), HeaderFault::BlobCount(0)));
    assert!(matches!(judge(|header| header.blob_count = 7), HeaderFault::BlobCount(7)));
    assert!(matches!(verify_header(None, &next, trusted), Err(HeaderFault::Height { .. })));

    let stranger = Signer::from_bytes([2; 32]).unwrap();
    let forged = SignedHeader::sign(next.header, &stranger);
    assert!(matches!(verify_header(Some(&first), &forged, trusted), Err(HeaderFault::Signer { .. })));
    let mut broken = next;
    broken.signature.0[64] = 0;
    assert!(matches!(verify_header(Some(&first), &broken, trusted), Err(HeaderFault::Signature(_))));
}

proptest! {
    #[test]
    fn one_header_has_one_encoding(at in 0usize..HEADER_BYTES, bit in 0u32..8) {
        let (first, _) = chain();
        let mut bytes = first.header.encode();
        prop_assert_eq!(Header::decode(&bytes), Ok(first.header));
        bytes[at] ^= 1 << bit;
        // Whatever still decodes is another header with another hash.
        if let Ok(header) = Header::decode(&bytes) {
            prop_assert_eq!(header.encode(), bytes);
            prop_assert_ne!(header.hash(), first.header.hash());
        }
        prop_assert!(Header::decode(&bytes[..at]).is_err());
    }

    #[test]
    fn every_changed_bit_breaks_the_signed_header(at in 0usize..SIGNED_HEADER_BYTES, bit in 0u32..8) {
        let (first, next) = chain();
        let mut bytes = next.encode();
        bytes[at] ^= 1 << bit;
        if let Ok(changed) = SignedHeader::decode(&bytes) {
            prop_assert!(verify_header(Some(&first), &changed, signer().address()).is_err());
        }
    }
}

#[test]
fn impossible_headers_do_not_decode() {
    let (first, _) = chain();
    let set = |at: usize, value: &[u8]| {
        let mut bytes = first.header.encode();
        bytes[at..at + value.len()].copy_from_slice(value);
        Header::decode(&bytes).unwrap_err()
    };
    assert_eq!(set(0, &[0, 2]), HeaderDecodeError::Version(2));
    assert_eq!(set(58, &[3]), HeaderDecodeError::Codec(3));
    assert!(matches!(set(59, &[0, 0, 0, 65]), HeaderDecodeError::Shape(_)));
    assert!(matches!(set(63, &[0, 0, 1, 0]), HeaderDecodeError::Shape(_)));
    assert!(matches!(set(67, &[0xff; 8]), HeaderDecodeError::Shape(_)));
    assert_eq!(set(171, &[0xff; 4]), HeaderDecodeError::BlobCount(u32::MAX));
}
