//! Chains whose state has no memory, little, or all that it takes are the same chain.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use alloy_consensus::TxEip1559;
use alloy_primitives::TxKind;
use weft_execution::StateView;
use weft_primitives::{Address, ChainConfig, Transaction, U256};
use weft_state::keys::{AccountKeys, BASIC_DATA};
use weft_state::{StoredError, TreeKey};

use super::{Chain, ChainError, PastError};
use crate::config::{Config, Limits};
use crate::producer::ProducerError;
use crate::store::{ChainStore, Family, Kv, KvView, MemoryKv, RocksKv, StoreError, Write};
use crate::testing::{CHAIN_ID, GWEI, TestNode, config, open, sign, signer};

/// Accounts, in some forty subtrees.
const ACCOUNTS: u64 = 12_000;

/// Nothing, a subtree or two, all.
const MEMORY: [Option<u64>; 3] = [Some(0), Some(150_000), None];

fn account(n: u64) -> Address {
    Address::from_word(alloy_primitives::keccak256(n.to_be_bytes()))
}

fn leaf(n: u64) -> TreeKey {
    AccountKeys::new(account(n)).header(BASIC_DATA)
}

fn crowded(state_memory: Option<u64>) -> Config {
    let mut genesis = config().chain.genesis().clone();
    let rich = genesis.alloc.values().next().unwrap().clone();
    genesis.alloc.extend((0..ACCOUNTS).map(|n| (account(n), rich.clone())));
    let chain = ChainConfig::from_json(&serde_json::to_string(&genesis).unwrap()).unwrap();
    Config { chain, limits: Limits { state_memory, ..config().limits }, ..config() }
}

/// Ether for an account, of those that are there or beyond.
fn gift(seed: u8, nonce: u64, to: u64) -> Transaction {
    let fields = TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 3 * GWEI,
        max_priority_fee_per_gas: GWEI,
        to: TxKind::Call(account(to)),
        value: U256::from(to + 1),
        ..TxEip1559::default()
    };
    sign(&signer(seed), fields)
}

/// Block `number`'s transactions, all over the state.
fn gifts(number: u64) -> Vec<Transaction> {
    let to = |seed: u8| (number * 7_919 + u64::from(seed) * 1_511) % (ACCOUNTS + 2_000);
    (1..=8).map(|seed| gift(seed, number - 1, to(seed))).collect()
}

fn residence(node: &TestNode) -> (usize, usize, usize) {
    let world = node.backend.chain().world();
    let residence = world.tree().residence();
    (residence.subtrees, residence.bytes, world.tree().subtrees())
}

#[test]
fn memory_changes_nothing_but_what_is_in_memory() {
    let mut seen = Vec::new();
    for memory in MEMORY {
        let folder = tempfile::tempdir().unwrap();
        let config = crowded(memory);
        let open_again = || open(Arc::new(RocksKv::open(folder.path()).unwrap()), &config);
        let mut node = open_again();
        for number in 1..=6 {
            node.block(&gifts(number)).unwrap();
        }
        drop(node);
        let mut node = open_again();
        if let Some(memory) = memory {
            let (here, bytes, all) = residence(&node);
            assert!(bytes as u64 <= memory && here < all / 2, "{here} of {all} subtrees, {bytes} bytes");
        }
        for number in 7..=12 {
            node.block(&gifts(number)).unwrap();
        }
        let (chain, mut answers) = (node.backend.chain().clone(), Vec::new());
        let keys: Vec<TreeKey> = (0..ACCOUNTS).step_by(997).map(leaf).collect();
        for number in 0..=12 {
            let snapshot = chain.snapshot(number).unwrap().unwrap();
            for n in (0..ACCOUNTS + 2_000).step_by(499) {
                answers.push(format!("{:?}", snapshot.account(account(n)).unwrap()).into_bytes());
            }
            let proved = chain.prove(number, &keys).unwrap();
            let root = chain.store().block(number).unwrap().unwrap().header.state_root;
            assert_eq!(proved.state_root, root);
            answers.extend(proved.proofs.iter().map(weft_state::Proof::encode));
            // A copy is not touched by what comes after it.
            let copy = chain.world_before(number + 1).unwrap().unwrap();
            assert_eq!(copy.state_root(), root);
            if number == 5 {
                node.block(&gifts(13)).unwrap();
                let leaves = copy.tree().leaves().collect::<Result<Vec<_>, _>>().unwrap();
                answers.push(format!("{leaves:?}").into_bytes());
                assert_eq!(weft_execution::World::load(leaves, []).unwrap().state_root(), root);
            }
        }
        answers.push(chain.world().state_root().to_vec());
        seen.push(answers);
    }
    assert!(seen[0] == seen[2] && seen[1] == seen[2]);
}

#[test]
fn copies_see_nothing_of_later_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let on_disk = Arc::new(RocksKv::open(folder.path()).unwrap());
    for kv in [Arc::new(MemoryKv::default()) as Arc<dyn Kv>, on_disk] {
        let mut node = open(kv, &crowded(Some(0)));
        node.block(&gifts(1)).unwrap();
        let (_, copy) = node.backend.chain().copy();
        let balance = |view: &dyn StateView, n| view.account(account(n)).unwrap().map(|stored| stored.account.balance);
        // One that is there, and one that is not.
        let to = [3, ACCOUNTS + 77];
        let before = to.map(|n| balance(&copy, n));
        let nonces = [1, 2];
        node.block(&[gift(1, nonces[0], to[0]), gift(1, nonces[1], to[1])]).unwrap();
        assert_eq!(to.map(|n| balance(&copy, n)), before);
        let world = node.backend.chain().world();
        assert!(to.into_iter().zip(before).all(|(n, before)| balance(&*world, n) > before));
    }
}

#[test]
fn what_a_block_changed_stays_until_it_is_written() {
    let mut node = open(Arc::new(MemoryKv::default()), &crowded(Some(0)));
    node.block(&gifts(1)).unwrap();
    // Those of the newest block, which was not written when it was made.
    let (first, ..) = residence(&node);
    assert!((2..=18).contains(&first), "{first}");
    node.block(&[gift(1, 1, 5)]).unwrap();
    let (second, ..) = residence(&node);
    assert!((1..=4).contains(&second), "{second}");
}

/// A leaf changed behind the node's back, while it runs.
#[test]
fn damage_is_found_by_the_block_that_meets_it() {
    let kv = Arc::new(MemoryKv::default());
    let mut node = open(kv.clone(), &crowded(Some(0)));
    let key = leaf(17).as_slice().to_vec();
    let mut value = kv.get(Family::Leaf, &key).unwrap().unwrap();
    value[31] ^= 1;
    kv.write(vec![Write { family: Family::Leaf, key, value: Some(value) }], true).unwrap();
    let root = node.backend.chain().world().state_root();
    let error = node.backend.chain().prove(0, &[leaf(17)]).unwrap_err();
    assert!(matches!(error, PastError::Store(StoreError::State(StoredError::Damaged(_)))), "{error}");
    node.submit(&gift(1, 0, 17)).unwrap();
    let error = node.producer.make_block(&[]).unwrap_err();
    assert!(matches!(error, ProducerError::Chain(ChainError::Apply(_))), "{error}");
    assert!(error.to_string().contains("the database is damaged"), "{error}");
    assert_eq!(node.backend.chain().world().state_root(), root);
    assert_eq!(node.backend.heads().latest, 0);
    // And at the next start.
    let limits = crowded(Some(0)).limits;
    let opened = Chain::open(crowded(None).chain, ChainStore::new(kv), &limits);
    assert!(matches!(opened.err(), Some(ChainError::StateRoot { number: 0, .. })));
}
