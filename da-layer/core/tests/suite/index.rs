//! Proofs of blobs, of absence and of whole namespaces.

use proptest::prelude::*;
use weft_da::blob::{BlobFault, IndexFault, ProofFault};
use weft_da::{BlobEntry, BlobIndex};

use crate::common::{blobs, bytes, encode, namespace};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn listings_are_complete(blobs in blobs(), asked in 0u8..12) {
        let (block, header) = encode(&blobs);
        let listing = block.index().prove_namespace(&namespace(asked)).verify(&header, &namespace(asked)).unwrap();
        let expected: Vec<&[u8]> =
            blobs.iter().filter(|(name, _)| *name == namespace(asked)).map(|(_, data)| &data[..]).collect();
        let listed: Vec<&[u8]> =
            listing.entries().iter().map(|entry| entry.open(block.rows().payload()).unwrap()).collect();
        prop_assert_eq!(listed, expected);
    }

    #[test]
    fn nothing_can_be_left_out(blobs in blobs(), asked in 0u8..6, cut_front: bool) {
        let (block, header) = encode(&blobs);
        let asked = namespace(asked * 2);
        let full = block.index().positions_of(&asked);
        prop_assume!(!full.is_empty());
        // A proof made for a neighbouring, absent name does not enclose this one, nor does a cut run.
        let absent = if cut_front { asked.0[0].wrapping_sub(1) } else { asked.0[0] + 1 };
        let other = block.index().prove_namespace(&namespace(absent));
        let lists_all = other.verify(&header, &asked).map(|listing| listing.entries().len());
        prop_assert!(lists_all.is_err() || lists_all == Ok(full.len()));
        let mut cut = block.index().prove_namespace(&asked);
        if cut_front {
            cut.entries.remove(0);
            cut.first += 1;
        } else {
            cut.entries.pop();
        }
        prop_assert!(cut.verify(&header, &asked).is_err());
    }

    #[test]
    fn proofs_bind_position_entry_and_header(blobs in blobs(), pick: prop::sample::Index) {
        let (block, header) = encode(&blobs);
        let position = pick.index(blobs.len()) as u32;
        let proof = block.index().prove(position).unwrap();
        prop_assert_eq!(proof.verify(&header).map(|blob| *blob.entry()), Ok(proof.entry));

        let mut bad = proof.clone();
        bad.entry.length ^= 1;
        prop_assert_eq!(bad.verify(&header), Err(ProofFault::Root));
        let mut bad = proof.clone();
        bad.position += blobs.len() as u32;
        prop_assert_eq!(bad.verify(&header), Err(ProofFault::Position));
        let mut bad = proof.clone();
        bad.path.push(bad.entry.hash);
        prop_assert_eq!(bad.verify(&header), Err(ProofFault::Root));
        let mut other = header;
        other.blob_count += 1;
        prop_assert!(proof.verify(&other).is_err());
        prop_assert_eq!(block.index().prove(blobs.len() as u32), None);
    }

    #[test]
    fn the_index_opens_the_payload(blobs in blobs()) {
        let (block, header) = encode(&blobs);
        let encoded = block.index().encode();
        prop_assert_eq!(&encoded[..], &block.rows().payload()[..header.index_len()]);
        prop_assert_eq!(&BlobIndex::verify(&header, &encoded).unwrap(), block.index());
        prop_assert_eq!(&BlobIndex::verify(&header, block.rows().payload()).unwrap(), block.index());
        let mut bad = encoded.clone();
        bad[0] ^= 1;
        prop_assert!(BlobIndex::verify(&header, &bad).is_err());
        prop_assert!(BlobIndex::verify(&header, &encoded[1..]).is_err());
    }
}

#[test]
fn malformed_indices() {
    let entry =
        |name, offset, length| BlobEntry { namespace: namespace(name), hash: Default::default(), offset, length };
    assert_eq!(BlobIndex::new(vec![]), Err(IndexFault::Count(0)));
    assert_eq!(BlobIndex::new(vec![entry(1, 0, 5)]), Err(IndexFault::Place(0)));
    assert_eq!(BlobIndex::new(vec![entry(1, 80, 0)]), Err(IndexFault::Place(0)));
    assert_eq!(BlobIndex::new(vec![entry(1, 80, u64::MAX)]), Err(IndexFault::Place(0)));
    assert_eq!(BlobIndex::new(vec![entry(2, 160, 1), entry(1, 161, 1)]), Err(IndexFault::Order(1)));
    assert_eq!(BlobIndex::new(vec![entry(1, 160, 1), entry(1, 162, 1)]), Err(IndexFault::Place(1)));
    assert!(BlobIndex::new(vec![entry(1, 160, 1), entry(1, 161, 1)]).is_ok());
}

#[test]
fn a_void_entry_is_seen() {
    let data = bytes(1, 100);
    let entry = BlobEntry { namespace: namespace(1), hash: weft_da::blob_hash(&data), offset: 20, length: 80 };
    assert_eq!(entry.open(&data), Err(BlobFault::Hash));
    assert_eq!(entry.open(&data[..99]), Err(BlobFault::OutOfRange { end: 100, len_bytes: 99 }));
    assert_eq!(entry.check(&data), Err(BlobFault::Length { found: 100, expected: 80 }));
    let huge = BlobEntry { offset: u64::MAX, ..entry };
    assert!(matches!(huge.open(&data), Err(BlobFault::OutOfRange { .. })));
}
