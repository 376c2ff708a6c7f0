//! Tables of values that recur within a batch.
//!
//! A reference is a uvarint: 0 for a value not seen before, which is then
//! appended to the table's column, `i + 1` for entry `i`. So entries stand in
//! the order of first use and none is unused; that none is there twice is
//! checked when reading. References into a small table are bytes of low
//! entropy, which zstd's second stage removes.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use alloy_primitives::Address;

use crate::codec::{DecodeError, put_uvarint};

use super::column::{Column, ColumnReaders, Columns};
use super::error::invalid;

/// A value that a table can hold, with its canonical bytes.
pub(super) trait Entry: Copy + Eq + Hash {
    /// Appends the value to a table's column.
    fn put(&self, out: &mut Vec<u8>);
    /// Reads the value from a table's column.
    fn take(columns: &mut ColumnReaders<'_>, column: Column) -> Result<Self, DecodeError>;
}

impl Entry for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        put_uvarint(out, *self);
    }

    fn take(columns: &mut ColumnReaders<'_>, column: Column) -> Result<Self, DecodeError> {
        columns.uvarint(column)
    }
}

impl Entry for Address {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_slice());
    }

    fn take(columns: &mut ColumnReaders<'_>, column: Column) -> Result<Self, DecodeError> {
        columns.array(column).map(Self::new)
    }
}

/// EIP-1559's two numbers, in wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct DynamicFee {
    pub(super) max_priority_fee: u64,
    pub(super) max_fee: u64,
}

impl Entry for DynamicFee {
    fn put(&self, out: &mut Vec<u8>) {
        put_uvarint(out, self.max_priority_fee);
        put_uvarint(out, self.max_fee);
    }

    fn take(columns: &mut ColumnReaders<'_>, column: Column) -> Result<Self, DecodeError> {
        Ok(Self { max_priority_fee: columns.uvarint(column)?, max_fee: columns.uvarint(column)? })
    }
}

/// A table while it is written.
#[derive(Debug)]
pub(super) struct TableWriter<T> {
    entries: Column,
    places: HashMap<T, u64>,
}

impl<T: Entry> TableWriter<T> {
    /// An empty table whose entries go to a column.
    pub(super) fn new(entries: Column) -> Self {
        Self { entries, places: HashMap::new() }
    }

    /// Appends a reference to `value`, and `value` itself if it is new.
    pub(super) fn put(&mut self, columns: &mut Columns, refs: Column, value: T) {
        let next = self.places.len() as u64;
        let place = *self.places.entry(value).or_insert(next);
        if place == next {
            value.put(&mut columns[self.entries]);
            put_uvarint(&mut columns[refs], 0);
        } else {
            put_uvarint(&mut columns[refs], place + 1);
        }
    }
}

/// A table while it is read.
#[derive(Debug)]
pub(super) struct TableReader<T> {
    column: Column,
    entries: Vec<T>,
    known: HashSet<T>,
}

impl<T: Entry> TableReader<T> {
    /// An empty table whose entries come from a column.
    pub(super) fn new(entries: Column) -> Self {
        Self { column: entries, entries: Vec::new(), known: HashSet::new() }
    }

    /// Follows the next reference.
    pub(super) fn take(&mut self, columns: &mut ColumnReaders<'_>, refs: Column) -> Result<T, DecodeError> {
        let reference = columns.uvarint(refs)?;
        if let Some(place) = reference.checked_sub(1) {
            let entry = usize::try_from(place).ok().and_then(|place| self.entries.get(place));
            return entry.copied().ok_or(invalid(refs.name(), "refers past the end of its table"));
        }
        let value = T::take(columns, self.column)?;
        if !self.known.insert(value) {
            return Err(invalid(self.column.name(), "the same entry twice"));
        }
        self.entries.push(value);
        Ok(value)
    }
}
