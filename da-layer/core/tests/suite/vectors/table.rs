//! The table of block sizes in `proto/SPEC.md` against the code.

use std::fs;

use weft_da::sampling::DEFAULT_SAMPLES;
use weft_da::{CodecId, Plan, Shape, Target};

use super::repository;

const HEAD: &str = "| payload, bytes | codec | k | row, bytes | samples | client, bytes |";

fn line(total_len: u64) -> String {
    let shape = Shape::for_payload(total_len).unwrap();
    let header = weft_da::Header {
        network_id: 1,
        height: 1,
        prev_hash: Default::default(),
        time_ms: 0,
        shape,
        row_root: Default::default(),
        digest_root: Default::default(),
        blob_index_root: Default::default(),
        blob_count: 1,
    };
    let plan = Plan::choose(&header, &Target::default());
    let samples = match plan {
        Plan::Sample { count } => count.to_string(),
        Plan::DownloadAll => "all".to_owned(),
    };
    let codec = match shape.codec() {
        CodecId::Gf8 => 1,
        CodecId::Gf16 => 2,
    };
    let bytes = plan.download_bytes(&header);
    format!(
        "| {} | {codec} | {} | {} | {samples} | {} |",
        grouped(total_len),
        shape.k(),
        shape.row_len(),
        grouped(bytes)
    )
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let (head, tail) = digits.split_at((digits.len() - 1) % 3 + 1);
    tail.as_bytes().chunks(3).fold(head.to_owned(), |text, group| format!("{text},{}", str::from_utf8(group).unwrap()))
}

#[test]
fn the_table_in_the_specification_is_the_codes() {
    let text = fs::read_to_string(repository().join("proto/SPEC.md")).unwrap();
    let stated: Vec<&str> =
        text.lines().skip_while(|line| *line != HEAD).skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(stated.len() >= 8, "no table of block sizes under {HEAD}");
    let lengths = stated.iter().map(|row| row.split('|').nth(1).unwrap().trim().replace(',', "").parse().unwrap());
    let computed: Vec<String> = lengths.map(line).collect();
    assert_eq!(stated, computed);
    assert!(text.contains(&format!("| default samples | {DEFAULT_SAMPLES} |")));
}
