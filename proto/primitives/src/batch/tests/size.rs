//! What a transaction costs on DA, beside its signed bytes compressed as they are.
//!
//! Run with `--nocapture` for the table.

use std::time::Instant;

use crate::batch::column::Column;
use crate::batch::{Batch, Level, encoder};

use super::traffic::{Kind, batch};

const TRANSACTIONS: usize = 6_000;

/// Bytes a transaction at the highest level.
fn measure(kind: Kind) -> f64 {
    let batch = batch(kind, TRANSACTIONS);
    let signed: Vec<u8> = batch.blocks.iter().flat_map(|block| &block.transactions).flatten().copied().collect();
    let per_transaction = |len: usize| len as f64 / TRANSACTIONS as f64;
    let baseline = zstd::bulk::compress(&signed, 19).expect("compresses").len();
    println!(
        "{kind:?}: signed {:.2}, baseline signed + zstd-19 {:.2} B/tx",
        per_transaction(signed.len()),
        per_transaction(baseline)
    );
    let mut best = 0;
    for level in [Level::NONE, Level::FASTEST, Level::SMALLEST] {
        let start = Instant::now();
        let bytes = batch.encode(level).expect("encodes");
        let encoded = start.elapsed();
        let start = Instant::now();
        assert_eq!(Batch::decode(&bytes).as_ref(), Ok(&batch));
        let decoded = start.elapsed();
        let speed = |time: std::time::Duration| signed.len() as f64 / time.as_secs_f64() / 1e6;
        println!(
            "{kind:?} {level:?}: {:.2} B/tx; of signed bytes, encode {:.0} MB/s, decode {:.0} MB/s",
            per_transaction(bytes.len()),
            speed(encoded),
            speed(decoded),
        );
        best = bytes.len();
    }
    let small = super::traffic::batch(kind, 500).encode(Level::SMALLEST).expect("encodes").len();
    println!("{kind:?} {:?}, batch of 500: {:.2} B/tx", Level::SMALLEST, small as f64 / 500.0);
    let columns = encoder::columns(&batch).expect("encodes");
    for column in Column::ALL.into_iter().filter(|column| !columns[*column].is_empty()) {
        let raw = columns[column].len();
        let zstd = zstd::bulk::compress(&columns[column], 19).expect("compresses").len();
        let smaller = if column.is_stored_raw() { raw } else { raw.min(zstd) };
        println!("  {:20} {:6.3} B/tx", column.name(), per_transaction(smaller));
    }
    per_transaction(best)
}

/// The floor is 64 bytes of signature and 15.6 of new addresses.
#[test]
fn bytes_of_a_transfer() {
    let size = measure(Kind::Eth);
    assert!(size <= 84.0, "{size}");
}

#[test]
fn bytes_of_a_token_transfer() {
    let size = measure(Kind::Erc20);
    assert!(size <= 85.0, "{size}");
}
