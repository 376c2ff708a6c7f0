//! Blocks with their receipts, the last used ones kept in memory, and the log filters of many more.
//!
//! A block that was announced changes only if settlement rejects it, at a follower: then all is forgotten
//! ([`Chain::rollbacks`](crate::chain::Chain::rollbacks)). Both caches are bounded: blocks by [`MAX_CACHED_BYTES`] and
//! [`MAX_CACHED_BLOCKS`], blooms by [`MAX_BLOOMS`].

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy_primitives::{B256, Bloom};
use tokio::sync::broadcast::error::RecvError;
use weft_service::Shutdown;

use super::error::RpcError;
use crate::backend::Backend;
use crate::chain::FullBlock;
use crate::store::log_bits::{Row, Wanted};

/// Memory for blocks, in bytes as estimated.
const MAX_CACHED_BYTES: usize = 64 << 20;

/// Blocks kept.
const MAX_CACHED_BLOCKS: usize = 1_024;

/// Blooms kept: 256 bytes and some each.
const MAX_BLOOMS: usize = 131_072;

/// Memory of a transaction and its receipt besides their data, in bytes.
const TRANSACTION_BYTES: usize = 1_024;

/// Memory of a log besides its data, in bytes.
const LOG_BYTES: usize = 256;

/// Reads blocks. Shared by all calls.
pub struct Blocks {
    backend: Backend,
    cache: Mutex<Cache>,
    blooms: Mutex<Blooms>,
}

#[derive(Default)]
struct Blooms {
    by_number: BTreeMap<u64, Bloom>,
    /// Of the chain, as of the last use.
    rollbacks: u64,
}

/// Least recently used goes first.
#[derive(Default)]
struct Cache {
    blocks: HashMap<u64, Cached>,
    by_use: BTreeMap<u64, u64>,
    uses: u64,
    bytes: usize,
    /// Of the chain, as of the last use.
    rollbacks: u64,
}

struct Cached {
    block: Arc<FullBlock>,
    bytes: usize,
    used: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Blocks {
    /// With nothing cached.
    pub fn new(backend: Backend) -> Self {
        Self { backend, cache: Mutex::default(), blooms: Mutex::default() }
    }

    /// Keeps new blocks until shutdown.
    pub async fn follow(&self, shutdown: Shutdown) {
        let mut blocks = self.backend.chain().subscribe();
        while let Some(received) = shutdown.unless(blocks.recv()).await {
            match received {
                Ok(block) => self.keep(&block, self.rollbacks()),
                // What was missed is read from the store when it is asked for.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn rollbacks(&self) -> u64 {
        self.backend.chain().rollbacks()
    }

    /// One block. Reads the disk if it is not in memory.
    pub fn get(&self, number: u64) -> Result<Option<Arc<FullBlock>>, RpcError> {
        let rollbacks = self.rollbacks();
        if let Some(block) = lock(&self.cache).at(rollbacks).get(number) {
            return Ok(Some(block));
        }
        let Some(block) = self.backend.full_block(number).map_err(RpcError::internal)? else { return Ok(None) };
        let block = Arc::new(block);
        self.keep(&block, rollbacks);
        Ok(Some(block))
    }

    /// One block by its hash.
    pub fn by_hash(&self, hash: &B256) -> Result<Option<Arc<FullBlock>>, RpcError> {
        match self.backend.block_number(hash).map_err(RpcError::internal)? {
            Some(number) => self.get(number),
            None => Ok(None),
        }
    }

    /// The block that a transaction is in, and its position there.
    pub fn of_transaction(&self, hash: &B256) -> Result<Option<(Arc<FullBlock>, usize)>, RpcError> {
        let located = self.backend.chain().store().locate(hash).map_err(RpcError::internal)?;
        let Some((number, index)) = located else { return Ok(None) };
        Ok(self.get(number)?.map(|block| (block, index as usize)))
    }

    /// One block, if its bloom filter passes `test`. A long scan does not push other blocks out of memory.
    pub fn if_bloom(&self, number: u64, test: impl Fn(Bloom) -> bool) -> Result<Option<Arc<FullBlock>>, RpcError> {
        let rollbacks = self.rollbacks();
        let known = lock(&self.blooms).at(rollbacks).get(&number).copied();
        if known.is_some_and(|bloom| !test(bloom)) {
            return Ok(None);
        }
        if let Some(block) = lock(&self.cache).at(rollbacks).get(number) {
            return Ok(test(block.block.header.logs_bloom).then_some(block));
        }
        let Some(block) = self.backend.full_block(number).map_err(RpcError::internal)? else { return Ok(None) };
        self.keep_bloom(&block, rollbacks);
        Ok(test(block.block.header.logs_bloom).then(|| Arc::new(block)))
    }

    /// The blocks of a section of the store's index that may match; `None` if it is not complete.
    pub fn log_bits(&self, section: u64, all: &[Vec<Wanted>]) -> Result<Option<Row>, RpcError> {
        self.backend.chain().store().log_bits(section, all).map_err(RpcError::internal)
    }

    /// Keeps a block that was read when the chain had been rolled back so often, unless it has been again.
    fn keep(&self, block: &Arc<FullBlock>, rollbacks: u64) {
        self.keep_bloom(block, rollbacks);
        let now = self.rollbacks();
        if now == rollbacks {
            lock(&self.cache).at(now).insert(block.clone());
        }
    }

    fn keep_bloom(&self, block: &FullBlock, rollbacks: u64) {
        let now = self.rollbacks();
        if now != rollbacks {
            return;
        }
        let mut blooms = lock(&self.blooms);
        let blooms = blooms.at(now);
        blooms.insert(block.block.header.number, block.block.header.logs_bloom);
        if blooms.len() > MAX_BLOOMS {
            blooms.pop_first();
        }
    }
}

impl Blooms {
    /// Those of blocks that were there after so many rollbacks.
    fn at(&mut self, rollbacks: u64) -> &mut BTreeMap<u64, Bloom> {
        if std::mem::replace(&mut self.rollbacks, rollbacks) != rollbacks {
            self.by_number.clear();
        }
        &mut self.by_number
    }
}

impl Cache {
    /// With blocks that were there after so many rollbacks alone.
    fn at(&mut self, rollbacks: u64) -> &mut Self {
        if self.rollbacks != rollbacks {
            *self = Self { rollbacks, ..Self::default() };
        }
        self
    }

    fn get(&mut self, number: u64) -> Option<Arc<FullBlock>> {
        let cached = self.blocks.get_mut(&number)?;
        self.uses += 1;
        self.by_use.remove(&cached.used);
        self.by_use.insert(self.uses, number);
        cached.used = self.uses;
        Some(cached.block.clone())
    }

    fn insert(&mut self, block: Arc<FullBlock>) {
        let number = block.block.header.number;
        self.remove(number);
        let bytes = memory(&block);
        self.uses += 1;
        self.by_use.insert(self.uses, number);
        self.blocks.insert(number, Cached { block, bytes, used: self.uses });
        self.bytes += bytes;
        while self.bytes > MAX_CACHED_BYTES || self.blocks.len() > MAX_CACHED_BLOCKS {
            let Some((_, oldest)) = self.by_use.first_key_value().map(|(used, number)| (*used, *number)) else {
                return;
            };
            self.remove(oldest);
        }
    }

    fn remove(&mut self, number: u64) {
        if let Some(cached) = self.blocks.remove(&number) {
            self.by_use.remove(&cached.used);
            self.bytes -= cached.bytes;
        }
    }
}

/// What a block takes in memory, about.
fn memory(block: &FullBlock) -> usize {
    // The input is there twice: in the raw bytes and decoded.
    let transactions = block.block.body.transactions.iter().map(|transaction| 2 * transaction.raw().len());
    let logs = block.receipts.iter().flat_map(|receipt| &receipt.logs).map(|log| log.data.data.len() + LOG_BYTES);
    transactions.map(|bytes| bytes + TRANSACTION_BYTES).sum::<usize>() + logs.sum::<usize>() + TRANSACTION_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoredBlock;
    use weft_primitives::BlockHeader;

    fn block(number: u64) -> Arc<FullBlock> {
        let header = BlockHeader { number, ..BlockHeader::default() };
        let block = StoredBlock {
            hash: B256::ZERO,
            header,
            body: Default::default(),
            inbox_cursor: 0,
            inbox_acc: B256::ZERO,
            withdrawals: 0,
        };
        Arc::new(FullBlock { block, receipts: Vec::new() })
    }

    #[test]
    fn the_least_used_goes() {
        let mut cache = Cache::default();
        let most = MAX_CACHED_BLOCKS as u64;
        (0..most).for_each(|number| cache.insert(block(number)));
        assert!(cache.get(0).is_some());
        cache.insert(block(most));
        assert!(cache.get(0).is_some() && cache.get(1).is_none());
        // Again the same: nothing is counted twice.
        cache.insert(block(most));
        assert_eq!((cache.blocks.len(), cache.by_use.len()), (MAX_CACHED_BLOCKS, MAX_CACHED_BLOCKS));
        assert_eq!(cache.bytes, MAX_CACHED_BLOCKS * TRANSACTION_BYTES);
        assert!(cache.at(0).get(0).is_some());
        assert!(cache.at(1).get(0).is_none() && cache.bytes == 0, "what was taken back is forgotten");
    }
}
