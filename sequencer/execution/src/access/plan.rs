//! A list made ready to look things up in, by all threads.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use alloy_eip7928::{AccountChanges, BalanceChange, CodeChange, NonceChange, StorageChange};
use alloy_primitives::map::{AddressMap, B256Map};
use alloy_primitives::{Address, B256, U256, keccak256};
use revm::bytecode::Bytecode;
use weft_state::{Account, StoredAccount};

use crate::codes::analyse;
use crate::view::{Missing, StateView};

/// A list whose order is right.
pub(super) struct Plan<'l> {
    numbers: AddressMap<u32>,
    pub(super) accounts: Vec<Listed<'l>>,
    /// Code that is listed.
    codes: B256Map<Bytecode>,
}

/// An account of the list, what was found of it before the block, and what transactions have touched of it.
pub(super) struct Listed<'l> {
    pub(super) listed: &'l AccountChanges,
    /// Of the code changes.
    code_hashes: Box<[B256]>,
    stored: OnceLock<Option<StoredAccount>>,
    /// Those that change, then those that are read.
    slots: Box<[Slot]>,
    touched: AtomicBool,
    /// The highest index at which something other than zero was found in storage of before the block.
    saw_old: AtomicU64,
}

/// A slot of the list.
#[derive(Default)]
struct Slot {
    stored: OnceLock<U256>,
    touched: AtomicBool,
}

/// What is listed by block access index.
pub(super) trait Change {
    fn index(&self) -> u64;
}

macro_rules! change {
    ($($kind:ty),*) => {
        $(impl Change for $kind {
            fn index(&self) -> u64 {
                self.block_access_index.get()
            }
        })*
    };
}

change!(BalanceChange, NonceChange, CodeChange, StorageChange);

/// How many changes are before an index.
pub(super) fn count_before<T: Change>(changes: &[T], index: u64) -> usize {
    changes.partition_point(|change| change.index() < index)
}

/// The newest change before an index.
fn before<T: Change>(changes: &[T], index: u64) -> Option<&T> {
    changes[..count_before(changes, index)].last()
}

/// The change at an index.
pub(super) fn at<T: Change>(changes: &[T], index: u64) -> Option<&T> {
    changes.get(count_before(changes, index)).filter(|change| change.index() == index)
}

/// Sets a flag that many set, without taking it from them when it is set already.
fn set(flag: &AtomicBool) {
    if !flag.load(Ordering::Relaxed) {
        flag.store(true, Ordering::Relaxed);
    }
}

impl<'l> Plan<'l> {
    pub(super) fn new(list: &'l [AccountChanges]) -> Self {
        let mut codes = B256Map::default();
        let mut code = |change: &CodeChange| {
            let hash = keccak256(&change.new_code);
            codes.entry(hash).or_insert_with(|| analyse(change.new_code.clone()));
            hash
        };
        let accounts = list.iter().map(|listed| Listed::new(listed, &mut code)).collect();
        let numbers = list.iter().zip(0..).map(|(listed, number)| (listed.address, number)).collect();
        Self { numbers, accounts, codes }
    }

    /// The number of an account in the list.
    pub(super) fn number(&self, address: &Address) -> Option<u32> {
        self.numbers.get(address).copied()
    }

    pub(super) fn account(&self, number: u32) -> &Listed<'l> {
        &self.accounts[number as usize]
    }

    /// Code that is listed.
    pub(super) fn code(&self, hash: &B256) -> Option<&Bytecode> {
        self.codes.get(hash)
    }

    /// An account as the transaction at an index finds it.
    pub(super) fn find<V: StateView + ?Sized>(
        &self,
        account: &Listed<'_>,
        index: u64,
        view: &V,
    ) -> Result<Option<StoredAccount>, Missing> {
        let stored = account.stored(view)?;
        let AccountChanges { balance_changes, nonce_changes, code_changes, .. } = account.listed;
        let (balance, nonce) = (before(balance_changes, index), before(nonce_changes, index));
        let code = count_before(code_changes, index).checked_sub(1);
        if balance.is_none() && nonce.is_none() && code.is_none() {
            return Ok(stored);
        }
        let mut found = stored.unwrap_or(StoredAccount { account: Account::default(), delegation: None });
        if let Some(change) = balance {
            found.account.balance = change.post_balance;
        }
        if let Some(change) = nonce {
            found.account.nonce = change.new_nonce;
        }
        if let Some(at) = code {
            found.account.code_hash = account.code_hashes[at];
            found.account.code_size = code_changes[at].new_code.len() as u32;
            found.delegation = self.code(&account.code_hashes[at]).and_then(Bytecode::eip7702_address);
        }
        // An empty account that a transaction has changed is removed (EIP-161).
        Ok((found.account != Account::default()).then_some(found))
    }

    /// Whether all accounts and slots were touched.
    pub(super) fn is_used_up(&self) -> bool {
        let touched = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        self.accounts
            .iter()
            .all(|account| touched(&account.touched) && account.slots.iter().all(|slot| touched(&slot.touched)))
    }

    /// All changes that are listed.
    pub(super) fn count(&self) -> usize {
        let count = |Listed { listed, .. }: &Listed<'_>| {
            let slots: usize = listed.storage_changes.iter().map(|slot| slot.changes.len()).sum();
            slots + listed.balance_changes.len() + listed.nonce_changes.len() + listed.code_changes.len()
        };
        self.accounts.iter().map(count).sum()
    }
}

impl<'l> Listed<'l> {
    fn new(listed: &'l AccountChanges, code: impl FnMut(&CodeChange) -> B256) -> Self {
        let slots = listed.storage_changes.len() + listed.storage_reads.len();
        Self {
            listed,
            code_hashes: listed.code_changes.iter().map(code).collect(),
            stored: OnceLock::new(),
            slots: std::iter::repeat_with(Slot::default).take(slots).collect(),
            touched: AtomicBool::new(false),
            saw_old: AtomicU64::new(0),
        }
    }

    /// The account before the block, read once.
    fn stored<V: StateView + ?Sized>(&self, view: &V) -> Result<Option<StoredAccount>, Missing> {
        if let Some(stored) = self.stored.get() {
            return Ok(*stored);
        }
        let stored = view.account(self.listed.address)?;
        Ok(*self.stored.get_or_init(|| stored))
    }

    /// Whether there was an account before the block. It was read.
    pub(super) fn existed(&self) -> bool {
        self.stored.get().is_some_and(Option::is_some)
    }

    /// A slot's place, and how it changes; `None` if it is not listed.
    pub(super) fn slot(&self, slot: U256) -> Option<(usize, &'l [StorageChange])> {
        let AccountChanges { storage_changes, storage_reads, .. } = self.listed;
        if let Ok(at) = storage_changes.binary_search_by_key(&slot, |changes| changes.slot) {
            return Some((at, &storage_changes[at].changes));
        }
        let at = storage_reads.binary_search(&slot).ok()?;
        Some((storage_changes.len() + at, &[]))
    }

    /// A slot as the transaction at an index finds it; the first two are from [`Listed::slot`].
    pub(super) fn find<V: StateView + ?Sized>(
        &self,
        place: usize,
        changes: &[StorageChange],
        slot: U256,
        index: u64,
        view: &V,
    ) -> Result<U256, Missing> {
        if let Some(change) = before(changes, index) {
            return Ok(change.new_value);
        }
        let stored = &self.slots[place].stored;
        let value = match stored.get() {
            Some(value) => *value,
            None => {
                let value = view.storage(self.listed.address, slot)?;
                *stored.get_or_init(|| value)
            }
        };
        if !value.is_zero() && self.saw_old.load(Ordering::Relaxed) < index {
            self.saw_old.fetch_max(index, Ordering::Relaxed);
        }
        Ok(value)
    }

    /// Whether storage of before the block was seen after an index.
    pub(super) fn saw_old_after(&self, index: u64) -> bool {
        self.saw_old.load(Ordering::Relaxed) > index
    }

    /// A transaction touches it.
    pub(super) fn touch(&self) {
        set(&self.touched);
    }

    /// A transaction touches the slot with this place.
    pub(super) fn touch_slot(&self, place: usize) {
        set(&self.slots[place].touched);
    }
}
