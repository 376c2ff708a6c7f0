//! What a block has changed so far: all values, in the order in which their places were first changed.
//!
//! Written while the places are at hand anyway, so that a block's end need not
//! look for them again.

use std::ops::Range;

use alloy_primitives::map::B256Map;
use alloy_primitives::{Address, U256};
use rayon::prelude::*;
use revm::bytecode::Bytecode;
use weft_state::AccountChange;

use super::value::Value;
use crate::changes::Changes;

/// Fewer places than this are put in order sooner by one thread.
const MIN_PARALLEL: usize = 4_096;

/// So are any, than by fewer threads than this: others have to be woken, and their memory is not this one's.
const MIN_THREADS: usize = 4;

/// Places that room is made for beforehand, at most.
const MOST_ROOM: usize = 1 << 16;

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
    number: u32,
    /// What it is now.
    pub(super) value: Value,
    /// More than its storage changed.
    pub(super) changed: bool,
    /// Its storage of before the block is gone.
    pub(super) wiped: bool,
    /// Of all slots in order, its own.
    slots: Range<usize>,
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

    /// Whether an account is noted.
    pub(super) fn has(&self, entry: Entry) -> bool {
        entry.block == self.block
    }

    /// What is noted of an account that is.
    pub(super) fn account(&mut self, entry: Entry) -> &mut ChangedAccount {
        &mut self.accounts[entry.at as usize]
    }

    /// Notes an account as it is now.
    pub(super) fn note(&mut self, number: u32, address: Address, value: Value) -> Entry {
        let entry = Entry { block: self.block, at: self.accounts.len() as u32 };
        let slots = 0..0;
        self.accounts.push(ChangedAccount { address, number, value, changed: false, wiped: false, slots });
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
        }
    }

    /// All of it, in order; `codes` are those of committed transactions, `wipes` says how often the storage of the
    /// account with a number was wiped. On one thread, or on all there are if that helps.
    pub(super) fn changes(
        &mut self,
        codes: B256Map<Bytecode>,
        wipes: impl Fn(u32) -> u32 + Sync,
        threads: usize,
    ) -> Changes {
        let Self { accounts, slots, .. } = self;
        let parallel = threads >= MIN_THREADS && accounts.len().max(slots.len()) >= MIN_PARALLEL;
        let slots = ordered(slots, parallel);
        let mut start = 0;
        for own in slots.chunk_by(|one, other| one.owner == other.owner) {
            accounts[own[0].owner as usize].slots = start..start + own.len();
            start += own.len();
        }
        let order = order_of(accounts, |account| prefix(&account.address.0.0), |account| account.address, parallel);
        let change = |at: u32| accounts[at as usize].change(&slots, &wipes);
        let accounts = if parallel {
            // Keeps the order.
            order.into_par_iter().with_min_len(MIN_PARALLEL / 16).filter_map(change).collect()
        } else {
            let mut changes = Vec::with_capacity(order.len());
            changes.extend(order.into_iter().filter_map(change));
            changes
        };
        Changes::new(accounts, codes)
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

    /// `None` if all is as before.
    fn change(&self, slots: &[ChangedSlot], wipes: impl Fn(u32) -> u32) -> Option<(Address, AccountChange)> {
        let slots = &slots[self.slots.clone()];
        let mut storage = Vec::with_capacity(slots.len());
        if !slots.is_empty() {
            let wipes = wipes(self.number);
            storage.extend(slots.iter().filter(|slot| slot.wipes == wipes).map(|slot| (slot.slot, slot.value)));
        }
        if !self.changed && !self.wiped && storage.is_empty() {
            return None;
        }
        let Value { exists, balance, nonce, code_hash, code_size, ref delegation } = self.value;
        let account = weft_state::Account { nonce, balance, code_hash, code_size };
        let change = AccountChange {
            info: self.changed.then_some(exists.then_some(account)),
            delegation: delegation.as_ref().and_then(Bytecode::eip7702_address),
            storage,
            wipe_storage: self.wiped,
        };
        Some((self.address, change))
    }
}

/// By account, then by slot.
fn ordered(slots: &[ChangedSlot], parallel: bool) -> Vec<ChangedSlot> {
    let coarse = |slot: &ChangedSlot| u64::from(slot.owner) << 32 | slot.slot.as_limbs()[3] >> 32;
    let order = order_of(slots, coarse, |slot| slot.slot, parallel);
    order.into_iter().map(|at| slots[at as usize]).collect()
}

/// Positions in order of two keys: what is sorted is small, and mostly the coarse key decides.
fn order_of<T: Sync, F: Ord>(
    all: &[T],
    coarse: impl Fn(&T) -> u64,
    fine: impl Fn(&T) -> F + Sync,
    parallel: bool,
) -> Vec<u32> {
    let mut order: Vec<(u64, u32)> = all.iter().zip(0..).map(|(one, at)| (coarse(one), at)).collect();
    let compare = |(one, first): &(u64, u32), (other, second): &(u64, u32)| {
        one.cmp(other).then_with(|| fine(&all[*first as usize]).cmp(&fine(&all[*second as usize])))
    };
    if parallel {
        order.par_sort_unstable_by(compare);
    } else {
        order.sort_unstable_by(compare);
    }
    order.into_iter().map(|(_, at)| at).collect()
}

/// The first eight bytes, in order as the whole is.
fn prefix(bytes: &[u8; 20]) -> u64 {
    bytes.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}
