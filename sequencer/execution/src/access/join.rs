//! A block's changes, from a list that was found to be right.

use alloy_eip7928::{AccountChanges, SlotChanges};
use alloy_primitives::map::HashMap;
use alloy_primitives::{Address, U256};
use rayon::prelude::*;
use weft_state::{Account, AccountChange};

use super::check::Wipe;
use super::plan::{Listed, Plan};
use crate::view::{Missing, StateView};

/// Fewer accounts than this are joined sooner by one thread.
const MIN_PARALLEL: usize = 2_048;

/// What a list does not tell of an account, but matters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    /// When its storage was wiped for the first time, and for the last.
    pub(super) first: u64,
    last: u64,
    /// The last time it was created, so that what was written by then is there.
    created: bool,
    /// It was gone for a while.
    gone: bool,
}

/// All wipes of an account together, by its number.
pub(super) fn fates(wipes: impl IntoIterator<Item = Wipe>) -> HashMap<u32, Fate> {
    let mut fates: HashMap<u32, Fate> = HashMap::default();
    for Wipe { account, index, created } in wipes {
        let only = Fate { first: index, last: index, created, gone: !created };
        let fate = fates.entry(account).or_insert(only);
        if index >= fate.last {
            (fate.last, fate.created) = (index, created);
        }
        fate.first = fate.first.min(index);
        fate.gone |= !created;
    }
    fates
}

/// What the block changed, in order; `begun` is the highest index of what was done before the transactions, and
/// `before` is what that changed.
pub(super) fn join<V: StateView + ?Sized>(
    plan: &Plan<'_>,
    begun: u64,
    before: &[(Address, AccountChange)],
    fates: &HashMap<u32, Fate>,
    view: &V,
    threads: usize,
) -> Result<Vec<(Address, AccountChange)>, Missing> {
    let change = |(number, account): (usize, &Listed<'_>)| {
        let at = before.binary_search_by_key(&account.listed.address, |(address, _)| *address).ok();
        let before = at.map(|at| &before[at].1);
        let history = History { begun, before, fate: fates.get(&(number as u32)).copied() };
        change_of(plan, account, history, view).transpose()
    };
    if threads > 1 && plan.accounts.len() >= MIN_PARALLEL {
        return plan.accounts.par_iter().enumerate().filter_map(change).collect();
    }
    plan.accounts.iter().enumerate().filter_map(change).collect()
}

/// What became of an account, beside what is listed.
#[derive(Clone, Copy, Debug)]
struct History<'b> {
    begun: u64,
    before: Option<&'b AccountChange>,
    fate: Option<Fate>,
}

impl History<'_> {
    /// Whether what was written to a slot by the transaction at an index is still there, if nothing was since then.
    fn keeps(&self, slot: U256, index: u64) -> bool {
        match (self.fate, self.before) {
            (Some(fate), _) => index > fate.last || fate.created && index == fate.last,
            (None, Some(before)) if index <= self.begun => {
                before.storage.binary_search_by_key(&slot, |(slot, _)| *slot).is_ok()
            }
            (None, _) => true,
        }
    }
}

/// `None` if all is as before.
fn change_of<V: StateView + ?Sized>(
    plan: &Plan<'_>,
    account: &Listed<'_>,
    history: History<'_>,
    view: &V,
) -> Result<Option<(Address, AccountChange)>, Missing> {
    let AccountChanges { address, storage_changes, balance_changes, nonce_changes, code_changes, .. } = account.listed;
    let newest = |slot: &SlotChanges| {
        let change = slot.changes.last().filter(|change| history.keeps(slot.slot, change.block_access_index.get()))?;
        Some((slot.slot, change.new_value))
    };
    let storage: Vec<(U256, U256)> = storage_changes.iter().filter_map(newest).collect();
    let listed = !(balance_changes.is_empty() && nonce_changes.is_empty() && code_changes.is_empty());
    let History { before, fate, .. } = history;
    let changed = listed || fate.is_some_and(|fate| fate.gone) || before.is_some_and(|before| before.info.is_some());
    let wiped = fate.is_some() || before.is_some_and(|before| before.wipe_storage);
    if !changed && !wiped && storage.is_empty() {
        return Ok(None);
    }
    // It may have been there and empty, and be gone now.
    let after = plan.find(account, u64::MAX, view)?;
    let after = after.filter(|found| !changed || found.account != Account::default());
    let change = AccountChange {
        info: changed.then_some(after.map(|found| found.account)),
        delegation: after.and_then(|found| found.delegation),
        storage,
        wipe_storage: wiped,
    };
    Ok(Some((*address, change)))
}
