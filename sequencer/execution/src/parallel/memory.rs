//! The state during a block, by number: multi-version memory over the state before it.
//!
//! Each account and slot that anyone touches gets a number and a cell, found by
//! its full key. What is committed is kept in the same cells, so that a block
//! ends with its changes at hand, and a read is checked by comparing it with the
//! cell. What transactions in flight would write is in the [`window`]; a cell
//! only says whose.
//!
//! [`window`]: super::window

use std::sync::{PoisonError, RwLock};

use alloy_primitives::map::B256Map;
use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256};
use revm::bytecode::Bytecode;
use weft_state::{AccountChange, StoredAccount};

use super::cell::{Account, AccountCell, Hint, SlotCell};
use super::changed::{Changed, note_moved, note_value, note_wipe};
use super::outcome::{Outcome, SlotRead};
use super::schedule::Wanted;
use super::table::Table;
use super::value::{AccountWrite, Delta, Value};
use super::window::Window;
use crate::changes::Changes;
use crate::codes::analyse;
use crate::view::{Missing, StateView};

/// Places kept at most when a block begins: some 200 MB.
const MOST_KEPT: u32 = 1 << 19;

/// Accounts, and slots, that a transaction adds to those that others have touched, mostly.
const PLACES_PER_TRANSACTION: u32 = 1;

/// The places themselves, kept from block to block: what one block has read or written the next need not look for.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) accounts: Table<Address, AccountCell>,
    /// By the number of their account.
    pub(super) slots: Table<(u32, U256), SlotCell>,
    /// Root of the state of which all that is committed here is a part.
    reflects: Option<B256>,
    /// Blocks so far.
    blocks: u32,
    /// How often everything was forgotten.
    generation: u32,
}

impl Room {
    pub(super) fn new() -> Self {
        Self { accounts: Table::new(), slots: Table::new(), reflects: None, blocks: 0, generation: 0 }
    }

    /// Before a block of `transactions` on the state with this root. Until [`Room::reflect`] is called nothing is kept
    /// of it.
    pub(super) fn begin(&mut self, root: Option<B256>, transactions: usize) {
        let large = self.accounts.len() > MOST_KEPT || self.slots.len() > MOST_KEPT;
        if large || self.reflects.is_none() || self.reflects != root || self.blocks == u32::MAX {
            self.accounts.clear();
            self.slots.clear();
            self.blocks = 0;
            self.generation = self.generation.wrapping_add(1);
        }
        self.blocks += 1;
        self.settle(transactions);
        self.reflects = None;
    }

    /// Makes room for what so many transactions will touch.
    pub(super) fn settle(&mut self, transactions: usize) {
        let expected = u32::try_from(transactions).unwrap_or(u32::MAX).saturating_mul(PLACES_PER_TRANSACTION);
        self.accounts.settle(expected);
        self.slots.settle(expected);
    }

    /// Number of the block: above zero, and no other's as long as places are kept.
    pub(super) fn block(&self) -> u32 {
        self.blocks
    }

    /// Changes whenever numbers have lost their meaning.
    pub(super) fn generation(&self) -> u32 {
        self.generation
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
    pub(super) room: &'a Room,
    pub(super) window: Window,
    /// Payments for which the committer had to read the state, or which were none after all.
    pub(super) wanted: Wanted,
    /// Code of accounts that were created in this block, perhaps in vain: found by its hash, it cannot be wrong.
    new_codes: RwLock<B256Map<Bytecode>>,
}

impl<'a, V: StateView + ?Sized> Memory<'a, V> {
    /// With so many transactions in flight at most.
    pub(super) fn new(view: &'a V, keep_empty: bool, room: &'a Room, in_flight: usize) -> Self {
        Self {
            view,
            keep_empty,
            room,
            window: Window::new(in_flight),
            wanted: Wanted::new(),
            new_codes: RwLock::default(),
        }
    }

    /// The number of an account.
    pub(super) fn account(&self, address: Address) -> u32 {
        self.room.accounts.number(address)
    }

    /// The number of an account's slot.
    pub(super) fn slot(&self, account: u32, slot: U256) -> u32 {
        self.room.slots.number((account, slot))
    }

    pub(super) fn address(&self, number: u32) -> Address {
        self.room.accounts.key(number).unwrap_or_default()
    }

    pub(super) fn owner_and_slot(&self, number: u32) -> (u32, U256) {
        self.room.slots.key(number).unwrap_or_default()
    }

    pub(super) fn wipes(&self, account: u32) -> u32 {
        self.room.accounts.place(account).wipes()
    }

    /// What is committed of an account, read from the state before the block if need be.
    pub(super) fn load<'c>(
        &self,
        number: u32,
        cell: &AccountCell,
        account: &'c mut Account,
    ) -> Result<&'c mut Value, Missing> {
        if account.value.is_none() {
            account.value = Some(Value::from(self.view.account(self.address(number))?));
            cell.set_hint(account.hint());
        }
        Ok(account.value.get_or_insert_default())
    }

    /// Looks at what is committed of an account.
    pub(super) fn committed<R>(&self, number: u32, look: impl FnOnce(&Value) -> R) -> Result<R, Missing> {
        let cell = self.room.accounts.place(number);
        let mut account = cell.lock();
        self.load(number, cell, &mut account).map(|value| look(value))
    }

    /// An account as those before the transaction with this number left it so far, which are not all committed. Also
    /// whether every other one finds the same until it changes.
    pub(super) fn read_account(&self, number: u32, at: u32) -> Result<(Value, bool), Missing> {
        let cell = self.room.accounts.place(number);
        let mut account = cell.lock();
        let mut value = self.load(number, cell, &mut account)?.clone();
        let lasting = account.marks.is_empty();
        if !lasting {
            let before = account.marks.before(at);
            drop(account);
            for writer in before.as_slice() {
                // Where the sum is not there the writer will not be committed like this; nor will this transaction
                // where the writer is committed by now.
                self.window.look(*writer, |outcome| {
                    outcome.write(number).and_then(|write| value.apply(write, self.keep_empty))
                });
            }
        }
        Ok((value, lasting))
    }

    /// Whether an account has code, as far as can be told at no cost.
    pub(super) fn hint(&self, number: u32) -> Hint {
        self.room.accounts.place(number).hint()
    }

    /// As long as this is the same, so is what anyone finds of an account.
    pub(super) fn account_changes(&self, number: u32) -> u32 {
        self.room.accounts.place(number).changes()
    }

    /// A slot as a transaction finds it; see [`Memory::read_account`]. Also whether the block has changed it so far.
    pub(super) fn read_slot(
        &self,
        number: u32,
        (owner, address): (u32, Address),
        key: U256,
        ahead: Option<u32>,
    ) -> Result<(U256, bool), Missing> {
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
        let changed = slot.noted(wipes).block == self.room.block();
        let Some(writer) = ahead.and_then(|at| slot.marks.last_before(at)) else { return Ok((committed, changed)) };
        drop(slot);
        let written = self.window.look(writer, |outcome| outcome.written(number)).flatten();
        Ok((written.unwrap_or(committed), changed))
    }

    /// Whether the block has changed an account so far, or its storage.
    pub(super) fn has_changed(&self, number: u32) -> bool {
        self.room.accounts.place(number).entry().block == self.room.block()
    }

    /// Code, from before the block or created in it.
    pub(super) fn code(&self, hash: B256) -> Result<Bytecode, Missing> {
        if hash == KECCAK256_EMPTY || hash.is_zero() {
            return Ok(Bytecode::default());
        }
        let created = self.new_codes.read().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned();
        created.map_or_else(|| self.view.code(hash), Ok)
    }

    /// Tells later transactions what the one at `at` would write, as long as it waits in the window.
    pub(super) fn publish(&self, at: u32, outcome: &Outcome) {
        self.add_codes(&outcome.codes);
        // Money that came in is not shown: hardly anyone depends on it, and many may pay one account.
        for (number, _) in outcome.accounts.iter().filter(|(_, write)| !write.is_credit()) {
            self.room.accounts.place(*number).change().marks.add(at);
        }
        for (number, _) in &outcome.slots {
            self.room.slots.place(*number).lock().marks.add(at);
        }
    }

    /// Takes back what was published.
    pub(super) fn retract(&self, at: u32, outcome: &Outcome) {
        for (number, _) in outcome.accounts.iter().filter(|(_, write)| !write.is_credit()) {
            self.room.accounts.place(*number).change().marks.remove(at);
        }
        for (number, _) in &outcome.slots {
            self.room.slots.place(*number).lock().marks.remove(at);
        }
    }

    /// Has those who execute transactions find new code.
    pub(super) fn add_codes(&self, codes: &[(B256, Bytecode)]) {
        if !codes.is_empty() {
            let codes = codes.iter().map(|(hash, code)| (*hash, code.clone()));
            self.new_codes.write().unwrap_or_else(PoisonError::into_inner).extend(codes);
        }
    }

    /// Whether a transaction whose predecessors are all committed would find what it found. The place where it would
    /// not, otherwise.
    pub(super) fn check(&self, outcome: &Outcome) -> Result<(), Place> {
        for read in &outcome.account_reads {
            let cell = self.room.accounts.place(read.cell);
            // Contracts that many call are read by all and changed by none: no lock is passed around for them.
            if read.changes == Some(cell.changes()) {
                continue;
            }
            if !cell.lock().value.as_ref().is_some_and(|value| read.holds(value)) {
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
            if !account.value.as_ref().is_some_and(|value| write.fits(value.balance)) {
                return Err(Place::Account(*number));
            }
        }
        Ok(())
    }

    /// Makes what a transaction did part of the block. It was checked, or executed with all before it committed.
    pub(super) fn commit(&self, at: u32, outcome: &Outcome, changed: &mut Changed) -> Result<(), Missing> {
        self.add_codes(&outcome.codes);
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
        if !amount.is_zero() {
            let cell = self.room.accounts.place(number);
            let mut account = cell.change();
            if let Some(value) = &mut account.value
                && let Some(balance) = value.balance.checked_add(amount)
            {
                value.receive(balance);
                note_moved(self.noted(number, cell, Some(value), changed), value);
                return Ok(());
            }
        }
        self.change(number, None, &AccountWrite::paid(Delta::credit(amount)), changed)
    }

    /// Takes over what was changed before the transactions.
    pub(super) fn absorb(&self, changes: &Changes, changed: &mut Changed) {
        for (address, change) in &changes.accounts {
            let number = self.account(*address);
            let cell = self.room.accounts.place(number);
            let mut account = cell.change();
            if let Some(info) = change.info {
                let stored = info.map(|info| StoredAccount { account: info, delegation: change.delegation });
                account.value = Some(stored.into());
                cell.set_hint(account.hint());
            }
            let noted = self.noted(number, cell, account.value.as_ref(), changed);
            noted.info = change.info;
            if change.wipe_storage {
                cell.wipe();
                note_wipe(noted);
            }
            drop(account);
            for (slot, value) in &change.storage {
                self.write(self.slot(number, *slot), None, *value, changed);
            }
        }
        let codes = changes.codes.iter().map(|(hash, code)| (*hash, analyse(code.clone())));
        self.new_codes.write().unwrap_or_else(PoisonError::into_inner).extend(codes);
    }

    /// Writes a slot.
    pub(super) fn write(&self, number: u32, at: Option<u32>, value: U256, changed: &mut Changed) {
        let (owner, key) = self.owner_and_slot(number);
        let cell = self.room.accounts.place(owner);
        if !changed.has(cell.entry()) {
            self.noted(owner, cell, cell.lock().value.as_ref(), changed);
        }
        let mut slot = self.room.slots.place(number).lock();
        if let Some(at) = at {
            slot.marks.remove(at);
        }
        let wipes = cell.wipes();
        let entry = changed.slot(slot.noted(wipes), cell.entry(), key, value);
        slot.commit(value, wipes, entry);
    }

    /// What is noted of an account, which is like this now.
    pub(super) fn noted<'c>(
        &self,
        number: u32,
        cell: &AccountCell,
        value: Option<&Value>,
        changed: &'c mut Changed,
    ) -> &'c mut AccountChange {
        if !changed.has(cell.entry()) {
            cell.set_entry(changed.note(self.address(number), value));
        }
        changed.account(cell.entry())
    }

    /// Does to an account what the transaction at `at` did, or a reward.
    pub(super) fn change(
        &self,
        number: u32,
        at: Option<u32>,
        write: &AccountWrite,
        changed: &mut Changed,
    ) -> Result<(), Missing> {
        let cell = self.room.accounts.place(number);
        let mut account = cell.change();
        if let Some(at) = at {
            account.marks.remove(at);
        }
        let value = self.load(number, cell, &mut account)?;
        if let AccountWrite::Changed { created: false, delta, nonce, code: None } = write
            && value.moved(*delta, *nonce)
        {
            note_moved(self.noted(number, cell, Some(value), changed), value);
            return Ok(());
        }
        let existed = value.exists;
        // What does not fit is not paid, as revm has it for rewards; all else was checked.
        let applied = value.apply(write, self.keep_empty).unwrap_or_default();
        // What a reward of nothing brought into being, before EIP-161, counts as created.
        let rewarded = at.is_none() && !existed && value.exists && value.is_empty();
        let noted = self.noted(number, cell, Some(value), changed);
        if applied.changed {
            note_value(noted, value);
        }
        if applied.wiped || rewarded {
            cell.wipe();
            note_wipe(noted);
        }
        cell.set_hint(account.hint());
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
}

/// Where something was found to be otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Account(u32),
    Slot(u32),
}
