//! What blocks do to the state.

use std::sync::Arc;

use alloy_primitives::{Address, B256, TxKind, U256, b256, keccak256};
use proptest::prelude::*;

use super::*;
use crate::overlay::HISTORY_STORAGE_ADDRESS;
use crate::receipt::{Receipt, decode_all, encode_all, receipts_root_and_bloom};
use crate::simulate::{At, Call, Ending};

#[test]
fn a_transfer_moves_value_and_pays_fees() {
    let mut node = Node::new();
    let (alice, bob) = (signer(1), signer(2).address());
    let before = (node.balance(alice.address()), node.balance(bob));
    let (block, skipped) = node.block(vec![transfer(&alice, 0, bob, 5)]);
    assert!(skipped.is_empty());
    let receipt = &block.receipts[0];
    assert!(receipt.success);
    assert_eq!((receipt.gas_used, receipt.effective_gas_price), (21_000, 2 * GWEI));
    let fee = U256::from(21_000 * 2 * GWEI);
    assert_eq!(node.balance(alice.address()), before.0 - fee - U256::from(5));
    assert_eq!(node.balance(bob), before.1 + U256::from(5));
    // The tip is paid, the base fee burnt.
    assert_eq!(node.balance(node.chain.fee_recipient()), U256::from(21_000 * GWEI));
    assert_eq!(block.header.state_root, rebuilt_root(&node.world));
    assert_eq!(decode_all(&encode_all(&block.receipts)).unwrap(), block.receipts);
}

#[test]
fn what_cannot_be_executed_changes_nothing() {
    let mut node = Node::new();
    let (alice, bob) = (signer(1), signer(2).address());
    let rich = U256::from(2_000_000) * U256::from(10).pow(U256::from(18));
    let candidates = vec![
        transfer(&alice, 1, bob, 1),
        sign(&alice, TxEip1559 { value: rich, ..fields(0, TxKind::Call(bob)) }),
        sign(
            &alice,
            TxEip1559 { max_fee_per_gas: GWEI - 1, max_priority_fee_per_gas: 0, ..fields(0, TxKind::Call(bob)) },
        ),
        sign(&alice, TxEip1559 { gas_limit: 40_000_000, ..fields(0, TxKind::Call(bob)) }),
        sign(&alice, TxEip1559 { gas_limit: 20_000_000, ..fields(0, TxKind::Call(bob)) }),
        sign(&alice, TxEip1559 { gas_limit: 20_000, ..fields(0, TxKind::Call(bob)) }),
    ];
    let root = node.world.state_root();
    let leaves = node.world.tree().len();
    let (block, skipped) = node.block(candidates);
    assert_eq!(skipped[0], SkipReason::NonceTooHigh { transaction: 1, state: 0 });
    assert_eq!(skipped[1], SkipReason::InsufficientFunds);
    assert_eq!(skipped[2], SkipReason::FeeBelowBaseFee);
    assert_eq!(skipped[3], SkipReason::GasAboveCap { cap: 16_777_216, wanted: 40_000_000 });
    assert_eq!(skipped[4], SkipReason::GasAboveCap { cap: 16_777_216, wanted: 20_000_000 });
    assert_eq!(skipped[5], SkipReason::IntrinsicGas { needed: 21_000, wanted: 20_000 });
    assert!(block.body.transactions.is_empty());
    // Only the parent's hash was written (EIP-2935).
    assert_eq!(node.world.tree().len(), leaves + 1);
    node.world.revert(&block.applied.undo).unwrap();
    assert_eq!(node.world.state_root(), root);
}

#[test]
fn contracts_store_and_forget() {
    let mut node = Node::new();
    let alice = signer(1);
    // sstore(calldataload(0), calldataload(32))
    let runtime = [0x60, 0x20, 0x35, 0x5f, 0x35, 0x55, 0x00];
    let create = sign(&alice, TxEip1559 { input: deployment(&runtime), ..fields(0, TxKind::Create) });
    let (block, _) = node.block(vec![create]);
    let contract = block.receipts[0].contract_address.unwrap();
    let stored = node.world.account(contract).unwrap().unwrap().account;
    assert_eq!((stored.nonce, stored.code_size, stored.code_hash), (1, 7, keccak256(runtime)));
    assert_eq!(block.applied.codes, vec![(keccak256(runtime), runtime.to_vec().into())]);

    let write = |nonce, slot: u64, value: u64| {
        let input = [U256::from(slot).to_be_bytes::<32>(), U256::from(value).to_be_bytes::<32>()].concat();
        sign(&alice, TxEip1559 { input: input.into(), ..fields(nonce, TxKind::Call(contract)) })
    };
    node.block(vec![write(1, 3, 7), write(2, 1_000, 9)]);
    assert_eq!(node.world.storage(contract, U256::from(1_000)), Ok(U256::from(9)));
    let leaves = node.world.tree().len();
    let (block, _) = node.block(vec![write(3, 1_000, 0)]);
    assert_eq!(node.world.storage(contract, U256::from(1_000)), Ok(U256::ZERO));
    // One slot less, one block hash more.
    assert_eq!(node.world.tree().len(), leaves);
    assert_eq!(block.header.state_root, rebuilt_root(&node.world));
    // The past is still there.
    let undos = [Arc::new(block.applied.undo)];
    assert_eq!(node.world.past(&undos).storage(contract, U256::from(1_000)), Ok(U256::from(9)));
}

#[test]
fn delegations_come_and_go() {
    let mut node = Node::new();
    let (alice, target) = (signer(1), Address::repeat_byte(0x55));
    node.block(vec![delegate(&alice, 0, target)]);
    let stored = node.world.account(alice.address()).unwrap().unwrap();
    assert_eq!(stored.delegation, Some(target));
    assert_eq!(stored.account.nonce, 2);
    // A delegated account still sends.
    let (block, _) = node.block(vec![transfer(&alice, 2, signer(2).address(), 1)]);
    assert!(block.receipts[0].success);
    assert_eq!(node.world.account(alice.address()).unwrap().unwrap().delegation, Some(target));
    node.block(vec![delegate(&alice, 3, Address::ZERO)]);
    let stored = node.world.account(alice.address()).unwrap().unwrap();
    assert_eq!((stored.delegation, stored.account.code_size), (None, 0));
    assert_eq!(node.head.header.state_root, rebuilt_root(&node.world));
}

#[test]
fn block_hashes_are_in_the_state() {
    let mut node = Node::new();
    let genesis = node.head.hash;
    node.block(vec![]);
    let first = node.head.hash;
    node.block(vec![]);
    let slot = |number: u64| node.world.storage(HISTORY_STORAGE_ADDRESS, U256::from(number)).map(B256::from);
    assert_eq!((slot(0), slot(1)), (Ok(genesis), Ok(first)));
    // blockhash(1), returned
    let code = vec![0x60, 1, 0x40, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3];
    let at = At { rules: &node.chain, header: &node.head.header, view: &node.world, gas_cap: 10_000_000 };
    let outcome = at.call(&Call { data: code.into(), ..Call::default() }, &[]).unwrap();
    assert_eq!(outcome.ending, Ending::Success(first.0.to_vec().into()));
}

/// A block takes what fits: a later, smaller transaction may, where an earlier, larger one does not.
#[test]
fn the_gas_limit_cuts_off() {
    let mut node = Node::new();
    let spend =
        |seed, gas_limit| sign(&signer(seed), TxEip1559 { gas_limit, ..fields(0, TxKind::Call(contracts::LOOP.0)) });
    let candidates = vec![spend(1, 16_000_000), spend(2, 13_000_000), spend(3, 1_000_001), spend(4, 1_000_000)];
    let (block, skipped) = node.block(candidates);
    assert_eq!(skipped, vec![SkipReason::BlockFull { left: 1_000_000, wanted: 1_000_001 }]);
    assert!(skipped[0].may_heal());
    assert_eq!(block.header.gas_used, block.header.gas_limit);
    let cumulative: Vec<u64> = block.receipts.iter().map(|receipt| receipt.cumulative_gas_used).collect();
    assert_eq!(cumulative, vec![16_000_000, 29_000_000, 30_000_000]);
    // A full block makes gas dearer by an eighth.
    let fee = |block: &Sealed| block.header.base_fee_per_gas.unwrap();
    let (next, _) = node.block(vec![]);
    assert_eq!(fee(&next), fee(&block) + fee(&block) / 8);
}

/// Empty roots and blooms are Ethereum's; encoding is the same on one thread and on many.
#[test]
fn receipts_commit_as_on_ethereum() {
    assert_eq!(receipts_root_and_bloom(&[]), (alloy_trie::EMPTY_ROOT_HASH, Default::default()));
    let mut node = Node::new();
    let logs = (0..200).map(|nonce| call(&signer(1), nonce, contracts::LOG.0, words(nonce, 0))).collect();
    let (block, _) = node.block(logs);
    let one_by_one: Vec<Vec<u8>> = block.receipts.iter().map(Receipt::consensus_bytes).collect();
    let root = alloy_trie::root::ordered_trie_root_with_encoder(&one_by_one, |bytes, out| out.extend_from_slice(bytes));
    assert_eq!(block.header.receipts_root, root);
    for (nonce, receipt) in (0..).zip(&block.receipts) {
        let topic = B256::from(U256::from(nonce));
        assert_eq!(receipt.logs[0].topics(), [topic]);
        assert!(block.header.logs_bloom.contains_input(alloy_primitives::BloomInput::Raw(topic.as_slice())));
    }
}

/// The bytes of a block are a format: a change of rules must show here.
#[test]
fn golden() {
    let mut node = Node::new();
    assert_eq!(node.head.header.state_root, b256!("fe1577a68354ffd3714f26fb8df737e1b676f4266d9b2c03fa17aef1283214bf"));
    let (block, skipped) = node.block(vec![
        transfer(&signer(1), 0, signer(2).address(), 5),
        call(&signer(1), 1, contracts::STORE.0, words(1_000, 7)),
        call(&signer(2), 0, contracts::LOG.0, words(9, 0)),
        delegate(&signer(3), 0, contracts::LOG.0),
    ]);
    assert!(skipped.is_empty());
    assert_eq!(block.hash, b256!("aab5d21429c80297a808f32631705d343e3e440f684ae640d3536aa0c1476318"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Random transfers against plain arithmetic; nothing is made or lost but the burnt base fee.
    #[test]
    fn transfers_follow_a_model(moves in proptest::collection::vec((1u8..9, 1u8..9, 0u64..1_000), 0..40)) {
        let mut node = Node::new();
        let mut nonces = [0u64; 9];
        let mut want: Vec<U256> = (0..9u8).map(|seed| if seed == 0 { U256::ZERO } else { node.balance(signer(seed).address()) }).collect();
        let mut transactions = Vec::new();
        for (from, to, value) in &moves {
            transactions.push(transfer(&signer(*from), nonces[*from as usize], signer(*to).address(), *value));
            nonces[*from as usize] += 1;
            want[*from as usize] -= U256::from(*value) + U256::from(21_000 * 2 * GWEI);
            want[*to as usize] += U256::from(*value);
        }
        let (block, skipped) = node.block(transactions);
        prop_assert!(skipped.is_empty());
        for seed in 1..9u8 {
            prop_assert_eq!(node.balance(signer(seed).address()), want[seed as usize]);
        }
        prop_assert_eq!(block.header.gas_used, 21_000 * moves.len() as u64);
        prop_assert_eq!(block.header.state_root, rebuilt_root(&node.world));
    }
}
