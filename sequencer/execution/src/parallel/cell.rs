//! A place of the state during a block: what is committed, and who in flight would change it.
//!
//! Invariants: marks are of transactions that are not committed yet; only the
//! committer changes what is committed. Small on purpose: a place and its key
//! have two cache lines ([`super::table`]), and finding those is what a
//! transfer takes longest for.

use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy_primitives::U256;

use super::changed::Entry;
use super::marks::Marks;
use super::sync::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use super::value::Value;

/// The account itself.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// What is committed; `None` as long as it was neither read from the state before the block, nor written.
    pub(super) value: Option<Value>,
    pub(super) marks: Marks,
}

/// One slot of storage.
#[derive(Debug, Default)]
pub(super) struct Slot {
    value: U256,
    pub(super) marks: Marks,
    /// How often the account's storage had been wiped by then.
    wipes: u32,
    /// It was read from the state before the block, or written.
    known: bool,
    /// Among what the block changed.
    entry: Entry,
}

/// A place of an account, shared by all threads.
#[derive(Debug, Default)]
pub(super) struct AccountCell {
    changes: AtomicU32,
    wipes: AtomicU32,
    /// [`Hint`] as a number.
    hint: AtomicU8,
    /// [`Entry`] as a number. The committer's alone.
    entry: AtomicU64,
    account: Mutex<Account>,
}

impl AccountCell {
    /// To look; and to load what was before the block.
    ///
    /// Nothing that holds this can panic half way, so a poisoned lock is a good one.
    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To change what anyone finds here.
    #[inline]
    pub(super) fn change(&self) -> MutexGuard<'_, Account> {
        let account = self.lock();
        // By nobody else meanwhile.
        self.changes.store(self.changes.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
        account
    }

    /// As long as this is the same, so is what anyone finds here.
    #[inline]
    pub(super) fn changes(&self) -> u32 {
        self.changes.load(Ordering::Acquire)
    }

    /// What it was when last looked at. Only a hint: no lock is taken for it.
    #[inline]
    pub(super) fn hint(&self) -> Hint {
        match self.hint.load(Ordering::Relaxed) {
            0 => Hint::Unknown,
            1 => Hint::Bare,
            _ => Hint::Coded,
        }
    }

    #[inline]
    pub(super) fn set_hint(&self, hint: Hint) {
        if self.hint() != hint {
            self.hint.store(hint as u8, Ordering::Relaxed);
        }
    }

    /// Where it is among what the block changed.
    #[inline]
    pub(super) fn entry(&self) -> Entry {
        let word = self.entry.load(Ordering::Relaxed);
        Entry { block: (word >> 32) as u32, at: word as u32 }
    }

    #[inline]
    pub(super) fn set_entry(&self, entry: Entry) {
        self.entry.store(u64::from(entry.block) << 32 | u64::from(entry.at), Ordering::Relaxed);
    }

    /// How often all storage was wiped.
    #[inline]
    pub(super) fn wipes(&self) -> u32 {
        self.wipes.load(Ordering::Acquire)
    }

    /// Storage of before no longer shows through. By the committer alone.
    pub(super) fn wipe(&self) {
        let wipes = self.wipes.load(Ordering::Relaxed).wrapping_add(1);
        self.wipes.store(wipes, Ordering::Release);
    }
}

/// A place of a slot, shared by all threads.
#[derive(Debug, Default)]
pub(super) struct SlotCell(Mutex<Slot>);

impl SlotCell {
    /// See [`AccountCell::lock`].
    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of an account without looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    /// Nothing.
    Unknown = 0,
    /// It has no code.
    Bare = 1,
    /// It has code.
    Coded = 2,
}

impl Account {
    #[inline]
    pub(super) fn hint(&self) -> Hint {
        match &self.value {
            None => Hint::Unknown,
            Some(Value { code: None, .. }) => Hint::Bare,
            Some(_) => Hint::Coded,
        }
    }
}

impl Slot {
    /// What is committed, if that is known; `wipes` is how often the account's storage was wiped.
    #[inline]
    pub(super) fn committed(&self, wipes: u32) -> Option<U256> {
        if self.wipes == wipes { self.known.then_some(self.value) } else { Some(U256::ZERO) }
    }

    /// Tells what was there before the block.
    #[inline]
    pub(super) fn load(&mut self, value: U256) {
        (self.known, self.value) = (true, value);
    }

    /// Where it is among what the block changed, unless that was wiped since then.
    #[inline]
    pub(super) fn noted(&self, wipes: u32) -> Entry {
        if self.wipes == wipes { self.entry } else { Entry::default() }
    }

    #[inline]
    pub(super) fn commit(&mut self, value: U256, wipes: u32, entry: Entry) {
        (self.known, self.value, self.wipes, self.entry) = (true, value, wipes, entry);
    }
}
