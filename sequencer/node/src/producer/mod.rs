//! Makes blocks: as soon as something waits and the last block is executed, no faster than configured, none while idle.
//!
//! Two threads, so that the disk is waited for by blocks, not by the execution
//! of the next: one chooses, executes and extends the state ([`Producer`]), the
//! other makes durable what has been made meanwhile, in one write
//! ([`writer`]).

#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use alloy_primitives::map::{HashMap, HashSet};
use tokio::runtime::Handle;
use weft_execution::block::Refusal;
use weft_execution::parallel::Engine;
use weft_execution::{BlockBuilder, Missing, StateView};
use weft_primitives::{Address, InboxItem, Transaction};
use weft_service::Shutdown;
use weft_service::clock::Clock;

use crate::backend::Backend;
use crate::chain::{ChainError, FullBlock, Tip};
use crate::figures;
use crate::mempool::{AccountState, Select};
use crate::order::{Heat, arrange};
use crate::store::StoreError;
use writer::{ToWrite, write, write_all};

/// How often the disk is looked at.
const DISK_CHECK: Duration = Duration::from_secs(2);

/// Blocks that wait to be written while another is, at most. More would only be smaller: what comes meanwhile is in the
/// next block all the same.
const MOST_WAITING: usize = 1;

/// Why production ended.
#[derive(Debug, thiserror::Error)]
pub enum ProducerError {
    /// State or disk failed: what was being written may or may not be there.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A part of the state is not there.
    #[error("missing {0}")]
    Missing(#[from] Missing),
    /// The system gives no thread.
    #[error("thread: {0}")]
    Thread(#[from] std::io::Error),
    /// Writing panicked.
    #[error("writing panicked; see the log")]
    Panicked,
}

/// The only one who makes the chain grow.
pub struct Producer {
    backend: Backend,
    clock: Arc<dyn Clock>,
    engine: Engine,
    pub(crate) heat: Heat,
    /// The newest block, durable or not.
    tip: Tip,
    last_block: Option<Instant>,
    last_disk_check: Option<Instant>,
}

impl Producer {
    /// For a backend's chain and pool.
    pub fn new(backend: Backend, clock: Arc<dyn Clock>) -> Self {
        let (engine, heat) = (Engine::on_all_threads(), Heat::default());
        let tip = backend.chain().tip();
        Self { backend, clock, engine, heat, tip, last_block: None, last_disk_check: None }
    }

    /// Makes one block and waits until it is durable; none if nothing of what waits can be executed.
    pub fn make_block(&mut self, inbox: &[InboxItem]) -> Result<Option<Arc<FullBlock>>, ProducerError> {
        let Some(made) = self.make(inbox)? else { return Ok(None) };
        Ok(write_all(&self.backend, vec![made])?.pop())
    }

    /// Makes blocks until shutdown, while others are written. After an error the process must stop.
    pub fn run(mut self, runtime: &Handle, shutdown: &Shutdown) -> Result<(), ProducerError> {
        let (sender, receiver) = sync_channel(MOST_WAITING);
        let (backend, stop) = (self.backend.clone(), shutdown.child());
        // Nothing is made any more that cannot be written, whether that failed or panicked.
        let ends = stop.clone().trigger_on_drop();
        let writer = std::thread::Builder::new().name("write-blocks".to_owned());
        let writer = writer.spawn(move || {
            let _ends = ends;
            write(&backend, &receiver)
        })?;
        let made = self.make_blocks(runtime, &stop, sender);
        // What was made is written before this ends.
        let written = writer.join().map_err(|_| ProducerError::Panicked)?;
        written.and(made)
    }

    /// Makes blocks until it is stopped.
    fn make_blocks(
        &mut self,
        runtime: &Handle,
        shutdown: &Shutdown,
        writer: SyncSender<ToWrite>,
    ) -> Result<(), ProducerError> {
        let interval = Duration::from_millis(self.backend.limits().block_min_interval_ms);
        while !shutdown.is_triggered() {
            self.check_disk();
            let inbox = self.inbox()?;
            if inbox.is_empty() && !self.backend.pool().has_ready() {
                self.wait(runtime, shutdown);
                continue;
            }
            if let Some(rest) = self.last_block.and_then(|at| interval.checked_sub(at.elapsed())) {
                std::thread::sleep(rest);
            }
            self.last_block = Some(Instant::now());
            if let Some(made) = self.make(&inbox)?
                && writer.send(made).is_err()
            {
                break;
            }
        }
        Ok(())
    }

    /// Sleeps until there is work, or the disk is to be looked at again.
    fn wait(&self, runtime: &Handle, shutdown: &Shutdown) {
        runtime.block_on(async {
            tokio::select! {
                () = self.backend.work().notified() => {}
                () = shutdown.wait() => {}
                () = tokio::time::sleep(DISK_CHECK) => {}
            }
        });
    }

    fn check_disk(&mut self) {
        if self.last_disk_check.is_none_or(|at| at.elapsed() >= DISK_CHECK) {
            self.backend.gate().check_disk();
            self.last_disk_check = Some(Instant::now());
        }
    }

    /// Inbox items that wait for this block.
    fn inbox(&self) -> Result<Vec<InboxItem>, StoreError> {
        let most = self.backend.limits().block_max_inbox_items;
        self.backend.chain().store().inbox(self.tip.inbox_cursor, most)
    }

    /// Makes one block of the inbox items and the pool's best; none if nothing of it can be executed.
    fn make(&mut self, inbox: &[InboxItem]) -> Result<Option<ToWrite>, ProducerError> {
        let since = Instant::now();
        let chain = self.backend.chain().clone();
        let parent = &self.tip.parent;
        let timestamp = parent.header.timestamp.max(self.clock.now_ms() / 1_000);
        let limits = self.backend.limits();
        let (built, consumed, refusals) = {
            let world = chain.world();
            let mut builder = BlockBuilder::new(chain.config(), parent, timestamp, &*world)?;
            if limits.block_access_lists {
                builder = builder.with_access_list();
            }
            let consumed = builder.inbox(inbox)?;
            // What the inbox has left: all that is chosen has room, in whatever order.
            let (count, bytes) = (limits.block_max_transactions, limits.block_max_bytes);
            let candidates = self.backend.pool().select(Select { count, bytes, gas: builder.gas_left() });
            let base_fee = chain.config().next_base_fee(&parent.header);
            let candidates = arrange(candidates, base_fee, &self.heat);
            let (built, refusals) = builder.fill(candidates, &mut self.engine)?;
            let idle = built.body.transactions.is_empty() && consumed == 0;
            ((!idle).then_some(built), consumed, refusals)
        };
        let Some(built) = built else {
            // Refused though nothing was executed: a block of before has used the nonce.
            let nonces = self.advance_pool(&[], refusals)?;
            self.backend.pool().forget(nonces);
            return Ok(None);
        };
        figures::metrics::executed(&built.stats);
        self.heat.learn(&built.stats);
        let executed = since.elapsed();
        let made = chain.extend(built, &self.tip, &inbox[..consumed])?;
        self.tip = made.tip();
        self.engine.applied(self.tip.parent.header.state_root);
        let nonces = self.advance_pool(made.transactions(), refusals)?;
        Ok(Some(ToWrite { made, nonces, since, executed }))
    }

    /// The pool follows the chain; the nonces of those who sent what was executed.
    fn advance_pool(
        &self,
        executed: &[Transaction],
        refusals: Vec<Refusal>,
    ) -> Result<Vec<(Address, u64)>, ProducerError> {
        let chain = self.backend.chain();
        let base_fee = chain.config().next_base_fee(&self.tip.parent.header);
        let mut touched: HashSet<Address> = executed.iter().map(Transaction::sender).collect();
        touched.extend(refusals.iter().map(|refusal| refusal.transaction.sender()));
        let mut pool = self.backend.pool();
        let world = chain.world();
        let mut accounts: HashMap<Address, AccountState> = HashMap::default();
        for address in touched {
            let stored = world.account(address)?.map(|stored| stored.account).unwrap_or_default();
            accounts.insert(address, AccountState { nonce: stored.nonce, balance: stored.balance });
        }
        drop(world);
        let nonces = accounts.iter().map(|(address, account)| (*address, account.nonce)).collect();
        pool.advance(accounts, base_fee);
        for Refusal { transaction, reason, .. } in refusals {
            if !reason.may_heal() {
                tracing::debug!(hash = %transaction.hash(), %reason, "transaction dropped");
                metrics::counter!("weft_sequencer_transactions_dropped_total").increment(1);
                pool.drop_invalid(transaction.hash());
            }
        }
        metrics::gauge!("weft_sequencer_pool_transactions").set(pool.len() as f64);
        Ok(nonces)
    }
}
