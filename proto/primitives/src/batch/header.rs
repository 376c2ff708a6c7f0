//! What precedes the columns, and the three columns about blocks.
//!
//! ```text
//! version (1) | chain_id | first_block | inbox_from | blocks | base_timestamp    (uvarints)
//! ```

use crate::codec::{DecodeError, Reader, put_uvarint};
use crate::limits::{MAX_BATCH_BLOCKS, MAX_BATCH_TRANSACTIONS, MAX_BLOCK_INBOX_ITEMS};

use super::column::{Column, ColumnReaders, Columns};
use super::error::{BatchDecodeError, BatchEncodeError, invalid};
use super::{Batch, VERSION};

/// The fields before the columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) chain_id: u64,
    pub(super) first_block: u64,
    pub(super) inbox_from: u64,
    pub(super) blocks: usize,
    base_timestamp: u64,
}

/// A block without its transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BlockEntry {
    pub(super) timestamp: u64,
    pub(super) inbox_count: u32,
    pub(super) transactions: usize,
}

impl Header {
    /// The header of a batch whose blocks are within their limits.
    pub(super) fn of(batch: &Batch) -> Result<Self, BatchEncodeError> {
        let blocks = batch.blocks.len();
        let base_timestamp = batch.blocks.first().ok_or(BatchEncodeError::NoBlocks)?.timestamp;
        at_most("blocks of the batch", blocks, MAX_BATCH_BLOCKS)?;
        let overflow = |field| BatchEncodeError::Overflow { field };
        batch.first_block.checked_add(blocks as u64 - 1).ok_or(overflow("number of the last block"))?;
        let inbox_items: u64 = batch.blocks.iter().map(|block| u64::from(block.inbox_count)).sum();
        batch.inbox_from.checked_add(inbox_items).ok_or(overflow("inbox index after the batch"))?;
        Ok(Self {
            chain_id: batch.chain_id,
            first_block: batch.first_block,
            inbox_from: batch.inbox_from,
            blocks,
            base_timestamp,
        })
    }

    /// Appends the header.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        put_uvarint(out, self.chain_id);
        put_uvarint(out, self.first_block);
        put_uvarint(out, self.inbox_from);
        put_uvarint(out, self.blocks as u64);
        put_uvarint(out, self.base_timestamp);
    }

    /// Reads the header.
    pub(super) fn take(reader: &mut Reader<'_>) -> Result<Self, BatchDecodeError> {
        let version = reader.u8("version")?;
        if version != VERSION {
            return Err(BatchDecodeError::UnknownVersion(version));
        }
        let chain_id = reader.uvarint("chain_id")?;
        let first_block = reader.uvarint("first_block")?;
        let inbox_from = reader.uvarint("inbox_from")?;
        let blocks = bounded("blocks of the batch", reader.uvarint("blocks")?, MAX_BATCH_BLOCKS)?;
        if blocks == 0 {
            return Err(invalid("blocks", "a batch has at least one block").into());
        }
        if first_block.checked_add(blocks as u64 - 1).is_none() {
            return Err(invalid("first_block", "number of the last block passes 64 bits").into());
        }
        Ok(Self { chain_id, first_block, inbox_from, blocks, base_timestamp: reader.uvarint("base_timestamp")? })
    }

    /// Reads the columns about blocks; also returns the number of transactions in all.
    pub(super) fn take_blocks(&self, columns: &mut ColumnReaders<'_>) -> Result<(Vec<BlockEntry>, usize), DecodeError> {
        // The count was bounded above; the column must have a byte for each.
        let mut blocks = Vec::with_capacity(self.blocks.min(columns.rest(Column::BlockTransactions).len()));
        let (mut timestamp, mut inbox, mut total) = (self.base_timestamp, self.inbox_from, 0usize);
        for index in 0..self.blocks {
            if index > 0 {
                timestamp = timestamp
                    .checked_add(columns.uvarint(Column::BlockTime)?)
                    .ok_or(invalid(Column::BlockTime.name(), "timestamp passes 64 bits"))?;
            }
            let inbox_count = columns.uvarint(Column::BlockInbox)?;
            let inbox_count = bounded("inbox items of a block", inbox_count, MAX_BLOCK_INBOX_ITEMS)? as u32;
            inbox = inbox
                .checked_add(u64::from(inbox_count))
                .ok_or(invalid(Column::BlockInbox.name(), "inbox index passes 64 bits"))?;
            let field = "transactions of the batch";
            let transactions = bounded(field, columns.uvarint(Column::BlockTransactions)?, MAX_BATCH_TRANSACTIONS)?;
            total += transactions;
            bounded(field, total as u64, MAX_BATCH_TRANSACTIONS)?;
            blocks.push(BlockEntry { timestamp, inbox_count, transactions });
        }
        Ok((blocks, total))
    }
}

/// Fills the columns about blocks.
pub(super) fn put_blocks(batch: &Batch, columns: &mut Columns) -> Result<(), BatchEncodeError> {
    let mut previous = None;
    let mut total = 0usize;
    for (block, number) in batch.blocks.iter().zip(batch.first_block..) {
        if let Some(previous) = previous {
            let delta = block.timestamp.checked_sub(previous).ok_or(BatchEncodeError::TimeGoesBack {
                block: number,
                timestamp: block.timestamp,
                previous,
            })?;
            put_uvarint(&mut columns[Column::BlockTime], delta);
        }
        previous = Some(block.timestamp);
        at_most("inbox items of a block", block.inbox_count as usize, MAX_BLOCK_INBOX_ITEMS)?;
        put_uvarint(&mut columns[Column::BlockInbox], u64::from(block.inbox_count));
        total = total.saturating_add(block.transactions.len());
        at_most("transactions of the batch", total, MAX_BATCH_TRANSACTIONS)?;
        put_uvarint(&mut columns[Column::BlockTransactions], block.transactions.len() as u64);
    }
    Ok(())
}

/// Demands `value <= limit` of something to be encoded.
pub(super) const fn at_most(field: &'static str, value: usize, limit: usize) -> Result<(), BatchEncodeError> {
    if value > limit {
        return Err(BatchEncodeError::TooLarge { field, value: value as u64, limit: limit as u64 });
    }
    Ok(())
}

/// Demands `value <= limit` of something decoded.
pub(super) const fn bounded(field: &'static str, value: u64, limit: usize) -> Result<usize, DecodeError> {
    if value > limit as u64 {
        return Err(DecodeError::TooLarge { field, value, limit: limit as u64 });
    }
    Ok(value as usize)
}
