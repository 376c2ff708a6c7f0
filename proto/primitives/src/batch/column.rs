//! The columns of a batch, in the order in which they are stored.
//!
//! Invariant: a [`Columns`] is filled and a [`ColumnReaders`] drained by the
//! same sequence of fields, and a batch is canonical only if every column is
//! drained to its last byte.

use std::ops::{Index, IndexMut};

use crate::codec::{DecodeError, Reader};

use super::error::invalid;

macro_rules! columns {
    ($($(#[$doc:meta])* $variant:ident $name:literal,)*) => {
        /// One column. The discriminant is its place in the encoding.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Column { $($(#[$doc])* $variant,)* }

        impl Column {
            /// All columns in stored order.
            pub(super) const ALL: [Self; [$(Self::$variant),*].len()] = [$(Self::$variant),*];

            /// Its name, in errors and in the specification.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

columns! {
    /// Seconds since the block before, uvarint; the first block has none.
    BlockTime "block_time",
    /// Transactions in the block, uvarint.
    BlockTransactions "block_transactions",
    /// Inbox items in the block, uvarint.
    BlockInbox "block_inbox",
    /// One [`super::shape::Shape`] byte a transaction: which of the columns below it uses.
    Shape "shape",
    /// r (32), s (32) with the y-parity in the top bit (EIP-2098). Never compressed.
    Signature "signature",
    /// uvarint.
    Nonce "nonce",
    /// Reference into the gas table.
    GasRef "gas_ref",
    /// The gas table: uvarint.
    GasTable "gas_table",
    /// Reference into the gas price table: types 0 and 1.
    PriceRef "price_ref",
    /// The gas price table: uvarint, wei.
    PriceTable "price_table",
    /// Reference into the fee table: types 2 and 4.
    FeeRef "fee_ref",
    /// The fee table: max priority fee, max fee, both uvarint, wei.
    FeeTable "fee_table",
    /// Reference into the address table: the `to` of a transaction with calldata.
    ContractRef "contract_ref",
    /// Reference into the address table: any other `to`, and addresses in templates.
    AccountRef "account_ref",
    /// The address table: 20 bytes each. Never compressed.
    AddressTable "address_table",
    /// How an amount is written, one byte: see [`super::amount`].
    AmountForm "amount_form",
    /// Decimal mantissa, uvarint.
    AmountMantissa "amount_mantissa",
    /// Amounts with a mantissa above 64 bits: big-endian without leading zeros.
    AmountWide "amount_wide",
    /// Length of calldata that fits no template, uvarint, at least 1.
    CalldataLen "calldata_len",
    /// That calldata.
    Calldata "calldata",
    /// Access lists (types 1, 2, 4), then authorization lists (type 4), as RLP.
    Lists "lists",
    /// Length of a transaction that the other columns cannot give back, uvarint.
    EscapeLen "escape_len",
    /// Its bytes.
    Escape "escape",
}

impl Column {
    /// How many columns there are.
    pub(super) const COUNT: usize = Self::ALL.len();

    /// Hashes and curve points: trying to compress them costs time and saves nothing.
    pub(super) const fn is_stored_raw(self) -> bool {
        matches!(self, Self::Signature | Self::AddressTable)
    }
}

/// The columns while they are written.
#[derive(Default, Debug)]
pub(super) struct Columns([Vec<u8>; Column::COUNT]);

impl Columns {
    /// Bytes in all columns together.
    pub(super) fn total_len(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }
}

impl Index<Column> for Columns {
    type Output = Vec<u8>;

    fn index(&self, column: Column) -> &Vec<u8> {
        &self.0[column as usize]
    }
}

impl IndexMut<Column> for Columns {
    fn index_mut(&mut self, column: Column) -> &mut Vec<u8> {
        &mut self.0[column as usize]
    }
}

/// The columns while they are read.
#[derive(Debug)]
pub(super) struct ColumnReaders<'a>([Reader<'a>; Column::COUNT]);

impl<'a> ColumnReaders<'a> {
    /// Starts at the front of every column.
    pub(super) fn new(columns: [&'a [u8]; Column::COUNT]) -> Self {
        Self(columns.map(Reader::new))
    }

    /// The next byte of a column.
    pub(super) fn u8(&mut self, column: Column) -> Result<u8, DecodeError> {
        self.0[column as usize].u8(column.name())
    }

    /// The next integer of a column.
    pub(super) fn uvarint(&mut self, column: Column) -> Result<u64, DecodeError> {
        self.0[column as usize].uvarint(column.name())
    }

    /// The next `N` bytes of a column.
    pub(super) fn array<const N: usize>(&mut self, column: Column) -> Result<[u8; N], DecodeError> {
        self.0[column as usize].array(column.name())
    }

    /// The next `len` bytes of a column.
    pub(super) fn take(&mut self, column: Column, len: usize) -> Result<&'a [u8], DecodeError> {
        self.0[column as usize].take(column.name(), len)
    }

    /// What is left of a column, without reading it.
    pub(super) fn rest(&self, column: Column) -> &'a [u8] {
        let mut ahead = self.0[column as usize].clone();
        ahead.take(column.name(), ahead.remaining()).unwrap_or_default()
    }

    /// Demands that every column was read to its end.
    pub(super) fn finish(self) -> Result<(), DecodeError> {
        for (reader, column) in self.0.into_iter().zip(Column::ALL) {
            reader.finish().map_err(|_| invalid(column.name(), "bytes that no transaction uses"))?;
        }
        Ok(())
    }
}
