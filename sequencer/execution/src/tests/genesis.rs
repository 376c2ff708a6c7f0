//! Genesis files and the state they describe.

use alloy_primitives::{Address, KECCAK256_EMPTY, U256, address, keccak256};
use weft_state::account::delegation_code;

use super::*;
use crate::overlay::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE};
use crate::world::ApplyError;

const WHO: Address = address!("00000000000000000000000000000000000000aa");

fn genesis(account: &str) -> Result<World, ApplyError> {
    let text = format!(
        r#"{{"config":{{"chainId":7,"pragueTime":0}},"gasLimit":"0x1c9c380","difficulty":"0x0","alloc":{{{account}}}}}"#
    );
    World::genesis(&ChainConfig::from_json(&text).unwrap()).map(|(world, ..)| world)
}

fn at(address: Address, fields: &str) -> String {
    format!(r#""{address}":{{"balance":"0x1",{fields}}}"#)
}

#[test]
fn the_history_contract_is_always_there() {
    let world = genesis("").unwrap();
    let account = world.account(HISTORY_STORAGE_ADDRESS).unwrap().unwrap().account;
    assert_eq!((account.nonce, account.code_size), (1, HISTORY_STORAGE_CODE.len() as u32));
    assert_eq!(world.code(account.code_hash).unwrap().original_bytes(), HISTORY_STORAGE_CODE);
    // Named in the file as on Ethereum it is the same, otherwise an error.
    let named = at(HISTORY_STORAGE_ADDRESS, &format!(r#""nonce":"0x1","code":"{HISTORY_STORAGE_CODE}""#));
    let named = genesis(&named).unwrap();
    assert_eq!(named.account(HISTORY_STORAGE_ADDRESS).unwrap().unwrap().account.code_hash, account.code_hash);
    let other = at(HISTORY_STORAGE_ADDRESS, r#""code":"0x00""#);
    assert!(matches!(genesis(&other), Err(ApplyError::HistoryContract)));
}

#[test]
fn storage_and_delegations_of_the_file() {
    let slot = r#""storage":{"0x0000000000000000000000000000000000000000000000000000000000000101":"0x0000000000000000000000000000000000000000000000000000000000000009"}"#;
    let world = genesis(&at(WHO, slot)).unwrap();
    assert_eq!(world.storage(WHO, U256::from(0x101)), Ok(U256::from(9)));
    let delegated = genesis(&at(WHO, &format!(r#""code":"{}""#, hex(&delegation_code(WHO))))).unwrap();
    let stored = delegated.account(WHO).unwrap().unwrap();
    assert_eq!((stored.delegation, stored.account.code_hash), (Some(WHO), keccak256(delegation_code(WHO))));
}

/// Bytes that no deployment could leave, but a file can.
#[test]
fn odd_code_is_kept_as_it_is() {
    for code in ["0xef0100", "0xef01ff", "0xef0100000000000000000000000000000000000000000000000000"] {
        let world = genesis(&at(WHO, &format!(r#""code":"{code}""#))).unwrap();
        let stored = world.account(WHO).unwrap().unwrap();
        assert_eq!(stored.delegation, None);
        assert_eq!(hex(&world.code(stored.account.code_hash).unwrap().original_bytes()), code);
    }
    assert!(genesis("").unwrap().code(KECCAK256_EMPTY).unwrap().is_empty());
}

#[test]
fn a_stored_state_is_the_same_state() {
    let mut node = Node::new();
    let (block, _) = node.block(vec![call(&signer(1), 0, contracts::STORE.0, words(1, 2))]);
    let codes = contracts::ALL.map(|(_, code)| Bytes::copy_from_slice(code));
    let loaded = World::load(leaves(&node.world), codes).unwrap();
    assert_eq!(loaded.state_root(), block.header.state_root);
    let hash = node.world.account(contracts::LOG.0).unwrap().unwrap().account.code_hash;
    assert_eq!(loaded.code(hash), node.world.code(hash));
}
