//! What blocks touch, and blocks executed by lists of that.

use alloy_primitives::{Address, B256, TxKind, U256, keccak256};
use weft_primitives::InboxItem;
use weft_primitives::inbox::Content;
use weft_state::AccountChange;

use super::*;
use crate::Changes;
use crate::access::{
    AccountChanges, BalanceChange, BlockAccessIndex, BlockAccessList, CodeChange, NonceChange, SlotChanges,
    StorageChange, WrongList, decode, encode, hash,
};
use crate::overlay::HISTORY_STORAGE_ADDRESS;
use crate::parallel::Engine;
use crate::raw;
use crate::seal::Built;
use crate::state::State;

fn index(index: u64) -> BlockAccessIndex {
    BlockAccessIndex::new(index)
}

/// A slot with one change.
fn written(slot: u64, at: u64, value: U256) -> SlotChanges {
    SlotChanges::new(U256::from(slot), vec![StorageChange::new(index(at), value)])
}

fn builder(node: &Node) -> BlockBuilder<'_, World> {
    BlockBuilder::new(&node.chain, &node.head, 100, &node.world).unwrap().with_access_list()
}

fn item(index: u64, transaction: &Transaction) -> InboxItem {
    InboxItem { index, time_ms: 1, content: Content::Transaction(transaction.raw().clone()) }
}

fn of(list: &BlockAccessList, address: Address) -> AccountChanges {
    list.iter().find(|account| account.address == address).cloned().unwrap_or_else(|| panic!("{address} is not listed"))
}

#[test]
fn a_list_says_what_was_touched_and_what_came_of_it() {
    let node = Node::new();
    let (alice, bob) = (signer(1), signer(2));
    let new = Address::repeat_byte(0x99);
    let (store, revert) = (contracts::STORE.0, contracts::REVERT.0);
    let flash =
        sign(&bob, TxEip1559 { input: vec![0x60, 1, 0x60, 1, 0x55, 0x33, 0xff].into(), ..fields(0, TxKind::Create) });
    let candidates = vec![
        transfer(&alice, 0, new, 5),
        // A slot that changes, one that is written as it was, one whose change is reverted.
        call(&alice, 1, store, words(7, 8)),
        call(&alice, 2, store, words(1_000, 3)),
        call(&alice, 3, revert, words(9, 9)),
        // Not of the block.
        transfer(&signer(4), 9, Address::repeat_byte(0x98), 5),
        call(&alice, 4, store, words(7, 0)),
        // There and gone.
        flash.clone(),
        delegate(&signer(3), 0, store),
    ];
    let mut lists = Vec::new();
    for threads in 1..=3 {
        let (built, refused) = builder(&node).fill(candidates.clone(), &mut Engine::new(threads)).unwrap();
        assert_eq!(refused.len(), 1);
        lists.push(built.access_list.unwrap());
    }
    let mut one_by_one = builder(&node);
    candidates.iter().for_each(|transaction| drop(one_by_one.transaction(transaction.clone()).unwrap()));
    let list = one_by_one.finish().access_list.unwrap();
    assert!(lists.iter().all(|other| *other == list));

    let history = AccountChanges {
        storage_changes: vec![written(0, 0, node.head.hash.into())],
        ..AccountChanges::new(HISTORY_STORAGE_ADDRESS)
    };
    assert_eq!(of(&list, HISTORY_STORAGE_ADDRESS), history);
    let received = BalanceChange::new(index(1), U256::from(5));
    assert_eq!(of(&list, new), AccountChanges { balance_changes: vec![received], ..AccountChanges::new(new) });
    let mut changes = written(7, 2, U256::from(8));
    changes.push(StorageChange::new(index(5), U256::ZERO));
    let stored = AccountChanges {
        storage_changes: vec![changes],
        storage_reads: vec![U256::from(1_000)],
        ..AccountChanges::new(store)
    };
    assert_eq!(of(&list, store), stored);
    assert_eq!(of(&list, revert), AccountChanges { storage_reads: vec![U256::from(9)], ..AccountChanges::new(revert) });
    let gone = bob.address().create(0);
    assert_eq!(of(&list, gone), AccountChanges { storage_reads: vec![U256::from(1)], ..AccountChanges::new(gone) });
    let delegated = of(&list, signer(3).address());
    let indicator = [&[0xef, 1, 0][..], store.as_slice()].concat();
    assert_eq!(delegated.nonce_changes, [NonceChange::new(index(7), 2)]);
    assert_eq!(delegated.code_changes, [CodeChange::new(index(7), indicator.into())]);
    // Every transaction pays the beneficiary.
    let paid = of(&list, node.chain.fee_recipient()).balance_changes;
    assert!(paid.iter().map(|change| change.block_access_index.get()).eq(1..=7));
    assert_eq!(of(&list, alice.address()).nonce_changes.len(), 5);
    assert_eq!(list.len(), 9);
    assert_eq!(decode(&encode(&list)).as_ref(), Ok(&list));
    assert_eq!(hash(&list), keccak256(encode(&list)));
    assert!(list.is_sorted_by_key(|account| account.address));
}

/// Built, with an inbox item that is executed and one that is not, and by a list.
#[test]
fn the_inbox_comes_first_in_a_list_too() {
    let node = Node::new();
    let (alice, bob) = (signer(1), signer(2));
    let items = [
        item(0, &call(&alice, 0, contracts::STORE.0, words(5, 6))),
        item(1, &transfer(&bob, 7, alice.address(), 1)),
        item(2, &sign(&bob, TxEip1559 { input: deployment(&[0x00]), ..fields(0, TxKind::Create) })),
    ];
    let rest = vec![call(&alice, 1, contracts::STORE.0, words(6, 6)), transfer(&bob, 1, alice.address(), 1)];
    let begun = || {
        let mut builder = builder(&node);
        assert_eq!(builder.inbox(&items).unwrap(), 3);
        builder
    };
    let (built, _) = begun().fill(rest.clone(), &mut Engine::new(2)).unwrap();
    let list = built.access_list.clone().unwrap();
    let store = of(&list, contracts::STORE.0);
    assert_eq!(store.storage_changes, [written(5, 1, U256::from(6)), written(6, 3, U256::from(6))]);
    assert_eq!(of(&list, bob.address()).nonce_changes, [NonceChange::new(index(2), 1), NonceChange::new(index(4), 2)]);

    let replayed = |list: &BlockAccessList| -> (Built, Result<(), WrongList>) {
        let (again, verdict) = begun().replay_by_list(rest.clone(), list, &mut Engine::new(2)).unwrap();
        let again = again.unwrap();
        assert_eq!((&again.receipts, again.gas_used), (&built.receipts, built.gas_used));
        assert_eq!(again.changes, built.changes);
        assert_eq!(again.access_list.as_ref(), built.access_list.as_ref());
        (again, verdict)
    };
    assert_eq!(replayed(&list).1, Ok(()));
    // What the inbox did is listed otherwise, or not at all; what came before it, too.
    let mut wrong = Vec::new();
    for address in [contracts::STORE.0, HISTORY_STORAGE_ADDRESS] {
        let mut other = list.clone();
        let account = other.iter_mut().find(|account| account.address == address).unwrap();
        account.storage_changes[0].changes[0].new_value = U256::from(1);
        wrong.push(other);
        wrong.push(list.iter().filter(|account| account.address != address).cloned().collect());
    }
    assert!(wrong.iter().all(|list| replayed(list).1 == Err(WrongList::Before)));
    let (without, verdict) = {
        let builder = BlockBuilder::new(&node.chain, &node.head, 100, &node.world).unwrap();
        builder.replay_by_list(vec![], &Vec::new(), &mut Engine::new(1)).unwrap()
    };
    assert_eq!((without.unwrap().access_list, verdict), (None, Err(WrongList::Before)));
}

/// Gas limits count as ever: they are not the list's to tell.
#[test]
fn a_list_makes_no_block_larger() {
    let node = Node::new();
    let spend =
        |seed, gas_limit| sign(&signer(seed), TxEip1559 { gas_limit, ..fields(0, TxKind::Call(contracts::LOOP.0)) });
    let transactions = vec![spend(1, 16_000_000), spend(2, 13_000_000), spend(3, 1_000_001)];
    let environment = crate::env::next_block(&node.chain, &node.head.header, node.head.hash, 100);
    let config = crate::env::config(&node.chain, 100);
    let executor = raw::Executor::Sequential;
    let (_, mut list) = raw::execute_listing(&node.world, &config, &environment, &transactions, executor).unwrap();
    list.extend(builder(&node).finish().access_list.unwrap());
    list.sort_by_key(|account| account.address);
    let (built, verdict) = builder(&node).replay_by_list(transactions, &list, &mut Engine::new(1)).unwrap();
    let full = SkipReason::BlockFull { left: 1_000_000, wanted: 1_000_001 };
    assert_eq!((built.unwrap_err(), verdict), ((2, full), Err(WrongList::Impossible { at: 2 })));
}

/// Storage of before that no list can tell to be gone.
#[test]
fn storage_from_before_a_creation_is_found_out() {
    let mut node = Node::new();
    // pop(sload(2))
    let init = deployment(&[0x60, 0x02, 0x54, 0x50, 0x00]);
    let contract = contracts::FACTORY.0.create2(B256::ZERO, keccak256(&init));
    let storage = AccountChange { storage: vec![(U256::from(2), U256::from(5))], ..AccountChange::default() };
    node.world.apply(Changes { accounts: vec![(contract, storage)], codes: vec![] }).unwrap();
    let transactions =
        vec![call(&signer(1), 0, contracts::FACTORY.0, init), call(&signer(2), 0, contract, words(0, 0))];
    let (built, _) = builder(&node).fill(transactions.clone(), &mut Engine::new(1)).unwrap();
    let list = built.access_list.unwrap();
    assert_eq!(of(&list, contract).storage_reads, [U256::from(2)]);
    let (again, verdict) = builder(&node).replay_by_list(transactions, &list, &mut Engine::new(1)).unwrap();
    assert_eq!(verdict, Err(WrongList::Storage { address: contract }));
    assert_eq!(again.unwrap().changes, built.changes);
}
