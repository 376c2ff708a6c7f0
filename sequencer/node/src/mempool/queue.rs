//! The waiting transactions of one sender, by nonce.

use std::collections::BTreeMap;

use alloy_consensus::Transaction as _;
use weft_primitives::{Address, Transaction, U256};

/// The order of transactions that could run next: the greatest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) tip: u128,
    earlier: std::cmp::Reverse<u64>,
    pub(super) sender: Address,
    pub(super) nonce: u64,
}

/// A waiting transaction.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) transaction: Transaction,
    /// Order of arrival over the whole pool.
    pub(super) arrival: u64,
}

impl Entry {
    /// Wei a gas for the sequencer at a base fee; 0 if it cannot run at it.
    pub(super) fn tip(&self, base_fee: u64) -> u128 {
        self.transaction.envelope().effective_tip_per_gas(base_fee).unwrap_or_default()
    }

    /// Whether it can run at a base fee.
    pub(super) fn pays(&self, base_fee: u64) -> bool {
        self.transaction.envelope().max_fee_per_gas() >= u128::from(base_fee)
    }

    /// Its place in the order at a base fee.
    pub(super) fn rank(&self, base_fee: u64) -> Rank {
        Rank {
            tip: self.tip(base_fee),
            earlier: std::cmp::Reverse(self.arrival),
            sender: self.transaction.sender(),
            nonce: self.transaction.nonce(),
        }
    }

    /// Most wei that it can take from the sender.
    pub(super) fn cost(&self) -> U256 {
        cost(&self.transaction)
    }
}

/// Most wei that a transaction can take from its sender.
pub(super) fn cost(transaction: &Transaction) -> U256 {
    let envelope = transaction.envelope();
    let gas = U256::from(envelope.gas_limit()) * U256::from(envelope.max_fee_per_gas());
    gas.saturating_add(envelope.value())
}

/// One sender's transactions.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    /// The account's next nonce.
    pub(super) next: u64,
    pub(super) entries: BTreeMap<u64, Entry>,
}

impl Queue {
    /// The transaction that could run next.
    pub(super) fn head(&self) -> Option<&Entry> {
        self.entries.get(&self.next)
    }

    /// Its place in the order, if it pays the base fee.
    pub(super) fn next_rank(&self, base_fee: u64) -> Option<Rank> {
        self.head().filter(|head| head.pays(base_fee)).map(|head| head.rank(base_fee))
    }

    /// The transaction with the highest nonce: what is given up first.
    pub(super) fn tail(&self) -> Option<&Entry> {
        self.entries.last_key_value().map(|(_, entry)| entry)
    }

    /// Transactions that are not executed.
    pub(super) fn waiting(&self) -> usize {
        self.entries.range(self.next..).count()
    }

    /// Transactions that can run one after the other from now.
    pub(super) fn ready(&self) -> usize {
        self.entries.range(self.next..).zip(self.next..).take_while(|((nonce, _), next)| **nonce == *next).count()
    }

    /// The first nonce that no waiting transaction has, counting from the account's.
    pub(super) fn pending_nonce(&self) -> u64 {
        self.next + self.ready() as u64
    }

    /// Wei that those from nonce `from` on can take, without the one at `except`. Earlier ones are done: the balance
    /// is what they have left.
    pub(super) fn cost_without(&self, from: u64, except: u64) -> U256 {
        let others = self.entries.range(from..).filter(|(nonce, _)| **nonce != except);
        others.fold(U256::ZERO, |sum, (_, entry)| sum.saturating_add(entry.cost()))
    }
}
