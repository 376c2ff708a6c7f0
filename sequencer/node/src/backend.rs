//! What the servers (gRPC and JSON-RPC) may ask and do.

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use tokio::sync::{Notify, broadcast, watch};
use weft_execution::access::BlockAccessList;
use weft_execution::{Changes, Missing, Parent, Receipt, RootError, StateView};
use weft_primitives::{Address, B256, BlockHeader, Bytes, ChainConfig, InboxItem, SignedPromise};
use weft_wire::pb::settlement::v1::SubmitInboxResponse;
use weft_wire::{RemoteError, SequencerClient, SettlementClient};

use crate::admission::{Admission, Door, Gap, Gate, Outcomes};
use crate::chain::{Chain, FullBlock, Heads};
use crate::config::{Config, Limits, NodeConfig, PoolLimits, RpcConfig};
use crate::derive::Progress;
use crate::dialect::Dialect;
use crate::mempool::{Pool, PoolError};
use crate::promises::Promises;
use crate::store::{BatchRecord, BatchStage, ProvedWithdrawal, StoreError, StoredBlock};

/// An inbox item, and the block that has consumed it.
pub type PlacedItem = (InboxItem, Option<Arc<StoredBlock>>);

/// Cheap to clone; shared by all servers.
#[derive(Clone)]
pub struct Backend {
    shared: Arc<Shared>,
}

struct Shared {
    chain: Arc<Chain>,
    dialect: Arc<dyn Dialect>,
    door: Arc<Door>,
    entry: Entry,
    limits: Limits,
    rpc: RpcConfig,
    /// Gives promises about blocks, by the key that signs the commitments; a follower has none.
    promises: Option<Promises>,
    /// How far deriving is, where the chain is derived.
    progress: Option<watch::Receiver<Progress>>,
    settlement_url: String,
}

/// Where transactions go.
enum Entry {
    /// Into the pool.
    Pool(Admission),
    /// To the sequencer: this node follows.
    Sequencer(SequencerClient),
    /// Nowhere: this node follows, and knows no sequencer.
    None,
}

/// Where a transaction is in the chain.
#[derive(Clone, Debug)]
pub struct Located {
    /// Its block.
    pub block: Arc<StoredBlock>,
    /// Its position there.
    pub index: usize,
}

/// How far a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Never seen, or dropped.
    Unknown,
    /// Waits for an earlier nonce.
    Queued,
    /// Ready for the next block.
    Pending,
    /// In a durable block.
    Executed,
    /// In a posted batch.
    Posted,
    /// In a batch whose data settlement has sampled.
    Available,
    /// Final.
    Finalized,
}

/// A transaction's way so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionStatus {
    /// How far it is.
    pub stage: Stage,
    /// Block and position, from [`Stage::Executed`] on.
    pub location: Option<(u64, u32)>,
    /// Its batch, from [`Stage::Posted`] on.
    pub batch: Option<u64>,
    /// When it was accepted here, in milliseconds since 1970, if this process remembers.
    pub accepted_ms: Option<u64>,
}

/// The root of a state after changes.
pub type Roots<'a> = dyn Fn(&Changes) -> Result<B256, RootError> + 'a;

/// Why state cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// No such block.
    #[error("block {0} not found")]
    NoBlock(u64),
    /// Older than what is kept.
    #[error("historical state of block {number} is not available: the node keeps the last {kept} (history_blocks)")]
    TooOld {
        /// Asked for.
        number: u64,
        /// Blocks kept.
        kept: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A part of the state is not there; a damaged database.
    #[error("missing {0}")]
    Missing(#[from] Missing),
}

impl Backend {
    /// Over a chain; starts admission.
    pub fn new(chain: Arc<Chain>, config: &Config) -> std::io::Result<Self> {
        let dialect = Arc::new(chain.config().clone());
        Self::speaking(dialect, chain, config)
    }

    /// [`Backend::new`] for a chain of another kind.
    pub fn speaking(dialect: Arc<dyn Dialect>, chain: Arc<Chain>, config: &Config) -> std::io::Result<Self> {
        let gate = Gate::new(config.data_dir.clone(), config.limits.store_min_free_bytes);
        let door = Arc::new(Door::new(chain.clone(), config.mempool, gate));
        let entry = Entry::Pool(Admission::start(&door)?);
        let (limits, rpc, promises) = (config.limits, config.rpc.clone(), Some(Promises::new(config.signer.clone())));
        let settlement_url = config.settlement_url.clone();
        let shared = Shared { chain, dialect, door, entry, limits, rpc, promises, progress: None, settlement_url };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Of a node that follows: without a pool of its own. Transactions go to `sequencer`, if there is one.
    pub fn following(
        chain: Arc<Chain>,
        config: &NodeConfig,
        sequencer: Option<SequencerClient>,
        progress: watch::Receiver<Progress>,
    ) -> Self {
        let gate = Gate::new(config.data_dir.clone(), config.limits.store_min_free_bytes);
        let door = Arc::new(Door::new(chain.clone(), PoolLimits::default(), gate));
        let entry = sequencer.map_or(Entry::None, Entry::Sequencer);
        let (limits, rpc, progress) = (config.limits, config.rpc.clone(), Some(progress));
        let settlement_url = config.settlement_url.clone();
        let dialect = Arc::new(chain.config().clone());
        let shared = Shared { chain, dialect, door, entry, limits, rpc, promises: None, progress, settlement_url };
        Self { shared: Arc::new(shared) }
    }

    /// How far deriving is, while there is more to derive than what has just come in.
    pub fn catching_up(&self) -> Option<Progress> {
        self.shared.progress.as_ref().map(|progress| *progress.borrow()).filter(|progress| progress.catching_up)
    }

    /// The chain.
    pub fn chain(&self) -> &Arc<Chain> {
        &self.shared.chain
    }

    /// The chain's configuration.
    pub fn config(&self) -> &ChainConfig {
        self.shared.chain.config()
    }

    /// In what the chain may differ from Weft's own.
    pub fn dialect(&self) -> &dyn Dialect {
        &*self.shared.dialect
    }

    /// The node's limits.
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// JSON-RPC's limits.
    pub fn rpc_config(&self) -> &RpcConfig {
        &self.shared.rpc
    }

    /// Who signs the commitments; `None` on a follower.
    pub fn signer(&self) -> Option<Address> {
        self.shared.promises.as_ref().map(Promises::signer)
    }

    /// Promises are given from now on, or not any more.
    pub fn set_promising(&self, open: bool) {
        self.shared.promises.iter().for_each(|promises| promises.set_open(open));
    }

    /// The sequencer's word for a block; `None` on a follower, for genesis, and while nothing may be signed.
    pub fn promise(&self, number: u64, block_hash: B256) -> Result<Option<SignedPromise>, StoreError> {
        match &self.shared.promises {
            Some(promises) => promises.give(&self.shared.chain, number, block_hash),
            None => Ok(None),
        }
    }

    /// Puts a signed transaction into settlement's inbox.
    pub async fn force(&self, raw: Bytes) -> Result<SubmitInboxResponse, RemoteError> {
        let client = SettlementClient::new(&self.shared.settlement_url);
        let client = client.map_err(|error| RemoteError::protocol(error.to_string()))?;
        client.for_chain(self.config().chain_id()).submit_inbox(raw.0).await
    }

    /// An inbox item, and the block that has consumed it.
    pub fn inbox_item(&self, index: u64) -> Result<Option<PlacedItem>, StoreError> {
        let items = self.shared.chain.store().inbox(index, 1)?;
        let Some(item) = items.into_iter().find(|item| item.index == index) else { return Ok(None) };
        // Cursors never fall from block to block.
        let (mut least, mut most) = (1, self.heads().latest + 1);
        while least < most {
            let middle = least + (most - least) / 2;
            match self.block(middle)? {
                Some(block) if block.inbox_cursor <= index => least = middle + 1,
                _ => most = middle,
            }
        }
        Ok(Some((item, self.block(least)?)))
    }

    /// A withdrawal with the proof that it is in the newest final tree, and the batch that commits to that. `None`: it
    /// is not in it.
    pub fn withdrawal(&self, index: u64) -> Result<Option<(ProvedWithdrawal, BatchRecord)>, StoreError> {
        let store = self.shared.chain.store();
        let Some(batch) = store.batch_of(self.heads().finalized)? else { return Ok(None) };
        let proved = store.withdrawal(index, batch.header.withdrawals_count)?;
        Ok(proved.map(|proved| (proved, batch)))
    }

    /// Newest block of each kind.
    pub fn heads(&self) -> Heads {
        self.shared.chain.heads()
    }

    /// The pool, locked: be quick.
    pub fn pool(&self) -> MutexGuard<'_, Pool> {
        self.shared.door.pool()
    }

    /// Wakes the producer.
    pub fn work(&self) -> &Notify {
        self.shared.door.work()
    }

    /// Hashes of transactions as they are accepted.
    pub fn subscribe_accepted(&self) -> broadcast::Receiver<B256> {
        self.shared.door.subscribe_accepted()
    }

    /// Whether transactions are taken at all.
    pub fn gate(&self) -> &Gate {
        &self.shared.door.gate
    }

    /// Decodes a transaction, recovers its sender, and puts it into the pool.
    pub async fn submit(&self, raw: Bytes, gap: Gap) -> Result<B256, PoolError> {
        let admission = match &self.shared.entry {
            Entry::Pool(admission) => admission,
            Entry::Sequencer(sequencer) => return sequencer.submit(raw.0).await.map_err(PoolError::forwarded),
            Entry::None => return Err(PoolError::Follower),
        };
        let outcomes = admission.submit(vec![raw], gap).await;
        let none = || Err(PoolError::Unavailable("admission gave no answer".to_owned()));
        outcomes.into_iter().next().unwrap_or_else(none)
    }

    /// The same for several; each outcome is its own.
    pub async fn submit_all(&self, raw: Vec<Bytes>) -> Outcomes {
        match &self.shared.entry {
            Entry::Pool(admission) => admission.submit(raw, Gap::Wait).await,
            // One after the other: a nonce comes after the one before it.
            Entry::Sequencer(_) => {
                let mut outcomes = Vec::with_capacity(raw.len());
                for raw in raw {
                    outcomes.push(self.submit(raw, Gap::Wait).await);
                }
                outcomes
            }
            Entry::None => raw.iter().map(|_| Err(PoolError::Follower)).collect(),
        }
    }

    /// One block.
    pub fn block(&self, number: u64) -> Result<Option<Arc<StoredBlock>>, StoreError> {
        // A block may be on disk a moment before it is announced.
        if number > self.heads().latest {
            return Ok(None);
        }
        Ok(self.shared.chain.store().block(number)?.map(Arc::new))
    }

    /// The number of the block with this hash.
    pub fn block_number(&self, hash: &B256) -> Result<Option<u64>, StoreError> {
        let number = self.shared.chain.store().number_of(hash)?;
        Ok(number.filter(|number| *number <= self.heads().latest))
    }

    /// The receipts of a block.
    pub fn receipts(&self, number: u64) -> Result<Option<Vec<Receipt>>, StoreError> {
        if number > self.heads().latest {
            return Ok(None);
        }
        self.shared.chain.store().receipts(number)
    }

    /// What a block touches; `None` if that was not kept.
    pub fn access_list(&self, number: u64) -> Result<Option<BlockAccessList>, StoreError> {
        if number > self.heads().latest {
            return Ok(None);
        }
        self.shared.chain.store().access_list(number)
    }

    /// A block with its receipts.
    pub fn full_block(&self, number: u64) -> Result<Option<FullBlock>, StoreError> {
        match (self.block(number)?, self.receipts(number)?) {
            (Some(block), Some(receipts)) => Ok(Some(FullBlock { block: Arc::unwrap_or_clone(block), receipts })),
            _ => Ok(None),
        }
    }

    /// Where a transaction is in the chain.
    pub fn locate(&self, hash: &B256) -> Result<Option<Located>, StoreError> {
        let Some((number, index)) = self.shared.chain.store().locate(hash)? else { return Ok(None) };
        let Some(block) = self.block(number)? else { return Ok(None) };
        Ok(Some(Located { block, index: index as usize }))
    }

    /// How far a transaction is.
    pub fn transaction_status(&self, hash: &B256) -> Result<TransactionStatus, StoreError> {
        let located = self.shared.chain.store().locate(hash)?.filter(|(number, _)| *number <= self.heads().latest);
        let Some((number, index)) = located else {
            let stage = match self.pool().is_queued(hash) {
                None => Stage::Unknown,
                Some(true) => Stage::Queued,
                Some(false) => Stage::Pending,
            };
            return Ok(TransactionStatus {
                stage,
                location: None,
                batch: None,
                accepted_ms: self.accepted_ms(stage, hash),
            });
        };
        let batch = self.shared.chain.store().batch_of(number)?.filter(|batch| batch.stage >= BatchStage::Posted);
        let stage = match batch.as_ref().map(|batch| batch.stage) {
            None | Some(BatchStage::Sealed | BatchStage::Published | BatchStage::Rejected) => Stage::Executed,
            Some(BatchStage::Posted) => Stage::Posted,
            Some(BatchStage::Available) => Stage::Available,
            Some(BatchStage::Finalized) => Stage::Finalized,
        };
        let batch = batch.map(|batch| batch.header.batch_index);
        let accepted_ms = self.accepted_ms(stage, hash);
        Ok(TransactionStatus { stage, location: Some((number, index)), batch, accepted_ms })
    }

    /// Asked after the stage: what is seen in the pool has a time.
    fn accepted_ms(&self, stage: Stage, hash: &B256) -> Option<u64> {
        if stage == Stage::Unknown { None } else { self.shared.door.arrival_ms(hash) }
    }

    /// One batch.
    pub fn batch(&self, index: u64) -> Result<Option<BatchRecord>, StoreError> {
        self.shared.chain.store().batch(index)
    }

    /// Runs `work` on the state after a block; blocks that are made meanwhile do not change it.
    pub fn with_state<T>(
        &self,
        number: u64,
        work: impl FnOnce(&dyn StateView, &BlockHeader) -> T,
    ) -> Result<T, StateError> {
        self.with_roots(number, |view, header, _| work(view, header))
    }

    /// [`Backend::with_state`], with roots of that state after changes that are not made.
    pub fn with_roots<T>(
        &self,
        number: u64,
        work: impl FnOnce(&dyn StateView, &BlockHeader, &Roots<'_>) -> T,
    ) -> Result<T, StateError> {
        let chain = &self.shared.chain;
        let Parent { header: newest, .. } = chain.tip().parent;
        if number > newest.number {
            return Err(StateError::NoBlock(number));
        }
        let kept = self.shared.limits.history_blocks;
        let snapshot = chain.snapshot(number)?.ok_or(StateError::TooOld { number, kept })?;
        let header = if number == newest.number {
            newest
        } else {
            chain.store().block(number)?.ok_or(StateError::NoBlock(number))?.header
        };
        let root_after = |changes: &Changes| match self.dialect().root_after(number, changes) {
            Some(root) => Ok(root),
            None => snapshot.root_after(changes),
        };
        Ok(work(&snapshot, &header, &root_after))
    }

    /// Waits until a transaction is in a durable block. `Ok(false)`: not within the time.
    pub async fn wait_included(&self, hash: B256, limit: Duration) -> Result<bool, PoolError> {
        let waiter = self.shared.chain.wait_for(hash);
        let unavailable = |error: StoreError| PoolError::Unavailable(error.to_string());
        if self.locate(&hash).map_err(unavailable)?.is_some() {
            return Ok(true);
        }
        let Some(mut waiter) = waiter else {
            let limit = self.shared.limits.max_waiters;
            return Err(PoolError::Unavailable(format!("{limit} callers wait for receipts (max_waiters)")));
        };
        Ok(tokio::time::timeout(limit, waiter.included()).await.unwrap_or(false))
    }
}
