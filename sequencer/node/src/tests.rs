//! The sequencer in one process: from submission to durable block and back from disk.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use weft_execution::parallel::Engine;
use weft_execution::{BlockBuilder, Missing, Parent, StateView, World};
use weft_primitives::{Address, U256};

use crate::backend::{Stage, StateError};
use crate::mempool::PoolError;
use crate::store::{MemoryKv, RocksKv};
use crate::testing::{config, node, open, transfer};

#[test]
fn submitted_executed_and_found_again() {
    let mut node = node();
    assert!(node.producer.make_block(&[]).unwrap().is_none(), "no blocks while idle");
    let transactions = [transfer(1, 0), transfer(2, 0), transfer(1, 1)];
    let full = node.block(&transactions).unwrap();
    assert_eq!((full.block.header.number, full.receipts.len()), (1, 3));
    assert_eq!(full.block.header.timestamp, 1_700_000_000);
    for transaction in &transactions {
        let located = node.backend.locate(&transaction.hash()).unwrap().unwrap();
        assert_eq!(located.block.body.transactions[located.index].hash(), transaction.hash());
        assert_eq!(located.block.body.transactions[located.index].sender(), transaction.sender());
        let status = node.backend.transaction_status(&transaction.hash()).unwrap();
        assert_eq!((status.stage, status.batch), (Stage::Executed, None));
    }
    assert_eq!(node.backend.receipts(1).unwrap().unwrap(), full.receipts);
    assert!(node.backend.pool().is_empty());
    let again = node.submit(&transactions[0]);
    assert!(matches!(again, Err(PoolError::NonceTooLow { got: 0, next: 2 })), "{again:?}");
}

#[test]
fn the_past_can_be_read_as_far_as_it_is_kept() {
    let mut config = config();
    config.limits.history_blocks = 3;
    let mut node = open(Arc::new(MemoryKv::default()), &config);
    let to = Address::repeat_byte(0x77);
    for nonce in 0..6 {
        node.block(&[transfer(1, nonce)]).unwrap();
    }
    let balance = |number| {
        node.backend.with_state(number, |view, header| {
            assert_eq!(header.number, number);
            view.account(to).unwrap().map_or(U256::ZERO, |stored| stored.account.balance)
        })
    };
    for number in 3..=6 {
        assert_eq!(balance(number).unwrap(), U256::from(number));
    }
    assert!(matches!(balance(2), Err(StateError::TooOld { number: 2, kept: 3 })));
    assert!(matches!(balance(7), Err(StateError::NoBlock(7))));
}

#[test]
fn blocks_are_made_while_somebody_reads_and_change_nothing_for_him() {
    let mut config = config();
    config.limits.history_blocks = 2;
    let mut node = open(Arc::new(MemoryKv::default()), &config);
    node.block(&[transfer(1, 0)]).unwrap();
    let to = Address::repeat_byte(0x77);
    let backend = node.backend.clone();
    let balance = |view: &dyn StateView| view.account(to).map(|stored| stored.unwrap().account.balance);
    for (number, later) in [(1, 1..5), (3, 5..8)] {
        let seen = backend.with_state(number, |view, _| {
            later.for_each(|nonce| {
                node.block(&[transfer(1, nonce)]).unwrap();
                assert_eq!(balance(view), Ok(U256::from(number)));
            });
        });
        seen.unwrap();
    }
    // Until what is needed for it is neither in memory nor on disk: that goes once its blocks are final.
    backend.chain().settle(1_000, 1_000);
    let gone = backend.with_state(8, |view, _| {
        (8..90).for_each(|nonce| _ = node.block(&[transfer(1, nonce)]).unwrap());
        balance(view)
    });
    assert_eq!(gone.unwrap(), Err(Missing::Past(8)));
}

#[test]
fn everything_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let open_again = || open(Arc::new(RocksKv::open(folder.path()).unwrap()), &config());
    let mut node = open_again();
    node.block(&[transfer(1, 0), transfer(2, 0)]).unwrap();
    let second = node.block(&[transfer(1, 1)]).unwrap();
    let root = node.backend.chain().world().state_root();
    drop(node);
    let mut node = open_again();
    assert_eq!(node.backend.heads().latest, 2);
    assert_eq!(node.backend.chain().world().state_root(), root);
    assert_eq!(node.backend.block_number(&second.block.hash).unwrap(), Some(2));
    let third = node.block(&[transfer(1, 2)]).unwrap();
    assert_eq!(third.block.header.parent_hash, second.block.hash);
    // The state before, from undo records on disk.
    let nonce = |number| {
        let sender = crate::testing::signer(1).address();
        node.backend.with_state(number, |view, _| view.account(sender).unwrap().unwrap().account.nonce).unwrap()
    };
    assert_eq!((nonce(1), nonce(2), nonce(3)), (1, 2, 3));
}

#[test]
fn kept_access_lists_are_there_after_reopening_and_execute_their_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config();
    config.limits.block_access_lists = true;
    let open_again = || open(Arc::new(RocksKv::open(folder.path()).unwrap()), &config);
    let mut node = open_again();
    let blocks = [node.block(&[transfer(1, 0), transfer(2, 0)]).unwrap(), node.block(&[transfer(1, 1)]).unwrap()];
    drop(node);
    let node = open_again();
    assert_eq!((node.backend.access_list(0).unwrap(), node.backend.access_list(3).unwrap()), (None, None));
    let (mut world, genesis, _) = World::genesis(&config.chain).unwrap();
    let (mut parent, mut engine) = (Parent::new(genesis), Engine::new(2));
    for full in blocks {
        let list = node.backend.access_list(full.block.header.number).unwrap().unwrap();
        let builder = BlockBuilder::new(&config.chain, &parent, full.block.header.timestamp, &world).unwrap();
        let transactions = full.block.body.transactions.clone();
        let (built, right) = builder.with_access_list().replay_by_list(transactions, &list, &mut engine).unwrap();
        right.unwrap();
        let sealed = built.unwrap().seal(&config.chain, &parent, &mut world).unwrap();
        assert_eq!(sealed.hash, full.block.hash);
        parent = Parent::new(sealed.header);
    }
}

#[test]
fn another_chain_and_damaged_state_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let kv = || Arc::new(RocksKv::open(folder.path()).unwrap());
    let mut first = open(kv(), &config());
    first.block(&[transfer(1, 0)]).unwrap();
    drop(first);
    let text = serde_json::to_string(config().chain.genesis()).unwrap().replace("\"chainId\":7", "\"chainId\":8");
    let other = weft_primitives::ChainConfig::from_json(&text).unwrap();
    let opened = crate::chain::Chain::open(other, crate::store::ChainStore::new(kv()), &config().limits);
    assert!(opened.err().unwrap().to_string().contains("another chain"));
    // One leaf changed behind the sequencer's back.
    {
        use crate::store::{Family, Kv, KvView, Write};
        let kv = kv();
        let (key, _) = kv.scan(Family::Leaf, &[], 1).unwrap().remove(0);
        kv.write(vec![Write { family: Family::Leaf, key, value: Some(vec![9; 32]) }], true).unwrap();
    }
    let opened = crate::chain::Chain::open(config().chain, crate::store::ChainStore::new(kv()), &config().limits);
    assert!(opened.err().unwrap().to_string().contains("damaged"));
}

#[tokio::test]
async fn waiters_are_told_once_it_is_durable() {
    let mut node = node();
    let transaction = transfer(1, 0);
    let (backend, hash) = (node.backend.clone(), transaction.hash());
    assert!(!backend.wait_included(hash, Duration::from_millis(10)).await.unwrap());
    let waiting = tokio::spawn(async move { backend.wait_included(hash, Duration::from_secs(5)).await });
    tokio::task::yield_now().await;
    node.block(&[transaction]).unwrap();
    assert!(waiting.await.unwrap().unwrap());
    assert!(node.backend.wait_included(hash, Duration::ZERO).await.unwrap());
}

#[test]
fn backpressure_closes_admission_and_opens_it() {
    let node = node();
    node.backend.gate().set_backpressure(Some("batches wait".to_owned()));
    let refused = node.submit(&transfer(1, 0));
    assert!(matches!(refused, Err(PoolError::Backpressure(_))), "{refused:?}");
    node.backend.gate().set_backpressure(None);
    node.submit(&transfer(1, 0)).unwrap();
}

#[test]
fn a_full_disk_closes_admission_with_its_limit() {
    let mut config = config();
    config.limits.store_min_free_bytes = u64::MAX;
    let node = open(Arc::new(MemoryKv::default()), &config);
    node.backend.gate().check_disk();
    let refused = node.submit(&transfer(1, 0)).unwrap_err();
    assert!(refused.to_string().contains("store.min_free_bytes"), "{refused}");
    assert!(node.backend.pool().is_empty());
}
