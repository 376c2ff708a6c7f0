//! Digests and rows, and what a light client says of each.

use alloy_primitives::hex;
use serde_json::{Value, json};
use weft_da::row::DigestsFault;
use weft_da::{EncodedBlock, Header, RowFault, RowProof, VerifiedDigests, adversary};
use weft_primitives::B256;

use super::blocks::{FIRST, NEXT, encoded, next_position};
use super::{cook, golden, hash, parts, row_json};
use crate::common::{digests, one_blob, pack, position};

fn row_verdict(judged: Result<weft_da::VerifiedRow, RowFault>) -> &'static str {
    match judged {
        Ok(_) => "ok",
        Err(RowFault::Index { .. }) => "index",
        Err(RowFault::RowLength { .. }) => "row_length",
        Err(RowFault::PathLength { .. }) => "path_length",
        Err(RowFault::BadPath) => "bad_path",
        Err(RowFault::DigestMismatch) => "digest_mismatch",
    }
}

fn row_vector(name: &str, block: &EncodedBlock, header: &Header, proof: &RowProof, expected: &str) -> Value {
    let verdict = row_verdict(digests(block, header).verify_row(proof));
    assert_eq!(verdict, expected, "{name}");
    let (header, digests) = parts(block, header);
    let mut vector = row_json(proof);
    vector["name"] = name.into();
    vector["header"] = header.into();
    vector["digests"] = digests.into();
    vector["verdict"] = verdict.into();
    vector
}

#[test]
fn rows() {
    let (first, next) = (encoded(FIRST), encoded(NEXT));
    let (first_header, next_header) = (first.header(position()), next.header(next_position()));
    let good = first.row(20).unwrap();
    let changed = |change: fn(&mut RowProof)| {
        let mut proof = good.clone();
        change(&mut proof);
        proof
    };
    let of_first = |name, proof: &RowProof, expected| row_vector(name, &first, &first_header, proof, expected);
    let packed = pack(&cook(FIRST));
    let one_wrong = adversary::wrong_encoding(packed.clone(), &[100]);
    let one_wrong_header = one_wrong.header(position());
    let of_one_wrong =
        |name, row, expected| row_vector(name, &one_wrong, &one_wrong_header, &one_wrong.row(row).unwrap(), expected);
    let shifted = adversary::wrong_digests(packed);
    let shifted_header = shifted.header(position());
    let of_shifted =
        |name, row, expected| row_vector(name, &shifted, &shifted_header, &shifted.row(row).unwrap(), expected);
    let wide = encoded(&[(1, 12, 70_000)]);
    let wide_header = wide.header(position());
    golden(
        "rows",
        "A row, its path, the header and the digests of its block, and the verdict.",
        vec![
            of_first("an original row", &good, "ok"),
            of_first("the last row", &first.row(255).unwrap(), "ok"),
            row_vector("a gf16 parity row", &wide, &wide_header, &wide.row(700).unwrap(), "ok"),
            of_first("a flipped bit in the row", &changed(|proof| proof.row[3] ^= 4), "bad_path"),
            of_first("a flipped bit in the path", &changed(|proof| proof.path[7].0[31] ^= 1), "bad_path"),
            of_first("another row's index", &changed(|proof| proof.index = 21), "bad_path"),
            of_first("an index beyond the block", &changed(|proof| proof.index = 256), "index"),
            of_first("an index that wraps around", &changed(|proof| proof.index = 20 + 256), "index"),
            of_first("a row with a byte more", &changed(|proof| proof.row.push(0)), "row_length"),
            of_first("a row with a byte less", &changed(|proof| proof.row.truncate(15)), "row_length"),
            of_first("an empty row", &changed(|proof| proof.row.clear()), "row_length"),
            of_first("a path with a hash more", &changed(|proof| proof.path.push(B256::ZERO)), "path_length"),
            of_first("a path with a hash less", &changed(|proof| proof.path.truncate(7)), "path_length"),
            of_first("the row of the next height", &next.row(20).unwrap(), "bad_path"),
            row_vector("the row of the height before", &next, &next_header, &good, "bad_path"),
            of_one_wrong("a committed row that is not the code's", 100, "digest_mismatch"),
            of_one_wrong("its neighbour", 101, "ok"),
            of_shifted("digests of another code word, row 0", 0, "digest_mismatch"),
            of_shifted("digests of another code word, row 255", 255, "digest_mismatch"),
        ],
    );
}

#[test]
fn digest_lists() {
    let block = encoded(FIRST);
    let header = block.header(position());
    let wide = encoded(&[(1, 12, 70_000)]);
    let wide_header = wide.header(position());
    let vector = |name: &str, header: &Header, bytes: &[u8], expected: &str| {
        let judged = VerifiedDigests::verify(header, bytes);
        let verdict = match &judged {
            Ok(_) => "ok",
            Err(DigestsFault::Length { .. }) => "length",
            Err(DigestsFault::Root) => "root",
        };
        assert_eq!(verdict, expected, "{name}");
        let extended = judged.ok().map(|digests| blake3::hash(digests.extended().as_flattened()));
        json!({
            "name": name,
            "header": hex::encode(header.encode()),
            "digests": hex::encode(bytes),
            "verdict": verdict,
            "extended_hash": extended.map(|extended| hash(B256::new(*extended.as_bytes()))),
        })
    };
    let good = block.rows().digest_bytes().to_vec();
    let mut flipped = good.clone();
    flipped[17] ^= 0x80;
    let mut swapped = good.clone();
    swapped[16 * 20..16 * 22].rotate_left(16);
    let other = weft_da::EncodedBlock::encode(pack(&one_blob(500, 13)), weft_da::Schedule::Sequential);
    golden(
        "digests",
        "The digests of a block, the verdict, and plain BLAKE3 of the digests of all 4k rows.",
        vec![
            vector("gf8", &header, &good, "ok"),
            vector("gf16", &wide_header, wide.rows().digest_bytes(), "ok"),
            vector("a flipped bit", &header, &flipped, "root"),
            vector("two digests swapped", &header, &swapped, "root"),
            vector("digests of another block", &header, other.rows().digest_bytes(), "root"),
            vector("a byte less", &header, &good[1..], "length"),
            vector("a digest more", &header, &[&good[..], &good[..16]].concat(), "length"),
        ],
    );
}
