//! The way into the pool.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::{Notify, broadcast};
use weft_execution::StateView;
use weft_primitives::{Address, B256, Bytes, Transaction};
use weft_service::clock::{Clock, SystemClock};
use weft_service::trace;

use super::arrivals::Arrivals;
use super::queue::Group;
use super::{Gap, Gate, Outcomes, rules};
use crate::chain::Chain;
use crate::config::PoolLimits;
use crate::mempool::{AccountState, Pool, PoolError};
use crate::traces;

/// Hashes of accepted transactions that a subscriber may be behind.
const BROADCAST_TRANSACTIONS: usize = 16_384;

/// The pool, and what decides what comes into it.
pub struct Door {
    /// Whether anything is taken at all.
    pub gate: Gate,
    chain: Arc<Chain>,
    pool: Mutex<Pool>,
    limits: PoolLimits,
    /// Wakes the producer.
    work: Notify,
    accepted: broadcast::Sender<B256>,
    arrivals: Arrivals,
}

impl Door {
    /// To an empty pool.
    pub fn new(chain: Arc<Chain>, limits: PoolLimits, gate: Gate) -> Self {
        let base_fee = chain.config().next_base_fee(&chain.tip().parent.header);
        let pool = Mutex::new(Pool::new(limits, base_fee));
        let accepted = broadcast::channel(BROADCAST_TRANSACTIONS).0;
        Self { gate, chain, pool, limits, work: Notify::new(), accepted, arrivals: Arrivals::default() }
    }

    /// The pool, locked: be quick.
    pub fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the producer.
    pub const fn work(&self) -> &Notify {
        &self.work
    }

    /// Hashes of transactions as they are accepted.
    pub fn subscribe_accepted(&self) -> broadcast::Receiver<B256> {
        self.accepted.subscribe()
    }

    /// When a transaction was accepted, in milliseconds since 1970; `None` if this process does not know.
    pub fn arrival_ms(&self, hash: &B256) -> Option<u64> {
        self.arrivals.of(hash)
    }

    /// Decodes all transactions, recovers their senders, and puts them into the pool. Takes about 40 us of a core for
    /// each.
    pub(super) fn admit(&self, groups: &[Group]) -> Outcomes {
        let timestamp = self.chain.tip().parent.header.timestamp;
        let each = groups.iter().flat_map(|group| {
            (group.arrival..).zip(&group.raw).map(|(arrival, raw)| (arrival, group.gap, self.decode(raw, timestamp)))
        });
        let traced = trace::is_on().then(SystemTime::now);
        // All of them before the lock.
        let decoded: Vec<_> = each.collect();
        let outcomes = self.add(decoded);
        let mut accepted = 0;
        for outcome in &outcomes {
            match outcome {
                Ok(hash) => {
                    accepted += 1;
                    // Nobody may be subscribed.
                    let _ = self.accepted.send(*hash);
                }
                Err(error) => {
                    let reason = error.reason();
                    metrics::counter!("weft_sequencer_transactions_refused_total", "reason" => reason).increment(1);
                }
            }
        }
        metrics::counter!("weft_sequencer_transactions_accepted_total").increment(accepted);
        if let Some(start) = traced {
            traces::admitted(outcomes.iter().flatten(), start);
        }
        outcomes
    }

    fn decode(&self, raw: &Bytes, timestamp: u64) -> Result<Transaction, PoolError> {
        self.gate.pass()?;
        let chain = self.chain.config();
        let transaction = Transaction::decode(raw.clone(), chain.chain_id())?;
        rules::check(&transaction, chain, &self.limits, timestamp)?;
        Ok(transaction)
    }

    fn add(&self, decoded: Vec<(u64, Gap, Result<Transaction, PoolError>)>) -> Outcomes {
        if decoded.iter().all(|(_, _, transaction)| transaction.is_err()) {
            return decoded.into_iter().map(|(_, _, transaction)| transaction.map(|t| t.hash())).collect();
        }
        // The pool first, then the state: the producer takes them in the same order.
        let mut pool = self.pool();
        let world = self.chain.world();
        let mut add = |arrival, gap, transaction: Transaction| {
            let account = account(&*world, transaction.sender())?;
            if gap == Gap::Refuse {
                let waiting = pool.pending_nonce(&transaction.sender()).unwrap_or_default();
                let (got, expected) = (transaction.nonce(), account.nonce.max(waiting));
                if got > expected {
                    return Err(PoolError::NonceGap { got, expected });
                }
            }
            pool.add(transaction, account, arrival)
        };
        let add = |(arrival, gap, transaction): (_, _, Result<_, _>)| add(arrival, gap, transaction?);
        let outcomes: Outcomes = decoded.into_iter().map(add).collect();
        // Before anyone can see them in the pool.
        self.arrivals.note(outcomes.iter().flatten(), SystemClock.now_ms());
        drop(world);
        let ready = pool.has_ready();
        drop(pool);
        if ready {
            self.work.notify_one();
        }
        outcomes
    }
}

fn account(world: &impl StateView, address: Address) -> Result<AccountState, PoolError> {
    let stored = world.account(address).map_err(|missing| PoolError::Unavailable(missing.to_string()))?;
    Ok(stored.map_or_else(AccountState::default, |stored| AccountState {
        nonce: stored.account.nonce,
        balance: stored.account.balance,
    }))
}
