//! The state during a block, by number: multi-version memory over the state before it.
//!
//! Each account and slot that anyone touches gets a number and a [`Cell`], found
//! by its full key. What is committed is kept in the same cells, so that a block
//! ends with its changes at hand, and a read is checked by comparing it with the
//! cell.

use std::sync::{PoisonError, RwLock};

use alloy_primitives::map::B256Map;
use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256};
use rayon::prelude::*;
use revm::bytecode::Bytecode;
use weft_state::{AccountChange, StoredAccount};

use super::cell::{Account, AccountCell, SlotCell, publish, retract};
use super::outcome::{Outcome, SlotRead};
use super::table::Table;
use super::value::{AccountWrite, Delta, Value};
use crate::changes::Changes;
use crate::codes::analyse;
use crate::view::{Missing, StateView};

/// Fewer places than this are not worth another thread.
const MIN_PARALLEL: usize = 512;

/// Places kept at most when a block begins: some 200 MB.
const MOST_KEPT: u32 = 1 << 19;

/// Accounts, and slots, that a transaction adds to those that others have touched, mostly.
const PLACES_PER_TRANSACTION: u32 = 2;

/// The places themselves, kept from block to block: what one block has read or written the next need not look for.
#[derive(Debug)]
pub(super) struct Room {
    accounts: Table<Address, AccountCell>,
    /// By the number of their account.
    slots: Table<(u32, U256), SlotCell>,
    /// Root of the state of which all that is committed here is a part.
    reflects: Option<B256>,
}

/// What a block has changed so far, by number.
#[derive(Debug, Default)]
pub(super) struct Changed {
    accounts: Vec<u32>,
    slots: Vec<u32>,
}

impl Room {
    pub(super) fn new() -> Self {
        Self { accounts: Table::new(), slots: Table::new(), reflects: None }
    }

    /// Before a block of `transactions` on the state with this root. Until [`Room::reflect`] is called nothing is kept
    /// of it.
    pub(super) fn begin(&mut self, root: Option<B256>, transactions: usize) {
        let large = self.accounts.len() > MOST_KEPT || self.slots.len() > MOST_KEPT;
        let expected = u32::try_from(transactions).unwrap_or(u32::MAX).saturating_mul(PLACES_PER_TRANSACTION);
        if large || self.reflects.is_none() || self.reflects != root || self.accounts.is_crowded() {
            self.accounts.clear();
            self.slots.clear();
            // Slots name their account by its number, so accounts can only move while there are no slots.
            self.accounts.settle(expected);
            self.slots.settle(expected);
        } else if self.slots.is_crowded() {
            self.slots.settle(expected);
        }
        self.reflects = None;
    }

    /// What is committed here is part of the state with this root.
    pub(super) fn reflect(&mut self, root: B256) {
        self.reflects = Some(root);
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
    pub(super) fn new(view: &'a V, keep_empty: bool, room: &'a Room) -> Self {
        Self { view, keep_empty, room, new_codes: RwLock::default() }
    }

    /// The number of an account.
    pub(super) fn account(&self, address: Address) -> u32 {
        self.room.accounts.number(address).0
    }

    /// The number of an account's slot.
    pub(super) fn slot(&self, account: u32, slot: U256) -> u32 {
        self.room.slots.number((account, slot)).0
    }

    fn address(&self, number: u32) -> Address {
        self.room.accounts.key(number).unwrap_or_default()
    }

    fn owner_and_slot(&self, number: u32) -> (u32, U256) {
        self.room.slots.key(number).unwrap_or_default()
    }

    fn wipes(&self, account: u32) -> u32 {
        self.room.accounts.place(account).wipes()
    }

    fn known<'v>(&self, number: u32, account: &'v mut Account) -> Result<&'v Value, Missing> {
        if account.committed.is_none() {
            account.committed = Some(self.view.account(self.address(number))?.into());
        }
        Ok(account.committed.get_or_insert_default())
    }

    /// An account as a transaction finds it: `None` with certainty, because all before it are committed; otherwise as
    /// those before the one with this number left it so far. Also whether every other one finds the same until it
    /// changes.
    pub(super) fn read_account(&self, number: u32, ahead: Option<u32>) -> Result<(Value, bool), Missing> {
        let cell = self.room.accounts.place(number);
        let mut account = cell.lock();
        let committed = self.known(number, &mut account)?.clone();
        cell.set_bare(committed.code_hash == KECCAK256_EMPTY);
        match ahead {
            Some(at) if !account.pending.is_empty() => Ok((account.visible(&committed, at, self.keep_empty), false)),
            _ => {
                let lasting = account.pending.is_empty();
                Ok((committed, lasting))
            }
        }
    }

    /// Whether an account was without code when last looked at: a hint that costs nothing.
    pub(super) fn is_bare(&self, number: u32) -> bool {
        self.room.accounts.place(number).is_bare()
    }

    /// As long as this is the same, so is what anyone finds of an account.
    pub(super) fn account_changes(&self, number: u32) -> u32 {
        self.room.accounts.place(number).changes()
    }

    /// A slot as a transaction finds it; see [`Memory::read_account`].
    pub(super) fn read_slot(
        &self,
        number: u32,
        (owner, address): (u32, Address),
        key: U256,
        ahead: Option<u32>,
    ) -> Result<U256, Missing> {
        let wipes = self.wipes(owner);
        let mut slot = self.room.slots.place(number).lock();
        let committed = match slot.committed(wipes) {
            Some(value) => value,
            None => {
                let value = self.view.storage(address, key)?;
                slot.load(value);
                value
            }
        };
        Ok(ahead.map_or(committed, |at| slot.visible(committed, at)))
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
        // Money that came in is not shown: hardly anyone depends on it, and many may pay one account.
        for (number, write) in outcome.accounts.iter().filter(|(_, write)| !write.is_credit()) {
            publish(&mut self.room.accounts.place(*number).change().pending, at, write.clone());
        }
        for (number, value) in &outcome.slots {
            publish(&mut self.room.slots.place(*number).lock().pending, at, *value);
        }
    }

    /// Takes back what was published.
    pub(super) fn retract(&self, at: u32, outcome: &Outcome) {
        for (number, _) in outcome.accounts.iter().filter(|(_, write)| !write.is_credit()) {
            retract(&mut self.room.accounts.place(*number).change().pending, at);
        }
        for (number, _) in &outcome.slots {
            retract(&mut self.room.slots.place(*number).lock().pending, at);
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
            let account = self.room.accounts.place(read.cell).lock();
            if !account.committed.as_ref().is_some_and(|value| read.holds(value)) {
                return Err(Place::Account(read.cell));
            }
        }
        for SlotRead { cell, value } in &outcome.slot_reads {
            let wipes = self.wipes(self.owner_and_slot(*cell).0);
            if self.room.slots.place(*cell).lock().committed(wipes) != Some(*value) {
                return Err(Place::Slot(*cell));
            }
        }
        // A sum may have grown too large meanwhile.
        for (number, write) in &outcome.accounts {
            let account = self.room.accounts.place(*number).lock();
            let fits = |value| write.apply(value, self.keep_empty).is_some();
            if !account.committed.as_ref().is_some_and(fits) {
                return Err(Place::Account(*number));
            }
        }
        Ok(())
    }

    /// Makes what a transaction did part of the block. It was checked, or executed with all before it committed.
    pub(super) fn commit(&self, at: u32, outcome: &Outcome, changed: &mut Changed) -> Result<(), Missing> {
        self.add_codes(outcome);
        for (number, write) in &outcome.accounts {
            self.change(*number, Some(at), write, changed)?;
        }
        for (number, value) in &outcome.slots {
            self.write(*number, Some(at), *value, changed);
        }
        Ok(())
    }

    /// Adds to an account's balance, outside of any transaction.
    pub(super) fn credit(&self, number: u32, amount: U256, changed: &mut Changed) -> Result<(), Missing> {
        self.change(number, None, &AccountWrite::paid(Delta::credit(amount)), changed)
    }

    /// Takes over what was changed before the transactions.
    pub(super) fn absorb(&self, changes: &Changes, changed: &mut Changed) {
        for (address, change) in &changes.accounts {
            let number = self.account(*address);
            let cell = self.room.accounts.place(number);
            let mut account = cell.change();
            list(&mut account, number, changed);
            if let Some(info) = change.info {
                account.committed =
                    Some(info.map(|info| StoredAccount { account: info, delegation: change.delegation }).into());
                account.changed = true;
            }
            if change.wipe_storage {
                account.wiped = true;
                cell.wipe();
            }
            drop(account);
            for (slot, value) in &change.storage {
                self.write(self.slot(number, *slot), None, *value, changed);
            }
        }
        let codes = changes.codes.iter().map(|(hash, code)| (*hash, analyse(code.clone())));
        self.new_codes.write().unwrap_or_else(PoisonError::into_inner).extend(codes);
    }

    fn write(&self, number: u32, at: Option<u32>, value: U256, changed: &mut Changed) {
        let wipes = self.wipes(self.owner_and_slot(number).0);
        let mut slot = self.room.slots.place(number).lock();
        if let Some(at) = at {
            retract(&mut slot.pending, at);
        }
        if slot.commit(value, wipes) {
            changed.slots.push(number);
        }
    }

    fn change(&self, number: u32, at: Option<u32>, write: &AccountWrite, changed: &mut Changed) -> Result<(), Missing> {
        let cell = self.room.accounts.place(number);
        let mut account = cell.change();
        if let Some(at) = at.filter(|_| !account.pending.is_empty()) {
            retract(&mut account.pending, at);
        }
        let before = self.known(number, &mut account)?;
        // What does not fit is not paid, as revm has it for rewards; all else was checked.
        let after = write.apply(before, self.keep_empty).unwrap_or_else(|| before.clone());
        let (destroyed, created) = match write {
            AccountWrite::Destroyed => (true, false),
            AccountWrite::Changed { created, .. } => (false, *created),
        };
        let removed = before.exists && !after.exists;
        // What a reward of nothing brought into being, before EIP-161, counts as created.
        let rewarded = at.is_none() && !before.exists && after.exists && after.is_empty();
        account.changed |= destroyed || after != *before;
        account.committed = Some(after);
        if destroyed || created || removed || rewarded {
            account.wiped = true;
            cell.wipe();
        }
        list(&mut account, number, changed);
        Ok(())
    }

    /// What is at a place, for people.
    pub(super) fn name(&self, place: Place) -> (Address, Option<U256>) {
        match place {
            Place::Account(number) => (self.address(number), None),
            Place::Slot(number) => {
                let (owner, slot) = self.owner_and_slot(number);
                (self.address(owner), Some(slot))
            }
        }
    }

    /// All that the block changed; `codes` are those of committed transactions. The next block may begin.
    pub(super) fn changes(&self, changed: Changed, codes: B256Map<Bytecode>) -> Changes {
        let written = self.written(&changed.slots);
        let mut all = Vec::with_capacity(changed.accounts.len());
        let mut rest = &written[..];
        for chunk in written.chunk_by(|one, other| one.owner == other.owner) {
            let (own, later) = rest.split_at(chunk.len());
            rest = later;
            let number = own[0].owner;
            self.room.accounts.place(number).lock().listed = false;
            all.push((self.address(number), number, own));
        }
        // Those that are listed still have no slots among the written.
        let others: Vec<(Address, u32, &[Written])> = changed
            .accounts
            .into_par_iter()
            .with_min_len(MIN_PARALLEL)
            .filter_map(|number| {
                let mut account = self.room.accounts.place(number).lock();
                let differs = std::mem::take(&mut account.listed) && (account.changed || account.wiped);
                differs.then(|| (self.address(number), number, &[][..]))
            })
            .collect();
        all.extend(others);
        // Sorted before the changes are made: these are small.
        all.par_sort_unstable_by_key(|(address, ..)| *address);
        let change =
            |(address, number, written): (Address, u32, &[Written])| (address, self.change_of(number, written));
        let accounts = all.into_par_iter().with_min_len(MIN_PARALLEL).map(change).collect();
        Changes::new(accounts, codes)
    }

    /// All slots that the block wrote: by account, then by slot.
    fn written(&self, numbers: &[u32]) -> Vec<Written> {
        let written = |number: &u32| {
            let (owner, slot) = self.owner_and_slot(*number);
            let wipes = self.wipes(owner);
            let mut place = self.room.slots.place(*number).lock();
            let value = place.written(wipes);
            place.written = false;
            Some(Written { owner, slot, value: value? })
        };
        let mut all: Vec<Written> = numbers.par_iter().with_min_len(MIN_PARALLEL).filter_map(written).collect();
        all.par_sort_unstable_by_key(|written| (written.owner, written.slot));
        all
    }

    fn change_of(&self, number: u32, written: &[Written]) -> AccountChange {
        let mut account = self.room.accounts.place(number).lock();
        let (changed, wiped) = (std::mem::take(&mut account.changed), std::mem::take(&mut account.wiped));
        let storage = written.iter().map(|written| (written.slot, written.value)).collect();
        let value = account.committed.clone().unwrap_or_default();
        let delegation = value.delegation.as_ref().and_then(Bytecode::eip7702_address);
        let info = changed.then(|| {
            value.exists.then_some(weft_state::Account {
                nonce: value.nonce,
                balance: value.balance,
                code_hash: value.code_hash,
                code_size: value.code_size,
            })
        });
        AccountChange { info, delegation, storage, wipe_storage: wiped }
    }
}

fn list(account: &mut Account, number: u32, changed: &mut Changed) {
    if !std::mem::replace(&mut account.listed, true) {
        changed.accounts.push(number);
    }
}

/// A slot that the block wrote.
#[derive(Clone, Copy, Debug)]
struct Written {
    owner: u32,
    slot: U256,
    value: U256,
}

/// Where something was found to be otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Account(u32),
    Slot(u32),
}
