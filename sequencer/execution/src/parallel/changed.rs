//! What a block has changed so far: all values, in the order in which their places were first changed.
//!
//! Written while the places are at hand anyway, so that a block's end need not
//! look for them again, and reads all this from one end to the other.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use alloy_primitives::map::B256Map;
use alloy_primitives::{Address, U256};
use revm::bytecode::Bytecode;
use weft_state::AccountChange;

use super::engine::Engine;
use super::value::Value;
use crate::changes::Changes;

/// Places that room is made for beforehand, at most.
const MOST_ROOM: usize = 1 << 16;

/// Accounts for which another thread is called, at least: fewer are done before it has come.
const LEAST_PART: usize = 2_048;

/// Where a place is noted, and in which block: beyond that it means nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    pub(super) block: u32,
    pub(super) at: u32,
}

/// By the committer alone. Kept from block to block, for its memory.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// Number of the block, for [`Entry`]: above zero, and not used before for the same places.
    block: u32,
    accounts: Vec<ChangedAccount>,
    slots: Vec<ChangedSlot>,
}

/// An account that the block touched.
#[derive(Debug)]
pub(super) struct ChangedAccount {
    address: Address,
    /// What it is now.
    pub(super) value: Value,
    /// More than its storage changed.
    pub(super) changed: bool,
    /// Its storage of before the block is gone.
    wiped: bool,
    /// How often its storage had been wiped by the last time.
    wipes: u32,
    /// Slots noted of it.
    slots: u32,
}

/// A slot that the block wrote.
#[derive(Clone, Copy, Debug)]
struct ChangedSlot {
    /// Where its account is noted.
    owner: u32,
    /// How often the account's storage had been wiped by then.
    wipes: u32,
    slot: U256,
    value: U256,
}

impl Changed {
    /// Before the block with this number, of so many transactions.
    pub(super) fn begin(&mut self, block: u32, transactions: usize) {
        let room = transactions.saturating_mul(2).min(MOST_ROOM);
        self.block = block;
        self.accounts.clear();
        self.accounts.reserve(room);
        self.slots.clear();
        self.slots.reserve(room);
    }

    /// Memory that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.accounts.capacity() * size_of::<ChangedAccount>() + self.slots.capacity() * size_of::<ChangedSlot>()
    }

    /// Whether an account is noted.
    pub(super) fn has(&self, entry: Entry) -> bool {
        entry.block == self.block
    }

    /// What is noted of an account that is.
    pub(super) fn account(&mut self, entry: Entry) -> &mut ChangedAccount {
        &mut self.accounts[entry.at as usize]
    }

    /// Notes an account as it is now.
    pub(super) fn note(&mut self, address: Address, value: Value, wipes: u32) -> Entry {
        let entry = Entry { block: self.block, at: self.accounts.len() as u32 };
        self.accounts.push(ChangedAccount { address, value, changed: false, wiped: false, wipes, slots: 0 });
        entry
    }

    /// Notes what is written to a slot, of an account that is noted.
    pub(super) fn slot(&mut self, entry: &mut Entry, owner: Entry, wipes: u32, slot: U256, value: U256) {
        if entry.block == self.block {
            let noted = &mut self.slots[entry.at as usize];
            (noted.wipes, noted.value) = (wipes, value);
        } else {
            *entry = Entry { block: self.block, at: self.slots.len() as u32 };
            self.slots.push(ChangedSlot { owner: owner.at, wipes, slot, value });
            self.accounts[owner.at as usize].slots += 1;
        }
    }

    /// All of it, put together by as many threads as it is worth; `codes` are those of committed transactions.
    pub(super) fn changes(&self, codes: B256Map<Bytecode>, engine: &Engine) -> Changes {
        let accounts = self.accounts.len();
        let parts = (accounts / LEAST_PART).clamp(1, engine.threads());
        let part = accounts.div_ceil(parts).max(1);
        let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
        let work = || loop {
            let start = next.fetch_add(part, Ordering::Relaxed);
            if start >= accounts {
                return;
            }
            // The others are added to the first.
            let room = if start == 0 { accounts } else { part };
            let changes = self.part(start..(start + part).min(accounts), room);
            done.lock().unwrap_or_else(PoisonError::into_inner).insert(start, changes);
        };
        if parts > 1 {
            engine.on_each(work)
        } else {
            work()
        }
        let mut parts = done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values();
        let mut all = parts.next().unwrap_or_default();
        parts.for_each(|mut part| all.append(&mut part));
        Changes::new(all, codes)
    }

    /// Of some accounts.
    fn part(&self, range: Range<usize>, room: usize) -> Vec<(Address, AccountChange)> {
        let noted = &self.accounts[range.clone()];
        let mut accounts = Vec::with_capacity(room);
        accounts.extend(noted.iter().map(|account| (account.address, account.change())));
        for slot in &self.slots {
            let at = (slot.owner as usize).wrapping_sub(range.start);
            if noted.get(at).is_some_and(|account| account.wipes == slot.wipes) {
                accounts[at].1.storage.push((slot.slot, slot.value));
            }
        }
        accounts.retain(|(_, change)| change.info.is_some() || change.wipe_storage || !change.storage.is_empty());
        accounts
    }
}

impl ChangedAccount {
    /// It was paid, and holds so much now.
    pub(super) fn received(&mut self, balance: U256) {
        (self.changed, self.value.exists, self.value.balance) = (true, true, balance);
    }

    /// It paid, and holds so much now.
    pub(super) fn paid(&mut self, balance: U256, nonce: u64) {
        self.received(balance);
        self.value.nonce = nonce;
    }

    /// Its storage is wiped, for the time with this number.
    pub(super) fn wipe(&mut self, wipes: u32) {
        (self.wiped, self.wipes) = (true, wipes);
    }

    /// Without its slots.
    fn change(&self) -> AccountChange {
        let Value { exists, balance, nonce, code_hash, code_size, ref delegation } = self.value;
        let account = weft_state::Account { nonce, balance, code_hash, code_size };
        AccountChange {
            info: self.changed.then_some(exists.then_some(account)),
            delegation: delegation.as_ref().and_then(Bytecode::eip7702_address),
            storage: Vec::with_capacity(self.slots as usize),
            wipe_storage: self.wiped,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;

    use super::*;

    /// Accounts of which some are wiped, some only looked at, with slots in no order, some written before the wiping.
    fn block(accounts: u32) -> Changed {
        let mut changed = Changed::default();
        changed.begin(1, 0);
        let entries: Vec<Entry> = (0..accounts)
            .map(|n| changed.note(Address::left_padding_from(&n.to_be_bytes()), Value::default(), 0))
            .collect();
        for round in 0..3u32 {
            for (n, entry) in (0..accounts).zip(&entries).filter(|(n, _)| (n + round) % 3 != 0 && n % 7 != 5) {
                let (slot, value) = (U256::from(round), U256::from(n + round));
                changed.slot(&mut Entry::default(), *entry, 0, slot, value);
                if n % 5 == round {
                    changed.account(*entry).wipe(1);
                    changed.slot(&mut Entry::default(), *entry, 1, slot + U256::from(9), value);
                }
            }
        }
        for entry in entries.iter().step_by(4) {
            changed.account(*entry).received(U256::from(entry.at + 1));
        }
        changed
    }

    #[test]
    fn however_many_threads_put_them_together_changes_are_the_same() {
        let changed = block(4 * LEAST_PART as u32 + 3);
        let by = |threads| changed.changes(B256Map::default(), &Engine::new(threads));
        let one = by(1);
        assert!(one.accounts.len() > 3 * LEAST_PART && one.accounts.len() < 4 * LEAST_PART);
        for threads in [2, 3, 4, 8] {
            // In the same order too.
            assert_eq!(by(threads).accounts, one.accounts);
        }
        let empty = Changed::default().changes(B256Map::default(), &Engine::new(4));
        assert_eq!(empty.accounts, []);
    }
}
