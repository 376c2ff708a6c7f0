//! Round trips, and refusals of what peers may send.
#![allow(clippy::unwrap_used)]

use alloy_primitives::B256;
use proptest::prelude::*;
use weft_da::{Blob, ChainPosition, EncodedBlock, Packed, Schedule, SignedHeader};
use weft_primitives::{BatchHeader, InboxItem, Namespace, SignedBatch, Signer};
use weft_settlement::{Event, LogEntry};

use crate::pb;

fn signer() -> Signer {
    Signer::from_bytes([5; 32]).unwrap()
}

proptest! {
    #[test]
    fn commitments(index: u64, hash: [u8; 32], len: u64) {
        let header = BatchHeader {
            version: 1,
            batch_index: index,
            payload_hash: hash.into(),
            payload_len: len,
            ..BatchHeader::default()
        };
        let signed = header.sign(&signer());
        let wire = pb::common::v1::SignedBatch::from(&signed);
        prop_assert_eq!(SignedBatch::try_from(wire.clone()), Ok(signed));
        let mut short = wire.clone();
        short.signature.truncate(64);
        prop_assert!(SignedBatch::try_from(short).is_err());
        let headless = pb::common::v1::SignedBatch { header: None, ..wire };
        prop_assert!(SignedBatch::try_from(headless).is_err());
    }

    #[test]
    fn log_entries(seq in 2u64.., time_ms: u64, transaction in proptest::collection::vec(any::<u8>(), 0..50)) {
        let item = InboxItem { index: 4, time_ms, transaction: transaction.into() };
        let entry = LogEntry { seq, prev_hash: B256::repeat_byte(1), time_ms, event: Event::Inbox(item) };
        let wire = pb::settlement::v1::LogEntry::from(&entry);
        prop_assert_eq!(LogEntry::try_from(wire.clone()), Ok(entry));
        let forged = pb::settlement::v1::LogEntry { time_ms: time_ms ^ 1, ..wire };
        prop_assert!(LogEntry::try_from(forged).is_err());
    }
}

#[test]
fn da_headers_rows_and_proofs() {
    let blobs = [Blob::new(Namespace([1; 32]), b"abc"), Blob::new(Namespace([2; 32]), b"de")];
    let block = EncodedBlock::encode(Packed::new(&blobs, 1 << 20).unwrap(), Schedule::Sequential);
    let position = ChainPosition { network_id: 1, height: 1, prev_hash: B256::ZERO, time_ms: 5 };
    let signed = SignedHeader::sign(block.header(position), &signer());
    let wire = pb::da::v1::SignedHeader::from(&signed);
    assert_eq!(SignedHeader::try_from(wire.clone()), Ok(signed));
    let mut forged = wire;
    forged.header.as_mut().unwrap().row_len = 3;
    assert!(SignedHeader::try_from(forged).is_err());

    let row = block.row(70).unwrap();
    assert_eq!(pb::da::v1::Row::from(row.clone()).into_proof(70), Ok(row));
    let proof = block.index().prove(1).unwrap();
    let wire = (super::blob_ref(1, &proof), pb::da::v1::BlobProof::from(&proof));
    assert_eq!(super::blob_proof(&wire.0, &wire.1), Ok(proof));
    let listing = block.index().prove_namespace(&Namespace([2; 32]));
    assert_eq!(super::namespace_proof((&listing).into()), Ok(listing));
}

#[test]
fn amounts() {
    use super::{u256, wei};
    use alloy_primitives::U256;
    for value in [U256::ZERO, U256::from(300), U256::MAX] {
        assert_eq!(u256("x", &wei(value)), Ok(value));
    }
    assert!(u256("x", &[0, 1]).is_err());
    assert!(u256("x", &[1; 33]).is_err());
}
