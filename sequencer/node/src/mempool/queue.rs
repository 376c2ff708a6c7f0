//! The waiting transactions of one sender, by nonce.

use std::collections::BTreeMap;

use alloy_consensus::Transaction as _;
use weft_primitives::{Transaction, U256};

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
