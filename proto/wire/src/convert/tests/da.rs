//! DA headers, rows and proofs.

use alloy_primitives::B256;
use proptest::prelude::*;
use weft_da::{Blob, ChainPosition, EncodedBlock, Packed, Schedule, SignedHeader};
use weft_primitives::Namespace;

use super::{damage, signer, survives};
use crate::convert::{blob_proof, blob_ref, namespace_proof};
use crate::pb::da::v1 as pb;

/// A block of blobs in a few namespaces, and its signed header.
fn block(blobs: &[(u8, Vec<u8>)]) -> (EncodedBlock, SignedHeader) {
    let blobs: Vec<_> = blobs.iter().map(|(name, data)| Blob::new(Namespace([*name; 32]), data)).collect();
    let block = EncodedBlock::encode(Packed::new(&blobs, 1 << 20).unwrap(), Schedule::Sequential);
    let position = ChainPosition { network_id: 1, height: 1, prev_hash: B256::ZERO, time_ms: 5 };
    let signed = SignedHeader::sign(block.header(position), &signer());
    (block, signed)
}

/// Distinct blobs, as a block holds them.
fn blobs() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    prop::collection::btree_set((0u8..4, prop::collection::vec(any::<u8>(), 1..300)), 1..6)
        .prop_map(|set| set.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn headers_rows_and_proofs_come_back(blobs in blobs(), row in 0u32..256, name in 0u8..5, damage in damage()) {
        let (block, signed) = block(&blobs);
        let wire = pb::SignedHeader::from(&signed);
        prop_assert_eq!(SignedHeader::try_from(wire.clone()), Ok(signed));
        survives::<_, SignedHeader>(&wire, damage);

        let proof = block.row(row).unwrap();
        prop_assert_eq!(pb::Row::from(proof.clone()).into_proof(row), Ok(proof));
        for position in 0..block.index().count() {
            let proof = block.index().prove(position).unwrap();
            let (place, path) = (blob_ref(1, &proof), pb::BlobProof::from(&proof));
            prop_assert_eq!(blob_proof(&place, &path), Ok(proof));
            let elsewhere = pb::BlobRef { index: position + 1, ..place };
            prop_assert_eq!(blob_proof(&elsewhere, &path).unwrap_err().field, "index");
        }
        let listing = block.index().prove_namespace(&Namespace([name; 32]));
        prop_assert_eq!(namespace_proof((&listing).into()), Ok(listing));
    }
}

#[test]
fn headers_that_have_no_canonical_bytes_are_refused() {
    let (_, signed) = block(&[(1, b"abc".to_vec())]);
    let honest = pb::Header::from(&signed.header);
    let odd: [fn(&mut pb::Header); 8] = [
        |header| header.version = 2,
        |header| header.codec = 0,
        |header| header.codec = 9,
        |header| header.row_len = 3,
        |header| header.k = u32::MAX,
        |header| header.total_len = u64::MAX,
        |header| header.blob_count = u32::MAX,
        |header| header.row_root = vec![0; 31].into(),
    ];
    for change in odd {
        let mut header = honest.clone();
        change(&mut header);
        assert!(weft_da::Header::try_from(header.clone()).is_err(), "{header:?}");
    }
}

#[test]
fn paths_of_other_than_hashes_are_refused() {
    let row = pb::Row { data: vec![0; 64].into(), path: vec![vec![1; 32].into(), vec![1; 33].into()] };
    assert_eq!(row.into_proof(0).unwrap_err().to_string(), "path: must be 32 bytes, not 33");
}
