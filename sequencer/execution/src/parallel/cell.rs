//! A place of the state during a block: what is committed, and what transactions in flight would make of it.
//!
//! Invariants: what is pending is in block order and of transactions that are
//! not committed yet; only the committer changes what is committed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy_primitives::{Address, U256};
use smallvec::SmallVec;

use super::value::{AccountWrite, Value};

/// Versions by transaction, in block order.
pub(super) type Pending<T> = SmallVec<[(u32, T); 1]>;

/// The account itself.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) address: Address,
    /// `None`: not read from the state before the block yet.
    pub(super) committed: Option<Value>,
    pub(super) pending: Pending<AccountWrite>,
    /// The block changed more than its storage.
    pub(super) changed: bool,
    /// Storage of before the block does not show through.
    pub(super) wiped: bool,
    /// The cells of its slots.
    pub(super) slots: Vec<u32>,
}

/// One slot of storage.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// The number of its account.
    pub(super) owner: u32,
    pub(super) slot: U256,
    /// `None`: not read from the state before the block yet.
    pub(super) committed: Option<U256>,
    pub(super) pending: Pending<U256>,
    /// The block wrote it.
    pub(super) written: bool,
}

/// Shared by all threads.
#[derive(Debug, Default)]
pub(super) struct Cell<T>(Mutex<T>);

impl<T> Cell<T> {
    /// Nothing that holds this can panic half way, so a poisoned lock is a good one.
    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts a version in its place, instead of an older one of the same transaction.
pub(super) fn publish<T>(pending: &mut Pending<T>, at: u32, version: T) {
    let place = pending.partition_point(|(other, _)| *other < at);
    match pending.get_mut(place) {
        Some((other, old)) if *other == at => *old = version,
        _ => pending.insert(place, (at, version)),
    }
}

/// Removes a transaction's version, if there is one.
pub(super) fn retract<T>(pending: &mut Pending<T>, at: u32) {
    if let Some(place) = pending.iter().position(|(other, _)| *other == at) {
        pending.remove(place);
    }
}

impl Account {
    /// Makes a place that was used before one that nobody has touched.
    pub(super) fn begin(&mut self, address: Address) {
        let mut slots = std::mem::take(&mut self.slots);
        slots.clear();
        *self = Self { address, slots, ..Self::default() };
    }

    /// As the transaction at `at` finds it, if all before it turn out as they did so far.
    pub(super) fn visible(&self, committed: &Value, at: u32, keep_empty: bool) -> Value {
        let mut value = committed.clone();
        for (_, write) in self.pending.iter().take_while(|(other, _)| *other < at) {
            // Where the sum is not there the writer will not be committed like this.
            value = write.apply(&value, keep_empty).unwrap_or(value);
        }
        value
    }
}

impl Slot {
    /// As the transaction at `at` finds it.
    pub(super) fn visible(&self, committed: U256, at: u32) -> U256 {
        self.pending.iter().take_while(|(other, _)| *other < at).last().map_or(committed, |(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::value::Delta;

    #[test]
    fn versions_are_seen_from_behind_only() {
        let mut slot = Slot::default();
        for (at, value) in [(5, 50), (2, 20), (9, 90), (5, 55)] {
            publish(&mut slot.pending, at, U256::from(value));
        }
        let seen = |slot: &Slot, at| slot.visible(U256::from(1), at).to::<u64>();
        assert_eq!([0, 2, 3, 5, 6, 9, 10].map(|at| seen(&slot, at)), [1, 1, 20, 20, 55, 55, 90]);
        retract(&mut slot.pending, 5);
        retract(&mut slot.pending, 7);
        assert_eq!([6, 10].map(|at| seen(&slot, at)), [20, 90]);
    }

    #[test]
    fn payments_add_up_in_any_order() {
        let mut account = Account::default();
        publish(&mut account.pending, 3, AccountWrite::paid(Delta::credit(U256::from(7))));
        publish(&mut account.pending, 1, AccountWrite::paid(Delta::debit(U256::from(2))));
        let before = Value { exists: true, balance: U256::from(10), ..Value::default() };
        let balance = |at| account.visible(&before, at, false).balance.to::<u64>();
        assert_eq!([0, 1, 2, 3, 4].map(balance), [10, 10, 8, 8, 15]);
        let poor = Value { exists: true, balance: U256::from(1), ..Value::default() };
        assert_eq!(account.visible(&poor, 2, false), poor);
    }
}
