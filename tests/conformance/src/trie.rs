//! Ethereum's tries, the slow and plain way: roots of a whole state.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, Log, U256, keccak256};
use alloy_trie::root::{state_root_unhashed, storage_root_unhashed};
use alloy_trie::{EMPTY_ROOT_HASH, HashBuilder, Nibbles, TrieAccount};
use weft_bench::MapState;

/// Root of the state as Ethereum has it.
pub fn state_root(state: &MapState) -> B256 {
    let mut storage: BTreeMap<Address, Vec<(B256, U256)>> = BTreeMap::new();
    for (address, slot, value) in state.slots() {
        storage.entry(address).or_default().push((slot.into(), value));
    }
    state_root_unhashed(state.accounts().map(|(address, account)| {
        let storage_root = storage.remove(&address).map_or(EMPTY_ROOT_HASH, storage_root_unhashed);
        let (nonce, balance, code_hash) = (account.nonce, account.balance, account.code_hash);
        (address, TrieAccount { nonce, balance, storage_root, code_hash })
    }))
}

/// Hash of a transaction's logs, as the state tests have it.
pub fn logs_hash(logs: &[Log]) -> B256 {
    let mut bytes = Vec::with_capacity(alloy_rlp::list_length(logs));
    alloy_rlp::encode_list(logs, &mut bytes);
    keccak256(bytes)
}

/// Root of a trie with hashed keys.
pub fn secure_root(entries: &BTreeMap<Bytes, Bytes>) -> B256 {
    let hashed: BTreeMap<B256, &Bytes> = entries.iter().map(|(key, value)| (keccak256(key), value)).collect();
    let mut trie = HashBuilder::default();
    hashed.into_iter().for_each(|(key, value)| trie.add_leaf(Nibbles::unpack(key), value));
    trie.root()
}
