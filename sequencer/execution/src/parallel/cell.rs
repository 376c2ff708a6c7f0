//! A place of the state during a block: what is committed, and what transactions in flight would make of it.
//!
//! Invariants: what is pending is in block order and of transactions that are
//! not committed yet; only the committer changes what is committed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy_primitives::U256;

use super::sync::{AtomicBool, AtomicU32, Ordering};
use super::value::{AccountWrite, Value};

/// Versions by transaction, in block order.
pub(super) type Pending<T> = Vec<(u32, T)>;

/// The account itself.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// `None`: not read from the state before the block yet.
    pub(super) committed: Option<Value>,
    pub(super) pending: Pending<AccountWrite>,
    /// This block changed more than its storage.
    pub(super) changed: bool,
    /// This block wiped its storage.
    pub(super) wiped: bool,
    /// It is in the list of what this block changed.
    pub(super) listed: bool,
}

/// One slot of storage.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// `None`: not read from the state before the block yet.
    committed: Option<U256>,
    pub(super) pending: Pending<U256>,
    /// This block wrote it.
    pub(super) written: bool,
    /// How often the account's storage had been wiped by then.
    wipes: u32,
}

/// A place of an account, shared by all threads.
#[derive(Debug, Default)]
pub(super) struct AccountCell {
    changes: AtomicU32,
    wipes: AtomicU32,
    /// Known, and without code when last looked at: a hint.
    bare: AtomicBool,
    account: Mutex<Account>,
}

impl AccountCell {
    /// To look; and to load what was before the block.
    ///
    /// Nothing that holds this can panic half way, so a poisoned lock is a good one.
    pub(super) fn lock(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To change what anyone finds here.
    pub(super) fn change(&self) -> MutexGuard<'_, Account> {
        let account = self.lock();
        self.changes.fetch_add(1, Ordering::Release);
        account
    }

    /// As long as this is the same, so is what anyone finds here.
    pub(super) fn changes(&self) -> u32 {
        self.changes.load(Ordering::Acquire)
    }

    /// Whether it was without code when last looked at. Only a hint: no lock is taken for it.
    pub(super) fn is_bare(&self) -> bool {
        self.bare.load(Ordering::Relaxed)
    }

    pub(super) fn set_bare(&self, bare: bool) {
        if self.is_bare() != bare {
            self.bare.store(bare, Ordering::Relaxed);
        }
    }

    /// How often all storage was wiped.
    pub(super) fn wipes(&self) -> u32 {
        self.wipes.load(Ordering::Acquire)
    }

    /// Storage of before no longer shows through. By the committer alone.
    pub(super) fn wipe(&self) {
        self.wipes.fetch_add(1, Ordering::Release);
    }
}

/// A place of a slot, shared by all threads.
#[derive(Debug, Default)]
pub(super) struct SlotCell(Mutex<Slot>);

impl SlotCell {
    /// See [`AccountCell::lock`].
    pub(super) fn lock(&self) -> MutexGuard<'_, Slot> {
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
    /// What is committed, if that is known; `wipes` is how often the account's storage was wiped.
    pub(super) fn committed(&self, wipes: u32) -> Option<U256> {
        if self.wipes == wipes { self.committed } else { Some(U256::ZERO) }
    }

    /// Tells what was there before the block.
    pub(super) fn load(&mut self, value: U256) {
        self.committed = Some(value);
    }

    /// Whether this is the block's first write.
    pub(super) fn commit(&mut self, value: U256, wipes: u32) -> bool {
        self.committed = Some(value);
        self.wipes = wipes;
        !std::mem::replace(&mut self.written, true)
    }

    /// What the block wrote here, if it did and that was not wiped since.
    pub(super) fn written(&self, wipes: u32) -> Option<U256> {
        self.committed.filter(|_| self.written && self.wipes == wipes)
    }

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
