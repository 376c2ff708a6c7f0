//! What a transaction did to an account, as a list tells it.

use alloy_primitives::{KECCAK256_EMPTY, U256};
use revm::bytecode::Bytecode;
use revm::state::{Account, EvmStorageSlot};

/// What an account has after a transaction, where that is not what it had before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Effect {
    pub(super) balance: Option<U256>,
    pub(super) nonce: Option<u64>,
    pub(super) code: Option<Bytecode>,
}

impl Effect {
    /// Of the transaction after which revm has left the account like this.
    pub(super) fn of(account: &mut Account) -> Self {
        if !account.is_touched() {
            return Self::default();
        }
        let destroyed = account.is_selfdestructed();
        let (balance, nonce, code_hash) = match destroyed {
            true => (U256::ZERO, 0, KECCAK256_EMPTY),
            false => (account.info.balance, account.info.nonce, account.info.code_hash),
        };
        let before = account.original_info_mut();
        let balance = (before.balance != balance).then_some(balance);
        let nonce = (before.nonce != nonce).then_some(nonce);
        let same_code = before.code_hash == code_hash;
        let code = || if destroyed { Bytecode::default() } else { account.info.code.clone().unwrap_or_default() };
        Self { balance, nonce, code: (!same_code).then(code) }
    }

    /// What the account's slot holds after the transaction, if that is not what it held before. Storage of an account
    /// that is gone counts as read.
    pub(super) fn written(account: &Account, slot: &EvmStorageSlot) -> Option<U256> {
        let counts = account.is_touched() && !account.is_selfdestructed() && slot.is_changed();
        counts.then(|| slot.present_value())
    }
}
