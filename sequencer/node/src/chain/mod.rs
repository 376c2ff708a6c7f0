//! The chain as this process knows it: state in memory, heads, and who waits for what.
//!
//! One thread writes (the producer), everyone reads. A block becomes visible
//! only by [`Chain::commit`], which first makes it durable; if that fails, the
//! state is taken back before anyone can read it. Only admission looks ahead
//! ([`Chain::world_ahead`]): what it lets into the pool is no promise.

mod open;
mod snapshot;
mod waiters;

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::{broadcast, watch};
use weft_execution::parallel::Stats;
use weft_execution::{Built, Parent, Receipt, World};
use weft_primitives::inbox::accumulate;
use weft_primitives::{B256, ChainConfig, InboxItem};
use weft_state::Undo;

use crate::figures;
use crate::store::{ChainStore, NewBlock, StoreError, StoredBlock};

pub use snapshot::Snapshot;
pub use waiters::Waiter;
use waiters::Waiters;

/// New blocks that a subscriber may be behind before it has to read from the store.
const BROADCAST_BLOCKS: usize = 256;

/// Undo records kept in memory; older ones are read from the store.
const RECENT_UNDOS: usize = 64;

/// A block with its receipts, as subscribers get it.
#[derive(Clone, Debug)]
pub struct FullBlock {
    /// The block.
    pub block: StoredBlock,
    /// Its receipts in order.
    pub receipts: Vec<Receipt>,
}

/// Newest block of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// Executed and durable.
    pub latest: u64,
    /// Posted and available.
    pub safe: u64,
    /// Final.
    pub finalized: u64,
}

/// The end of the chain, for whoever builds on it.
#[derive(Clone, Debug)]
pub struct Tip {
    /// The newest block.
    pub parent: Parent,
    /// First inbox item not consumed.
    pub inbox_cursor: u64,
    /// Accumulator over the consumed ones.
    pub inbox_acc: B256,
}

#[derive(Debug, Default)]
struct Recent {
    /// The newest block of this process.
    newest: u64,
    /// Undo records of it and of those before it, newest first.
    undos: VecDeque<Arc<Undo>>,
    /// How they were executed.
    stats: figures::Recent,
}

/// Shared by producer, servers and batcher.
pub struct Chain {
    config: ChainConfig,
    store: ChainStore,
    history_blocks: u64,
    world: RwLock<World>,
    /// Held for writing while the state is that of a block which is not durable yet.
    durable: RwLock<()>,
    tip: RwLock<Tip>,
    recent: RwLock<Recent>,
    heads: watch::Sender<Heads>,
    blocks: broadcast::Sender<Arc<FullBlock>>,
    waiters: Waiters,
}

/// Why the chain cannot be opened or go on.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state cannot hold what a block did.
    #[error(transparent)]
    Apply(#[from] weft_execution::world::ApplyError),
    /// Leaves on disk cannot be in one tree.
    #[error("stored state: {0}")]
    Leaves(#[from] weft_state::tree::PrefixError),
    /// The leaves on disk do not give the root of the newest header.
    #[error("the stored state has root {found}, block {number} says {wanted}: the database is damaged")]
    StateRoot {
        /// The newest block.
        number: u64,
        /// Of the leaves.
        found: B256,
        /// In the header.
        wanted: B256,
    },
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// The state after the newest durable block, as long as this is held.
pub struct Newest<'a> {
    world: RwLockReadGuard<'a, World>,
    _durable: RwLockReadGuard<'a, ()>,
}

impl std::ops::Deref for Newest<'_> {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Chain {
    /// The chain's configuration.
    pub const fn config(&self) -> &ChainConfig {
        &self.config
    }

    /// What is durable.
    pub const fn store(&self) -> &ChainStore {
        &self.store
    }

    /// The newest state. While this is held, no block can be committed: be quick.
    pub fn world(&self) -> Newest<'_> {
        let durable = read(&self.durable);
        Newest { world: read(&self.world), _durable: durable }
    }

    /// The state after the newest block, which may not be durable yet; so nothing of it may be told to anyone. Does not
    /// wait for the disk.
    pub fn world_ahead(&self) -> RwLockReadGuard<'_, World> {
        read(&self.world)
    }

    /// The newest block.
    pub fn tip(&self) -> Tip {
        read(&self.tip).clone()
    }

    /// Newest block of each kind.
    pub fn heads(&self) -> Heads {
        *self.heads.borrow()
    }

    /// To be told when a head moves.
    pub fn watch_heads(&self) -> watch::Receiver<Heads> {
        self.heads.subscribe()
    }

    /// New blocks from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<FullBlock>> {
        self.blocks.subscribe()
    }

    /// How a block was executed; `None` if this process did not make it, or has made many since.
    pub fn stats(&self, number: u64) -> Option<Arc<Stats>> {
        read(&self.recent).stats.get(number)
    }

    /// Settlement has moved on, or back: `safe` falls when an available batch is rejected.
    pub fn settle(&self, safe: u64, finalized: u64) {
        self.heads.send_if_modified(|heads| {
            let before = *heads;
            heads.safe = safe;
            heads.finalized = finalized;
            *heads != before
        });
        metrics::gauge!("weft_sequencer_safe_block").set(safe as f64);
        metrics::gauge!("weft_sequencer_finalized_block").set(finalized as f64);
    }

    /// Makes a block part of the chain: state, disk, then visible. `inbox` are the items that it consumed.
    ///
    /// An error leaves it unknown whether the block is on disk: the process must stop and open the chain again. Until
    /// then readers see the state before the block.
    pub fn commit(&self, built: Built, inbox: &[InboxItem]) -> Result<Arc<FullBlock>, ChainError> {
        let tip = self.tip();
        let durable = write(&self.durable);
        let sealed = built.seal(&self.config, &tip.parent, &mut write(&self.world))?;
        let block = StoredBlock {
            inbox_cursor: tip.inbox_cursor + u64::from(sealed.body.inbox_count),
            inbox_acc: inbox.iter().fold(tip.inbox_acc, accumulate),
            header: sealed.header,
            hash: sealed.hash,
            body: sealed.body,
        };
        let number = block.header.number;
        let forget_undo = number.checked_sub(self.history_blocks).filter(|old| *old > 0);
        let (receipts, applied, access_list) = (&sealed.receipts, &sealed.applied, sealed.access_list.as_deref());
        let new = NewBlock { block: &block, receipts, access_list, applied, forget_undo };
        if let Err(error) = self.store.put_block(&new) {
            write(&self.world).revert(&applied.undo);
            return Err(error.into());
        }
        // Durable. Readers wait for the state until all of this is consistent.
        *write(&self.tip) = Tip {
            parent: Parent { header: block.header.clone(), hash: block.hash },
            inbox_cursor: block.inbox_cursor,
            inbox_acc: block.inbox_acc,
        };
        {
            let mut recent = write(&self.recent);
            recent.newest = number;
            recent.undos.push_front(Arc::new(sealed.applied.undo));
            recent.undos.truncate(RECENT_UNDOS);
            recent.stats.keep(number, sealed.stats);
        }
        self.heads.send_modify(|heads| heads.latest = number);
        drop(durable);
        let full = Arc::new(FullBlock { block, receipts: sealed.receipts });
        self.announce(&full);
        Ok(full)
    }

    fn announce(&self, full: &Arc<FullBlock>) {
        self.waiters.tell(full.receipts.iter().map(|receipt| receipt.transaction_hash));
        // Nobody may be subscribed.
        let _ = self.blocks.send(full.clone());
    }

    /// To be told when a transaction is in a durable block; `None` if too many wait already.
    ///
    /// Look for the receipt after this and before waiting: the block may be there already.
    pub fn wait_for(&self, hash: B256) -> Option<Waiter> {
        self.waiters.add(hash)
    }
}
