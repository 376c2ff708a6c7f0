//! The chain as this process knows it: state in memory, heads, and who waits for what.
//!
//! It grows in two steps. [`Chain::extend`] makes a block part of the state in
//! memory, so that the next can be executed; [`Chain::persist`] makes it, with
//! those that came meanwhile, durable and only then visible. Whoever asks for
//! state gets that after a durable block ([`Chain::snapshot`]): newer ones are
//! taken back on the fly. Only the producer and admission look ahead
//! ([`Chain::world`]): what is let into the pool is no promise.
//!
//! Who follows instead of producing moves the state by [`Ground`], a batch at a time, and takes back what settlement
//! rejects ([`Chain::roll_back`]).
//!
//! Where the state has less memory than it takes, each step leaves out of it what is on disk and was not used lately
//! ([`residence`]).

mod derived;
mod open;
mod past;
mod removed;
mod residence;
mod rewind;
mod rollback;
mod snapshot;
#[cfg(test)]
mod tests;
mod waiters;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::{broadcast, watch};
use weft_execution::access::BlockAccessList;
use weft_execution::parallel::Stats;
use weft_execution::{Built, Parent, Receipt, Sealed, World};
use weft_primitives::inbox::accumulate;
use weft_primitives::{B256, Bytes, ChainConfig, InboxItem, Transaction};
use weft_state::tree::LoadError;
use weft_state::{Undo, UpdateBatch};

use crate::figures;
use crate::store::{ChainStore, NewBlock, StoreError, StoredBlock};

pub use derived::Ground;
pub use past::{PastError, Proved};
use removed::Removed;
pub use removed::{Forgotten, Gone, Reader};
pub use rewind::rewind;
pub use snapshot::Snapshot;
pub use waiters::Waiter;
use waiters::Waiters;

/// New blocks that a subscriber may be behind before it has to read from the store.
const BROADCAST_BLOCKS: usize = 256;

/// Undo records that a block makes superfluous, at most: more than one, so that what a long outage has kept goes in time.
const MAX_FORGOTTEN: u64 = 8;

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

/// A block that is executed and part of the state in memory, but not durable yet.
#[derive(Debug)]
pub struct Made {
    block: StoredBlock,
    receipts: Vec<Receipt>,
    access_list: Option<BlockAccessList>,
    updates: UpdateBatch,
    undo: Arc<Undo>,
    codes: Vec<(B256, Bytes)>,
    stats: Stats,
}

impl Made {
    /// For whoever builds on it.
    pub fn tip(&self) -> Tip {
        Tip {
            parent: Parent { header: self.block.header.clone(), hash: self.block.hash },
            inbox_cursor: self.block.inbox_cursor,
            inbox_acc: self.block.inbox_acc,
        }
    }

    /// Its transactions.
    pub fn transactions(&self) -> &[Transaction] {
        &self.block.body.transactions
    }

    /// As it is stored; these undo records are not kept any longer.
    fn record(&self, forget_undo: Range<u64>) -> NewBlock<'_> {
        NewBlock {
            block: &self.block,
            receipts: &self.receipts,
            access_list: self.access_list.as_deref(),
            updates: &self.updates,
            undo: &self.undo,
            codes: &self.codes,
            forget_undo,
        }
    }
}

/// How the state has moved by a block.
#[derive(Debug)]
struct Moved {
    undo: Arc<Undo>,
    /// The tree's changes with it ([`weft_state::Tree::changes`]).
    changes: u64,
}

#[derive(Debug, Default)]
struct Recent {
    /// The block of which the state in memory is.
    newest: u64,
    /// It and those before it, newest first: all that are not durable, and some more.
    moved: VecDeque<Moved>,
    /// The tree's changes that are on disk.
    written: u64,
    /// How often blocks that were not durable were taken back.
    taken_back: u64,
    /// How often durable blocks were; states from before are gone.
    rollbacks: u64,
    /// How they were executed.
    stats: figures::Recent,
}

impl Recent {
    /// The state has moved by a block; `durable` is the newest block on disk.
    fn push(&mut self, number: u64, moved: Moved, durable: u64) {
        self.newest = number;
        self.moved.push_front(moved);
        let waiting = usize::try_from(number.saturating_sub(durable)).unwrap_or(usize::MAX);
        self.moved.truncate(RECENT_UNDOS.max(waiting));
    }

    /// By a block, if it is one of these.
    fn by(&self, number: u64) -> Option<&Moved> {
        let depth = self.newest.checked_sub(number).and_then(|depth| usize::try_from(depth).ok())?;
        self.moved.get(depth)
    }
}

/// Shared by producer, servers and batcher.
pub struct Chain {
    config: ChainConfig,
    store: ChainStore,
    history_blocks: u64,
    world: RwLock<World>,
    tip: RwLock<Tip>,
    recent: RwLock<Recent>,
    /// Oldest block whose undo record is kept.
    oldest_undo: Mutex<u64>,
    heads: watch::Sender<Heads>,
    blocks: broadcast::Sender<Arc<FullBlock>>,
    waiters: Waiters,
    removed: Removed,
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
    /// Leaves on disk cannot be read, or be in one tree.
    #[error("stored state: {0}")]
    Leaves(#[from] LoadError<StoreError>),
    /// Settlement goes back further than undo records are kept.
    #[error(
        "settlement has taken back the blocks after {to}, but only the last {kept} can be taken back here \
         (history_blocks): move the data folder away and derive the chain again"
    )]
    TooDeep {
        /// The last block that stands.
        to: u64,
        /// Undo records kept.
        kept: u64,
    },
    /// The log has a forced batch that does not follow from it.
    #[error("settlement's log has a forced batch {index} that does not follow from the chain before it: {why}")]
    Forced {
        /// Its batch number.
        index: u64,
        /// What is wrong.
        why: String,
    },
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

impl Chain {
    /// The chain's configuration.
    pub const fn config(&self) -> &ChainConfig {
        &self.config
    }

    /// What is durable.
    pub const fn store(&self) -> &ChainStore {
        &self.store
    }

    /// The state after the newest block, which may not be durable yet, so that nothing of it may be told to anyone
    /// ([`Chain::snapshot`]). While this is held, the chain does not grow: be quick.
    pub fn world(&self) -> RwLockReadGuard<'_, World> {
        read(&self.world)
    }

    /// A copy of the state after the newest block, durable or not, and the number of that block.
    pub(crate) fn copy(&self) -> (u64, World) {
        let world = read(&self.world);
        (read(&self.recent).newest, world.clone())
    }

    /// The block of which the state in memory is, durable or not.
    fn newest(&self) -> u64 {
        read(&self.recent).newest
    }

    /// Blocks whose undo records are kept.
    pub const fn history_blocks(&self) -> u64 {
        self.history_blocks
    }

    /// The newest durable block.
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

    /// Makes an executed block the newest, on top of `tip`, in memory alone: nobody sees it before
    /// [`Chain::persist`]. `inbox` are the items that it consumed.
    pub fn extend(&self, built: Built, tip: &Tip, inbox: &[InboxItem]) -> Result<Made, ChainError> {
        let mut world = write(&self.world);
        let Sealed { header, hash, body, receipts, mut applied, withdrawals, stats, access_list } =
            built.seal(&self.config, &tip.parent, &mut world)?;
        let undo = Arc::new(std::mem::take(&mut applied.undo));
        let left_out = self.moved(&mut world, header.number, undo.clone());
        drop(world);
        drop(left_out);
        let block = StoredBlock {
            inbox_cursor: tip.inbox_cursor + u64::from(body.inbox_count),
            inbox_acc: inbox.iter().fold(tip.inbox_acc, accumulate),
            header,
            hash,
            body,
            withdrawals: withdrawals.count,
        };
        Ok(Made { block, receipts, access_list, updates: applied.updates, undo, codes: applied.codes, stats })
    }

    /// Makes blocks durable, in one write, and then visible. They are those that [`Chain::extend`] gave next.
    ///
    /// An error leaves it unknown whether they are on disk: the process must stop and open the chain again. Until then
    /// readers see the state before them.
    pub fn persist(&self, blocks: Vec<Made>) -> Result<Vec<Arc<FullBlock>>, ChainError> {
        self.store.put_blocks(self.records(&blocks))?;
        Ok(self.show(blocks))
    }

    /// Blocks as they are stored, without the undo records that are not needed any longer.
    fn records<'a>(&self, blocks: &'a [Made]) -> Vec<NewBlock<'a>> {
        let mut oldest = self.oldest_undo.lock().unwrap_or_else(PoisonError::into_inner);
        let finalized = self.heads().finalized;
        blocks.iter().map(|made| made.record(self.superfluous(&mut oldest, finalized, made))).collect()
    }

    /// What is durable now becomes visible.
    fn show(&self, blocks: Vec<Made>) -> Vec<Arc<FullBlock>> {
        let visible = |made: Made| {
            let number = made.block.header.number;
            *write(&self.tip) = made.tip();
            {
                let mut recent = write(&self.recent);
                recent.written = recent.by(number).map_or(recent.written, |moved| moved.changes);
                recent.stats.keep(number, made.stats);
            }
            self.heads.send_modify(|heads| heads.latest = number);
            let full = Arc::new(FullBlock { block: made.block, receipts: made.receipts });
            self.announce(&full);
            full
        };
        blocks.into_iter().map(visible).collect()
    }

    /// Undo records that are not needed any longer once a block is there: older than the history that is kept, and of
    /// blocks that are final, which no forced batch takes back.
    fn superfluous(&self, oldest: &mut u64, finalized: u64, made: &Made) -> Range<u64> {
        let number = made.block.header.number;
        let end = (number.saturating_sub(self.history_blocks) + 1).min(finalized + 1).min(*oldest + MAX_FORGOTTEN);
        let range = *oldest..end.max(*oldest);
        *oldest = range.end;
        range
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
