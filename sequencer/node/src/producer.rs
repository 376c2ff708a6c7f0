//! Makes blocks: as soon as something waits and the last block is done, no faster than configured, none while idle.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use weft_execution::block::Refusal;
use weft_execution::parallel::Engine;
use weft_execution::{BlockBuilder, Missing, StateView};
use weft_primitives::{Address, InboxItem, Transaction};
use weft_service::Shutdown;
use weft_service::clock::Clock;

use crate::backend::Backend;
use crate::chain::{ChainError, FullBlock};
use crate::figures;
use crate::mempool::{AccountState, Select};
use crate::order::{Heat, arrange};
use crate::store::StoreError;

/// How often the disk is looked at.
const DISK_CHECK: Duration = Duration::from_secs(2);

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
}

/// The only writer of the chain.
pub struct Producer {
    backend: Backend,
    clock: Arc<dyn Clock>,
    engine: Engine,
    pub(crate) heat: Heat,
    last_block: Option<Instant>,
    last_disk_check: Option<Instant>,
}

impl Producer {
    /// For a backend's chain and pool.
    pub fn new(backend: Backend, clock: Arc<dyn Clock>) -> Self {
        let (engine, heat) = (Engine::on_all_threads(), Heat::default());
        Self { backend, clock, engine, heat, last_block: None, last_disk_check: None }
    }

    /// Makes blocks until shutdown. After an error the process must stop.
    pub fn run(mut self, runtime: &Handle, shutdown: &Shutdown) -> Result<(), ProducerError> {
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
            self.make_block(&inbox)?;
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
        let cursor = self.backend.chain().tip().inbox_cursor;
        let most = self.backend.limits().block_max_inbox_items;
        self.backend.chain().store().inbox(cursor, most)
    }

    /// Makes one block of the inbox items and the pool's best; none if nothing of it can be executed.
    pub fn make_block(&mut self, inbox: &[InboxItem]) -> Result<Option<Arc<FullBlock>>, ProducerError> {
        let start = Instant::now();
        let chain = self.backend.chain().clone();
        let tip = chain.tip();
        let timestamp = tip.parent.header.timestamp.max(self.clock.now_ms() / 1_000);
        let limits = self.backend.limits();
        let (built, consumed, refusals) = {
            let world = chain.world();
            let mut builder = BlockBuilder::new(chain.config(), &tip.parent, timestamp, &*world)?;
            if limits.block_access_lists {
                builder = builder.with_access_list();
            }
            let consumed = builder.inbox(inbox)?;
            // What the inbox has left: all that is chosen has room, in whatever order.
            let (count, bytes) = (limits.block_max_transactions, limits.block_max_bytes);
            let candidates = self.backend.pool().select(Select { count, bytes, gas: builder.gas_left() });
            let base_fee = chain.config().next_base_fee(&tip.parent.header);
            let candidates = arrange(candidates, base_fee, &self.heat);
            let (built, refusals) = builder.fill(candidates, &mut self.engine)?;
            let idle = built.body.transactions.is_empty() && consumed == 0;
            ((!idle).then_some(built), consumed, refusals)
        };
        if let Some(built) = &built {
            figures::metrics::executed(&built.stats);
            self.heat.learn(&built.stats);
        }
        let executed = start.elapsed();
        let full = built.map(|built| chain.commit(built, &inbox[..consumed])).transpose()?;
        if let Some(full) = &full {
            self.engine.applied(full.block.header.state_root);
        }
        self.advance_pool(full.as_deref(), refusals)?;
        if let Some(full) = &full {
            report(full, executed, start.elapsed());
        }
        Ok(full)
    }

    /// The pool follows the chain.
    fn advance_pool(&self, full: Option<&FullBlock>, refusals: Vec<Refusal>) -> Result<(), ProducerError> {
        let chain = self.backend.chain();
        let base_fee = chain.config().next_base_fee(&chain.tip().parent.header);
        let included = full.map(|full| &full.block.body.transactions[..]).unwrap_or_default();
        let mut touched: HashSet<Address> = included.iter().map(Transaction::sender).collect();
        touched.extend(refusals.iter().map(|refusal| refusal.transaction.sender()));
        let mut pool = self.backend.pool();
        let world = chain.world();
        let mut accounts = HashMap::new();
        for address in touched {
            let stored = world.account(address)?.map(|stored| stored.account).unwrap_or_default();
            accounts.insert(address, AccountState { nonce: stored.nonce, balance: stored.balance });
        }
        drop(world);
        pool.advance(accounts, base_fee);
        for Refusal { transaction, reason, .. } in refusals {
            if !reason.may_heal() {
                tracing::debug!(hash = %transaction.hash(), %reason, "transaction dropped");
                metrics::counter!("weft_sequencer_transactions_dropped_total").increment(1);
                pool.drop_invalid(transaction.hash());
            }
        }
        metrics::gauge!("weft_sequencer_pool_transactions").set(pool.len() as f64);
        Ok(())
    }
}

fn report(full: &FullBlock, executed: Duration, total: Duration) {
    let header = &full.block.header;
    let count = full.block.body.transactions.len();
    metrics::counter!("weft_sequencer_blocks_total").increment(1);
    metrics::counter!("weft_sequencer_transactions_executed_total").increment(count as u64);
    metrics::counter!("weft_sequencer_gas_used_total").increment(header.gas_used);
    metrics::gauge!("weft_sequencer_latest_block").set(header.number as f64);
    metrics::histogram!("weft_sequencer_block_execute_seconds").record(executed.as_secs_f64());
    metrics::histogram!("weft_sequencer_block_total_seconds").record(total.as_secs_f64());
    tracing::debug!(number = header.number, transactions = count, gas = header.gas_used, ?total, "block");
}
