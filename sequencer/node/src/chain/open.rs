//! Opening a chain: from genesis, or from the disk after checking what is there.

use std::sync::{Mutex, RwLock};

use tokio::sync::{broadcast, watch};
use weft_execution::{Parent, World};
use weft_primitives::{B256, ChainConfig};

use super::residence::make_room;
use super::waiters::Waiters;
use super::{BROADCAST_BLOCKS, Chain, ChainError, Heads, Recent, Removed, Tip};
use crate::config::Limits;
use crate::store::{ChainStore, NewBlock, StoreError, StoredBlock};

impl Chain {
    /// Opens the chain in `store`, or begins it with the genesis block. The state is rebuilt and checked; if it may not
    /// take all the memory that it would, without ever being there whole.
    pub fn open(config: ChainConfig, store: ChainStore, limits: &Limits) -> Result<Self, ChainError> {
        let (world, newest) = match store.head()? {
            None => begin(&config, &store, limits.state_memory)?,
            Some(head) => resume(&config, &store, head.number, limits.state_memory)?,
        };
        Self::at(config, store, world, newest, limits)
    }

    /// Over a store that somebody else has filled, with blocks that may be of another kind than Weft's; `world` is the
    /// state after the newest, and stays in memory.
    pub fn over(config: ChainConfig, store: ChainStore, world: World, limits: &Limits) -> Result<Self, ChainError> {
        let damaged = StoreError::Damaged { what: "newest block" };
        let newest = match store.head()? {
            Some(head) => store.block(head.number)?,
            None => None,
        };
        Self::at(config, store, world, newest.ok_or(damaged)?, limits)
    }

    fn at(
        config: ChainConfig,
        store: ChainStore,
        mut world: World,
        newest: StoredBlock,
        limits: &Limits,
    ) -> Result<Self, ChainError> {
        let written = world.tree().changes();
        drop(make_room(&mut world, written));
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
            history_blocks: limits.history_blocks,
            world: RwLock::new(world),
            tip: RwLock::new(tip),
            recent: RwLock::new(Recent { newest: heads.latest, written, ..Recent::default() }),
            oldest_undo,
            heads: watch::channel(heads).0,
            blocks: broadcast::channel(BROADCAST_BLOCKS).0,
            waiters: Waiters::new(limits.max_waiters),
            removed: Removed::default(),
        })
    }
}

fn begin(config: &ChainConfig, store: &ChainStore, memory: Option<u64>) -> Result<(World, StoredBlock), ChainError> {
    let (mut world, header, applied) = World::genesis(config)?;
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
    if let Some(backing) = store.backing(memory) {
        world.back(backing);
    }
    Ok((world, block))
}

fn resume(
    config: &ChainConfig,
    store: &ChainStore,
    number: u64,
    memory: Option<u64>,
) -> Result<(World, StoredBlock), ChainError> {
    let wanted = Parent::new(World::genesis(config)?.1).hash;
    let damaged = StoreError::Damaged { what: "genesis block" };
    let stored = store.block(0)?.ok_or(damaged)?.hash;
    if stored != wanted {
        return Err(StoreError::ForeignChain { stored, wanted }.into());
    }
    let newest = store.block(number)?.ok_or(StoreError::Damaged { what: "newest block" })?;
    let world = World::open(store.leaves(), store.codes()?, store.backing(memory))?;
    let (found, wanted) = (world.state_root(), newest.header.state_root);
    if found != wanted {
        return Err(ChainError::StateRoot { number, found, wanted });
    }
    Ok((world, newest))
}
