//! The withdrawals contract, run: its tree is the one of the specification, and every batch commits to it.

use std::collections::BTreeMap;
use std::convert::Infallible;

use weft_primitives::withdrawal::{CODE, CONTRACT, DEPTH, EMPTY, Proof, Summary, append, join, prove};
use weft_primitives::{B256, Withdrawal};

use super::batches::{digest, publish};
use super::*;
use crate::verify::{Checkpoint, Verdict};
use crate::{withdrawals, withdrawals_frontier};

/// The chain of the other tests, with withdrawals.
fn node() -> Node {
    let chain = chain_with("\"withdrawals\":true,");
    let (world, header, _) = World::genesis(&chain).unwrap();
    Node { chain, world, head: Parent::new(header) }
}

/// `withdraw(recipient)` with some wei.
fn withdraw(seed: u8, nonce: u64, recipient: Address, value: u64) -> Transaction {
    let input = [&[0x51, 0xcf, 0xf8, 0xd9][..], recipient.into_word().as_slice()].concat().into();
    sign(&signer(seed), TxEip1559 { value: U256::from(value), input, ..fields(nonce, TxKind::Call(CONTRACT)) })
}

fn events(sealed: &Sealed) -> Vec<Withdrawal> {
    sealed.receipts.iter().flat_map(|receipt| &receipt.logs).filter_map(Withdrawal::from_log).collect()
}

#[derive(Default)]
struct Tree(BTreeMap<(usize, u64), B256>);

impl Tree {
    fn node(&self, level: usize, position: u64) -> Result<B256, Infallible> {
        Ok(self.0[&(level, position)])
    }

    fn append(&mut self, withdrawal: &Withdrawal) {
        let complete = append(withdrawal, |level, position| self.node(level, position)).unwrap();
        self.0.extend(complete.into_iter().map(|(level, position, root)| ((level, position), root)));
    }

    fn prove(&self, count: u64, index: u64) -> Proof {
        prove(count, index, |level, position| self.node(level, position)).unwrap()
    }
}

#[test]
fn the_contract_keeps_the_tree_of_the_specification() {
    let mut node = node();
    assert_eq!(withdrawals(&node.chain, &node.world), Ok(Summary::default()));
    let genesis = node.head.header.withdrawals_root;
    assert_eq!(genesis, Some(alloy_consensus::constants::EMPTY_WITHDRAWALS));
    let mut tree = Tree::default();
    let mut all: Vec<Withdrawal> = Vec::new();
    let recipient = Address::repeat_byte(0x52);
    for round in 0..9u64 {
        let nonce = 2 * round;
        let (sealed, skipped) = node.block(vec![
            withdraw(1, nonce, recipient, 10 + round),
            // Plain ether, to oneself.
            sign(&signer(1), TxEip1559 { value: U256::from(3), ..fields(nonce + 1, TxKind::Call(CONTRACT)) }),
        ]);
        assert!(skipped.is_empty());
        assert!(sealed.receipts.iter().all(|receipt| receipt.success));
        for withdrawal in events(&sealed) {
            tree.append(&withdrawal);
            all.push(withdrawal);
        }
        let count = 2 * (round + 1);
        assert_eq!(sealed.withdrawals.count, count);
        assert_eq!(sealed.header.withdrawals_root, Some(sealed.withdrawals.root));
        assert_eq!(withdrawals(&node.chain, &node.world), Ok(sealed.withdrawals));
        for (level, position, root) in withdrawals_frontier(&node.world, count).unwrap() {
            assert_eq!(tree.0.get(&(level, position)), Some(&root));
        }
        for withdrawal in &all {
            let proof = tree.prove(count, withdrawal.index);
            assert_eq!(proof.root(withdrawal.index, withdrawal.leaf()), sealed.withdrawals.root);
        }
    }
    let me = signer(1).address();
    assert_eq!(all[0], Withdrawal { index: 0, sender: me, recipient, amount: 10 });
    assert_eq!(all[17], Withdrawal { index: 17, sender: me, recipient: me, amount: 3 });
    assert_eq!(node.balance(CONTRACT), U256::from(all.iter().map(|each| each.amount).sum::<u128>()));
    // Nothing withdrawn is no withdrawal, and what is not the contract's does nothing.
    let (sealed, _) = node.block(vec![withdraw(2, 0, recipient, 0), call(&signer(2), 1, CONTRACT, words(1, 2))]);
    assert!(sealed.receipts.iter().all(|receipt| !receipt.success));
    assert_eq!(sealed.withdrawals.count, 18);
}

/// The level at which the contract keeps a node is that of the index's trailing ones, up to a full row.
#[test]
fn one_withdrawal_alone() {
    let mut node = node();
    let (sealed, _) = node.block(vec![withdraw(1, 0, Address::repeat_byte(0x52), 1)]);
    let leaf = events(&sealed)[0].leaf();
    let root = EMPTY[..DEPTH].iter().fold(leaf, |node, empty| join(node, *empty));
    assert_eq!(sealed.withdrawals, Summary { count: 1, root });
}

#[test]
fn a_batch_commits_to_the_tree() {
    let mut node = node();
    let (checkpoint, mut world) = (Checkpoint::genesis(node.head.clone()), node.world.clone());
    let blocks = [0, 1].map(|nonce| node.block(vec![withdraw(1, nonce, Address::repeat_byte(0x52), 1)]).0);
    let case = publish(&node.chain, &checkpoint, &blocks, &[]);
    assert_eq!(case.claim.withdrawals_count, 2);
    let before = case.claiming(|claim| claim.withdrawals_root = blocks[0].withdrawals.root);
    assert!(matches!(before.judge(&mut world), Verdict::Invalid { .. }));
    let fewer = case.claiming(|claim| claim.withdrawals_count = 1);
    assert!(matches!(fewer.judge(&mut world), Verdict::Invalid { .. }));
    let (verdict, witness) = case.record(&mut world);
    assert!(matches!(verdict, Verdict::Valid(_)));
    assert_eq!(digest(&case.judge_stateless(&witness.encode())), digest(&verdict));
    assert!(matches!(case.judge(&mut world), Verdict::Valid(_)));
}

#[test]
fn the_contract_is_there_where_the_configuration_says_so() {
    let with = node();
    let stored = with.world.account(CONTRACT).unwrap().unwrap();
    assert_eq!(with.world.code(stored.account.code_hash).unwrap().original_bytes(), *CODE);
    let without = Node::new();
    assert_eq!(without.world.account(CONTRACT), Ok(None));
    assert_ne!(with.chain.hash(), without.chain.hash());
}
