//! What calls and creations leave behind.

use alloy_primitives::{Address, KECCAK256_EMPTY, TxKind, U256};

use super::batches::digest;
use super::*;
use crate::overlay::HISTORY_STORAGE_ADDRESS;

#[test]
fn a_revert_costs_gas_and_nonce_and_nothing_else() {
    let mut node = Node::new();
    let alice = signer(1);
    let before = node.balance(alice.address());
    let value = U256::from(1_000);
    let input = words(1, 1);
    let revert = sign(&alice, TxEip1559 { input, value, ..fields(0, TxKind::Call(contracts::REVERT.0)) });
    let (block, _) = node.block(vec![revert]);
    let receipt = &block.receipts[0];
    assert!(!receipt.success && receipt.logs.is_empty());
    assert!(receipt.gas_used > 21_000 && receipt.gas_used < 1_000_000);
    assert_eq!(node.balance(alice.address()), before - U256::from(u128::from(receipt.gas_used) * 2 * GWEI));
    assert_eq!(node.balance(contracts::REVERT.0), U256::from(7));
    assert_eq!(node.world.storage(contracts::REVERT.0, U256::from(1)), Ok(U256::ZERO));
    assert_eq!(node.world.account(alice.address()).unwrap().unwrap().account.nonce, 1);
}

#[test]
fn running_out_of_gas_takes_all_of_it() {
    let mut node = Node::new();
    let alice = signer(1);
    let create = sign(&alice, TxEip1559 { input: contracts::LOOP.1.into(), ..fields(1, TxKind::Create) });
    let (block, _) = node.block(vec![call(&alice, 0, contracts::LOOP.0, Bytes::new()), create]);
    for receipt in &block.receipts {
        assert!(!receipt.success);
        assert_eq!(receipt.gas_used, 1_000_000);
    }
    let contract = block.receipts[1].contract_address.unwrap();
    assert_eq!(contract, alice.address().create(1));
    assert_eq!(node.world.account(contract), Ok(None));
}

#[test]
fn self_destruct_in_the_creating_transaction_leaves_nothing() {
    let mut node = Node::new();
    let alice = signer(1);
    // Init code: sstore(1, 1), selfdestruct(caller)
    let init = vec![0x60, 1, 0x60, 1, 0x55, 0x33, 0xff];
    let create = sign(&alice, TxEip1559 { input: init.into(), value: U256::from(9), ..fields(0, TxKind::Create) });
    let (block, _) = node.block(vec![create]);
    assert!(block.receipts[0].success);
    let contract = block.receipts[0].contract_address.unwrap();
    assert_eq!(node.world.account(contract), Ok(None));
    assert_eq!(node.world.storage(contract, U256::from(1)), Ok(U256::ZERO));
    assert_eq!(block.header.state_root, rebuilt_root(&node.world));
}

/// EIP-6780: later it only sends the balance away.
#[test]
fn self_destruct_later_only_moves_the_balance() {
    let mut node = Node::new();
    let (alice, contract) = (signer(1), contracts::DESTRUCT.0);
    let code_hash = node.world.account(contract).unwrap().unwrap().account.code_hash;
    node.block(vec![call(&alice, 0, contract, Bytes::new())]);
    let account = node.world.account(contract).unwrap().unwrap().account;
    assert_eq!((account.balance, account.code_hash, account.nonce), (U256::ZERO, code_hash, 1));
}

/// Destroyed and created again at one address within one block: only the last life counts.
#[test]
fn an_address_can_live_twice_in_a_block() {
    let mut node = Node::new();
    let (alice, factory) = (signer(1), contracts::FACTORY.0);
    // With value: sstore(1, 1), selfdestruct(caller). Without: sstore(2, 2) and the code 00.
    // CALLVALUE PUSH1 14 JUMPI | PUSH1 2 DUP1 SSTORE PUSH1 1 PUSH0 RETURN | JUMPDEST PUSH1 1 DUP1 SSTORE CALLER SELFDESTRUCT
    let init =
        [0x34, 0x60, 0x0c, 0x57, 0x60, 2, 0x80, 0x55, 0x60, 1, 0x5f, 0xf3, 0x5b, 0x60, 1, 0x80, 0x55, 0x33, 0xff];
    let make = |nonce, value| {
        let input = Bytes::copy_from_slice(&init);
        sign(&alice, TxEip1559 { input, value: U256::from(value), ..fields(nonce, TxKind::Call(factory)) })
    };
    let contract = factory.create2_from_code(B256::ZERO, init);
    let (block, _) = node.block(vec![make(0, 3), make(1, 0)]);
    assert!(block.receipts.iter().all(|receipt| receipt.success));
    let account = node.world.account(contract).unwrap().unwrap().account;
    assert_eq!((account.nonce, account.code_size, account.balance), (1, 1, U256::ZERO));
    let slot = |number: u64| node.world.storage(contract, U256::from(number)).unwrap();
    assert_eq!((slot(1), slot(2)), (U256::ZERO, U256::from(2)));
    assert_eq!(block.header.state_root, rebuilt_root(&node.world));
    // A third is a collision: the factory gets 0 back, nothing changes.
    node.block(vec![make(2, 0)]);
    assert_eq!(node.world.account(contract).unwrap().unwrap().account, account);
}

/// A genesis file may give storage to an address where nothing is yet; a contract created there does not see it.
#[test]
fn creation_begins_with_empty_storage() {
    // sstore(6, sload(5) + 1)
    let runtime = [0x60, 5, 0x54, 0x60, 1, 0x01, 0x60, 6, 0x55, 0x00];
    let init = deployment(&runtime);
    let contract = signer(1).address().create(0);
    let word = |value: u64| B256::from(U256::from(value));
    let storage: Vec<String> = [5, 1_000, 2_000].map(|slot| format!(r#""{}":"{}""#, word(slot), word(9))).to_vec();
    let text = format!(
        r#"{{"config":{{"chainId":{CHAIN_ID},"pragueTime":0}},"gasLimit":"0x1c9c380","difficulty":"0x0","alloc":{{
            "{}":{{"balance":"0xd3c21bcecceda1000000"}},"{contract}":{{"balance":"0x1","storage":{{{}}}}}}}}}"#,
        signer(1).address(),
        storage.join(",")
    );
    let chain = ChainConfig::from_json(&text).unwrap();
    let (world, header, _) = World::genesis(&chain).unwrap();
    let mut node = Node { chain, world, head: Parent::new(header) };
    let (checkpoint, mut before) = (crate::verify::Checkpoint::genesis(node.head.clone()), node.world.clone());
    assert_eq!(node.world.storage(contract, U256::from(5)), Ok(U256::from(9)));
    let create = sign(&signer(1), TxEip1559 { input: init, ..fields(0, TxKind::Create) });
    let (block, _) = node.block(vec![create, call(&signer(1), 1, contract, Bytes::new())]);
    assert!(block.receipts.iter().all(|receipt| receipt.success));
    let slot = |number: u64| node.world.storage(contract, U256::from(number)).unwrap();
    assert_eq!([5, 6, 1_000, 2_000].map(slot), [0, 1, 0, 0].map(U256::from));
    assert_eq!(block.header.state_root, rebuilt_root(&node.world));
    // A witness lists what has to go.
    let case = super::batches::publish(&node.chain, &checkpoint, &[block], &[]);
    let (verdict, witness) = case.record(&mut before);
    assert!(matches!(verdict, crate::verify::Verdict::Valid(_)));
    assert_eq!(digest(&case.judge_stateless(&witness.encode())), digest(&verdict));
}

/// EIP-161: to touch is not to create.
#[test]
fn empty_accounts_are_not_kept() {
    let mut node = Node::new();
    let nobody = Address::repeat_byte(0x99);
    let (block, _) = node.block(vec![transfer(&signer(1), 0, nobody, 0)]);
    assert!(block.receipts[0].success);
    assert_eq!(node.world.account(nobody), Ok(None));
    assert!(!block.applied.undo.entries.is_empty());
}

/// A slot that is written and written back within the block is as if untouched.
#[test]
fn what_ends_as_it_began_is_no_change() {
    let mut node = Node::new();
    let alice = signer(1);
    let write = |nonce, value| call(&alice, nonce, contracts::STORE.0, words(70, value));
    node.block(vec![write(0, 5)]);
    let (block, _) = node.block(vec![write(1, 6), write(2, 0), write(3, 5)]);
    let key = weft_state::keys::AccountKeys::new(contracts::STORE.0).storage(U256::from(70));
    assert!(block.applied.undo.entries.iter().all(|(changed, _)| *changed != key));
    assert_eq!(node.world.storage(contracts::STORE.0, U256::from(70)), Ok(U256::from(5)));
}

/// A delegated account runs its target's code in its own storage.
#[test]
fn delegated_code_runs_in_the_account() {
    let mut node = Node::new();
    let (alice, bob) = (signer(1), signer(2));
    let (block, _) =
        node.block(vec![delegate(&alice, 0, contracts::STORE.0), call(&bob, 0, alice.address(), words(3, 4))]);
    assert!(block.receipts.iter().all(|receipt| receipt.success));
    assert_eq!(block.receipts[0].transaction_type, 4);
    assert_eq!(node.world.storage(alice.address(), U256::from(3)), Ok(U256::from(4)));
    assert_eq!(node.world.storage(contracts::STORE.0, U256::from(3)), Ok(U256::ZERO));
    // Storage outlives the delegation.
    node.block(vec![delegate(&alice, 2, Address::ZERO)]);
    assert_eq!(node.world.storage(alice.address(), U256::from(3)), Ok(U256::from(4)));
    assert_eq!(node.world.account(alice.address()).unwrap().unwrap().account.code_hash, KECCAK256_EMPTY);
}

/// Contracts read old block hashes as on Ethereum, by opcode and by EIP-2935's contract.
#[test]
fn block_hashes_reach_contracts() {
    let mut node = Node::new();
    let mut hashes = vec![node.head.hash];
    for _ in 0..300 {
        node.block(vec![]);
        hashes.push(node.head.hash);
    }
    let at =
        crate::simulate::At { rules: &node.chain, header: &node.head.header, view: &node.world, gas_cap: 10_000_000 };
    let number = node.head.header.number;
    // blockhash(calldataload(0)), returned
    let ask = |height: u64| {
        let code = [0x61, (height >> 8) as u8, height as u8, 0x40, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3];
        let call = crate::simulate::Call { data: Bytes::copy_from_slice(&code), ..Default::default() };
        at.call(&call, &[]).unwrap().ending
    };
    let success = |hash: B256| crate::simulate::Ending::Success(hash.0.into());
    assert_eq!(ask(number - 1), success(hashes[number as usize - 1]));
    assert_eq!(ask(number - 256), success(hashes[number as usize - 256]));
    assert_eq!(ask(number - 257), success(B256::ZERO));
    assert_eq!(ask(number), success(B256::ZERO));
    let history = |height: u64| {
        let data = B256::from(U256::from(height)).0.into();
        let call = crate::simulate::Call { to: Some(HISTORY_STORAGE_ADDRESS), data, ..Default::default() };
        at.call(&call, &[]).unwrap().ending
    };
    assert_eq!(history(0), success(hashes[0]));
    assert!(matches!(history(number), crate::simulate::Ending::Revert(_)));
}
