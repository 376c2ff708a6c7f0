//! A place of the state during a block: what is committed, and who in flight would change it.
//!
//! Invariants: marks are of transactions that are not committed yet; only the
//! committer changes what is committed. Small on purpose: a place and its key
//! have two cache lines ([`super::table`]), and finding those is what a
//! transfer takes longest for.

use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy_primitives::{KECCAK256_EMPTY, U256};

use super::changed::Entry;
use super::marks::Marks;
use super::sync::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use super::value::{Code, Delta, Value};

/// The account itself.
#[derive(Debug, Default)]
pub(super) struct Account {
    balance: U256,
    nonce: u64,
    /// `None` if there is none.
    code: Option<Box<Code>>,
    pub(super) marks: Marks,
    /// It was read from the state before the block, or written.
    known: bool,
    exists: bool,
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
    pub(super) entry: Entry,
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
    pub(super) fn lock(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To change what anyone finds here.
    pub(super) fn change(&self) -> MutexGuard<'_, Account> {
        let account = self.lock();
        // By nobody else meanwhile.
        self.changes.store(self.changes.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
        account
    }

    /// As long as this is the same, so is what anyone finds here.
    pub(super) fn changes(&self) -> u32 {
        self.changes.load(Ordering::Acquire)
    }

    /// What it was when last looked at. Only a hint: no lock is taken for it.
    pub(super) fn hint(&self) -> Hint {
        match self.hint.load(Ordering::Relaxed) {
            0 => Hint::Unknown,
            1 => Hint::Bare,
            _ => Hint::Coded,
        }
    }

    pub(super) fn set_hint(&self, hint: Hint) {
        if self.hint() != hint {
            self.hint.store(hint as u8, Ordering::Relaxed);
        }
    }

    /// Where it is among what the block changed.
    pub(super) fn entry(&self) -> Entry {
        let word = self.entry.load(Ordering::Relaxed);
        Entry { block: (word >> 32) as u32, at: word as u32 }
    }

    pub(super) fn set_entry(&self, entry: Entry) {
        self.entry.store(u64::from(entry.block) << 32 | u64::from(entry.at), Ordering::Relaxed);
    }

    /// How often all storage was wiped.
    pub(super) fn wipes(&self) -> u32 {
        self.wipes.load(Ordering::Acquire)
    }

    /// Storage of before no longer shows through; how often that was so. By the committer alone.
    pub(super) fn wipe(&self) -> u32 {
        self.wipes.fetch_add(1, Ordering::Release) + 1
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
    /// What is committed, if that is known.
    pub(super) fn value(&self) -> Option<Value> {
        self.known.then(|| {
            let code = self.code.as_deref();
            Value {
                exists: self.exists,
                balance: self.balance,
                nonce: self.nonce,
                code_hash: code.map_or(KECCAK256_EMPTY, |code| code.hash),
                code_size: code.map_or(0, |code| code.size),
                delegation: code.and_then(|code| code.delegation.clone()),
            }
        })
    }

    /// Commits it, or tells what was there before the block.
    pub(super) fn set(&mut self, value: Value) {
        let Value { exists, balance, nonce, code_hash, code_size, delegation } = value;
        (self.known, self.exists, self.balance, self.nonce) = (true, exists, balance, nonce);
        if code_hash == KECCAK256_EMPTY {
            self.code = None;
        } else if self.code.as_ref().is_none_or(|code| code.hash != code_hash) {
            self.code = Some(Box::new(Code { hash: code_hash, size: code_size, delegation }));
        }
    }

    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    pub(super) fn hint(&self) -> Hint {
        match (self.known, &self.code) {
            (false, _) => Hint::Unknown,
            (true, None) => Hint::Bare,
            (true, Some(_)) => Hint::Coded,
        }
    }

    /// Whether a transaction of this sender is valid: it has no code, but for a delegation (EIP-3607).
    pub(super) fn may_send(&self) -> bool {
        self.code.as_ref().is_none_or(|code| code.delegation.is_some())
    }

    pub(super) fn balance(&self) -> U256 {
        self.balance
    }

    pub(super) fn nonce(&self) -> u64 {
        self.nonce
    }

    /// Does what most transactions do to an account, and says what it holds then; `None`, and nothing is done, where
    /// anything about it is special.
    pub(super) fn moved(&mut self, delta: Delta, nonce: Option<u64>) -> Option<U256> {
        let balance = delta.apply(self.balance).filter(|balance| self.known && self.exists && !balance.is_zero())?;
        if nonce.is_none() && balance == self.balance {
            return None;
        }
        self.balance = balance;
        self.nonce = nonce.unwrap_or(self.nonce);
        Some(balance)
    }

    /// Pays, and is one transaction further. It is known, and not left empty.
    pub(super) fn pay(&mut self, balance: U256) {
        self.balance = balance;
        self.nonce += 1;
    }

    /// Is paid. It is known, without code, and not left empty.
    pub(super) fn receive(&mut self, balance: U256) {
        self.balance = balance;
        self.exists = true;
    }
}

impl Slot {
    /// What is committed, if that is known; `wipes` is how often the account's storage was wiped.
    pub(super) fn committed(&self, wipes: u32) -> Option<U256> {
        if self.wipes == wipes { self.known.then_some(self.value) } else { Some(U256::ZERO) }
    }

    /// Tells what was there before the block.
    pub(super) fn load(&mut self, value: U256) {
        (self.known, self.value) = (true, value);
    }

    pub(super) fn commit(&mut self, value: U256, wipes: u32) {
        (self.known, self.value, self.wipes) = (true, value, wipes);
    }
}
