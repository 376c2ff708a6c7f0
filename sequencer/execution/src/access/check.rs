//! What a transaction did, held against the list.

use alloy_eip7928::AccountChanges;
use alloy_primitives::{B256, KECCAK256_EMPTY};
use revm::bytecode::Bytecode;
use revm::state::{Account, EvmState};

use super::effect::Effect;
use super::plan::{Plan, at, count_before};
use crate::executed::Executed;

/// What one thread has found, as far as it was listed.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// By position of the transaction.
    pub(super) results: Vec<(usize, Executed)>,
    /// Listed changes that were made.
    pub(super) changes: usize,
    pub(super) wipes: Vec<Wipe>,
    /// New code by hash, delegations apart.
    pub(super) codes: Vec<(B256, Bytecode)>,
}

/// An account whose storage is gone, with or without the account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wipe {
    /// Its number in the list.
    pub(super) account: u32,
    /// When.
    pub(super) index: u64,
    /// It was created, and what the same transaction wrote to it is there.
    pub(super) created: bool,
}

impl Found {
    /// Whether the transaction at an index, after which revm has left this state, did just what is listed there.
    /// Whether something else is listed shows when all were counted.
    pub(super) fn agrees(&mut self, plan: &Plan<'_>, index: u64, state: &mut EvmState) -> bool {
        state.iter_mut().all(|(address, account)| {
            plan.number(address).is_some_and(|number| self.account_agrees(plan, index, number, account))
        })
    }

    fn account_agrees(&mut self, plan: &Plan<'_>, index: u64, number: u32, account: &mut Account) -> bool {
        let listed = plan.account(number);
        listed.touch();
        let effect = Effect::of(account);
        let AccountChanges { balance_changes, nonce_changes, code_changes, .. } = listed.listed;
        let balance = at(balance_changes, index).map(|change| change.post_balance);
        let nonce = at(nonce_changes, index).map(|change| change.new_nonce);
        let code = at(code_changes, index).map(|change| &change.new_code[..]);
        if balance != effect.balance
            || nonce != effect.nonce
            || code != effect.code.as_ref().map(Bytecode::original_byte_slice)
        {
            return false;
        }
        self.changes += usize::from(balance.is_some()) + usize::from(nonce.is_some()) + usize::from(code.is_some());
        for (slot, value) in &account.storage {
            let Some((place, changes)) = listed.slot(*slot) else { return false };
            let written = Effect::written(account, value);
            if at(changes, index).map(|change| change.new_value) != written {
                return false;
            }
            self.changes += usize::from(written.is_some());
            listed.touch_slot(place);
        }
        self.notes(listed.existed(), index, number, account);
        true
    }

    /// What is not listed, but matters for the changes of the block.
    fn notes(&mut self, existed: bool, index: u64, number: u32, account: &mut Account) {
        if !account.is_touched() {
            return;
        }
        let created = account.is_created() && !account.is_selfdestructed();
        let gone = account.is_selfdestructed()
            || account.info.is_empty() && (existed || !account.original_info_mut().is_empty());
        if created || gone {
            self.wipes.push(Wipe { account: number, index, created: !gone });
        }
        if let Some(code) = account.info.code.as_ref().filter(|code| created && !code.is_eip7702())
            && account.info.code_hash != KECCAK256_EMPTY
        {
            self.codes.push((account.info.code_hash, code.clone()));
        }
    }

    /// Whether the list begins with `begun`, which is all that was done up to an index.
    pub(super) fn begins_with(&mut self, plan: &Plan<'_>, index: u64, begun: &[AccountChanges]) -> bool {
        begun.iter().all(|account| {
            plan.number(&account.address).is_some_and(|number| self.account_begins_with(plan, index, number, account))
        })
    }

    fn account_begins_with(&mut self, plan: &Plan<'_>, index: u64, number: u32, begun: &AccountChanges) -> bool {
        let account = plan.account(number);
        account.touch();
        let listed = account.listed;
        let same = listed.balance_changes.starts_with(&begun.balance_changes)
            && listed.nonce_changes.starts_with(&begun.nonce_changes)
            && listed.code_changes.starts_with(&begun.code_changes);
        self.changes += begun.balance_changes.len() + begun.nonce_changes.len() + begun.code_changes.len();
        let mut slots = begun.storage_changes.iter().map(|slot| (slot.slot, &slot.changes[..]));
        let mut reads = begun.storage_reads.iter().map(|slot| (*slot, &[][..]));
        same && slots.by_ref().chain(reads.by_ref()).all(|(slot, changes)| {
            let Some((place, listed)) = account.slot(slot) else { return false };
            self.changes += changes.len();
            account.touch_slot(place);
            listed[..count_before(listed, index + 1)] == *changes
        })
    }
}
