//! From what execution did to an account to updates of leaves.

use alloy_primitives::{Address, KECCAK256_EMPTY, U256};

use crate::Value;
use crate::account::{Account, AccountError, delegation_leaf};
use crate::keys::{AccountKeys, BASIC_DATA, CODE_HASH, DELEGATION, TreeKey};
use crate::tree::Tree;
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

/// The leaf updates of a block. `tree` is the state before it, to find the storage that is wiped.
pub fn leaf_updates<'a>(
    tree: &Tree,
    changes: impl IntoIterator<Item = (Address, &'a AccountChange)>,
) -> Result<UpdateBatch, AccountError> {
    let mut updates = Vec::new();
    for (address, change) in changes {
        let keys = AccountKeys::new(address);
        let gone = matches!(change.info, Some(None));
        if change.wipe_storage || gone {
            wipe(tree, &keys, &mut updates);
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

fn wipe(tree: &Tree, keys: &AccountKeys, updates: &mut Vec<(TreeKey, Option<Value>)>) {
    let header = keys.header_prefix();
    let in_storage = |key: &TreeKey| key.as_slice()[33] >= crate::keys::HEADER_STORAGE;
    updates.extend(tree.with_prefix(&header).filter(|(key, _)| in_storage(key)).map(|(key, _)| (key, None)));
    updates.extend(tree.with_prefix(&keys.storage_prefix()).map(|(key, _)| (key, None)));
}
