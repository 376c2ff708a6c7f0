//! From rows back to the payload, and to one blob. Rows here count as verified: `rows.json` is about that.

use alloy_primitives::hex;
use serde_json::{Value, json};
use weft_da::rebuild::{BlobRowsFault, RebuildFault};
use weft_da::{
    Blob, BlobProof, CodecId, EncodedBlock, Header, Packed, Schedule, Shape, adversary, blob_from_rows, rebuild,
};

use super::blocks::{FIRST, encoded};
use super::{cook, golden};
use crate::common::{bytes, namespace, pack, position, verified_rows};

fn rows_json(block: &EncodedBlock, rows: &[u32]) -> Value {
    rows.iter().map(|row| json!({ "index": row, "row": hex::encode(block.row(*row).unwrap().row) })).collect()
}

fn vector(name: &str, block: &EncodedBlock, rows: &[u32], expected: &str) -> Value {
    let header = block.header(position());
    let verified = verified_rows(block, &header, rows.iter().copied());
    let (verdict, originals) = match rebuild(&header, &verified, Schedule::Sequential) {
        Ok(rebuilt) => ("ok", Some(rebuilt.originals().to_vec())),
        Err(RebuildFault::TooFewRows { .. }) => ("too_few_rows", None),
        Err(RebuildFault::WrongEncoding { originals }) => ("wrong_encoding", Some(originals)),
        Err(RebuildFault::ForeignRow(_) | RebuildFault::Codec(_)) => ("other", None),
    };
    assert_eq!(verdict, expected, "{name}");
    json!({
        "name": name,
        "check": "block",
        "header": hex::encode(header.encode()),
        "rows": rows_json(block, rows),
        "verdict": verdict,
        "originals_hash": originals.map(|originals| blake3::hash(&originals).to_hex().to_string()),
    })
}

fn blob_vector(name: &str, block: &EncodedBlock, proof: &BlobProof, rows: &[u32], expected: &str) -> Value {
    let header = block.header(position());
    let verified = verified_rows(block, &header, rows.iter().copied());
    let blob = proof.verify(&header).unwrap();
    let (verdict, data) = match blob_from_rows(&header, &blob, &verified) {
        Ok(data) => ("ok", Some(data)),
        Err(BlobRowsFault::MissingRow(_)) => ("missing_row", None),
        Err(BlobRowsFault::Blob(_)) => ("void", None),
    };
    assert_eq!(verdict, expected, "{name}");
    json!({
        "name": name,
        "check": "blob",
        "header": hex::encode(header.encode()),
        "entry": hex::encode(proof.entry.encode()),
        "rows": rows_json(block, rows),
        "verdict": verdict,
        "data": data.map(hex::encode),
    })
}

#[test]
fn rebuilding() {
    let block = encoded(FIRST);
    let wrong = adversary::wrong_encoding(pack(&cook(FIRST)), &[70]);
    let shape = Shape::new(CodecId::Gf16, 64, pack(&cook(FIRST)).shape().total_len()).unwrap();
    let mut originals = block.rows().payload().to_vec();
    originals.resize(shape.originals_len(), 0);
    let wide = EncodedBlock::from_originals(shape, &originals, Schedule::Sequential).unwrap();

    // Scattered over all four quarters.
    let scattered: Vec<u32> = (0u32..64).map(|at| at * 149 % 256).collect();
    let parity: Vec<u32> = (192..256).rev().collect();
    let mixed: Vec<u32> = (0..32).chain(100..132).collect();

    let data = bytes(2, 1);
    let lie =
        [Blob::with_hash(namespace(3), weft_da::blob_hash(b"other bytes"), &data), Blob::new(namespace(9), &data)];
    let void = EncodedBlock::encode(Packed::new(&lie, 1 << 20).unwrap(), Schedule::Sequential);
    let last = block.index().prove(2).unwrap();
    let header: Header = block.header(position());
    let needed: Vec<u32> = weft_da::rows_of(&header.shape, last.entry.offset, last.entry.length).collect();
    assert!(needed.len() > 2);
    let void_blob = void.index().prove(0).unwrap();
    let void_rows: Vec<u32> = weft_da::rows_of(&void.header(position()).shape, void_blob.entry.offset, 1).collect();
    golden(
        "rebuild",
        "From verified rows to the original rows (plain BLAKE3 of them is given), and to one blob.",
        vec![
            vector("gf8, the original rows", &block, &(0..64).collect::<Vec<_>>(), "ok"),
            vector("gf8, the last quarter", &block, &parity, "ok"),
            vector("gf8, scattered", &block, &scattered, "ok"),
            vector("gf8, a row too few", &block, &scattered[1..], "too_few_rows"),
            vector("gf16, the last quarter", &wide, &parity, "ok"),
            vector("gf16, half originals", &wide, &mixed, "ok"),
            vector("one committed row is not the code's", &wrong, &parity, "wrong_encoding"),
            blob_vector("a blob over several rows", &block, &last, &needed, "ok"),
            blob_vector("a blob of one byte", &block, &block.index().prove(0).unwrap(), &[15], "ok"),
            blob_vector("a blob without its last row", &block, &last, &needed[..needed.len() - 1], "missing_row"),
            blob_vector("an entry with the hash of other bytes", &void, &void_blob, &void_rows, "void"),
        ],
    );
}
