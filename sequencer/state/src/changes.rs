//! From what execution did to an account to updates of leaves.

use alloy_primitives::{Address, KECCAK256_EMPTY, U256};

use crate::Value;
use crate::account::{Account, AccountError, delegation_leaf};
use crate::keys::{AccountKeys, BASIC_DATA, CODE_HASH, DELEGATION, TreeKey};
use crate::tree::{StoredError, Tree};
use crate::updates::UpdateBatch;

/// How a block changed one account.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AccountChange {
    /// `None`: unchanged. `Some(None)`: gone. `Some(Some(..))`: the account now.
    pub info: Option<Option<Account>>,
    /// With [`AccountChange::info`]: the EIP-7702 delegation target, if its code is a delegation.
    pub delegation: Option<Address>,
    /// New values of changed slots; zero deletes.
    pub storage: Vec<(U256, U256)>,
    /// All storage from before the block is gone; `storage` is applied after that.
    pub wipe_storage: bool,
}

impl AccountChange {
    /// Whether the account's storage from before the block goes; it does with the account.
    pub const fn wipes_storage(&self) -> bool {
        self.wipe_storage || matches!(self.info, Some(None))
    }
}

/// Why a block's changes cannot become leaf updates.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum UpdateError {
    /// An account does not fit.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The storage that is wiped cannot be listed.
    #[error(transparent)]
    Stored(#[from] StoredError),
}

/// The leaf updates of a block. `tree` is the state before it, to find the storage that is wiped.
pub fn leaf_updates<'a>(
    tree: &Tree,
    changes: impl IntoIterator<Item = (Address, &'a AccountChange)>,
) -> Result<UpdateBatch, UpdateError> {
    leaf_updates_from(changes, |prefix| Ok(tree.with_prefix(prefix)?.into_iter().map(|(key, _)| key).collect()))
}

/// Like [`leaf_updates`], over any way of listing the keys that begin with a prefix, which may fail.
pub fn leaf_updates_from<'a, E: From<AccountError>>(
    changes: impl IntoIterator<Item = (Address, &'a AccountChange)>,
    mut keys_with_prefix: impl FnMut(&TreeKey) -> Result<Vec<TreeKey>, E>,
) -> Result<UpdateBatch, E> {
    let mut updates = Vec::new();
    for (address, change) in changes {
        let keys = AccountKeys::new(address);
        if change.wipes_storage() {
            for prefix in keys.prefixes() {
                let listed = keys_with_prefix(&prefix)?;
                updates.extend(listed.into_iter().filter(TreeKey::is_storage).map(|key| (key, None)));
            }
        }
        if let Some(info) = &change.info {
            let leaves = match info {
                Some(account) if !account.is_empty() => account_leaves(account, change.delegation)?,
                _ => [None; 3],
            };
            let subs = [BASIC_DATA, CODE_HASH, DELEGATION];
            updates.extend(subs.into_iter().zip(leaves).map(|(sub, leaf)| (keys.header(sub), leaf)));
        }
        let slots = change.storage.iter().map(|(slot, value)| (keys.storage(*slot), Some(value.to_be_bytes())));
        updates.extend(slots);
    }
    Ok(UpdateBatch::new(updates))
}

/// Basic data, code hash, delegation.
fn account_leaves(account: &Account, delegation: Option<Address>) -> Result<[Option<Value>; 3], AccountError> {
    let has_code = account.code_hash != KECCAK256_EMPTY;
    let code_hash = (has_code && delegation.is_none()).then_some(account.code_hash.0);
    Ok([Some(account.basic_data()?), code_hash, delegation.map(delegation_leaf)])
}

#[cfg(test)]
mod tests;
