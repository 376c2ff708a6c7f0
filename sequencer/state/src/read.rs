//! Accounts and slots, read from the leaves.

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256, keccak256};

use crate::Value;
use crate::account::{Account, delegation_code, delegation_target};
use crate::keys::{AccountKeys, BASIC_DATA, CODE_HASH, DELEGATION, TreeKey};

/// An account as the leaves tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredAccount {
    /// The account; for a delegated one, code hash and size are those of the delegation indicator.
    pub account: Account,
    /// EIP-7702 delegation target.
    pub delegation: Option<Address>,
}

/// Reads an account through `leaf`; `None` when it has no leaves.
///
/// Generic over how leaves are read, and over that failing, so that trees,
/// views of the past and partial trees share it. A basic data leaf of an
/// unknown version reads as absent: only this crate writes them.
pub fn account<E>(
    address: Address,
    mut leaf: impl FnMut(&TreeKey) -> Result<Option<Value>, E>,
) -> Result<Option<StoredAccount>, E> {
    let keys = AccountKeys::new(address);
    let Some(basic_data) = leaf(&keys.header(BASIC_DATA))? else { return Ok(None) };
    let delegation = match leaf(&keys.header(DELEGATION))? {
        Some(value) => delegation_target(&value),
        None => None,
    };
    let code_hash = match delegation {
        Some(target) => keccak256(delegation_code(target)),
        None => leaf(&keys.header(CODE_HASH))?.map_or(KECCAK256_EMPTY, B256::from),
    };
    Ok(Account::from_leaves(&basic_data, code_hash).ok().map(|account| StoredAccount { account, delegation }))
}

/// Reads a storage slot through `leaf`; absent is zero.
pub fn storage<E>(
    address: Address,
    slot: U256,
    mut leaf: impl FnMut(&TreeKey) -> Result<Option<Value>, E>,
) -> Result<U256, E> {
    let value = leaf(&AccountKeys::new(address).storage(slot))?;
    Ok(value.map_or(U256::ZERO, U256::from_be_bytes))
}
