//! Opening a chain: from genesis, or from the disk after checking what is there.

use std::sync::{Mutex, RwLock};

use tokio::sync::{broadcast, watch};
use weft_execution::{Parent, World};
use weft_primitives::{B256, ChainConfig};

use super::waiters::Waiters;
use super::{BROADCAST_BLOCKS, Chain, ChainError, Heads, Recent, Removed, Tip};
use crate::store::{ChainStore, NewBlock, StoreError, StoredBlock};

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
        Self::at(config, store, world, newest, history_blocks, max_waiters)
    }

    /// Over a store that somebody else has filled, with blocks that may be of another kind than Weft's; `world` is the
    /// state after the newest.
    pub fn over(
        config: ChainConfig,
        store: ChainStore,
        world: World,
        history_blocks: u64,
        max_waiters: usize,
    ) -> Result<Self, ChainError> {
        let damaged = StoreError::Damaged { what: "newest block" };
        let newest = match store.head()? {
            Some(head) => store.block(head.number)?,
            None => None,
        };
        Self::at(config, store, world, newest.ok_or(damaged)?, history_blocks, max_waiters)
    }

    fn at(
        config: ChainConfig,
        store: ChainStore,
        world: World,
        newest: StoredBlock,
        history_blocks: u64,
        max_waiters: usize,
    ) -> Result<Self, ChainError> {
        let log = store.log_state()?;
        let oldest_undo = Mutex::new(store.oldest_undo()?.unwrap_or(1));
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
            world: RwLock::new(world),
            tip: RwLock::new(tip),
            recent: RwLock::new(Recent { newest: heads.latest, ..Recent::default() }),
            oldest_undo,
            heads: watch::channel(heads).0,
            blocks: broadcast::channel(BROADCAST_BLOCKS).0,
            waiters: Waiters::new(max_waiters),
            removed: Removed::default(),
        })
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
        withdrawals: 0,
    };
    store.put_blocks([NewBlock {
        block: &block,
        receipts: &[],
        access_list: None,
        updates: &applied.updates,
        undo: &applied.undo,
        codes: &applied.codes,
        forget_undo: 0..0,
    }])?;
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
