//! Calls that change nothing.

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, TxKind, U256};

use super::*;
use crate::simulate::{At, Call, Ending, EstimateError, Override, SimulateError};

fn at(node: &Node) -> At<'_, World> {
    At { rules: &node.chain, header: &node.head.header, view: &node.world, gas_cap: 30_000_000 }
}

fn from(seed: u8) -> Option<Address> {
    Some(signer(seed).address())
}

#[test]
fn a_call_returns_reverts_or_halts() {
    let node = Node::new();
    let before = node.world.state_root();
    let run = |to| at(&node).call(&Call { from: from(1), to: Some(to), data: words(8, 9), ..Call::default() }, &[]);
    assert_eq!(run(contracts::STORE.0).unwrap().ending, Ending::Success(Bytes::new()));
    assert_eq!(run(contracts::REVERT.0).unwrap().ending, Ending::Revert(B256::ZERO.0.into()));
    let log = run(contracts::LOG.0).unwrap();
    assert_eq!(log.logs[0].topics(), [B256::from(U256::from(8))]);
    let halted = run(contracts::LOOP.0).unwrap();
    assert!(matches!(&halted.ending, Ending::Halt(reason) if reason.starts_with("OutOfGas")), "{halted:?}");
    assert_eq!(halted.gas_used, 30_000_000, "the cap");
    assert_eq!(node.world.state_root(), before);
}

/// What a sender does not have it cannot send, as in go-ethereum; gas is free unless a price is named.
#[test]
fn funds_are_needed_for_value_and_for_gas_with_a_price() {
    let node = Node::new();
    let poor = Address::repeat_byte(0x77);
    let to = from(2);
    let free = Call { from: Some(poor), to, ..Call::default() };
    assert_eq!(at(&node).call(&free, &[]).unwrap().ending, Ending::Success(Bytes::new()));
    let value = Call { value: U256::from(1), ..free.clone() };
    assert!(matches!(at(&node).call(&value, &[]), Err(SimulateError::Invalid(_))));
    let given = [(poor, Override { balance: Some(U256::from(1)), ..Override::default() })];
    assert_eq!(at(&node).call(&value, &given).unwrap().ending, Ending::Success(Bytes::new()));
    let priced = Call { gas_price: Some(2 * GWEI), ..free.clone() };
    assert!(at(&node).call(&priced, &[]).is_err());
    assert_eq!(at(&node).estimate(&priced, &[]), Err(EstimateError::Allowance(0)));
    let enough = Override { balance: Some(U256::from(21_000 * 2 * GWEI)), ..Override::default() };
    assert_eq!(at(&node).estimate(&priced, &[(poor, enough)]), Ok(21_000));
    let below_base_fee = Call { from: from(1), gas_price: Some(1), ..free };
    assert!(matches!(at(&node).call(&below_base_fee, &[]), Err(SimulateError::Invalid(_))));
}

#[test]
fn overrides_pretend() {
    let node = Node::new();
    let who = Address::repeat_byte(0x66);
    // sload(1), returned
    let code = Some(Bytes::from_static(&[0x60, 1, 0x54, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3]));
    let slot = |value: u64| vec![(B256::with_last_byte(1), B256::from(U256::from(value)))];
    let ask =
        |change: Override| at(&node).call(&Call { to: Some(who), ..Call::default() }, &[(who, change)]).unwrap().ending;
    let word = |value: u64| Ending::Success(B256::from(U256::from(value)).0.into());
    assert_eq!(ask(Override { code: code.clone(), ..Override::default() }), word(0));
    assert_eq!(ask(Override { code: code.clone(), state_diff: slot(5), ..Override::default() }), word(5));
    assert_eq!(ask(Override { code, state: Some(slot(6)), ..Override::default() }), word(6));
    let store = contracts::STORE.0;
    let create = Call { from: Some(store), data: Bytes::from_static(&[0x00]), ..Call::default() };
    let nonce = Override { nonce: Some(9), ..Override::default() };
    assert!(
        matches!(at(&node).call(&create, &[(store, nonce)]).unwrap().ending, Ending::Success(_)),
        "EIP-3607 waived"
    );
}

/// Code that revm refuses to read comes from outside here, and must not bring the node down.
#[test]
fn odd_code_in_an_override_only_halts() {
    let node = Node::new();
    let who = Address::repeat_byte(0x66);
    for code in [&[0xef, 0x01][..], &[0xef, 0x01, 0x00, 0x01], &[0xef, 0x01, 0xff], &[0xef, 0x00], &[]] {
        let change = Override { code: Some(Bytes::copy_from_slice(code)), ..Override::default() };
        let outcome = at(&node).call(&Call { to: Some(who), ..Call::default() }, &[(who, change)]).unwrap();
        assert_eq!(matches!(outcome.ending, Ending::Halt(_)), !code.is_empty(), "{code:?}");
    }
    assert_ne!(alloy_primitives::keccak256([0xef, 0x01]), KECCAK256_EMPTY);
}

#[test]
fn estimates_suffice_and_are_tight() {
    let node = Node::new();
    let at = at(&node);
    let transfer = Call { from: from(1), to: from(2), value: U256::from(1), ..Call::default() };
    assert_eq!(at.estimate(&transfer, &[]), Ok(21_000));
    // sstore(1, 1) and return nothing
    let create = Call { from: from(1), data: vec![0x60, 1, 0x60, 1, 0x55].into(), ..Call::default() };
    let gas = at.estimate(&create, &[]).unwrap();
    let run = |gas| at.call(&Call { gas: Some(gas), ..create.clone() }, &[]).unwrap().ending;
    assert!(matches!(run(gas), Ending::Success(_)));
    assert!(!matches!(run(gas - gas / 50), Ending::Success(_)));
    let revert = Call { from: from(1), to: Some(contracts::REVERT.0), ..Call::default() };
    assert_eq!(at.estimate(&revert, &[]), Err(EstimateError::Revert(B256::ZERO.0.into())));
    let endless = Call { from: from(1), to: Some(contracts::LOOP.0), ..Call::default() };
    assert_eq!(at.estimate(&endless, &[]), Err(EstimateError::Allowance(16_777_216)));
}

/// A callee gets 63/64 of the gas; a contract that checks its gas needs more than it uses.
#[test]
fn estimates_hold_for_contracts_that_look_at_their_gas() {
    let mut node = Node::new();
    // if gas() < 200,000 then revert: PUSH3 200000 GAS LT PUSH1 8 JUMPI STOP JUMPDEST PUSH0 PUSH0 REVERT
    let runtime = [0x62, 0x03, 0x0d, 0x40, 0x5a, 0x10, 0x60, 0x0a, 0x57, 0x00, 0x5b, 0x5f, 0x5f, 0xfd];
    let create = sign(&signer(1), TxEip1559 { input: deployment(&runtime), ..fields(0, TxKind::Create) });
    let (block, _) = node.block(vec![create]);
    let call = Call { from: from(1), to: block.receipts[0].contract_address, ..Call::default() };
    let gas = at(&node).estimate(&call, &[]).unwrap();
    assert!(gas > 220_000 && gas < 226_000, "{gas}");
    assert_eq!(at(&node).call(&Call { gas: Some(gas), ..call }, &[]).unwrap().ending, Ending::Success(Bytes::new()));
}
