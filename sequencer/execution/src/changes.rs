//! What executing transactions changed, before any tree knows of it.

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
}
