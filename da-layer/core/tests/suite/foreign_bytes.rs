//! Whatever bytes arrive, nothing panics and nothing false is believed.

use proptest::prelude::*;
use weft_da::blob::{BlobEntry, NamespaceProof};
use weft_da::{
    BlobIndex, BlobProof, EncodedBlock, Header, RowProof, Schedule, SignedHeader, VerifiedDigests, check_full,
};
use weft_primitives::B256;

use crate::common::{digests, encode, namespace, one_blob};

fn hashes(max: usize) -> impl Strategy<Value = Vec<B256>> {
    proptest::collection::vec(any::<[u8; 32]>().prop_map(B256::new), 0..max)
}

proptest! {
    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let header = encode(&one_blob(300, 1)).1;
        prop_assert!(Header::decode(&bytes).is_err());
        prop_assert!(SignedHeader::decode(&bytes).is_err());
        prop_assert!(BlobIndex::decode(&bytes).is_err());
        prop_assert!(BlobIndex::verify(&header, &bytes).is_err());
        prop_assert!(VerifiedDigests::verify(&header, &bytes).is_err());
        prop_assert!(check_full(&header, &bytes, Schedule::Sequential).is_err());
        let _ = BlobEntry::decode(&bytes);
    }

    #[test]
    fn random_originals(seed: u64, first_offset in prop_oneof![any::<u64>(), 0u64..1000]) {
        let header = encode(&one_blob(300, 1)).1;
        let mut originals = crate::common::bytes(seed, header.shape.originals_len());
        originals[64..72].copy_from_slice(&first_offset.to_be_bytes());
        prop_assert!(EncodedBlock::from_originals(header.shape, &originals, Schedule::Sequential).is_err());
    }

    #[test]
    fn random_proofs(
        index: u32,
        row in proptest::collection::vec(any::<u8>(), 0..40),
        path in hashes(20),
        entries in proptest::collection::vec(any::<[u8; 80]>(), 0..10),
        first in prop_oneof![any::<u32>(), 0u32..4],
    ) {
        let (block, header) = encode(&one_blob(300, 1));
        let row = RowProof { index, row, path: path.clone() };
        prop_assert!(digests(&block, &header).verify_row(&row).is_err());
        let entries: Vec<BlobEntry> = entries.iter().map(|bytes| BlobEntry::decode(bytes).unwrap()).collect();
        if let Some(entry) = entries.first() {
            let proof = BlobProof { position: first, entry: *entry, path: path.clone() };
            prop_assert!(proof.verify(&header).is_err());
        }
        let proof = NamespaceProof { first, entries, outside: path };
        prop_assert!(proof.verify(&header, &namespace(7)).is_err());
    }
}
