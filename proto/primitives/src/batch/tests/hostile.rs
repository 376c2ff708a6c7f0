//! Bytes from an enemy: no panic, bounded memory.

use std::io::Write as _;

use alloy_primitives::{Address, Bytes, Signature, U256};
use proptest::prelude::*;

use crate::batch::column::Column;
use crate::batch::error::BatchDecodeError;
use crate::batch::{Batch, BatchBlock, Level};
use crate::codec::{DecodeError, put_uvarint};
use crate::limits::{MAX_BATCH_BYTES, MAX_BATCH_DECOMPRESSED_BYTES, MAX_BATCH_TRANSACTIONS};

use super::canonical::edit;
use super::memory::peak_bytes;
use super::samples::{CHAIN_ID, batch};

/// The columns, and for every byte of signatures up to eight bytes of other fields, tables and bookkeeping.
const MEMORY_LIMIT_BYTES: usize = MAX_BATCH_DECOMPRESSED_BYTES + 8 * MAX_BATCH_BYTES;

/// A batch of one block whose columns are given as they are stored; the others are empty.
fn stored(columns: &[(Column, Vec<u8>)]) -> Vec<u8> {
    let mut out = vec![1, 1, 0, 0, 1, 0];
    for column in Column::ALL {
        let given = columns.iter().find(|(name, _)| *name == column);
        out.extend_from_slice(given.map_or(&[0], |(_, bytes)| bytes));
    }
    out
}

fn raw(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_uvarint(&mut out, bytes.len() as u64);
    out.push(0);
    out.extend_from_slice(bytes);
    out
}

fn zstd(len: usize, blocks: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_uvarint(&mut out, len as u64);
    out.push(1);
    put_uvarint(&mut out, blocks.len() as u64);
    out.extend_from_slice(blocks);
    out
}

fn varint(value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    put_uvarint(&mut out, value as u64);
    out
}

/// Blocks that decompress to `len` times `byte`: RLE blocks of at most 128 KiB.
fn repeated(byte: u8, len: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut left = len;
    while left > 0 {
        let size = left.min(128 * 1024);
        left -= size;
        let header = (size as u32) << 3 | 1 << 1 | u32::from(left == 0);
        out.extend_from_slice(&header.to_le_bytes()[..3]);
        out.push(byte);
    }
    out
}

fn decode_bounded(bytes: &[u8]) -> Result<Batch, BatchDecodeError> {
    let (result, peak) = peak_bytes(|| Batch::decode(bytes));
    assert!(peak <= MEMORY_LIMIT_BYTES, "{peak} bytes for {} bytes", bytes.len());
    result
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn random_bytes(mut bytes in prop::collection::vec(any::<u8>(), 0..400), version: bool) {
        if let (true, Some(first)) = (version, bytes.first_mut()) {
            *first = 1;
        }
        prop_assert!(decode_bounded(&bytes).is_err());
    }

    #[test]
    fn mutated_batches(
        batch in batch(), edits in prop::collection::vec(edit(), 1..6),
        level in prop::sample::select(vec![Level::NONE, Level::FASTEST]),
    ) {
        let mut bytes = batch.encode(level).expect("within limits");
        for edit in edits {
            edit.apply(&mut bytes);
        }
        if let Ok(decoded) = decode_bounded(&bytes) {
            let again = decoded.encode(level).expect("within limits");
            prop_assert_eq!(Batch::decode(&again), Ok(decoded));
        }
    }

    #[test]
    fn cut_batches(batch in batch(), at: prop::sample::Index) {
        let bytes = batch.encode(Level::FASTEST).expect("within limits");
        prop_assert!(decode_bounded(&bytes[..at.index(bytes.len())]).is_err());
    }
}

#[test]
fn bombs_are_refused_before_they_go_off() {
    let bomb = repeated(0, MAX_BATCH_DECOMPRESSED_BYTES);
    let bytes = stored(&[(Column::Calldata, zstd(MAX_BATCH_DECOMPRESSED_BYTES, &bomb)), (Column::Nonce, raw(&[0]))]);
    let (_, peak) = peak_bytes(|| Batch::decode(&bytes));
    assert!(peak <= MAX_BATCH_DECOMPRESSED_BYTES + 8 * 1024, "{peak}");
    let bytes = stored(&[(Column::Calldata, zstd(MAX_BATCH_DECOMPRESSED_BYTES, &bomb)), (Column::Lists, raw(&[0]))]);
    let (refused, peak) = peak_bytes(|| Batch::decode(&bytes));
    let limit = MAX_BATCH_DECOMPRESSED_BYTES as u64;
    let field = "decompressed bytes of the batch";
    assert_eq!(refused, Err(DecodeError::TooLarge { field, value: limit + 1, limit }.into()));
    assert!(peak < 8 * 1024, "{peak}");
    let bytes = stored(&[(Column::Nonce, zstd(usize::MAX, &[0; 10]))]);
    assert!(matches!(decode_bounded(&bytes), Err(BatchDecodeError::Malformed(DecodeError::TooLarge { .. }))));
}

#[test]
fn stated_length_must_be_the_true_one() {
    let blocks = repeated(0xff, 100);
    let refused = |len, blocks: &[u8]| {
        let bytes = stored(&[
            (Column::BlockInbox, raw(&[0])),
            (Column::BlockTransactions, raw(&[100])),
            (Column::Shape, zstd(len, blocks)),
        ]);
        assert_eq!(decode_bounded(&bytes), Err(BatchDecodeError::Decompress { column: "shape" }));
    };
    refused(99, &blocks);
    refused(101, &blocks);
    refused(1 << 20, &blocks);
    refused(100, &blocks[..3]);
    // A second frame, empty or skippable, after the first.
    let empty_frame = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x00, 0x01, 0x00, 0x00];
    refused(100, &[&blocks[..], &empty_frame].concat());
    refused(100, &[&blocks[..], &[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]].concat());
    // Escapes of no bytes: with the right length, the frame is good.
    let lens = repeated(0, 100);
    let good = stored(&[
        (Column::BlockInbox, raw(&[0])),
        (Column::BlockTransactions, raw(&[100])),
        (Column::Shape, zstd(100, &blocks)),
        (Column::EscapeLen, zstd(100, &lens)),
    ]);
    assert_eq!(decode_bounded(&good).expect("valid").blocks[0].transactions, vec![Bytes::new(); 100]);
    // Raw columns stay raw, and zstd must save something.
    let bytes = stored(&[(Column::Signature, zstd(100, &blocks))]);
    assert!(matches!(decode_bounded(&bytes), Err(BatchDecodeError::Malformed(_))));
    let bytes = stored(&[(Column::Nonce, zstd(4, &blocks))]);
    assert!(matches!(decode_bounded(&bytes), Err(BatchDecodeError::Malformed(_))));
}

#[test]
fn most_transactions_from_fewest_bytes() {
    let count = MAX_BATCH_TRANSACTIONS;
    let columns = |count: usize| {
        stored(&[
            (Column::BlockInbox, raw(&[0])),
            (Column::BlockTransactions, raw(&varint(count))),
            (Column::Shape, zstd(count, &repeated(0xff, count))),
            (Column::EscapeLen, zstd(count, &repeated(0, count))),
        ])
    };
    assert_eq!(decode_bounded(&columns(count)).expect("valid").blocks[0].transactions.len(), count);
    let refused =
        DecodeError::TooLarge { field: "transactions of the batch", value: count as u64 + 1, limit: count as u64 };
    assert_eq!(decode_bounded(&columns(count + 1)), Err(refused.into()));
}

/// As many signatures as fit, everything else at its widest and repeated.
#[test]
fn widest_transactions_from_fewest_bytes() {
    use alloy_consensus::{SignableTransaction, TxEip1559};
    let mut input = vec![0x23, 0xb8, 0x72, 0xdd];
    for address in [1, 2] {
        input.extend_from_slice(Address::repeat_byte(address).into_word().as_slice());
    }
    input.write_all(&[0xff; 32]).expect("in memory");
    let wide = U256::MAX - U256::from(1);
    let transaction = TxEip1559 {
        chain_id: CHAIN_ID,
        nonce: u64::MAX,
        gas_limit: u64::MAX,
        max_fee_per_gas: u64::MAX.into(),
        max_priority_fee_per_gas: u64::MAX.into(),
        to: Address::repeat_byte(3).into(),
        value: wide,
        access_list: Default::default(),
        input: input.into(),
    };
    let envelope = transaction.into_signed(Signature::new(wide, wide >> 1, true)).into();
    let count = MAX_BATCH_DECOMPRESSED_BYTES / 160;
    let transactions = vec![crate::transaction::encode(&envelope); count];
    let block = BatchBlock { timestamp: 0, inbox_count: 0, transactions };
    let batch = Batch { chain_id: CHAIN_ID, first_block: 0, inbox_from: 0, blocks: vec![block] };
    let bytes = batch.encode(Level::FASTEST).expect("within limits");
    assert_eq!(decode_bounded(&bytes), Ok(batch));
}
