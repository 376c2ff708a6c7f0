//! What a block has changed so far, in the form in which it is given away, in the order in which accounts were first
//! changed.
//!
//! Written while the places are at hand anyway, so that a block's end need not
//! look for them again.

use alloy_primitives::{Address, U256};
use revm::bytecode::Bytecode;
use weft_state::AccountChange;

use super::value::Value;

/// Accounts that room is made for beforehand, at least and at most.
const ROOM: std::ops::RangeInclusive<usize> = 1 << 10..=1 << 16;

/// Where a place is noted, and in which block: beyond that it means nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    pub(super) block: u32,
    /// Of an account, among all; of a slot, among its account's.
    pub(super) at: u32,
}

/// By the committer alone.
#[derive(Debug)]
pub(super) struct Changed {
    /// Number of the block, for [`Entry`]: above zero, and not used before for the same places.
    block: u32,
    accounts: Vec<(Address, AccountChange)>,
}

impl Changed {
    /// By the block with this number, of so many transactions.
    pub(super) fn new(block: u32, transactions: usize) -> Self {
        let room = transactions.saturating_mul(2).clamp(*ROOM.start(), *ROOM.end());
        Self { block, accounts: Vec::with_capacity(room) }
    }

    /// Whether an account is noted.
    #[inline]
    pub(super) fn has(&self, entry: Entry) -> bool {
        entry.block == self.block
    }

    /// What is noted of an account that is.
    #[inline]
    pub(super) fn account(&mut self, entry: Entry) -> &mut AccountChange {
        &mut self.accounts[entry.at as usize].1
    }

    /// Notes an account of which nothing has changed yet.
    #[inline]
    pub(super) fn note(&mut self, address: Address, value: Option<&Value>) -> Entry {
        let entry = Entry { block: self.block, at: self.accounts.len() as u32 };
        let delegation = value.and_then(target);
        self.accounts.push((address, AccountChange { delegation, ..AccountChange::default() }));
        entry
    }

    /// Notes what is written to a slot of an account that is noted. Where.
    #[inline]
    pub(super) fn slot(&mut self, entry: Entry, owner: Entry, slot: U256, value: U256) -> Entry {
        let noted = &mut self.accounts[owner.at as usize].1.storage;
        if entry.block == self.block {
            noted[entry.at as usize].1 = value;
            return entry;
        }
        noted.push((slot, value));
        Entry { block: self.block, at: noted.len() as u32 - 1 }
    }

    /// All of it.
    pub(super) fn into_accounts(mut self) -> Vec<(Address, AccountChange)> {
        self.accounts.retain(|(_, change)| change.info.is_some() || change.wipe_storage || !change.storage.is_empty());
        self.accounts
    }
}

/// The account is like this now.
pub(super) fn note_value(change: &mut AccountChange, value: &Value) {
    change.info = Some(value.stored());
    change.delegation = target(value);
}

/// Only its balance and nonce, of an account that is there, are other than before.
#[inline]
pub(super) fn note_moved(change: &mut AccountChange, value: &Value) {
    match &mut change.info {
        Some(Some(info)) => (info.balance, info.nonce) = (value.balance, value.nonce),
        _ => note_value(change, value),
    }
}

/// All its storage of before is gone.
pub(super) fn note_wipe(change: &mut AccountChange) {
    change.wipe_storage = true;
    change.storage.clear();
}

fn target(value: &Value) -> Option<Address> {
    value.delegation().and_then(Bytecode::eip7702_address)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// What happens to one of a few accounts.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Look,
        Pay(u64),
        Vanish,
        Wipe,
        Write(u64, u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::Look),
            (0u64..3).prop_map(Step::Pay),
            Just(Step::Vanish),
            Just(Step::Wipe),
            (0u64..4, 0u64..9).prop_map(|(slot, value)| Step::Write(slot, value)),
        ]
    }

    fn rich(balance: u64) -> Value {
        Value { exists: true, balance: U256::from(balance), nonce: balance, code: None }
    }

    proptest! {
        #[test]
        fn they_are_what_happened(steps in prop::collection::vec((0u8..4, step()), 0..60)) {
            let mut changed = Changed::new(7, steps.len());
            let (mut accounts, mut slots) = (BTreeMap::<u8, Entry>::new(), BTreeMap::<(u8, u64), Entry>::new());
            let mut model = BTreeMap::<Address, (AccountChange, BTreeMap<U256, U256>)>::new();
            for (who, step) in steps {
                let address = Address::with_last_byte(who);
                let owner = *accounts.entry(who).or_insert_with(|| changed.note(address, None));
                prop_assert!(changed.has(owner) && !changed.has(Entry::default()));
                let (expected, written) = model.entry(address).or_default();
                match step {
                    Step::Look => {}
                    Step::Pay(balance) => {
                        note_moved(changed.account(owner), &rich(balance));
                        expected.info = Some(rich(balance).stored());
                    }
                    Step::Vanish => {
                        note_value(changed.account(owner), &Value::default());
                        expected.info = Some(None);
                    }
                    Step::Wipe => {
                        note_wipe(changed.account(owner));
                        slots.retain(|(other, _), _| *other != who);
                        expected.wipe_storage = true;
                        written.clear();
                    }
                    Step::Write(slot, value) => {
                        let entry = slots.entry((who, slot)).or_default();
                        let (slot, value) = (U256::from(slot), U256::from(value));
                        *entry = changed.slot(*entry, owner, slot, value);
                        written.insert(slot, value);
                    }
                }
            }
            let mut all = changed.into_accounts();
            all.sort_unstable_by_key(|(address, _)| *address);
            all.iter_mut().for_each(|(_, change)| change.storage.sort_unstable());
            let expected = model.into_iter().map(|(address, (mut change, written))| {
                change.storage = written.into_iter().collect();
                (address, change)
            });
            let expected: Vec<_> = expected.filter(|(_, change)| *change != AccountChange::default()).collect();
            prop_assert_eq!(all, expected);
        }
    }
}
