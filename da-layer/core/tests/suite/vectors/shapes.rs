//! Which shape a payload has, and which shapes there are.

use serde_json::{Value, json};
use weft_da::shape::ShapeError;
use weft_da::{CodecId, Shape};

use super::golden;

fn rule(total_len: u64) -> Value {
    let shape = Shape::for_payload(total_len).unwrap();
    json!({
        "name": format!("{total_len} bytes"),
        "check": "rule",
        "total_len": total_len,
        "codec": shape.codec().as_byte(),
        "k": shape.k(),
        "row_len": shape.row_len(),
    })
}

fn stated(codec: CodecId, k: u32, row_len: u32, total_len: u64, expected: &str) -> Value {
    let verdict = match Shape::checked(codec, k, row_len, total_len) {
        Ok(_) => "ok",
        Err(ShapeError::Empty) => "empty",
        Err(ShapeError::PayloadTooLarge { .. }) => "too_large",
        Err(ShapeError::RowCount { .. }) => "row_count",
        Err(ShapeError::RowLength { .. }) => "row_length",
    };
    let name = format!("codec {}, k = {k}, row_len = {row_len}, total_len = {total_len}", codec.as_byte());
    assert_eq!(verdict, expected, "{name}");
    json!({
        "name": name,
        "check": "stated",
        "codec": codec.as_byte(),
        "k": k,
        "row_len": row_len,
        "total_len": total_len,
        "verdict": verdict,
    })
}

#[test]
fn shapes() {
    let around = |power: u32| [(1u64 << power) - 1, 1 << power, (1 << power) + 1];
    let lengths = [1, 80, 1_024, 1_025].into_iter().chain((16..27).flat_map(around)).chain([(1 << 27) - 1, 1 << 27]);
    let mut vectors: Vec<Value> = lengths.map(rule).collect();
    vectors.extend([
        stated(CodecId::Gf8, 64, 16, 1, "ok"),
        stated(CodecId::Gf8, 64, 1_024, 65_536, "ok"),
        stated(CodecId::Gf8, 64, 1_040, 65_537, "too_large"),
        stated(CodecId::Gf8, 128, 16, 1, "row_count"),
        stated(CodecId::Gf8, 64, 32, 1, "row_length"),
        stated(CodecId::Gf8, 64, 0, 0, "empty"),
        stated(CodecId::Gf16, 64, 64, 1, "ok"),
        stated(CodecId::Gf16, 4_096, 64, 1, "ok"),
        stated(CodecId::Gf16, 4_096, 32_768, 1 << 27, "ok"),
        stated(CodecId::Gf16, 4_096, 32_832, (1 << 27) + 1, "too_large"),
        stated(CodecId::Gf16, 32, 64, 1, "row_count"),
        stated(CodecId::Gf16, 96, 64, 1, "row_count"),
        stated(CodecId::Gf16, 8_192, 64, 1, "row_count"),
        stated(CodecId::Gf16, 64, 32, 1, "row_length"),
        stated(CodecId::Gf16, 256, 384, 65_537, "row_length"),
    ]);
    golden("shapes", "rule: the shape that producers use; stated: whether a header may have this shape.", vectors);
}
