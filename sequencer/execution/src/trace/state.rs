//! The state before a transaction, as revm-inspectors reads it.

use alloy_primitives::{Address, B256, U256};
use revm::DatabaseRef;
use revm::bytecode::Bytecode;
use revm::state::AccountInfo;

use crate::overlay::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS, Overlay};
use crate::view::{Missing, StateView};

/// Reads an overlay without keeping what is read.
pub(super) struct Before<'a, 'v, V: ?Sized>(pub(super) &'a Overlay<'v, V>);

impl<V: StateView + ?Sized> DatabaseRef for Before<'_, '_, V> {
    type Error = Missing;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Missing> {
        self.0.account_now(address)
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, Missing> {
        self.0.code_now(code_hash)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Missing> {
        self.0.storage_now(address, slot)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Missing> {
        let slot = U256::from(number % HISTORY_SERVE_WINDOW);
        self.0.storage_now(HISTORY_STORAGE_ADDRESS, slot).map(B256::from)
    }
}
