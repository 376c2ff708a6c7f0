//! Accounts written as leaves read back; what goes leaves nothing behind.
#![allow(clippy::unwrap_used)]

use alloy_primitives::{B256, keccak256};

use super::*;
use crate::account::delegation_code;
use crate::tree::Schedule;
use crate::{StoredAccount, read};

const ALICE: Address = Address::repeat_byte(0xa1);
const BOB: Address = Address::repeat_byte(0xb0);

fn contract() -> AccountChange {
    let account = Account { nonce: 1, balance: U256::from(5), code_hash: B256::repeat_byte(9), code_size: 3 };
    let storage = [0u64, 63, 64, 1 << 40].map(|slot| (U256::from(slot), U256::from(slot + 1))).to_vec();
    AccountChange { info: Some(Some(account)), storage, ..AccountChange::default() }
}

fn apply(tree: &mut Tree, address: Address, change: &AccountChange) {
    let updates = leaf_updates(tree, [(address, change)]).unwrap();
    tree.apply(&updates, Schedule::Sequential).unwrap();
}

fn account(tree: &Tree, address: Address) -> Option<StoredAccount> {
    read::account(address, |key| tree.get(key)).unwrap()
}

fn slot(tree: &Tree, address: Address, slot: u64) -> U256 {
    read::storage(address, U256::from(slot), |key| tree.get(key)).unwrap()
}

#[test]
fn what_is_written_reads_back() {
    let mut tree = Tree::default();
    apply(&mut tree, ALICE, &contract());
    let Some(Some(written)) = contract().info else { panic!("has an account") };
    assert_eq!(account(&tree, ALICE), Some(StoredAccount { account: written, delegation: None }));
    assert_eq!([0, 63, 64, 1 << 40, 5].map(|at| slot(&tree, ALICE, at).to::<u64>()), [1, 64, 65, (1 << 40) + 1, 0]);
    assert_eq!(account(&tree, BOB), None);
}

#[test]
fn a_delegation_stands_in_place_of_the_code_hash() {
    let mut tree = Tree::default();
    let code_hash = keccak256(delegation_code(BOB));
    let delegated = Account { nonce: 2, code_hash, code_size: 23, ..Account::default() };
    let change = AccountChange { info: Some(Some(delegated)), delegation: Some(BOB), ..AccountChange::default() };
    apply(&mut tree, ALICE, &change);
    let keys = AccountKeys::new(ALICE);
    assert!(tree.get(&keys.header(DELEGATION)).unwrap().is_some() && tree.get(&keys.header(CODE_HASH)) == Ok(None));
    assert_eq!(account(&tree, ALICE), Some(StoredAccount { account: delegated, delegation: Some(BOB) }));
    // Taking the delegation back leaves a plain account.
    let plain = Account { nonce: 3, ..Account::default() };
    apply(&mut tree, ALICE, &AccountChange { info: Some(Some(plain)), ..AccountChange::default() });
    assert_eq!(account(&tree, ALICE), Some(StoredAccount { account: plain, delegation: None }));
    assert_eq!(tree.len(), 1);
}

#[test]
fn deletion_and_wiping() {
    let mut tree = Tree::default();
    apply(&mut tree, BOB, &contract());
    let bob = tree.root();
    apply(&mut tree, ALICE, &contract());
    let wiped = AccountChange {
        wipe_storage: true,
        storage: vec![(U256::from(64), U256::from(7))],
        ..AccountChange::default()
    };
    apply(&mut tree, ALICE, &wiped);
    assert!(account(&tree, ALICE).is_some());
    assert_eq!([0, 63, 64, 1 << 40].map(|at| slot(&tree, ALICE, at).to::<u64>()), [0, 0, 7, 0]);
    apply(&mut tree, ALICE, &AccountChange { info: Some(None), ..AccountChange::default() });
    assert_eq!(tree.root(), bob, "nothing is left of a deleted account");
    // An empty account is no account (EIP-161).
    apply(&mut tree, ALICE, &AccountChange { info: Some(Some(Account::default())), ..AccountChange::default() });
    assert_eq!(tree.root(), bob);
}

#[test]
fn too_rich() {
    let rich = Account { balance: U256::ONE << 128, ..Account::default() };
    let change = AccountChange { info: Some(Some(rich)), ..AccountChange::default() };
    let error = leaf_updates(&Tree::default(), [(ALICE, &change)]).unwrap_err();
    assert_eq!(error, UpdateError::Account(AccountError::Balance(rich.balance)));
}
