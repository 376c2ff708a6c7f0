//! Block access lists.
//!
//! The field names are those of ethereum/execution-apis. The shapes are our own, because the specification has slots
//! and their values as 32 bytes; alloy, which reads these too, would leave out leading zeros.

use alloy_primitives::{Address, B256, Bytes, U64, U256};
use serde::Serialize;
use weft_execution::access::{AccountChanges, BlockAccessIndex, SlotChanges};

/// What a block's transactions did to an account, as JSON-RPC shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RpcAccountChanges {
    address: Address,
    storage_changes: Vec<RpcSlotChanges>,
    /// Slots that were read and not changed.
    storage_reads: Vec<B256>,
    balance_changes: Vec<Change<U256>>,
    nonce_changes: Vec<Change<U64>>,
    code_changes: Vec<NewCode>,
}

/// The values of a slot.
#[derive(Clone, Debug, Serialize)]
pub struct RpcSlotChanges {
    key: B256,
    changes: Vec<Change<B256>>,
}

/// The value after a transaction: 0 is before them all, 1 the first.
#[derive(Clone, Debug, Serialize)]
pub struct Change<T> {
    index: U64,
    value: T,
}

/// [`Change`] of code.
#[derive(Clone, Debug, Serialize)]
pub struct NewCode {
    index: U64,
    code: Bytes,
}

/// A list in its order.
pub fn access_list(list: &[AccountChanges]) -> Vec<RpcAccountChanges> {
    list.iter().map(account).collect()
}

fn account(changes: &AccountChanges) -> RpcAccountChanges {
    let AccountChanges { address, storage_changes, storage_reads, balance_changes, nonce_changes, code_changes } =
        changes;
    let balances = balance_changes.iter().map(|change| change_at(change.block_access_index, change.post_balance));
    let nonces = nonce_changes.iter().map(|change| change_at(change.block_access_index, U64::from(change.new_nonce)));
    let codes = code_changes.iter().map(|change| {
        let Change { index, value } = change_at(change.block_access_index, change.new_code.clone());
        NewCode { index, code: value }
    });
    RpcAccountChanges {
        address: *address,
        storage_changes: storage_changes.iter().map(slot).collect(),
        storage_reads: storage_reads.iter().copied().map(B256::from).collect(),
        balance_changes: balances.collect(),
        nonce_changes: nonces.collect(),
        code_changes: codes.collect(),
    }
}

fn slot(changes: &SlotChanges) -> RpcSlotChanges {
    let values = changes.changes.iter().map(|change| change_at(change.block_access_index, change.new_value.into()));
    RpcSlotChanges { key: changes.slot.into(), changes: values.collect() }
}

fn change_at<T>(index: BlockAccessIndex, value: T) -> Change<T> {
    Change { index: U64::from(index.get()), value }
}
