//! What the servers (gRPC and JSON-RPC) may ask and do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy_consensus::Transaction as _;
use tokio::sync::{Notify, broadcast, watch};
use weft_execution::access::BlockAccessList;
use weft_execution::{Missing, Parent, Past, Receipt, StateView, intrinsic_gas, max_transaction_gas};
use weft_primitives::{Address, B256, BlockHeader, Bytes, ChainConfig, Transaction};

use crate::chain::{Chain, FullBlock, Heads};
use crate::config::{Config, Limits, PoolLimits, RpcConfig};
use crate::mempool::{AccountState, Pool, PoolError};
use crate::store::{BatchRecord, BatchStage, StoreError, StoredBlock};

/// Cheap to clone; shared by all servers.
#[derive(Clone)]
pub struct Backend {
    shared: Arc<Shared>,
}

struct Shared {
    chain: Arc<Chain>,
    pool: Mutex<Pool>,
    pool_limits: PoolLimits,
    limits: Limits,
    rpc: RpcConfig,
    data_dir: std::path::PathBuf,
    signer: Address,
    /// Wakes the producer.
    work: Notify,
    /// Why admission is closed, if it is.
    backpressure: watch::Sender<Option<String>>,
    disk_full: AtomicBool,
    accepted: broadcast::Sender<B256>,
}

/// Hashes of accepted transactions that a subscriber may be behind.
const BROADCAST_TRANSACTIONS: usize = 16_384;

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
}

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
    /// Over a chain.
    pub fn new(chain: Arc<Chain>, config: &Config) -> Self {
        let base_fee = config.chain.next_base_fee(&chain.tip().parent.header);
        Self {
            shared: Arc::new(Shared {
                chain,
                pool: Mutex::new(Pool::new(config.mempool, base_fee)),
                pool_limits: config.mempool,
                limits: config.limits,
                rpc: config.rpc.clone(),
                data_dir: config.data_dir.clone(),
                signer: config.signer.address(),
                work: Notify::new(),
                backpressure: watch::channel(None).0,
                disk_full: AtomicBool::new(false),
                accepted: broadcast::channel(BROADCAST_TRANSACTIONS).0,
            }),
        }
    }

    /// The chain.
    pub fn chain(&self) -> &Arc<Chain> {
        &self.shared.chain
    }

    /// The chain's configuration.
    pub fn config(&self) -> &ChainConfig {
        self.shared.chain.config()
    }

    /// The node's limits.
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// JSON-RPC's limits.
    pub fn rpc_config(&self) -> &RpcConfig {
        &self.shared.rpc
    }

    /// Who signs the commitments.
    pub fn signer(&self) -> Address {
        self.shared.signer
    }

    /// Newest block of each kind.
    pub fn heads(&self) -> Heads {
        self.shared.chain.heads()
    }

    /// The pool, locked: be quick.
    pub fn pool(&self) -> MutexGuard<'_, Pool> {
        self.shared.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the producer.
    pub fn work(&self) -> &Notify {
        &self.shared.work
    }

    /// Hashes of transactions as they are accepted.
    pub fn subscribe_accepted(&self) -> broadcast::Receiver<B256> {
        self.shared.accepted.subscribe()
    }

    /// Closes admission with a reason, or opens it.
    pub fn set_backpressure(&self, reason: Option<String>) {
        self.shared.backpressure.send_if_modified(|now| {
            let changed = now.is_some() != reason.is_some();
            *now = reason;
            changed
        });
    }

    /// Looks at the disk; the producer does so now and then.
    pub fn check_disk(&self) {
        let free = weft_service::disk::free_bytes(&self.shared.data_dir);
        let full = free.is_some_and(|bytes| bytes < self.shared.limits.store_min_free_bytes);
        self.shared.disk_full.store(full, Ordering::Relaxed);
    }

    fn admission(&self) -> Result<(), PoolError> {
        if self.shared.disk_full.load(Ordering::Relaxed) {
            let limit = self.shared.limits.store_min_free_bytes;
            let reason = format!("less than store.min_free_bytes = {limit} bytes of disk are free");
            return Err(PoolError::Backpressure(reason));
        }
        match &*self.shared.backpressure.borrow() {
            Some(reason) => Err(PoolError::Backpressure(reason.clone())),
            None => Ok(()),
        }
    }

    /// Decodes a transaction, recovers its sender, and puts it into the pool. Takes about 50 us of a core.
    pub fn submit(&self, raw: Bytes) -> Result<B256, PoolError> {
        let result = self.admission().and_then(|()| self.admit(raw));
        match &result {
            Ok(hash) => {
                metrics::counter!("weft_sequencer_transactions_accepted_total").increment(1);
                // Nobody may be subscribed.
                let _ = self.shared.accepted.send(*hash);
            }
            Err(error) => {
                metrics::counter!("weft_sequencer_transactions_refused_total", "reason" => error.reason()).increment(1);
            }
        }
        result
    }

    fn admit(&self, raw: Bytes) -> Result<B256, PoolError> {
        let chain = self.config();
        let transaction = Transaction::decode(raw, chain.chain_id())?;
        self.check(&transaction)?;
        // The pool first, then the state: the producer takes them in the same order.
        let mut pool = self.pool();
        let account = self.account(transaction.sender())?;
        let hash = pool.add(transaction, account)?;
        let ready = pool.has_ready();
        drop(pool);
        if ready {
            self.shared.work.notify_one();
        }
        Ok(hash)
    }

    /// Rules that depend on the transaction alone.
    fn check(&self, transaction: &Transaction) -> Result<(), PoolError> {
        let chain = self.config();
        let envelope = transaction.envelope();
        if !self.shared.pool_limits.allow_unprotected && !transaction.is_replay_protected() {
            return Err(PoolError::Unprotected);
        }
        let (fee, tip) = (envelope.max_fee_per_gas(), envelope.max_priority_fee_per_gas().unwrap_or_default());
        if tip > fee {
            return Err(PoolError::TipAboveFeeCap);
        }
        let floor = chain.params().min_base_fee_per_gas;
        if fee < u128::from(floor) {
            return Err(PoolError::FeeTooLow { got: fee, floor });
        }
        let timestamp = self.shared.chain.tip().parent.header.timestamp;
        let (got, limit) = (envelope.gas_limit(), max_transaction_gas(chain, timestamp));
        if got > limit {
            return Err(PoolError::GasLimit { got, limit });
        }
        let needed = intrinsic_gas(chain, timestamp, transaction);
        if got < needed {
            return Err(PoolError::IntrinsicGas { got, needed });
        }
        Ok(())
    }

    /// An account in the newest state.
    pub fn account(&self, address: Address) -> Result<AccountState, PoolError> {
        let stored = self.shared.chain.world().account(address);
        let stored = stored.map_err(|missing| PoolError::Unavailable(missing.to_string()))?;
        Ok(stored.map_or_else(AccountState::default, |stored| AccountState {
            nonce: stored.account.nonce,
            balance: stored.account.balance,
        }))
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
            return Ok(TransactionStatus { stage, location: None, batch: None });
        };
        let batch = self.shared.chain.store().batch_of(number)?.filter(|batch| batch.stage >= BatchStage::Posted);
        let stage = match batch.as_ref().map(|batch| batch.stage) {
            None | Some(BatchStage::Sealed | BatchStage::Published | BatchStage::Rejected) => Stage::Executed,
            Some(BatchStage::Posted) => Stage::Posted,
            Some(BatchStage::Available) => Stage::Available,
            Some(BatchStage::Finalized) => Stage::Finalized,
        };
        let batch = batch.map(|batch| batch.header.batch_index);
        Ok(TransactionStatus { stage, location: Some((number, index)), batch })
    }

    /// One batch.
    pub fn batch(&self, index: u64) -> Result<Option<BatchRecord>, StoreError> {
        self.shared.chain.store().batch(index)
    }

    /// Runs `work` on the state after a block. The newest state is locked meanwhile: no block can be made.
    pub fn with_state<T>(
        &self,
        number: u64,
        work: impl FnOnce(&dyn StateView, &BlockHeader) -> T,
    ) -> Result<T, StateError> {
        let chain = &self.shared.chain;
        let world = chain.world();
        let Parent { header, .. } = chain.tip().parent;
        if number == header.number {
            return Ok(work(&*world, &header));
        }
        if number > header.number {
            return Err(StateError::NoBlock(number));
        }
        let kept = self.shared.limits.history_blocks;
        let undos = chain.undos_since(number)?.ok_or(StateError::TooOld { number, kept })?;
        let header = chain.store().block(number)?.ok_or(StateError::NoBlock(number))?.header;
        let past: Past<'_> = world.past(undos.iter().map(|undo| &**undo));
        Ok(work(&past, &header))
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
