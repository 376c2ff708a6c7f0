//! Blobs, blocks and headers for the other tests.

use proptest::prelude::*;
use weft_da::blob::BLOB_ENTRY_BYTES;
use weft_da::limits::MAX_PAYLOAD_BYTES;
use weft_da::{Blob, ChainPosition, EncodedBlock, Header, Packed, Schedule, VerifiedDigests, VerifiedRow};
use weft_primitives::{B256, Namespace, Signer};

/// Namespace and data of a blob.
pub type OwnedBlob = (Namespace, Vec<u8>);

pub fn namespace(number: u8) -> Namespace {
    Namespace([number; 32])
}

/// `len` reproducible bytes.
pub fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof().fill(&mut out);
    out
}

pub fn pack(blobs: &[OwnedBlob]) -> Packed {
    let blobs: Vec<Blob<'_>> = blobs.iter().map(|(namespace, data)| Blob::new(*namespace, data)).collect();
    Packed::new(&blobs, MAX_PAYLOAD_BYTES).unwrap()
}

/// One blob such that the payload has `total_len` bytes.
pub fn one_blob(total_len: usize, seed: u64) -> Vec<OwnedBlob> {
    vec![(namespace(7), bytes(seed, total_len - BLOB_ENTRY_BYTES))]
}

pub fn position() -> ChainPosition {
    ChainPosition { network_id: 31337, height: 1, prev_hash: B256::ZERO, time_ms: 1_700_000_000_000 }
}

pub fn encode(blobs: &[OwnedBlob]) -> (EncodedBlock, Header) {
    let block = EncodedBlock::encode(pack(blobs), Schedule::Sequential);
    let header = block.header(position());
    (block, header)
}

pub fn digests(block: &EncodedBlock, header: &Header) -> VerifiedDigests {
    VerifiedDigests::verify(header, block.rows().digest_bytes()).unwrap()
}

pub fn verified_rows(block: &EncodedBlock, header: &Header, rows: impl Iterator<Item = u32>) -> Vec<VerifiedRow> {
    let digests = digests(block, header);
    rows.map(|row| digests.verify_row(&block.row(row).unwrap()).unwrap()).collect()
}

pub fn signer() -> Signer {
    Signer::from_bytes([1; 32]).unwrap()
}

/// Blobs of a few namespaces for either codec.
pub fn blobs() -> impl Strategy<Value = Vec<OwnedBlob>> {
    let blob = |max_len: usize| {
        (0u8..6, any::<u64>(), 1..max_len).prop_map(|(at, seed, len)| (namespace(at * 2), bytes(seed, len)))
    };
    prop_oneof![
        3 => proptest::collection::vec(blob(3_000), 1..20),
        1 => proptest::collection::vec(blob(120_000), 1..4),
    ]
}
