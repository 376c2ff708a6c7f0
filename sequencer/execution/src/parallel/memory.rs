//! The state during a block, by number: multi-version memory over the state before it.
//!
//! Each account and slot that anyone touches gets a number and a [`Cell`], found
//! by its full key. What is committed is kept in the same cells, so that a block
//! ends with its changes at hand, and a read is checked by comparing it with the
//! cell.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use alloy_primitives::map::{AddressMap, B256Map, HashMap};
use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256};
use rayon::prelude::*;
use revm::bytecode::Bytecode;
use weft_state::AccountChange;

use super::arena::Arena;
use super::cell::{Account, Cell, Slot, publish, retract};
use super::outcome::{Outcome, SlotRead};
use super::value::{AccountWrite, Delta, Value};
use crate::changes::Changes;
use crate::view::{Missing, StateView};

/// Locks over which the numbers are spread.
const SHARDS: usize = 64;

#[derive(Debug, Default)]
struct Shard {
    accounts: AddressMap<u32>,
    slots: HashMap<(u32, U256), u32>,
}

/// The room that a block's memory takes: kept from block to block, because making it costs as much as a block.
#[derive(Debug)]
pub(super) struct Room {
    shards: Box<[Mutex<Shard>]>,
    accounts: Arena<Cell<Account>>,
    slots: Arena<Cell<Slot>>,
}

impl Room {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            accounts: Arena::new(),
            slots: Arena::new(),
        }
    }

    fn clear(&mut self) {
        for shard in &mut self.shards {
            let shard = shard.get_mut().unwrap_or_else(PoisonError::into_inner);
            shard.accounts.clear();
            shard.slots.clear();
        }
        self.accounts.clear();
        self.slots.clear();
    }
}

/// Shared by all threads that execute a block.
#[derive(Debug)]
pub(super) struct Memory<'a, V: ?Sized> {
    view: &'a V,
    /// Before EIP-161 a touched empty account stays.
    keep_empty: bool,
    room: &'a Room,
    /// Code of accounts that were created in this block, perhaps in vain: found by its hash, it cannot be wrong.
    new_codes: RwLock<B256Map<Bytecode>>,
}

impl<'a, V: StateView + ?Sized> Memory<'a, V> {
    pub(super) fn new(view: &'a V, keep_empty: bool, room: &'a mut Room) -> Self {
        room.clear();
        Self { view, keep_empty, room, new_codes: RwLock::default() }
    }

    fn shard(&self, number: usize) -> MutexGuard<'_, Shard> {
        self.room.shards[number % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of an account.
    pub(super) fn account(&self, address: Address) -> u32 {
        let mut shard = self.shard(usize::from(address[19]));
        *shard.accounts.entry(address).or_insert_with(|| {
            let number = self.room.accounts.push();
            self.room.accounts.get(number).lock().begin(address);
            number
        })
    }

    /// The number of an account's slot.
    pub(super) fn slot(&self, account: u32, slot: U256) -> u32 {
        let mut shard = self.shard(account as usize ^ slot.as_limbs()[0] as usize);
        *shard.slots.entry((account, slot)).or_insert_with(|| {
            let number = self.room.slots.push();
            // Under the account's lock, so that whoever wipes it wipes this one too, or is seen to have been there.
            let mut owner = self.room.accounts.get(account).lock();
            owner.slots.push(number);
            let committed = owner.wiped.then_some(U256::ZERO);
            *self.room.slots.get(number).lock() = Slot { owner: account, slot, committed, ..Slot::default() };
            number
        })
    }

    fn known<'v>(&self, account: &'v mut Account) -> Result<&'v Value, Missing> {
        if account.committed.is_none() {
            account.committed = Some(self.view.account(account.address)?.into());
        }
        Ok(account.committed.get_or_insert_default())
    }

    /// An account as the transaction at `at` finds it.
    pub(super) fn read_account(&self, number: u32, at: u32) -> Result<Value, Missing> {
        let mut account = self.room.accounts.get(number).lock();
        let committed = self.known(&mut account)?.clone();
        if account.pending.is_empty() {
            return Ok(committed);
        }
        Ok(account.visible(&committed, at, self.keep_empty))
    }

    /// A slot as the transaction at `at` finds it.
    pub(super) fn read_slot(&self, number: u32, address: Address, at: u32) -> Result<U256, Missing> {
        let mut slot = self.room.slots.get(number).lock();
        let committed = match slot.committed {
            Some(value) => value,
            None => self.view.storage(address, slot.slot)?,
        };
        slot.committed = Some(committed);
        Ok(slot.visible(committed, at))
    }

    /// Code, from before the block or created in it.
    pub(super) fn code(&self, hash: B256) -> Result<Bytecode, Missing> {
        if hash == KECCAK256_EMPTY || hash.is_zero() {
            return Ok(Bytecode::default());
        }
        let created = self.new_codes.read().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned();
        created.map_or_else(|| self.view.code(hash), Ok)
    }

    /// Shows later transactions what the one at `at` did.
    pub(super) fn publish(&self, at: u32, outcome: &Outcome) {
        self.add_codes(outcome);
        for (number, write) in &outcome.accounts {
            publish(&mut self.room.accounts.get(*number).lock().pending, at, write.clone());
        }
        for (number, value) in &outcome.slots {
            publish(&mut self.room.slots.get(*number).lock().pending, at, *value);
        }
    }

    /// Takes back what was published.
    pub(super) fn retract(&self, at: u32, outcome: &Outcome) {
        for (number, _) in &outcome.accounts {
            retract(&mut self.room.accounts.get(*number).lock().pending, at);
        }
        for (number, _) in &outcome.slots {
            retract(&mut self.room.slots.get(*number).lock().pending, at);
        }
    }

    fn add_codes(&self, outcome: &Outcome) {
        if !outcome.codes.is_empty() {
            let codes = outcome.codes.iter().map(|(hash, code)| (*hash, code.clone()));
            self.new_codes.write().unwrap_or_else(PoisonError::into_inner).extend(codes);
        }
    }

    /// Whether a transaction whose predecessors are all committed would find what it found. The place where it would
    /// not, otherwise.
    pub(super) fn check(&self, outcome: &Outcome) -> Result<(), Place> {
        for read in &outcome.account_reads {
            let account = self.room.accounts.get(read.cell).lock();
            if !account.committed.as_ref().is_some_and(|value| read.holds(value)) {
                return Err(Place::Account(read.cell));
            }
        }
        for SlotRead { cell, value } in &outcome.slot_reads {
            if self.room.slots.get(*cell).lock().committed != Some(*value) {
                return Err(Place::Slot(*cell));
            }
        }
        // A sum may have grown too large meanwhile.
        for (number, write) in &outcome.accounts {
            let account = self.room.accounts.get(*number).lock();
            let fits = |value| write.apply(value, self.keep_empty).is_some();
            if !account.committed.as_ref().is_some_and(fits) {
                return Err(Place::Account(*number));
            }
        }
        Ok(())
    }

    /// Makes what a transaction did part of the block. It was checked, or executed with all before it committed.
    pub(super) fn commit(&self, at: u32, outcome: &Outcome) -> Result<(), Missing> {
        self.add_codes(outcome);
        for (number, write) in &outcome.accounts {
            self.change(*number, Some(at), write)?;
        }
        for (number, value) in &outcome.slots {
            let mut slot = self.room.slots.get(*number).lock();
            retract(&mut slot.pending, at);
            slot.committed = Some(*value);
            slot.written = true;
        }
        Ok(())
    }

    /// Adds to an account's balance, outside of any transaction.
    pub(super) fn credit(&self, number: u32, amount: U256) -> Result<(), Missing> {
        self.change(number, None, &AccountWrite::paid(Delta::credit(amount)))
    }

    fn change(&self, number: u32, at: Option<u32>, write: &AccountWrite) -> Result<(), Missing> {
        let mut account = self.room.accounts.get(number).lock();
        if let Some(at) = at {
            retract(&mut account.pending, at);
        }
        let before = self.known(&mut account)?;
        // What does not fit is not paid, as revm has it for rewards; all else was checked.
        let after = write.apply(before, self.keep_empty).unwrap_or_else(|| before.clone());
        let (destroyed, created) = match write {
            AccountWrite::Destroyed => (true, false),
            AccountWrite::Changed { created, .. } => (false, *created),
        };
        let removed = before.exists && !after.exists;
        account.changed |= destroyed || after != *before;
        account.committed = Some(after);
        if destroyed || created || removed {
            account.wiped = true;
            for slot in &account.slots {
                let mut slot = self.room.slots.get(*slot).lock();
                slot.committed = Some(U256::ZERO);
                slot.written = false;
            }
        }
        Ok(())
    }

    /// What is at a place, for people.
    pub(super) fn name(&self, place: Place) -> (Address, Option<U256>) {
        match place {
            Place::Account(number) => (self.room.accounts.get(number).lock().address, None),
            Place::Slot(number) => {
                let (owner, slot) = {
                    let slot = self.room.slots.get(number).lock();
                    (slot.owner, slot.slot)
                };
                (self.room.accounts.get(owner).lock().address, Some(slot))
            }
        }
    }

    /// All that the block changed; `codes` are those of committed transactions.
    pub(super) fn changes(&self, codes: B256Map<Bytecode>) -> Changes {
        let change = |number: u32| {
            let mut account = self.room.accounts.get(number).lock();
            let change = self.change_of(&mut account)?;
            Some((account.address, change))
        };
        let mut accounts: Vec<(Address, AccountChange)> =
            (0..self.room.accounts.len()).into_par_iter().with_min_len(512).filter_map(change).collect();
        accounts.par_sort_unstable_by_key(|(address, _)| *address);
        Changes::new(accounts, codes)
    }

    fn change_of(&self, account: &mut Account) -> Option<AccountChange> {
        let written = account.slots.iter().filter_map(|number| {
            let slot = self.room.slots.get(*number).lock();
            slot.written.then(|| (slot.slot, slot.committed.unwrap_or_default()))
        });
        let mut storage: Vec<(U256, U256)> = written.collect();
        if !account.changed && !account.wiped && storage.is_empty() {
            return None;
        }
        storage.sort_unstable_by_key(|(slot, _)| *slot);
        let value = account.committed.take().unwrap_or_default();
        let delegation = value.delegation.as_ref().and_then(Bytecode::eip7702_address);
        let info = account.changed.then(|| {
            value.exists.then_some(weft_state::Account {
                nonce: value.nonce,
                balance: value.balance,
                code_hash: value.code_hash,
                code_size: value.code_size,
            })
        });
        Some(AccountChange { info, delegation, storage, wipe_storage: account.wiped })
    }
}

/// Where something was found to be otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Account(u32),
    Slot(u32),
}
