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

    /// By address, and by slot.
    pub fn in_order(mut self) -> Self {
        self.accounts.sort_unstable_by_key(|(address, _)| *address);
        self.accounts.iter_mut().for_each(|(_, change)| change.storage.sort_unstable());
        self
    }
}

impl PartialEq for Changes {
    fn eq(&self, other: &Self) -> bool {
        self.codes == other.codes && self.clone().in_order().accounts == other.clone().in_order().accounts
    }
}

impl Eq for Changes {}
