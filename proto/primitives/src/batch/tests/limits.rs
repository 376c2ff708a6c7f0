//! Each limit holds in both directions, and its error names it.

use alloy_primitives::Bytes;

use crate::batch::{Batch, BatchBlock, BatchDecodeError, BatchEncodeError, Level};
use crate::codec::DecodeError;
use crate::limits::*;

fn batch(blocks: Vec<BatchBlock>) -> Batch {
    Batch { chain_id: 1, first_block: 0, inbox_from: 0, blocks }
}

fn block(transactions: Vec<Bytes>) -> BatchBlock {
    BatchBlock { timestamp: 0, inbox_count: 0, transactions }
}

fn refusal(batch: &Batch) -> BatchEncodeError {
    batch.encode(Level::FASTEST).expect_err("above a limit")
}

fn too_large(field: &'static str, value: usize, limit: usize) -> BatchEncodeError {
    BatchEncodeError::TooLarge { field, value: value as u64, limit: limit as u64 }
}

/// Bytes that nothing compresses.
fn noise(len: usize) -> Vec<u8> {
    let mut reader = blake3::Hasher::new().finalize_xof();
    let mut bytes = vec![0; len];
    reader.fill(&mut bytes);
    bytes
}

#[test]
fn counts() {
    assert_eq!(refusal(&batch(vec![])), BatchEncodeError::NoBlocks);
    let most = batch(vec![block(vec![]); MAX_BATCH_BLOCKS]);
    assert_eq!(Batch::decode(&most.encode(Level::FASTEST).expect("at the limit")), Ok(most));
    let more = batch(vec![block(vec![]); MAX_BATCH_BLOCKS + 1]);
    assert_eq!(refusal(&more), too_large("blocks of the batch", MAX_BATCH_BLOCKS + 1, MAX_BATCH_BLOCKS));
    let more = batch(vec![block(vec![Bytes::new(); MAX_BATCH_TRANSACTIONS]), block(vec![Bytes::new()])]);
    let field = "transactions of the batch";
    assert_eq!(refusal(&more), too_large(field, MAX_BATCH_TRANSACTIONS + 1, MAX_BATCH_TRANSACTIONS));
    let inbox = BatchBlock { inbox_count: MAX_BLOCK_INBOX_ITEMS as u32 + 1, ..Default::default() };
    let field = "inbox items of a block";
    assert_eq!(refusal(&batch(vec![inbox])), too_large(field, MAX_BLOCK_INBOX_ITEMS + 1, MAX_BLOCK_INBOX_ITEMS));
}

#[test]
fn sizes() {
    let most = batch(vec![block(vec![noise(MAX_TRANSACTION_BYTES).into()])]);
    assert_eq!(Batch::decode(&most.encode(Level::FASTEST).expect("at the limit")), Ok(most));
    let more = batch(vec![block(vec![vec![0; MAX_TRANSACTION_BYTES + 1].into()])]);
    let field = "bytes of a transaction";
    assert_eq!(refusal(&more), too_large(field, MAX_TRANSACTION_BYTES + 1, MAX_TRANSACTION_BYTES));
    let long = Bytes::from(noise(MAX_TRANSACTION_BYTES));
    let more = batch(vec![block(vec![long.clone(); MAX_BATCH_DECOMPRESSED_BYTES / MAX_TRANSACTION_BYTES])]);
    let BatchEncodeError::TooLarge { field, .. } = refusal(&more) else { panic!("refused otherwise") };
    assert_eq!(field, "decompressed bytes of the batch");
    let more = batch(vec![block(vec![long; MAX_BATCH_BYTES / MAX_TRANSACTION_BYTES])]);
    let BatchEncodeError::TooLarge { field, .. } = more.encode(Level::NONE).expect_err("too long") else {
        panic!("refused otherwise")
    };
    assert_eq!(field, "bytes of the batch");
    let refused = DecodeError::TooLarge { field, value: MAX_BATCH_BYTES as u64 + 1, limit: MAX_BATCH_BYTES as u64 };
    assert_eq!(Batch::decode(&vec![1; MAX_BATCH_BYTES + 1]), Err(BatchDecodeError::Malformed(refused)));
}

#[test]
fn counters() {
    let back = batch(vec![BatchBlock { timestamp: 5, ..Default::default() }, BatchBlock::default()]);
    assert_eq!(refusal(&back), BatchEncodeError::TimeGoesBack { block: 1, timestamp: 0, previous: 5 });
    let last = Batch { first_block: u64::MAX, ..batch(vec![BatchBlock::default(); 2]) };
    assert_eq!(refusal(&last), BatchEncodeError::Overflow { field: "number of the last block" });
    let inbox = BatchBlock { inbox_count: 1, ..Default::default() };
    let last = Batch { inbox_from: u64::MAX, ..batch(vec![inbox]) };
    assert_eq!(refusal(&last), BatchEncodeError::Overflow { field: "inbox index after the batch" });
}
