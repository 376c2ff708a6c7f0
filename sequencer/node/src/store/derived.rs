//! What only those write who derive the chain from the settlement log: batches with their blocks at once, what the log
//! says of them, and going back.

use std::sync::{Arc, PoisonError};

use weft_execution::Receipt;
use weft_primitives::{B256, Bytes, InboxItem, keccak256};
use weft_state::{TreeKey, Undo, UpdateBatch, Value};

use super::chain::{number_key, put};
use super::keys::{DERIVING, HALT, HEAD, LOG};
use super::log_bits::LogBits;
use super::withdrawals::put_node;
use super::{BatchRecord, BatchStage, ChainStore, Family, LogState, NewBlock, StoreError, StoredBlock, Write};

/// Leaves of an imported state in one write.
const IMPORTED_AT_ONCE: usize = 65_536;

fn delete(family: Family, key: impl Into<Vec<u8>>) -> Write {
    Write { family, key: key.into(), value: None }
}

fn put_batch(batch: &BatchRecord, writes: &mut Vec<Write>) {
    let index = number_key(batch.header.batch_index);
    writes.push(put(Family::Batch, index, batch.encode()));
    writes.push(put(Family::BatchEnd, number_key(batch.header.last_block), index.to_vec()));
}

/// What the settlement log says at one moment.
#[derive(Clone, Copy, Debug)]
pub struct ViewNews<'a> {
    /// How far it was followed.
    pub log: &'a LogState,
    /// Inbox items that were not stored.
    pub items: &'a [InboxItem],
    /// Batches that it moved.
    pub batches: &'a [BatchRecord],
    /// With it deriving ends; inside, why nothing may be posted after it.
    pub ends_with: Option<Option<&'a str>>,
}

/// What a chain begins with instead of genesis.
#[derive(Clone, Copy, Debug)]
pub struct Imported<'a> {
    /// Block 0, whose state is not there.
    pub genesis: &'a StoredBlock,
    /// The block whose state is there.
    pub block: &'a StoredBlock,
    /// Its receipts.
    pub receipts: &'a [Receipt],
    /// Its batch, of which it is the last.
    pub batch: &'a BatchRecord,
    /// The state.
    pub leaves: &'a [(TreeKey, Value)],
    /// Its code.
    pub codes: &'a [Bytes],
    /// What proofs of later withdrawals take of those so far: complete subtrees, by height and position.
    pub withdrawals: &'a [(usize, u64, B256)],
}

impl ChainStore {
    /// Whether there is nothing at all.
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(self.head()?.is_none() && self.kv.last(Family::Leaf)?.is_none())
    }

    /// Writes a state that was made elsewhere and was checked. There is a chain only with the last of several writes.
    pub fn import(&self, imported: &Imported<'_>) -> Result<(), StoreError> {
        for leaves in imported.leaves.chunks(IMPORTED_AT_ONCE) {
            let leaf = |(key, value): &(TreeKey, Value)| put(Family::Leaf, key.as_slice(), value.to_vec());
            self.kv.write(leaves.iter().map(leaf).collect(), false)?;
        }
        for codes in imported.codes.chunks(IMPORTED_AT_ONCE / 16) {
            let code = |code: &Bytes| put(Family::Code, keccak256(code).as_slice(), code.to_vec());
            self.kv.write(codes.iter().map(code).collect(), false)?;
        }
        let (updates, undo) = (UpdateBatch::default(), Undo::default());
        let new = |block, receipts| NewBlock {
            block,
            receipts,
            access_list: None,
            updates: &updates,
            undo: &undo,
            codes: &[],
            forget_undo: 0..0,
        };
        let mut writes = Vec::new();
        // The state before it is not there: no undo record leads back.
        Self::write_block(&new(imported.genesis, &[]), &mut writes);
        Self::write_block(&new(imported.block, imported.receipts), &mut writes);
        put_batch(imported.batch, &mut writes);
        writes.extend(imported.withdrawals.iter().map(|node| put_node(*node)));
        let last = imported.block.header.number;
        let log = LogState { safe: last, finalized: last, ..LogState::default() };
        writes.push(put(Family::Meta, LOG, log.encode()));
        // A node that has never had a block may have left the mark of a whole one.
        writes.push(Self::no_accounts());
        // The log that is written ahead is one: what came before this is durable with it.
        self.kv.write(writes, true)
    }

    /// Writes a batch and its blocks with all that goes with them: all of it, durably, or nothing.
    pub fn put_derived<'a>(
        &self,
        blocks: impl IntoIterator<Item = NewBlock<'a>>,
        batch: &BatchRecord,
    ) -> Result<(), StoreError> {
        let mut writes = Vec::new();
        self.write_blocks(blocks, &mut writes)?;
        put_batch(batch, &mut writes);
        self.kv.write(writes, true)
    }

    /// Notes, durably, that the chain is being derived: until [`ChainStore::put_view`] ends it, what is stored of the
    /// log lags behind the batches.
    pub fn begin_deriving(&self) -> Result<(), StoreError> {
        self.kv.write(vec![put(Family::Meta, DERIVING, Vec::new())], true)
    }

    /// Whether deriving was begun and not ended.
    pub fn is_deriving(&self) -> Result<bool, StoreError> {
        Ok(self.kv.get(Family::Meta, DERIVING)?.is_some())
    }

    /// Writes what the log says: how far it was followed, new inbox items, batches that it moved. Durable only if it
    /// ends deriving: all of it can be read from the log again.
    pub fn put_view(&self, view: &ViewNews<'_>) -> Result<(), StoreError> {
        let mut writes = vec![put(Family::Meta, LOG, view.log.encode())];
        writes.extend(view.items.iter().map(|item| put(Family::Inbox, number_key(item.index), item.encode())));
        for batch in view.batches {
            put_batch(batch, &mut writes);
            if batch.stage == BatchStage::Finalized {
                writes.push(delete(Family::Payload, number_key(batch.header.batch_index)));
            }
        }
        if let Some(halt) = &view.ends_with {
            writes.push(delete(Family::Meta, DERIVING));
            writes.extend(halt.map(|reason| put(Family::Meta, HALT, reason.as_bytes().to_vec())));
        }
        self.kv.write(writes, view.ends_with.is_some())
    }

    /// Takes back the blocks after `to`, up to `latest`, by their undo records, the newest first, and the batches from
    /// `first_batch` on; `log` is how far the log was followed. All of it, durably, or nothing.
    pub fn roll_back(
        &self,
        latest: u64,
        to: u64,
        first_batch: u64,
        undos: &[Arc<Undo>],
        log: &LogState,
    ) -> Result<(), StoreError> {
        // Of a leaf that several blocks changed the oldest value stands: it comes last.
        let entries = undos.iter().flat_map(|undo| undo.entries.iter().copied()).collect();
        let leaves = UpdateBatch::new(entries);
        let leaf = |(key, value): &(TreeKey, Option<Value>)| Write {
            family: Family::Leaf,
            key: key.as_slice().to_vec(),
            value: value.map(|value| value.to_vec()),
        };
        let mut writes: Vec<Write> = leaves.entries().iter().map(leaf).collect();
        for number in to + 1..=latest {
            let block = self.block(number)?.ok_or(StoreError::Damaged { what: "block" })?;
            let of_number = [Family::Block, Family::Receipts, Family::AccessList, Family::Undo, Family::BatchEnd];
            writes.extend(of_number.map(|family| delete(family, number_key(number))));
            writes.push(delete(Family::Hash, block.hash.as_slice()));
            writes.extend(block.body.transactions.iter().map(|own| delete(Family::Tx, own.hash().as_slice())));
        }
        let last = self.last_batch()?.map_or(0, |batch| batch.header.batch_index + 1);
        for index in first_batch..last {
            writes.extend([Family::Batch, Family::Payload].map(|family| delete(family, number_key(index))));
        }
        LogBits::forget(to, latest, &mut writes);
        let _filling = self.filling.lock().unwrap_or_else(PoisonError::into_inner);
        self.forget_accounts(to + 1, latest, &mut writes)?;
        writes.push(put(Family::Meta, HEAD, number_key(to).to_vec()));
        writes.push(put(Family::Meta, LOG, log.encode()));
        self.kv.write(writes, true)
    }

    /// Forgets the batches from `first` on; their blocks stay, in no batch.
    pub fn forget_batches(&self, first: u64) -> Result<(), StoreError> {
        let mut writes = Vec::new();
        for index in first.. {
            let Some(batch) = self.batch(index)? else { break };
            writes.extend([Family::Batch, Family::Payload].map(|family| delete(family, number_key(index))));
            writes.push(delete(Family::BatchEnd, number_key(batch.header.last_block)));
        }
        self.kv.write(writes, true)
    }
}
