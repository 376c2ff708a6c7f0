//! What executing transactions changed, before any tree knows of it.

use alloy_primitives::{Address, B256, Bytes};
use revm::bytecode::Bytecode;
use weft_state::AccountChange;

/// Everything that transactions changed.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Each address once, and of each account each slot once, in any order.
    pub accounts: Vec<(Address, AccountChange)>,
    /// New code by hash, in order.
    pub codes: Vec<(B256, Bytes)>,
}

impl Changes {
    /// `accounts` are in any order.
    pub(crate) fn new(
        accounts: Vec<(Address, AccountChange)>,
        codes: impl IntoIterator<Item = (B256, Bytecode)>,
    ) -> Self {
        let codes = codes.into_iter().map(|(hash, code)| (hash, code.original_bytes()));
        let mut codes: Vec<(B256, Bytes)> = codes.collect();
        codes.sort_unstable_by_key(|(hash, _)| *hash);
        Self { accounts, codes }
    }
}

impl PartialEq for Changes {
    fn eq(&self, other: &Self) -> bool {
        let in_order = |changes: &Self| {
            let mut accounts = changes.accounts.clone();
            accounts.sort_unstable_by_key(|(address, _)| *address);
            accounts.iter_mut().for_each(|(_, change)| change.storage.sort_unstable());
            accounts
        };
        self.codes == other.codes && in_order(self) == in_order(other)
    }
}

impl Eq for Changes {}
