//! Gathers transactions from the columns.
//!
//! Invariant: after the columns' lengths are read and bounded, allocations are
//! the columns themselves and, for each transaction, its own bytes: at most a
//! few hundred more than it has in the columns. A transaction is at least a
//! byte of the shape column, and 64 of the signature column unless it is in
//! the escape column, so the sum stays below
//! [`MAX_BATCH_DECOMPRESSED_BYTES`] plus a small multiple of [`MAX_BATCH_BYTES`].

use std::borrow::Cow;

use alloy_primitives::{Address, Bytes, U256};
use zstd::bulk::Decompressor;

use crate::codec::{DecodeError, Reader};
use crate::limits::{MAX_BATCH_BYTES, MAX_BATCH_DECOMPRESSED_BYTES, MAX_TRANSACTION_BYTES};

use super::amount;
use super::calldata::{Arguments, Calldata, Template, template_bytes};
use super::column::{Column, ColumnReaders};
use super::error::{BatchDecodeError, invalid};
use super::header::{Header, bounded};
use super::shape::{CalldataShape, Shape};
use super::signed::{CompactSignature, Fee, Form, SignedFields, lists_len};
use super::stored::StoredColumn;
use super::table::{DynamicFee, TableReader};
use super::{Batch, BatchBlock};

/// See [`Batch::decode`].
pub(super) fn decode(bytes: &[u8]) -> Result<Batch, BatchDecodeError> {
    bounded("bytes of the batch", bytes.len() as u64, MAX_BATCH_BYTES)?;
    let mut reader = Reader::new(bytes);
    let header = Header::take(&mut reader)?;
    let unpacked = unpack(&stored_columns(reader)?)?;
    let mut columns = ColumnReaders::new(Column::ALL.map(|column| &*unpacked[column as usize]));
    let (entries, transactions) = header.take_blocks(&mut columns)?;
    if columns.rest(Column::Shape).len() != transactions {
        return Err(invalid(Column::Shape.name(), "not one byte for each transaction").into());
    }
    let mut decoder = Decoder {
        chain_id: header.chain_id,
        columns,
        gas: TableReader::new(Column::GasTable),
        prices: TableReader::new(Column::PriceTable),
        fees: TableReader::new(Column::FeeTable),
        addresses: TableReader::new(Column::AddressTable),
        scratch: Vec::new(),
    };
    let mut blocks = Vec::with_capacity(entries.len());
    for entry in entries {
        let mut transactions = Vec::with_capacity(entry.transactions);
        for _ in 0..entry.transactions {
            transactions.push(decoder.transaction()?);
        }
        blocks.push(BatchBlock { timestamp: entry.timestamp, inbox_count: entry.inbox_count, transactions });
    }
    decoder.columns.finish()?;
    Ok(Batch { chain_id: header.chain_id, first_block: header.first_block, inbox_from: header.inbox_from, blocks })
}

/// Reads where the columns are, to the end of the batch; nothing is decompressed before all lengths are bounded.
fn stored_columns(mut reader: Reader<'_>) -> Result<[StoredColumn<'_>; Column::COUNT], DecodeError> {
    let mut stored = [StoredColumn::Raw(&[]); Column::COUNT];
    let mut budget = MAX_BATCH_DECOMPRESSED_BYTES;
    for column in Column::ALL {
        stored[column as usize] = StoredColumn::take(&mut reader, column, &mut budget)?;
    }
    reader.finish()?;
    Ok(stored)
}

fn unpack<'a>(stored: &[StoredColumn<'a>; Column::COUNT]) -> Result<[Cow<'a, [u8]>; Column::COUNT], BatchDecodeError> {
    let mut decompressor =
        Decompressor::new().map_err(|_| BatchDecodeError::Decompress { column: Column::ALL[0].name() })?;
    let mut unpacked = [const { Cow::Borrowed(&[] as &[u8]) }; Column::COUNT];
    for column in Column::ALL {
        unpacked[column as usize] = stored[column as usize].unpack(column, &mut decompressor)?;
    }
    Ok(unpacked)
}

/// The columns of one batch and the tables read so far.
struct Decoder<'a> {
    chain_id: u64,
    columns: ColumnReaders<'a>,
    gas: TableReader<u64>,
    prices: TableReader<u64>,
    fees: TableReader<DynamicFee>,
    addresses: TableReader<Address>,
    scratch: Vec<u8>,
}

impl<'a> Decoder<'a> {
    fn transaction(&mut self) -> Result<Bytes, DecodeError> {
        match Shape::from_byte(self.columns.u8(Column::Shape)?)? {
            Shape::Escape => self.escape(),
            Shape::Columns { form, has_to, has_value, calldata } => self.gather(form, has_to, has_value, calldata),
        }
    }

    /// The fields in the order in which the encoder spreads them: the address table depends on it.
    fn gather(
        &mut self,
        form: Form,
        has_to: bool,
        has_value: bool,
        calldata: CalldataShape,
    ) -> Result<Bytes, DecodeError> {
        let signature = CompactSignature(self.columns.array(Column::Signature)?);
        let lists = self.lists(form)?;
        let nonce = self.columns.uvarint(Column::Nonce)?;
        let gas_limit = self.gas.take(&mut self.columns, Column::GasRef)?;
        let fee = match form.has_dynamic_fee() {
            true => Fee::Dynamic(self.fees.take(&mut self.columns, Column::FeeRef)?),
            false => Fee::Price(self.prices.take(&mut self.columns, Column::PriceRef)?),
        };
        let to = match (has_to, calldata) {
            (false, _) => None,
            (true, CalldataShape::Empty) => Some(self.address(Column::AccountRef)?),
            (true, _) => Some(self.address(Column::ContractRef)?),
        };
        let value = if has_value { self.value()? } else { U256::ZERO };
        let data = match calldata {
            CalldataShape::Empty => Cow::Borrowed(&[] as &[u8]),
            CalldataShape::Raw => Cow::Borrowed(self.calldata()?),
            CalldataShape::Template(template) => Cow::Owned(self.template(template)?),
        };
        let data = &*data;
        let fields = SignedFields { form, nonce, fee, gas_limit, to, value, data, lists, signature };
        let mut raw = Vec::new();
        fields.join(self.chain_id, &mut raw);
        bounded("bytes of a transaction", raw.len() as u64, MAX_TRANSACTION_BYTES)?;
        Ok(raw.into())
    }

    fn lists(&mut self, form: Form) -> Result<&'a [u8], DecodeError> {
        let len = lists_len(self.columns.rest(Column::Lists), form.lists())
            .ok_or(invalid(Column::Lists.name(), "not an RLP list"))?;
        self.columns.take(Column::Lists, len)
    }

    fn address(&mut self, refs: Column) -> Result<Address, DecodeError> {
        self.addresses.take(&mut self.columns, refs)
    }

    fn value(&mut self) -> Result<U256, DecodeError> {
        let value = amount::take(&mut self.columns)?;
        if value.is_zero() {
            return Err(invalid(Column::AmountForm.name(), "zero where the shape says that it is not"));
        }
        Ok(value)
    }

    fn calldata(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.columns.uvarint(Column::CalldataLen)?;
        let len = bounded("bytes of a transaction", len, MAX_TRANSACTION_BYTES)?;
        let data = self.columns.take(Column::Calldata, len)?;
        match Calldata::split(data) {
            Calldata::Raw(data) => Ok(data),
            _ => Err(invalid(Column::Calldata.name(), "calldata that has a shape of its own")),
        }
    }

    fn template(&mut self, template: Template) -> Result<Vec<u8>, DecodeError> {
        let first = self.address(Column::AccountRef)?;
        let second = match template.has_two_addresses() {
            true => Some(self.address(Column::AccountRef)?),
            false => None,
        };
        let amount = amount::take(&mut self.columns)?;
        Ok(template_bytes(template, &Arguments { first, second, amount }))
    }

    fn escape(&mut self) -> Result<Bytes, DecodeError> {
        let len = self.columns.uvarint(Column::EscapeLen)?;
        let len = bounded("bytes of a transaction", len, MAX_TRANSACTION_BYTES)?;
        let raw = self.columns.take(Column::Escape, len)?;
        if SignedFields::split(raw, self.chain_id, &mut self.scratch).is_some() {
            return Err(invalid(Column::Escape.name(), "a transaction that the other columns can hold"));
        }
        Ok(Bytes::copy_from_slice(raw))
    }
}
