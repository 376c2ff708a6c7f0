//! Deposits: credits in their turn, in every way of executing a block alike.

use proptest::prelude::*;
use weft_primitives::inbox::Content;
use weft_primitives::{Deposit, InboxItem};

use super::batches::{digest, publish};
use super::*;
use crate::parallel::Engine;
use crate::verify::{Checkpoint, Verdict};

pub(super) fn deposit(index: u64, to: Address, amount: u128) -> InboxItem {
    let deposit = Deposit::sign(chain().hash(), &signer(50), index, to, amount);
    InboxItem { index, time_ms: 1_000, content: Content::Deposit(deposit) }
}

fn forced(index: u64, transaction: &Transaction) -> InboxItem {
    InboxItem { index, time_ms: 1_000, content: Content::Transaction(transaction.raw().clone()) }
}

/// A transfer that the sender can pay for only once it was credited.
fn spend(nonce: u64) -> Transaction {
    transfer(&signer(9), nonce, Address::repeat_byte(0x77), 5)
}

#[test]
fn a_deposit_is_a_credit_and_nothing_else() {
    let mut node = Node::new();
    let (new, bob, contract) = (Address::repeat_byte(0x99), signer(2).address(), contracts::STORE.0);
    let (bobs, contracts) = (node.balance(bob), node.balance(contract));
    let items = [deposit(0, new, 5), deposit(1, bob, 7), deposit(2, contract, 9), deposit(3, new, 11)];
    let mut builder = BlockBuilder::new(&node.chain, &node.head, 100, &node.world).unwrap();
    assert_eq!(builder.inbox(&items), Ok(4));
    let sealed = builder.finish().seal(&node.chain, &node.head, &mut node.world).unwrap();
    assert_eq!((sealed.body.inbox_count, sealed.body.inbox_included, sealed.header.gas_used), (4, 0, 0));
    assert!(sealed.receipts.is_empty() && sealed.body.transactions.is_empty());
    assert_eq!(node.balance(new), U256::from(16));
    assert_eq!(node.balance(bob), bobs + U256::from(7));
    assert_eq!(node.balance(contract), contracts + U256::from(9));
    // The contract has kept its code.
    node.head = Parent { header: sealed.header.clone(), hash: sealed.hash };
    let (after, skipped) = node.block(vec![call(&signer(1), 0, contract, words(4, 4))]);
    assert!(skipped.is_empty() && after.receipts[0].success);
}

/// What was loaded for a transaction that was refused must not hide the credit from the next one.
#[test]
fn what_was_too_poor_can_pay_after_a_deposit() {
    let node = Node::new();
    let items = [forced(0, &spend(0)), deposit(1, signer(9).address(), 10u128.pow(18)), forced(2, &spend(0))];
    let mut builder = BlockBuilder::new(&node.chain, &node.head, 100, &node.world).unwrap();
    assert_eq!(builder.inbox(&items), Ok(3));
    let built = builder.finish();
    assert_eq!((built.body.inbox_count, built.body.inbox_included), (3, 1));
    assert!(built.receipts[0].success);
}

#[test]
fn what_no_account_can_hold_is_consumed_without_effect() {
    let mut node = Node::new();
    let bob = signer(2).address();
    let before = node.balance(bob);
    let items = [deposit(0, bob, u128::MAX), deposit(1, bob, 0), deposit(2, Address::repeat_byte(0x99), 0)];
    let mut builder = BlockBuilder::new(&node.chain, &node.head, 100, &node.world).unwrap();
    assert_eq!(builder.inbox(&items), Ok(3));
    builder.finish().seal(&node.chain, &node.head, &mut node.world).unwrap();
    assert_eq!(node.balance(bob), before);
    assert_eq!(node.world.account(Address::repeat_byte(0x99)), Ok(None));
}

/// The sequencer's way, an auditor's, a witness's and the access list's.
#[test]
fn every_way_of_executing_gives_the_same_block() {
    let mut node = Node::new();
    let (checkpoint, mut world) = (Checkpoint::genesis(node.head.clone()), node.world.clone());
    let (carol, new) = (signer(9).address(), Address::repeat_byte(0x99));
    let inbox = [deposit(0, carol, 10u128.pow(18)), forced(1, &spend(0)), deposit(2, new, 3), deposit(3, new, 4)];
    let own = vec![spend(1), transfer(&signer(1), 0, new, 1), transfer(&signer(2), 0, carol, 1)];
    let mut builder = BlockBuilder::new(&node.chain, &node.head, 100, &node.world).unwrap().with_access_list();
    assert_eq!(builder.inbox(&inbox), Ok(4));
    let (built, refused) = builder.fill(own.clone(), &mut Engine::new(2)).unwrap();
    assert!(refused.is_empty());
    let list = built.access_list.clone().unwrap();
    let twice = list.iter().find(|account| account.address == new).unwrap();
    let indices: Vec<u64> = twice.balance_changes.iter().map(|change| change.block_access_index.get()).collect();
    assert_eq!(indices, [3, 4, 6], "a deposit has an index of its own");
    let mut by_list = BlockBuilder::new(&node.chain, &node.head, 100, &node.world).unwrap().with_access_list();
    assert_eq!(by_list.inbox(&inbox), Ok(4));
    let (replayed, right) = by_list.replay_by_list(own, &list, &mut Engine::new(2)).unwrap();
    assert_eq!(right, Ok(()));
    let again = replayed.unwrap().seal(&node.chain, &node.head, &mut world.clone()).unwrap();
    let sealed = built.seal(&node.chain, &node.head, &mut node.world).unwrap();
    assert_eq!(again.hash, sealed.hash);
    assert_eq!(rebuilt_root(&node.world), sealed.header.state_root);
    let case = publish(&node.chain, &checkpoint, &[sealed], &inbox);
    let (verdict, witness) = case.record(&mut world);
    assert_eq!(digest(&case.judge_stateless(&witness.encode())), digest(&verdict));
    assert!(matches!(case.judge(&mut world), Verdict::Valid(_)));
    world
        .revert(&match case.judge(&mut World::genesis(&chain()).unwrap().0) {
            Verdict::Valid(valid) => valid.blocks[0].applied.undo.clone(),
            other => panic!("{}", digest(&other)),
        })
        .unwrap();
    assert_eq!(world.state_root(), checkpoint.block.header.state_root, "a deposit is taken back with its block");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// What is paid in arrives: the sum of all balances grows by the deposits, less the base fee that is burned.
    #[test]
    fn totals_are_conserved(amounts in prop::collection::vec(0u64..1_000_000, 0..12), payments in 0u64..6) {
        let mut node = Node::new();
        let total = |world: &World| -> U256 {
            let addresses = (1..=9).map(|seed| signer(seed).address());
            let known = addresses.chain([Address::repeat_byte(0x77), address_of_fees()]);
            known.map(|address| world.account(address).unwrap().map_or(U256::ZERO, |stored| stored.account.balance)).sum()
        };
        let before = total(&node.world);
        let items: Vec<InboxItem> = (0..).zip(&amounts)
            .map(|(index, amount)| deposit(index, signer(1 + (index % 9) as u8).address(), (*amount).into()))
            .collect();
        let mut builder = BlockBuilder::new(&node.chain, &node.head, 100, &node.world).unwrap();
        prop_assert_eq!(builder.inbox(&items), Ok(items.len()));
        for nonce in 0..payments {
            builder.transaction(transfer(&signer(1), nonce, Address::repeat_byte(0x77), 3)).unwrap().unwrap();
        }
        let sealed = builder.finish().seal(&node.chain, &node.head, &mut node.world).unwrap();
        let burned = U256::from(sealed.header.base_fee_per_gas.unwrap()) * U256::from(sealed.header.gas_used);
        let paid_in: U256 = amounts.iter().map(|amount| U256::from(*amount)).sum();
        prop_assert_eq!(total(&node.world) + burned, before + paid_in);
    }
}

fn address_of_fees() -> Address {
    chain().fee_recipient()
}
