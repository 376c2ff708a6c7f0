//! Merkle Patricia proofs (EIP-1186), over tries that are built for each.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use alloy_rpc_types_eth::{EIP1186AccountProofResponse, EIP1186StorageProof};
use alloy_trie::proof::ProofRetainer;
use alloy_trie::{HashBuilder, Nibbles, TrieAccount};
use weft_bench::MapState;

/// The proof of an account and of slots of it.
pub fn of(state: &MapState, address: Address, slots: &[B256]) -> EIP1186AccountProofResponse {
    let mut storages: BTreeMap<Address, BTreeMap<B256, U256>> = BTreeMap::new();
    for (owner, slot, value) in state.slots() {
        storages.entry(owner).or_default().insert(keccak256(B256::from(slot)), value);
    }
    let none = BTreeMap::new();
    let storage_of = |owner: &Address| storages.get(owner).unwrap_or(&none);
    let trie_account = |owner: &Address, nonce, balance, code_hash| {
        let storage_root = prove(leaves(storage_of(owner)), &[]).0;
        TrieAccount { nonce, balance, storage_root, code_hash }
    };
    let accounts: BTreeMap<Address, TrieAccount> = state
        .accounts()
        .map(|(owner, account)| (owner, trie_account(&owner, account.nonce, account.balance, account.code_hash)))
        .collect();
    let hashed = accounts.iter().map(|(owner, account)| (keccak256(owner), alloy_rlp::encode(account)));
    let (_, account_proofs) = prove(hashed.collect(), &[keccak256(address)]);
    let empty = TrieAccount {
        nonce: 0,
        balance: U256::ZERO,
        storage_root: alloy_trie::EMPTY_ROOT_HASH,
        code_hash: KECCAK256_EMPTY,
    };
    let account = accounts.get(&address).copied().unwrap_or(empty);
    let keys: Vec<B256> = slots.iter().map(keccak256).collect();
    let (_, storage_proofs) = prove(leaves(storage_of(&address)), &keys);
    let storage_proof = slots.iter().zip(keys).zip(storage_proofs).map(|((slot, key), proof)| EIP1186StorageProof {
        key: U256::from_be_bytes(slot.0).into(),
        value: storage_of(&address).get(&key).copied().unwrap_or_default(),
        proof,
    });
    EIP1186AccountProofResponse {
        address,
        balance: account.balance,
        code_hash: account.code_hash,
        nonce: account.nonce,
        storage_hash: account.storage_root,
        account_proof: account_proofs.into_iter().next().unwrap_or_default(),
        storage_proof: storage_proof.collect(),
    }
}

fn leaves(storage: &BTreeMap<B256, U256>) -> BTreeMap<B256, Vec<u8>> {
    storage.iter().map(|(key, value)| (*key, alloy_rlp::encode(value))).collect()
}

/// Root of a trie, and the nodes on the way to each key.
fn prove(leaves: BTreeMap<B256, Vec<u8>>, keys: &[B256]) -> (B256, Vec<Vec<Bytes>>) {
    let targets: Vec<Nibbles> = keys.iter().map(Nibbles::unpack).collect();
    let mut trie = HashBuilder::default().with_proof_retainer(ProofRetainer::new(targets.clone()));
    leaves.iter().for_each(|(key, value)| trie.add_leaf(Nibbles::unpack(key), value));
    let root = trie.root();
    let nodes = trie.take_proof_nodes();
    let way = |target: &Nibbles| nodes.matching_nodes_sorted(target).into_iter().map(|(_, node)| node).collect();
    (root, targets.iter().map(way).collect())
}
