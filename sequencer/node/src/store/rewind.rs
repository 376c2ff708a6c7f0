//! Taking blocks back: all that was written with them goes, and what takes their place comes, in one write.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use weft_primitives::Bytes;
use weft_state::{TreeKey, Value};

use super::accounts;
use super::chain::{number_key, number_of, put};
use super::keys::REWIND;
use super::log_bits::LogBits;
use super::withdrawals::Nodes;
use super::{BatchRecord, ChainStore, Family, NewBlock, Rewind, StoreError, StoredBlock, Write};

/// What is read at once.
const PAGE: usize = 1_024;

/// Blocks that are taken back.
#[derive(Debug, Default)]
pub struct Replaced {
    /// What the leaves that they changed were before them.
    pub leaves: BTreeMap<TreeKey, Option<Value>>,
    /// The blocks, in order.
    pub blocks: Vec<StoredBlock>,
}

fn delete(family: Family, key: impl Into<Vec<u8>>) -> Write {
    Write { family, key: key.into(), value: None }
}

impl ChainStore {
    /// Whether blocks have to be taken back.
    pub fn rewind(&self) -> Result<Option<Rewind>, StoreError> {
        let bytes = self.kv.get(Family::Meta, REWIND)?;
        let damaged = |_| StoreError::Damaged { what: "forced batch" };
        bytes.map(|bytes| Rewind::decode(&bytes).map_err(damaged)).transpose()
    }

    /// All blocks after `last`.
    pub fn after(&self, last: u64) -> Result<Replaced, StoreError> {
        let head = self.head()?.map_or(0, |head| head.number);
        let mut replaced = Replaced::default();
        for number in last + 1..=head {
            let undo = self.undo(number)?.ok_or(StoreError::Damaged { what: "undo record" })?;
            // What the first that changed it has found.
            for (key, value) in undo.entries {
                replaced.leaves.entry(key).or_insert(value);
            }
            replaced.blocks.push(self.block(number)?.ok_or(StoreError::Damaged { what: "block" })?);
        }
        Ok(replaced)
    }

    /// Takes blocks back, and the batches that they are in; `new` and `batch` take their place. What the sequencer had
    /// chosen for them waits in the requeue.
    pub fn replace(&self, replaced: &Replaced, new: &NewBlock<'_>, batch: &BatchRecord) -> Result<(), StoreError> {
        let mut writes = Vec::new();
        for (key, value) in &replaced.leaves {
            let value = value.map(|value| value.to_vec());
            writes.push(Write { family: Family::Leaf, key: key.as_slice().to_vec(), value });
        }
        let mut place = match self.kv.last(Family::Requeue)? {
            Some((key, _)) => number_of(&key)? + 1,
            None => 0,
        };
        for block in &replaced.blocks {
            let key = number_key(block.header.number);
            for family in [Family::Undo, Family::Block, Family::Receipts, Family::AccessList] {
                writes.push(delete(family, key));
            }
            writes.push(delete(Family::Hash, block.hash.to_vec()));
            for transaction in &block.body.transactions {
                writes.push(delete(Family::Tx, transaction.hash().to_vec()));
            }
            for transaction in block.body.sequenced() {
                writes.push(put(Family::Requeue, number_key(place), transaction.raw().to_vec()));
                place += 1;
            }
        }
        self.drop_batches(batch.header.batch_index, &mut writes)?;
        let withdrawals = replaced.blocks.last().map_or(0, |block| block.withdrawals);
        for index in new.block.withdrawals..withdrawals {
            writes.push(delete(Family::Withdrawal, number_key(index)));
        }
        // Of one key the last write counts.
        let first = new.block.header.number;
        let _filling = self.filling.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = replaced.blocks.last() {
            LogBits::forget(first - 1, last.header.number, &mut writes);
            self.forget_accounts(first, last.header.number, &mut writes)?;
        }
        self.log_bits.add(&*self.kv, first, &new.block.header.logs_bloom.0, &mut writes)?;
        Self::write_block(new, &mut writes);
        if self.accounts_kept {
            accounts::add(first, new.receipts, &mut writes);
        }
        self.write_withdrawals(new, &mut Nodes::default(), &mut writes)?;
        let index = number_key(batch.header.batch_index);
        writes.push(put(Family::Batch, index, batch.encode()));
        writes.push(put(Family::BatchEnd, number_key(batch.header.last_block), index.to_vec()));
        writes.push(delete(Family::Meta, REWIND));
        self.kv.write(writes, true)
    }

    fn drop_batches(&self, first: u64, writes: &mut Vec<Write>) -> Result<(), StoreError> {
        let last = self.last_batch()?.map_or(0, |batch| batch.header.batch_index);
        for index in first..=last {
            let Some(batch) = self.batch(index)? else { continue };
            writes.push(delete(Family::Batch, number_key(index)));
            writes.push(delete(Family::Payload, number_key(index)));
            writes.push(delete(Family::BatchEnd, number_key(batch.header.last_block)));
        }
        Ok(())
    }

    /// Transactions of blocks that were taken back, with their places, in order.
    pub fn requeued(&self) -> Result<Vec<(u64, Bytes)>, StoreError> {
        let mut all = Vec::new();
        let mut from = 0;
        loop {
            let page = self.kv.scan(Family::Requeue, &number_key(from), PAGE)?;
            let full = page.len() == PAGE;
            for (key, raw) in page {
                let place = number_of(&key)?;
                from = place + 1;
                all.push((place, raw.into()));
            }
            if !full {
                return Ok(all);
            }
        }
    }

    /// These need not be kept any longer. Not durable by itself: they would only be looked at again.
    pub fn forget_requeued(&self, places: &[u64]) -> Result<(), StoreError> {
        let writes = places.iter().map(|place| delete(Family::Requeue, number_key(*place))).collect();
        self.kv.write(writes, false)
    }
}
