//! Whole blocks: everything that follows from their blobs.

use alloy_primitives::hex;
use serde_json::{Value, json};
use weft_da::digest::Coefficients;
use weft_da::limits::{MAX_GF8_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES};
use weft_da::{ChainPosition, CodecId, EncodedBlock, Packed, Schedule, Shape};
use weft_primitives::B256;

use super::{Recipe, cook, golden, hash, recipe_json, row_json, sign};
use crate::common::{pack, position, signer};

/// Bytes of coefficients that a vector shows.
const COEFFICIENT_BYTES: usize = 64;

/// The packed blobs in a matrix of another shape than the rule's: valid, though no honest producer makes it.
fn reshaped(packed: &Packed, codec: CodecId, k: u32) -> EncodedBlock {
    let total_len = packed.shape().total_len();
    let shape = Shape::new(codec, k, total_len).unwrap();
    let honest = EncodedBlock::encode(packed.clone(), Schedule::Sequential);
    let mut originals = honest.rows().payload().to_vec();
    originals.resize(shape.originals_len(), 0);
    EncodedBlock::from_originals(shape, &originals, Schedule::Sequential).unwrap()
}

fn vector(name: &str, recipe: Recipe<'_>, block: &EncodedBlock, place: ChainPosition, rows: &[u32]) -> Value {
    let header = block.header(place);
    let shape = header.shape;
    let signed = sign(header);
    let coefficients = Coefficients::derive(&shape, header.row_root);
    let rows: Vec<Value> = rows.iter().map(|row| row_json(&block.row(*row).unwrap())).collect();
    json!({
        "name": name,
        "blobs": recipe_json(recipe),
        "by_rule": Shape::for_payload(shape.total_len()).unwrap() == shape,
        "codec": shape.codec().as_byte(),
        "k": shape.k(),
        "row_len": shape.row_len(),
        "total_len": shape.total_len(),
        "index": hex::encode(block.index().encode()),
        "network_id": place.network_id,
        "height": place.height,
        "prev_hash": hash(place.prev_hash),
        "time_ms": place.time_ms,
        "row_root": hash(header.row_root),
        "coefficients": hex::encode(&coefficients.groups().as_flattened()[..COEFFICIENT_BYTES]),
        "digests": hex::encode(block.rows().digest_bytes()),
        "digest_root": hash(header.digest_root),
        "blob_index_root": hash(header.blob_index_root),
        "data_root": hash(header.data_root()),
        "header": hex::encode(header.encode()),
        "header_hash": hash(header.hash()),
        "key": hex::encode(signer().secret_bytes()),
        "signer": hex::encode(signer().address()),
        "signature": hex::encode(signed.signature.0),
        "rows": rows,
    })
}

/// Two blocks of the same shape, one after the other.
pub(super) const FIRST: Recipe<'static> = &[(9, 1, 100), (3, 2, 1), (9, 3, 300)];
pub(super) const NEXT: Recipe<'static> = &[(9, 4, 100), (3, 5, 1), (9, 6, 300)];

pub(super) fn next_position() -> ChainPosition {
    let prev_hash = encoded(FIRST).header(position()).hash();
    ChainPosition { height: 2, prev_hash, time_ms: position().time_ms + 1_000, ..position() }
}

pub(super) fn encoded(recipe: Recipe<'_>) -> EncodedBlock {
    EncodedBlock::encode(pack(&cook(recipe)), Schedule::Sequential)
}

#[test]
fn blocks() {
    let many: Vec<(u8, u64, usize)> = (0u8..37).map(|at| (at * 7 % 11, u64::from(at), usize::from(at) + 1)).collect();
    let full: Recipe<'_> = &[(1, 7, MAX_GF8_PAYLOAD_BYTES as usize - 80)];
    let above: Recipe<'_> = &[(1, 8, MAX_GF8_PAYLOAD_BYTES as usize + 1 - 80)];
    let small: Recipe<'_> = &[(2, 9, 200), (1, 10, 57)];
    let wide: Recipe<'_> = &[(5, 11, 9_000)];
    let far =
        ChainPosition { network_id: u64::MAX, height: u64::MAX, prev_hash: B256::repeat_byte(0xab), time_ms: u64::MAX };
    let by_rule = |name, recipe, place, rows: &[u32]| vector(name, recipe, &encoded(recipe), place, rows);
    let forced = |name, recipe, codec, k, rows: &[u32]| {
        vector(name, recipe, &reshaped(&pack(&cook(recipe)), codec, k), position(), rows)
    };
    assert!(pack(&cook(above)).shape().total_len() < MAX_PAYLOAD_BYTES);
    golden(
        "blocks",
        "Blocks from their blobs: index, rows, roots, coefficients (the first bytes), digests, header, signature.",
        vec![
            by_rule("gf8, one byte", &[(0, 0, 1)], position(), &[0, 5, 63, 64, 255]),
            by_rule("gf8, three blobs", FIRST, position(), &[0, 64, 128]),
            by_rule("gf8, the block after it", NEXT, next_position(), &[0, 64]),
            by_rule("gf8, 37 blobs", &many, far, &[1, 200]),
            by_rule("gf8, the largest", full, position(), &[63, 64]),
            by_rule("gf16, the smallest by rule", above, position(), &[0, 255, 256, 512, 1023]),
            forced("gf16, k = 64, short rows", small, CodecId::Gf16, 64, &[0, 64, 127, 128, 255]),
            forced("gf16, k = 128", wide, CodecId::Gf16, 128, &[7, 128, 300]),
        ],
    );
}
