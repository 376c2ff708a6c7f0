//! The chain's records over a key-value store.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use weft_execution::access::{self, AccountChanges, BlockAccessList};
use weft_execution::{Receipt, receipt};
use weft_primitives::{B256, Bytes, InboxItem};
use weft_state::{Undo, UpdateBatch};

use super::accounts;
use super::keys::{HALT, HEAD, LOG, REWIND};
use super::log_bits::{self, LogBits, Row, Wanted};
use super::withdrawals::Nodes;
use super::{BatchRecord, Family, Head, Kv, LogState, Rewind, StoreError, StoredBlock, Write};

/// A block with all that goes to disk with it.
#[derive(Debug)]
pub struct NewBlock<'a> {
    /// The block.
    pub block: &'a StoredBlock,
    /// Its receipts.
    pub receipts: &'a [Receipt],
    /// What it touches, if that is to be kept.
    pub access_list: Option<&'a [AccountChanges]>,
    /// Leaves of the state that it changed.
    pub updates: &'a UpdateBatch,
    /// What takes them back.
    pub undo: &'a Undo,
    /// Code that it created.
    pub codes: &'a [(B256, Bytes)],
    /// The undo records that are not kept any longer.
    pub forget_undo: Range<u64>,
}

/// A settlement log entry's news.
#[derive(Debug, Default)]
pub struct LogNews<'a> {
    /// An inbox item that it brought.
    pub item: Option<&'a InboxItem>,
    /// A batch that it moved.
    pub batch: Option<&'a BatchRecord>,
    /// Why nothing may be posted after it.
    pub halt: Option<&'a str>,
    /// The reason that was stored before holds no longer.
    pub resumes: bool,
    /// That blocks have to be taken back.
    pub rewind: Option<&'a Rewind>,
}

/// Reads and writes the chain's records. Cheap to clone.
#[derive(Clone)]
pub struct ChainStore {
    pub(super) kv: Arc<dyn Kv>,
    pub(super) log_bits: Arc<LogBits>,
    /// Whether blocks are written with their rows of the index by account.
    pub(super) accounts_kept: bool,
    /// Held by who writes rows of older blocks, and by who takes blocks back.
    pub(super) filling: Arc<Mutex<()>>,
}

pub(super) fn put(family: Family, key: impl Into<Vec<u8>>, value: Vec<u8>) -> Write {
    Write { family, key: key.into(), value: Some(value) }
}

pub(super) const fn number_key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

pub(super) fn number_of(bytes: &[u8]) -> Result<u64, StoreError> {
    bytes.try_into().map(u64::from_be_bytes).map_err(|_| StoreError::Damaged { what: "number" })
}

impl ChainStore {
    /// Over `kv`; blocks are written without the index by account ([`ChainStore::index_accounts`]).
    pub fn new(kv: Arc<dyn Kv>) -> Self {
        Self { kv, log_bits: Arc::default(), accounts_kept: false, filling: Arc::default() }
    }

    /// Writes blocks in a row, their receipts, access lists, indexes, state and undo records: all of it, durably, or
    /// nothing.
    pub fn put_blocks<'a>(&self, blocks: impl IntoIterator<Item = NewBlock<'a>>) -> Result<(), StoreError> {
        let mut writes = Vec::new();
        self.write_blocks(blocks, &mut writes)?;
        self.kv.write(writes, true)
    }

    /// All that goes with blocks in a row.
    pub(super) fn write_blocks<'a>(
        &self,
        blocks: impl IntoIterator<Item = NewBlock<'a>>,
        writes: &mut Vec<Write>,
    ) -> Result<(), StoreError> {
        let mut nodes = Nodes::default();
        for new in blocks {
            let header = &new.block.header;
            self.log_bits.add(&*self.kv, header.number, &header.logs_bloom.0, writes)?;
            Self::write_block(&new, writes);
            if self.accounts_kept {
                accounts::add(header.number, new.receipts, writes);
            }
            self.write_withdrawals(&new, &mut nodes, writes)?;
        }
        Ok(())
    }

    pub(super) fn write_block(new: &NewBlock<'_>, writes: &mut Vec<Write>) {
        let number = new.block.header.number;
        let key = number_key(number);
        writes.reserve(new.updates.entries().len() + new.receipts.len() + new.codes.len() + 8);
        for (leaf, value) in new.updates.entries() {
            let value = value.map(|value| value.to_vec());
            writes.push(Write { family: Family::Leaf, key: leaf.as_slice().to_vec(), value });
        }
        for (hash, code) in new.codes {
            writes.push(put(Family::Code, hash.as_slice(), code.to_vec()));
        }
        writes.push(put(Family::Undo, key, new.undo.encode()));
        writes.push(put(Family::Block, key, new.block.encode()));
        writes.push(put(Family::Receipts, key, receipt::encode_all(new.receipts)));
        writes.extend(new.access_list.map(|list| put(Family::AccessList, key, access::encode(list))));
        writes.push(put(Family::Hash, new.block.hash.as_slice(), key.to_vec()));
        for (position, receipt) in (0u32..).zip(new.receipts) {
            let location = [&key[..], &position.to_be_bytes()].concat();
            writes.push(put(Family::Tx, receipt.transaction_hash.as_slice(), location));
        }
        writes.push(put(Family::Meta, HEAD, key.to_vec()));
        for old in new.forget_undo.clone() {
            writes.push(Write { family: Family::Undo, key: number_key(old).to_vec(), value: None });
        }
    }

    /// The newest block's number; `None` before genesis was written.
    pub fn head(&self) -> Result<Option<Head>, StoreError> {
        let bytes = self.kv.get(Family::Meta, HEAD)?;
        bytes.map(|bytes| Ok(Head { number: number_of(&bytes)? })).transpose()
    }

    /// One block.
    pub fn block(&self, number: u64) -> Result<Option<StoredBlock>, StoreError> {
        let bytes = self.kv.get(Family::Block, &number_key(number))?;
        let decode = |bytes: Vec<u8>| StoredBlock::decode(&bytes).map_err(|_| StoreError::Damaged { what: "block" });
        bytes.map(decode).transpose()
    }

    /// The receipts of a block.
    pub fn receipts(&self, number: u64) -> Result<Option<Vec<Receipt>>, StoreError> {
        let bytes = self.kv.get(Family::Receipts, &number_key(number))?;
        let damaged = StoreError::Damaged { what: "receipts" };
        bytes.map(|bytes| receipt::decode_all(&bytes).map_err(|_| damaged)).transpose()
    }

    /// What a block touches; `None` if that was not kept.
    pub fn access_list(&self, number: u64) -> Result<Option<BlockAccessList>, StoreError> {
        let bytes = self.kv.get(Family::AccessList, &number_key(number))?;
        let damaged = StoreError::Damaged { what: "access list" };
        bytes.map(|bytes| access::decode(&bytes).map_err(|_| damaged)).transpose()
    }

    /// The blocks of a section that may have an event for which each of `all` has one whose bits are set; `None` if
    /// the section is not complete.
    pub fn log_bits(&self, section: u64, all: &[Vec<Wanted>]) -> Result<Option<Row>, StoreError> {
        log_bits::search(&*self.kv, section, all)
    }

    /// Block and position of a transaction.
    pub fn locate(&self, hash: &B256) -> Result<Option<(u64, u32)>, StoreError> {
        let Some(bytes) = self.kv.get(Family::Tx, hash.as_slice())? else { return Ok(None) };
        let damaged = || StoreError::Damaged { what: "transaction location" };
        let (number, position) = bytes.split_first_chunk::<8>().ok_or_else(damaged)?;
        let position = position.try_into().map(u32::from_be_bytes).map_err(|_| damaged())?;
        Ok(Some((u64::from_be_bytes(*number), position)))
    }

    /// Number of the block with this hash.
    pub fn number_of(&self, hash: &B256) -> Result<Option<u64>, StoreError> {
        self.kv.get(Family::Hash, hash.as_slice())?.map(|bytes| number_of(&bytes)).transpose()
    }

    /// What the state was before a block.
    pub fn undo(&self, number: u64) -> Result<Option<Undo>, StoreError> {
        let bytes = self.kv.get(Family::Undo, &number_key(number))?;
        let damaged = StoreError::Damaged { what: "undo record" };
        bytes.map(|bytes| Undo::decode(&bytes).map_err(|_| damaged)).transpose()
    }

    /// The oldest block, but genesis, whose undo record is there.
    pub fn oldest_undo(&self) -> Result<Option<u64>, StoreError> {
        let pairs = self.kv.scan(Family::Undo, &number_key(1), 1)?;
        pairs.first().map(|(key, _)| number_of(key)).transpose()
    }

    /// All code.
    pub fn codes(&self) -> Result<Vec<Bytes>, StoreError> {
        Ok(self.kv.scan(Family::Code, &[], usize::MAX)?.into_iter().map(|(_, code)| code.into()).collect())
    }

    /// Writes a new batch and its payload, durably.
    pub fn put_batch(&self, record: &BatchRecord, payload: &[u8]) -> Result<(), StoreError> {
        let index = number_key(record.header.batch_index);
        let writes = vec![
            put(Family::Batch, index, record.encode()),
            put(Family::Payload, index, payload.to_vec()),
            put(Family::BatchEnd, number_key(record.header.last_block), index.to_vec()),
        ];
        self.kv.write(writes, true)
    }

    /// Writes what became of a batch, durably.
    pub fn update_batch(&self, record: &BatchRecord) -> Result<(), StoreError> {
        self.kv.write(vec![put(Family::Batch, number_key(record.header.batch_index), record.encode())], true)
    }

    /// One batch.
    pub fn batch(&self, index: u64) -> Result<Option<BatchRecord>, StoreError> {
        let bytes = self.kv.get(Family::Batch, &number_key(index))?;
        let damaged = StoreError::Damaged { what: "batch" };
        bytes.map(|bytes| BatchRecord::decode(&bytes).map_err(|_| damaged)).transpose()
    }

    /// The bytes of a batch that is not final yet.
    pub fn payload(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.kv.get(Family::Payload, &number_key(index))
    }

    /// The newest batch.
    pub fn last_batch(&self) -> Result<Option<BatchRecord>, StoreError> {
        match self.kv.last(Family::Batch)? {
            Some((key, _)) => self.batch(number_of(&key)?),
            None => Ok(None),
        }
    }

    /// The batch that a block is in.
    pub fn batch_of(&self, block: u64) -> Result<Option<BatchRecord>, StoreError> {
        match self.kv.scan(Family::BatchEnd, &number_key(block), 1)?.first() {
            Some((_, index)) => self.batch(number_of(index)?),
            None => Ok(None),
        }
    }

    /// How far the settlement log was followed.
    pub fn log_state(&self) -> Result<LogState, StoreError> {
        match self.kv.get(Family::Meta, LOG)? {
            Some(bytes) => LogState::decode(&bytes).map_err(|_| StoreError::Damaged { what: "log state" }),
            None => Ok(LogState::default()),
        }
    }

    /// Why nothing is posted any more, if so.
    pub fn halt(&self) -> Result<Option<String>, StoreError> {
        let bytes = self.kv.get(Family::Meta, HALT)?;
        let damaged = |_| StoreError::Damaged { what: "reason for which posting is halted" };
        bytes.map(|bytes| String::from_utf8(bytes).map_err(damaged)).transpose()
    }

    /// Writes how far the log was followed, with what the entry brought.
    pub fn put_log(&self, state: &LogState, news: &LogNews<'_>) -> Result<(), StoreError> {
        let mut writes = vec![put(Family::Meta, LOG, state.encode())];
        writes.extend(news.item.map(|item| put(Family::Inbox, number_key(item.index), item.encode())));
        writes.extend(news.halt.map(|reason| put(Family::Meta, HALT, reason.as_bytes().to_vec())));
        if news.resumes {
            writes.push(Write { family: Family::Meta, key: HALT.into(), value: None });
        }
        writes.extend(news.rewind.map(|rewind| put(Family::Meta, REWIND, rewind.encode())));
        if let Some(batch) = news.batch {
            let index = number_key(batch.header.batch_index);
            writes.push(put(Family::Batch, index, batch.encode()));
            if batch.stage == super::BatchStage::Finalized {
                writes.push(Write { family: Family::Payload, key: index.to_vec(), value: None });
            }
        }
        // All of it can be read from the log again; but nothing may be signed after a halt that is forgotten.
        self.kv.write(writes, news.halt.is_some() || news.rewind.is_some())
    }

    /// Inbox items from an index on.
    pub fn inbox(&self, from: u64, limit: usize) -> Result<Vec<InboxItem>, StoreError> {
        let pairs = self.kv.scan(Family::Inbox, &number_key(from), limit)?;
        let damaged = |_| StoreError::Damaged { what: "inbox item" };
        pairs.into_iter().map(|(_, bytes)| InboxItem::decode(&bytes).map_err(damaged)).collect()
    }
}
