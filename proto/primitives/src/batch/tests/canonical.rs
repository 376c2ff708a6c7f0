//! No two encodings differ in anything but the zstd blocks.

use proptest::prelude::*;

use crate::batch::column::Column;
use crate::batch::stored::ColumnWriter;
use crate::batch::{Batch, BatchDecodeError, Level, encoder, header};
use crate::codec::DecodeError;

use super::samples::batch;

/// A change to one byte string.
#[derive(Clone, Debug)]
pub enum Edit {
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
}

impl Edit {
    /// Applies the change, if there is anything to change.
    pub fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Insert(at, byte) => bytes.insert(at.index(bytes.len() + 1), *byte),
            _ if bytes.is_empty() => {}
            Self::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Remove(at) => {
                bytes.remove(at.index(bytes.len()));
            }
            Self::Swap(a, b) => {
                let len = bytes.len();
                bytes.swap(a.index(len), b.index(len));
            }
        }
    }
}

/// Any [`Edit`], biased to small bytes, which mean more.
pub fn edit() -> impl Strategy<Value = Edit> {
    let index = any::<prop::sample::Index>;
    let byte = || prop_oneof![0u8..8, any::<u8>()];
    prop_oneof![
        (index(), byte()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (index(), byte()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        index().prop_map(Edit::Remove),
        (index(), index()).prop_map(|(a, b)| Edit::Swap(a, b)),
    ]
}

/// A batch encoded raw after its columns were changed by hand.
fn with_columns(batch: &Batch, change: impl FnOnce(&mut crate::batch::column::Columns)) -> Vec<u8> {
    let mut columns = encoder::columns(batch).expect("within limits");
    change(&mut columns);
    let mut out = Vec::new();
    header::Header::of(batch).expect("within limits").put(&mut out);
    let mut writer = ColumnWriter::new(Level::NONE).expect("nothing to allocate");
    for column in Column::ALL {
        writer.put(&mut out, column, &columns[column]).expect("raw");
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever is done to the columns, the result is refused or is what the encoder would have made.
    #[test]
    fn changed_columns_are_refused_or_canonical(
        batch in batch(), edits in prop::collection::vec((0..Column::COUNT, edit()), 1..4),
    ) {
        let bytes = with_columns(&batch, |columns| {
            for (column, edit) in edits {
                edit.apply(&mut columns[Column::ALL[column]]);
            }
        });
        if let Ok(decoded) = Batch::decode(&bytes) {
            prop_assert_eq!(decoded.encode(Level::NONE).expect("within limits"), bytes);
        }
    }
}

/// A batch of two equal transfers to a known address, spread over the columns.
fn two_transfers() -> Batch {
    let mut raw = vec![0xf8, 0x66, 0x05, 0x07, 0x82, 0x52, 0x08, 0x94];
    raw.extend_from_slice(&[0x11; 20]);
    raw.extend_from_slice(&[0x64, 0x80, 0x1b, 0xa0]);
    raw.extend_from_slice(&[0x22; 32]);
    raw.push(0xa0);
    raw.extend_from_slice(&[0x33; 32]);
    raw[1] = raw.len() as u8 - 2;
    let block = crate::batch::BatchBlock { timestamp: 9, inbox_count: 0, transactions: vec![raw.into(); 2] };
    Batch { chain_id: 1, first_block: 4, inbox_from: 0, blocks: vec![block] }
}

#[test]
fn named_refusals() {
    let batch = two_transfers();
    assert_eq!(Batch::decode(&with_columns(&batch, |_| {})).as_ref(), Ok(&batch));
    let refusal = |change: fn(&mut crate::batch::column::Columns)| match Batch::decode(&with_columns(&batch, change)) {
        Err(BatchDecodeError::Malformed(DecodeError::Invalid { field, why })) => (field, why),
        other => panic!("accepted, or refused otherwise: {other:?}"),
    };
    let twice = refusal(|columns| {
        columns[Column::AccountRef] = vec![0, 0];
        columns[Column::AddressTable].extend_from_slice(&[0x11; 20]);
    });
    assert_eq!(twice, ("address_table", "the same entry twice"));
    let unused = refusal(|columns| columns[Column::GasTable].push(7));
    assert_eq!(unused, ("gas_table", "bytes that no transaction uses"));
    let ahead = refusal(|columns| columns[Column::GasRef] = vec![0, 2]);
    assert_eq!(ahead, ("gas_ref", "refers past the end of its table"));
    let overlong = refusal(|columns| columns[Column::Nonce] = vec![0x85, 0x00, 5]);
    assert_eq!(overlong, ("nonce", "varint is not the shortest"));
    let factor = refusal(|columns| {
        columns[Column::AmountForm] = vec![1, 3];
        columns[Column::AmountMantissa] = vec![100, 1];
    });
    assert_eq!(factor, ("amount_mantissa", "a multiple of ten"));
    let extra = refusal(|columns| columns[Column::Shape].push(0xff));
    assert_eq!(extra, ("shape", "not one byte for each transaction"));
}

#[test]
fn escapes_without_need_are_refused() {
    let batch = two_transfers();
    let raw = batch.blocks[0].transactions[0].to_vec();
    let bytes = with_columns(&batch, |columns| {
        *columns = Default::default();
        columns[Column::BlockTransactions] = vec![1];
        columns[Column::BlockInbox] = vec![0];
        columns[Column::Shape] = vec![0xff];
        columns[Column::EscapeLen] = vec![raw.len() as u8];
        columns[Column::Escape] = raw;
    });
    let why = "a transaction that the other columns can hold";
    let refused = BatchDecodeError::Malformed(DecodeError::Invalid { field: "escape", why });
    assert_eq!(Batch::decode(&bytes), Err(refused));
}
