//! The pool itself: a pure state machine. The account's state at admission is an input.

use std::collections::{BTreeSet, BinaryHeap};

use alloy_consensus::Transaction as _;
use alloy_primitives::map::HashMap;
use weft_primitives::{Address, B256, Transaction, U256};

use super::PoolError;
use super::queue::{Entry, Queue, Rank, cost};
use crate::config::PoolLimits;

/// An account as the newest block leaves it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountState {
    /// Next nonce.
    pub nonce: u64,
    /// In wei.
    pub balance: U256,
}

/// How full the pool is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolCounts {
    /// Could be in the next blocks.
    pub pending: usize,
    /// Wait for an earlier nonce.
    pub queued: usize,
    /// Bytes of both.
    pub bytes: usize,
}

/// How much a block takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Select {
    /// Transactions.
    pub count: usize,
    /// Bytes of them.
    pub bytes: usize,
    /// Sum of their gas limits.
    pub gas: u64,
}

/// The pool.
#[derive(Debug)]
pub struct Pool {
    limits: PoolLimits,
    base_fee: u64,
    senders: HashMap<Address, Queue>,
    by_hash: HashMap<B256, (Address, u64)>,
    /// Next transaction of each sender that has one which pays the base fee.
    ready: BTreeSet<Rank>,
    /// Last transaction of each sender: the least is given up first.
    tails: BTreeSet<Rank>,
    bytes: usize,
}

impl Pool {
    /// An empty pool; `base_fee` is that of the next block.
    pub fn new(limits: PoolLimits, base_fee: u64) -> Self {
        Self {
            limits,
            base_fee,
            senders: HashMap::default(),
            by_hash: HashMap::default(),
            ready: BTreeSet::new(),
            tails: BTreeSet::new(),
            bytes: 0,
        }
    }

    /// Takes a transaction, or says why not; then nothing has changed. `arrival` is its place in the order of arrival,
    /// which no other has.
    pub fn add(&mut self, transaction: Transaction, account: AccountState, arrival: u64) -> Result<B256, PoolError> {
        let (hash, sender, nonce) = (transaction.hash(), transaction.sender(), transaction.nonce());
        if self.by_hash.contains_key(&hash) {
            return Err(PoolError::AlreadyKnown);
        }
        if nonce < account.nonce {
            return Err(PoolError::NonceTooLow { got: nonce, next: account.nonce });
        }
        let limit = self.limits.max_nonce_gap;
        if nonce - account.nonce > limit {
            return Err(PoolError::NonceTooFar { got: nonce, next: account.nonce, limit });
        }
        self.affordable(&transaction, account)?;
        let replaced = self.replaces(&transaction)?;
        if !replaced {
            self.make_room(&transaction)?;
        }
        self.unlink(sender);
        let queue = self.senders.entry(sender).or_default();
        queue.next = queue.next.max(account.nonce);
        self.bytes += transaction.raw().len();
        self.by_hash.insert(hash, (sender, nonce));
        if let Some(old) = queue.entries.insert(nonce, Entry { transaction, arrival }) {
            self.lose(&old);
        }
        self.link(sender);
        Ok(hash)
    }

    fn affordable(&self, transaction: &Transaction, account: AccountState) -> Result<(), PoolError> {
        let queue = self.senders.get(&transaction.sender());
        let others = queue.map(|queue| queue.cost_without(account.nonce, transaction.nonce()));
        let needed = cost(transaction).saturating_add(others.unwrap_or_default());
        if needed > account.balance {
            return Err(PoolError::InsufficientFunds { balance: account.balance, needed });
        }
        Ok(())
    }

    /// Whether it takes the place of another.
    fn replaces(&self, transaction: &Transaction) -> Result<bool, PoolError> {
        let queue = self.senders.get(&transaction.sender());
        let Some(old) = queue.and_then(|queue| queue.entries.get(&transaction.nonce())) else { return Ok(false) };
        let bump_percent = self.limits.price_bump_percent;
        let enough = |new: u128, old: u128| new >= old.saturating_add(old.saturating_mul(bump_percent).div_ceil(100));
        let (new, old) = (transaction.envelope(), old.transaction.envelope());
        let tip = |envelope: &weft_primitives::transaction::Envelope| {
            envelope.max_priority_fee_per_gas().unwrap_or_else(|| envelope.max_fee_per_gas())
        };
        if enough(new.max_fee_per_gas(), old.max_fee_per_gas()) && enough(tip(new), tip(old)) {
            Ok(true)
        } else {
            Err(PoolError::ReplacementUnderpriced { bump_percent })
        }
    }

    /// Gives up worse transactions until there is room for this one.
    fn make_room(&mut self, transaction: &Transaction) -> Result<(), PoolError> {
        let limit = self.limits.max_per_sender;
        if self.senders.get(&transaction.sender()).is_some_and(|queue| queue.entries.len() >= limit) {
            return Err(PoolError::SenderFull { limit });
        }
        let tip = transaction.envelope().effective_tip_per_gas(self.base_fee).unwrap_or_default();
        let mut victims = Vec::new();
        let (mut count, mut bytes) = (self.by_hash.len() + 1, self.bytes + transaction.raw().len());
        let mut tails = self.tails.iter();
        loop {
            let full = match () {
                () if count > self.limits.max_transactions => {
                    ("mempool.max_transactions", self.limits.max_transactions)
                }
                () if bytes > self.limits.max_bytes => ("mempool.max_bytes", self.limits.max_bytes),
                () => break,
            };
            let worst = tails.next().filter(|rank| rank.tip < tip && rank.sender != transaction.sender());
            let Some(worst) = worst else { return Err(PoolError::Full { key: full.0, limit: full.1 }) };
            let size = self.senders[&worst.sender].entries[&worst.nonce].transaction.raw().len();
            count -= 1;
            bytes -= size;
            victims.push((worst.sender, worst.nonce));
        }
        for (sender, nonce) in victims {
            self.remove(sender, nonce);
        }
        Ok(())
    }

    /// The best transactions for the next block, in the order in which they are to run. They stay in the pool.
    pub fn select(&self, most: Select) -> Vec<Transaction> {
        let mut chosen: Vec<Transaction> = Vec::new();
        let (mut bytes, mut gas) = (0, 0u64);
        let mut heads = self.ready.iter().rev().copied().peekable();
        // Followers of what was chosen; with the heads that come in order, the best is always on one of both tops.
        let mut followers: BinaryHeap<Rank> = BinaryHeap::new();
        while chosen.len() < most.count {
            let rank = match (heads.peek(), followers.peek()) {
                (None, None) => break,
                (Some(head), Some(follower)) if head < follower => followers.pop(),
                (Some(_), _) => heads.next(),
                (None, Some(_)) => followers.pop(),
            };
            let Some(rank) = rank else { break };
            let queue = &self.senders[&rank.sender];
            let transaction = &queue.entries[&rank.nonce].transaction;
            bytes += transaction.raw().len();
            gas = gas.saturating_add(transaction.envelope().gas_limit());
            if !chosen.is_empty() && (bytes > most.bytes || gas > most.gas) {
                break;
            }
            chosen.push(transaction.clone());
            if let Some(next) = queue.entries.get(&(rank.nonce + 1)).filter(|next| next.pays(self.base_fee)) {
                followers.push(next.rank(self.base_fee));
            }
        }
        chosen
    }

    /// A block is executed: the accounts that it touched are now so, and the next block has this base fee. What was
    /// executed stays, and is chosen no more, until [`Pool::forget`]: nobody can find it elsewhere before.
    pub fn advance(&mut self, accounts: impl IntoIterator<Item = (Address, AccountState)>, base_fee: u64) {
        for (sender, account) in accounts {
            let Some(queue) = self.senders.get_mut(&sender) else { continue };
            // The same transaction is the last.
            let before = queue.next_rank(self.base_fee);
            queue.next = account.nonce;
            let after = queue.next_rank(self.base_fee);
            if let Some(rank) = before {
                self.ready.remove(&rank);
            }
            self.ready.extend(after);
        }
        if base_fee != self.base_fee {
            self.base_fee = base_fee;
            self.rebuild();
        }
    }

    /// What is below these nonces can be found in blocks from now on.
    pub fn forget(&mut self, nonces: impl IntoIterator<Item = (Address, u64)>) {
        for (sender, nonce) in nonces {
            let Some(queue) = self.senders.get_mut(&sender) else { continue };
            let mut done = Vec::new();
            // Neither the first that could run nor the last is among them, if there is one.
            while let Some(first) = queue.entries.first_entry().filter(|first| *first.key() < nonce) {
                done.push(first.remove());
            }
            if queue.entries.is_empty() {
                self.senders.remove(&sender);
                let last = done.last().map(|last| last.rank(self.base_fee));
                last.map(|rank| self.tails.remove(&rank));
            }
            done.iter().for_each(|entry| self.lose(entry));
        }
    }

    /// Drops a transaction that cannot run; what follows it is parked.
    pub fn drop_invalid(&mut self, hash: B256) {
        if let Some((sender, nonce)) = self.by_hash.get(&hash).copied() {
            self.remove(sender, nonce);
        }
    }

    /// A waiting transaction.
    pub fn get(&self, hash: &B256) -> Option<&Transaction> {
        let (sender, nonce) = self.by_hash.get(hash)?;
        Some(&self.senders.get(sender)?.entries.get(nonce)?.transaction)
    }

    /// Whether a waiting transaction waits for an earlier nonce.
    pub fn is_queued(&self, hash: &B256) -> Option<bool> {
        let (sender, nonce) = self.by_hash.get(hash)?;
        Some(*nonce >= self.senders.get(sender)?.pending_nonce())
    }

    /// The next nonce of an account, waiting transactions counted; `None` if none waits.
    pub fn pending_nonce(&self, sender: &Address) -> Option<u64> {
        self.senders.get(sender).map(Queue::pending_nonce)
    }

    /// Whether a block could be made.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// How full the pool is. Takes time in proportion to its senders.
    pub fn counts(&self) -> PoolCounts {
        let pending = self.senders.values().map(Queue::ready).sum();
        let waiting: usize = self.senders.values().map(Queue::waiting).sum();
        PoolCounts { pending, queued: waiting - pending, bytes: self.bytes }
    }

    /// Transactions in the pool.
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }

    /// All waiting transactions of all senders, and whether each waits for an earlier nonce.
    pub fn iter(&self) -> impl Iterator<Item = (&Transaction, bool)> {
        self.senders.values().flat_map(|queue| {
            let pending = queue.pending_nonce();
            queue.entries.values().map(move |entry| (&entry.transaction, entry.transaction.nonce() >= pending))
        })
    }

    fn remove(&mut self, sender: Address, nonce: u64) {
        self.unlink(sender);
        if let Some(entry) = self.senders.get_mut(&sender).and_then(|queue| queue.entries.remove(&nonce)) {
            self.lose(&entry);
        }
        self.link(sender);
    }

    fn lose(&mut self, entry: &Entry) {
        self.by_hash.remove(&entry.transaction.hash());
        self.bytes -= entry.transaction.raw().len();
    }

    /// Takes a sender out of the orders, before its queue changes.
    fn unlink(&mut self, sender: Address) {
        let Some(queue) = self.senders.get(&sender) else { return };
        let ranks = [queue.head(), queue.tail()].map(|entry| entry.map(|entry| entry.rank(self.base_fee)));
        if let Some(head) = ranks[0] {
            self.ready.remove(&head);
        }
        if let Some(tail) = ranks[1] {
            self.tails.remove(&tail);
        }
    }

    /// Puts a sender into the orders, after its queue changed.
    fn link(&mut self, sender: Address) {
        let Some(queue) = self.senders.get(&sender) else { return };
        if queue.entries.is_empty() {
            self.senders.remove(&sender);
            return;
        }
        let head = queue.next_rank(self.base_fee);
        let tail = queue.tail().map(|entry| entry.rank(self.base_fee));
        self.ready.extend(head);
        self.tails.extend(tail);
    }

    /// The base fee has changed, and with it every rank.
    fn rebuild(&mut self) {
        self.ready.clear();
        self.tails.clear();
        let senders: Vec<Address> = self.senders.keys().copied().collect();
        senders.into_iter().for_each(|sender| self.link(sender));
    }
}

#[cfg(test)]
impl Pool {
    /// Whether all that is kept beside the queues is what follows from them.
    pub(super) fn is_sound(&self) -> bool {
        let queues = || self.senders.values();
        let entries = || queues().flat_map(|queue| queue.entries.values());
        let ready: BTreeSet<Rank> = queues().filter_map(|queue| queue.next_rank(self.base_fee)).collect();
        let tails: BTreeSet<Rank> = queues().filter_map(Queue::tail).map(|entry| entry.rank(self.base_fee)).collect();
        let known = entries().all(|entry| self.by_hash.contains_key(&entry.transaction.hash()));
        self.ready == ready
            && self.tails == tails
            && known
            && self.by_hash.len() == entries().count()
            && self.bytes == entries().map(|entry| entry.transaction.raw().len()).sum::<usize>()
            && queues().all(|queue| !queue.entries.is_empty())
    }
}
