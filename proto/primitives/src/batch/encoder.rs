//! Spreads transactions over the columns.
//!
//! Columns and tables are filled in the order of the transactions, so equal
//! batches fill them equally.

use alloy_primitives::Address;

use crate::codec::put_uvarint;
use crate::limits::{MAX_BATCH_BYTES, MAX_BATCH_DECOMPRESSED_BYTES, MAX_TRANSACTION_BYTES};

use super::Batch;
use super::amount;
use super::calldata::{Arguments, Calldata};
use super::column::{Column, Columns};
use super::error::BatchEncodeError;
use super::header::{Header, at_most, put_blocks};
use super::level::Level;
use super::shape::Shape;
use super::signed::{Fee, SignedFields};
use super::stored::ColumnWriter;
use super::table::{DynamicFee, TableWriter};

/// The columns of one batch and the tables that refer into them.
struct Encoder {
    chain_id: u64,
    columns: Columns,
    gas: TableWriter<u64>,
    prices: TableWriter<u64>,
    fees: TableWriter<DynamicFee>,
    addresses: TableWriter<Address>,
    scratch: Vec<u8>,
}

/// See [`Batch::encode`].
pub(super) fn encode(batch: &Batch, level: Level) -> Result<Vec<u8>, BatchEncodeError> {
    let header = Header::of(batch)?;
    let columns = columns(batch)?;
    at_most("decompressed bytes of the batch", columns.total_len(), MAX_BATCH_DECOMPRESSED_BYTES)?;
    let mut out = Vec::new();
    header.put(&mut out);
    let mut writer = ColumnWriter::new(level).map_err(|_| BatchEncodeError::Compress { column: "any" })?;
    for column in Column::ALL {
        writer.put(&mut out, column, &columns[column])?;
    }
    at_most("bytes of the batch", out.len(), MAX_BATCH_BYTES)?;
    Ok(out)
}

/// The columns of a batch, before compression.
pub(super) fn columns(batch: &Batch) -> Result<Columns, BatchEncodeError> {
    let mut encoder = Encoder {
        chain_id: batch.chain_id,
        columns: Columns::default(),
        gas: TableWriter::new(Column::GasTable),
        prices: TableWriter::new(Column::PriceTable),
        fees: TableWriter::new(Column::FeeTable),
        addresses: TableWriter::new(Column::AddressTable),
        scratch: Vec::new(),
    };
    put_blocks(batch, &mut encoder.columns)?;
    for raw in batch.blocks.iter().flat_map(|block| &block.transactions) {
        at_most("bytes of a transaction", raw.len(), MAX_TRANSACTION_BYTES)?;
        encoder.transaction(raw);
    }
    Ok(encoder.columns)
}

impl Encoder {
    fn transaction(&mut self, raw: &[u8]) {
        let Some(fields) = SignedFields::split(raw, self.chain_id, &mut self.scratch) else {
            return self.escape(raw);
        };
        let calldata = Calldata::split(fields.data);
        let columns = &mut self.columns;
        columns[Column::Shape].push(Shape::of(&fields, &calldata).to_byte());
        columns[Column::Signature].extend_from_slice(&fields.signature.0);
        columns[Column::Lists].extend_from_slice(fields.lists);
        put_uvarint(&mut columns[Column::Nonce], fields.nonce);
        self.gas.put(columns, Column::GasRef, fields.gas_limit);
        match fields.fee {
            Fee::Price(price) => self.prices.put(columns, Column::PriceRef, price),
            Fee::Dynamic(fee) => self.fees.put(columns, Column::FeeRef, fee),
        }
        if let Some(to) = fields.to {
            let refs = if fields.data.is_empty() { Column::AccountRef } else { Column::ContractRef };
            self.addresses.put(columns, refs, to);
        }
        if !fields.value.is_zero() {
            amount::put(columns, fields.value);
        }
        match calldata {
            Calldata::Empty => {}
            Calldata::Raw(data) => {
                put_uvarint(&mut columns[Column::CalldataLen], data.len() as u64);
                columns[Column::Calldata].extend_from_slice(data);
            }
            Calldata::Template(_, arguments) => self.arguments(&arguments),
        }
    }

    fn arguments(&mut self, arguments: &Arguments) {
        for address in [Some(arguments.first), arguments.second].into_iter().flatten() {
            self.addresses.put(&mut self.columns, Column::AccountRef, address);
        }
        amount::put(&mut self.columns, arguments.amount);
    }

    fn escape(&mut self, raw: &[u8]) {
        self.columns[Column::Shape].push(Shape::Escape.to_byte());
        put_uvarint(&mut self.columns[Column::EscapeLen], raw.len() as u64);
        self.columns[Column::Escape].extend_from_slice(raw);
    }
}
