//! The chain as this process knows it: state in memory, heads, and who waits for what.
//!
//! One thread writes (the producer), everyone reads. A block becomes visible
//! only by [`Chain::commit`], which first makes it durable.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::{broadcast, oneshot, watch};
use weft_execution::{Built, Parent, Receipt, World};
use weft_primitives::inbox::accumulate;
use weft_primitives::{B256, ChainConfig, InboxItem};
use weft_state::Undo;

use crate::store::{ChainStore, NewBlock, StoreError, StoredBlock};

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
    /// Undo records of the newest blocks, newest first.
    undos: VecDeque<Arc<Undo>>,
}

/// Shared by producer, servers and batcher.
pub struct Chain {
    config: ChainConfig,
    store: ChainStore,
    history_blocks: u64,
    max_waiters: usize,
    world: RwLock<World>,
    tip: RwLock<Tip>,
    recent: RwLock<Recent>,
    heads: watch::Sender<Heads>,
    blocks: broadcast::Sender<Arc<FullBlock>>,
    waiters: Mutex<HashMap<B256, Vec<oneshot::Sender<()>>>>,
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

impl Chain {
    /// Opens the chain in `store`, or begins it with the genesis block. The state is rebuilt and checked.
    pub fn open(
        config: ChainConfig,
        store: ChainStore,
        history_blocks: u64,
        max_waiters: usize,
    ) -> Result<Self, ChainError> {
        let (world, newest) = match store.head()? {
            None => begin(&config, &store)?,
            Some(head) => resume(&config, &store, head.number)?,
        };
        let log = store.log_state()?;
        let heads = Heads { latest: newest.header.number, safe: log.safe, finalized: log.finalized };
        let tip = Tip {
            parent: Parent { header: newest.header, hash: newest.hash },
            inbox_cursor: newest.inbox_cursor,
            inbox_acc: newest.inbox_acc,
        };
        Ok(Self {
            config,
            store,
            history_blocks,
            max_waiters,
            world: RwLock::new(world),
            tip: RwLock::new(tip),
            recent: RwLock::default(),
            heads: watch::channel(heads).0,
            blocks: broadcast::channel(BROADCAST_BLOCKS).0,
            waiters: Mutex::default(),
        })
    }

    /// The chain's configuration.
    pub const fn config(&self) -> &ChainConfig {
        &self.config
    }

    /// What is durable.
    pub const fn store(&self) -> &ChainStore {
        &self.store
    }

    /// The newest state. While this is held, no block can be committed: be quick.
    pub fn world(&self) -> RwLockReadGuard<'_, World> {
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

    /// Settlement has moved on.
    pub fn settle(&self, safe: u64, finalized: u64) {
        self.heads.send_if_modified(|heads| {
            let before = *heads;
            heads.safe = heads.safe.max(safe);
            heads.finalized = heads.finalized.max(finalized);
            *heads != before
        });
        metrics::gauge!("weft_sequencer_safe_block").set(safe as f64);
        metrics::gauge!("weft_sequencer_finalized_block").set(finalized as f64);
    }

    /// Makes a block part of the chain: state, disk, then visible. `inbox` are the items that it consumed.
    ///
    /// An error leaves it unknown whether the block is on disk: the process must stop and open the chain again.
    pub fn commit(&self, built: Built, inbox: &[InboxItem]) -> Result<Arc<FullBlock>, ChainError> {
        let tip = self.tip();
        let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
        let sealed = built.seal(&self.config, &tip.parent, &mut world)?;
        let block = StoredBlock {
            inbox_cursor: tip.inbox_cursor + u64::from(sealed.body.inbox_count),
            inbox_acc: inbox.iter().fold(tip.inbox_acc, accumulate),
            header: sealed.header,
            hash: sealed.hash,
            body: sealed.body,
        };
        let number = block.header.number;
        let forget_undo = number.checked_sub(self.history_blocks).filter(|old| *old > 0);
        self.store.put_block(&NewBlock {
            block: &block,
            receipts: &sealed.receipts,
            applied: &sealed.applied,
            forget_undo,
        })?;
        // Durable. Readers wait for the state until all of this is consistent.
        *self.tip.write().unwrap_or_else(PoisonError::into_inner) = Tip {
            parent: Parent { header: block.header.clone(), hash: block.hash },
            inbox_cursor: block.inbox_cursor,
            inbox_acc: block.inbox_acc,
        };
        {
            let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
            recent.undos.push_front(Arc::new(sealed.applied.undo));
            recent.undos.truncate(RECENT_UNDOS);
        }
        self.heads.send_modify(|heads| heads.latest = number);
        drop(world);
        let full = Arc::new(FullBlock { block, receipts: sealed.receipts });
        self.announce(&full);
        Ok(full)
    }

    fn announce(&self, full: &Arc<FullBlock>) {
        let mut waiters = self.waiters();
        if !waiters.is_empty() {
            for receipt in &full.receipts {
                for waiter in waiters.remove(&receipt.transaction_hash).into_iter().flatten() {
                    // Whoever waited may be gone.
                    let _ = waiter.send(());
                }
            }
        }
        drop(waiters);
        // Nobody may be subscribed.
        let _ = self.blocks.send(full.clone());
    }

    fn waiters(&self) -> MutexGuard<'_, HashMap<B256, Vec<oneshot::Sender<()>>>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be told when a transaction is in a durable block; `None` if too many wait already.
    ///
    /// Look for the receipt after this and before waiting: the block may be there already.
    pub fn wait_for(&self, hash: B256) -> Option<oneshot::Receiver<()>> {
        let mut waiters = self.waiters();
        if waiters.len() >= self.max_waiters {
            // Callers that gave up leave their entries behind; they go when room is needed.
            waiters.retain(|_, all| {
                all.retain(|waiter| !waiter.is_closed());
                !all.is_empty()
            });
            if waiters.len() >= self.max_waiters {
                return None;
            }
        }
        let (sender, receiver) = oneshot::channel();
        waiters.entry(hash).or_default().push(sender);
        Some(receiver)
    }

    /// The undo records that lead from the newest state back to that after block `number`, newest first.
    ///
    /// `Ok(None)`: older than the kept history. Call with the world locked, so that no block comes between.
    pub fn undos_since(&self, number: u64) -> Result<Option<Vec<Arc<Undo>>>, StoreError> {
        let latest = self.heads().latest;
        let depth = latest.saturating_sub(number);
        if depth > self.history_blocks {
            return Ok(None);
        }
        let mut undos: Vec<Arc<Undo>> = {
            let recent = read(&self.recent);
            recent.undos.iter().take(depth as usize).cloned().collect()
        };
        while (undos.len() as u64) < depth {
            match self.store.undo(latest - undos.len() as u64)? {
                Some(undo) => undos.push(Arc::new(undo)),
                None => return Ok(None),
            }
        }
        Ok(Some(undos))
    }
}

fn begin(config: &ChainConfig, store: &ChainStore) -> Result<(World, StoredBlock), ChainError> {
    let (world, header, applied) = World::genesis(config)?;
    let block = StoredBlock {
        hash: header.hash_slow(),
        header,
        body: Default::default(),
        inbox_cursor: 0,
        inbox_acc: B256::ZERO,
    };
    store.put_block(&NewBlock { block: &block, receipts: &[], applied: &applied, forget_undo: None })?;
    Ok((world, block))
}

fn resume(config: &ChainConfig, store: &ChainStore, number: u64) -> Result<(World, StoredBlock), ChainError> {
    let wanted = Parent::new(World::genesis(config)?.1).hash;
    let damaged = StoreError::Damaged { what: "genesis block" };
    let stored = store.block(0)?.ok_or(damaged)?.hash;
    if stored != wanted {
        return Err(StoreError::ForeignChain { stored, wanted }.into());
    }
    let newest = store.block(number)?.ok_or(StoreError::Damaged { what: "newest block" })?;
    let world = World::load(store.leaves()?, store.codes()?)?;
    let (found, wanted) = (world.state_root(), newest.header.state_root);
    if found != wanted {
        return Err(ChainError::StateRoot { number, found, wanted });
    }
    Ok((world, newest))
}
