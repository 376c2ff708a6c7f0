//! What executing transactions changed, before any tree knows of it.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes};
use revm::bytecode::Bytecode;
use weft_state::AccountChange;

/// Everything that transactions changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// By address, in order.
    pub accounts: Vec<(Address, AccountChange)>,
    /// New code by hash, in order.
    pub codes: Vec<(B256, Bytes)>,
}

impl Changes {
    /// `accounts` are in order.
    pub(crate) fn new(
        accounts: Vec<(Address, AccountChange)>,
        codes: impl IntoIterator<Item = (B256, Bytecode)>,
    ) -> Self {
        let codes = codes.into_iter().map(|(hash, code)| (hash, code.original_bytes()));
        let mut codes: Vec<(B256, Bytes)> = codes.collect();
        codes.sort_unstable_by_key(|(hash, _)| *hash);
        Self { accounts, codes }
    }

    /// These, and then `later` ones that were made on top of them.
    pub(crate) fn then(self, later: Self) -> Self {
        if self.accounts.is_empty() && self.codes.is_empty() {
            return later;
        }
        let mut earlier: BTreeMap<Address, AccountChange> = self.accounts.into_iter().collect();
        let mut accounts = Vec::with_capacity(earlier.len() + later.accounts.len());
        for (address, change) in later.accounts {
            let change = match earlier.remove(&address) {
                Some(before) => both(before, change),
                None => change,
            };
            accounts.push((address, change));
        }
        accounts.extend(earlier);
        // Two ascending runs: what this sort is fast at.
        accounts.sort_by_key(|(address, _)| *address);
        let codes: BTreeMap<B256, Bytes> = self.codes.into_iter().chain(later.codes).collect();
        Self { accounts, codes: codes.into_iter().collect() }
    }
}

fn both(before: AccountChange, after: AccountChange) -> AccountChange {
    let (info, delegation) = match after.info {
        Some(info) => (Some(info), after.delegation),
        None => (before.info, before.delegation),
    };
    if after.wipe_storage {
        return AccountChange { info, delegation, ..after };
    }
    let mut storage: BTreeMap<_, _> = before.storage.into_iter().collect();
    storage.extend(after.storage);
    AccountChange { info, delegation, storage: storage.into_iter().collect(), wipe_storage: before.wipe_storage }
}
