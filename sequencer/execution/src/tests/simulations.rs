//! Made-up blocks beside real ones.

use alloy_primitives::{Address, B256, U256};
use weft_state::Undo;

use super::*;
use crate::simulate::blocks::{BlockCalls, MAX_BLOCKS, Simulated, Simulation, SimulationError};
use crate::simulate::{Call, Ending, Override, OverrideError};
use crate::{Changes, MAX_NEWER_LEAVES, Past, RootError};

/// Blocks with these calls after the node's newest, paid for.
fn simulate(node: &Node, past: Past<'_>, blocks: Vec<BlockCalls>) -> Result<Vec<Simulated>, SimulationError> {
    let root = |changes: &Changes| past.with_changes(changes)?.root();
    let simulation = Simulation {
        rules: &node.chain,
        base: &node.head.header,
        view: &past,
        root: &root,
        gas_cap: 10_000_000,
        validation: true,
        transfers: false,
        stop: &|| false,
    };
    simulation.run(blocks)
}

/// The call that a transaction makes.
fn call_of(transaction: &Transaction) -> Call {
    use alloy_consensus::Transaction as _;
    let envelope = transaction.envelope();
    Call {
        from: Some(transaction.sender()),
        to: envelope.to(),
        gas: Some(envelope.gas_limit()),
        gas_price: Some(envelope.max_fee_per_gas()),
        priority_fee: envelope.max_priority_fee_per_gas(),
        nonce: Some(envelope.nonce()),
        value: envelope.value(),
        data: envelope.input().clone(),
        ..Call::default()
    }
}

fn at(timestamp: u64, transactions: &[Transaction]) -> BlockCalls {
    let calls = transactions.iter().map(call_of).collect();
    BlockCalls { timestamp: Some(timestamp), calls, ..BlockCalls::default() }
}

/// Two blocks that write, delete, create and destroy.
fn two_blocks() -> [Vec<Transaction>; 2] {
    let store = contracts::STORE.0;
    let first = vec![
        transfer(&signer(1), 0, Address::repeat_byte(0x55), 7),
        call(&signer(1), 1, store, words(1, 9)),
        call(&signer(1), 2, store, words(1_000, 0)),
        sign(&signer(2), TxEip1559 { input: deployment(contracts::LOG.1), ..fields(0, TxKind::Create) }),
        call(&signer(3), 0, contracts::REVERT.0, words(8, 9)),
    ];
    let second = vec![
        call(&signer(1), 3, contracts::LOG.0, words(5, 0)),
        call(&signer(1), 4, store, words(1, 0)),
        call(&signer(2), 1, contracts::DESTRUCT.0, Bytes::new()),
    ];
    [first, second]
}

#[test]
fn made_up_blocks_are_as_real_ones() {
    let mut node = Node::new();
    let base = node.head.header.timestamp;
    let [first, second] = two_blocks();
    // Real blocks of this helper are at 100 seconds, twice; made-up ones need rising times.
    let made_up = simulate(&node, node.world.past(&[]), vec![at(base.max(99) + 1, &first)]).unwrap();
    let (real, skipped) = node.block(first.clone());
    assert!(skipped.is_empty());
    assert_eq!(made_up[0].header.state_root, real.header.state_root);
    assert_eq!(made_up[0].header.receipts_root, real.header.receipts_root);
    assert_eq!(made_up[0].header.gas_used, real.header.gas_used);
    assert_eq!(made_up[0].header.base_fee_per_gas, real.header.base_fee_per_gas);
    // Nothing but the signatures differs.
    let header =
        weft_primitives::BlockHeader { transactions_root: real.header.transactions_root, ..made_up[0].header.clone() };
    assert_eq!(header, real.header);
    assert!(matches!(made_up[0].calls[4].ending, Ending::Revert(_)));

    // The same from further back: the newer block is taken back on the fly.
    let undo = std::sync::Arc::new(real.applied.undo.clone());
    let undos = [undo];
    let parent = Node { chain: node.chain.clone(), world: World::default(), head: genesis_of(&node) };
    let again = simulate(&parent, node.world.past(&undos), vec![at(100, &first), at(101, &second)]).unwrap();
    assert_eq!(again[0].header.state_root, real.header.state_root);
    // And a second block on top of the made-up one: the same calls on the real one.
    let on_real = simulate(&node, node.world.past(&[]), vec![at(101, &second)]).unwrap();
    assert_eq!(again[1].header.receipts_root, on_real[0].header.receipts_root);
    assert_eq!(again[1].calls[0].logs[0].1.topics(), [B256::from(U256::from(5))]);
}

#[test]
fn a_root_too_far_back_is_refused() {
    let node = Node::new();
    let leaf = |number: u32| (TreeKey::new(&number.to_be_bytes()).unwrap(), None);
    let undo = |count: usize| Undo { entries: (0..count as u32).map(leaf).collect() };
    let undos = [std::sync::Arc::new(undo(MAX_NEWER_LEAVES)), std::sync::Arc::new(undo(1))];
    let error = node.world.past(&undos).with_changes(&Changes::default()).unwrap_err();
    assert!(matches!(error, RootError::TooFar { leaves } if leaves == MAX_NEWER_LEAVES + 1), "{error}");
}

fn genesis_of(node: &Node) -> Parent {
    Parent::new(World::genesis(&node.chain).unwrap().1)
}

#[test]
fn order_limits_and_refusals() {
    let node = Node::new();
    let past = node.world.past(&[]);
    let run = |blocks| simulate(&node, past, blocks);
    let numbered = |number| BlockCalls { number: Some(number), ..BlockCalls::default() };
    // Left out blocks are filled in.
    let blocks = run(vec![numbered(3), numbered(5)]).unwrap();
    assert_eq!(blocks.iter().map(|block| block.header.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert!(blocks.windows(2).all(|pair| pair[1].header.parent_hash == pair[0].hash));
    assert!(matches!(run(vec![numbered(3), numbered(3)]), Err(SimulationError::Number { number: 3, before: 3 })));
    assert!(matches!(run(vec![numbered(MAX_BLOCKS + 1)]), Err(SimulationError::TooManyBlocks)));
    assert!(matches!(run(vec![numbered(u64::MAX)]), Err(SimulationError::TooManyBlocks)));
    assert!(matches!(run(vec![at(50, &[]), at(50, &[])]), Err(SimulationError::Timestamp { timestamp: 50, .. })));
    let poor = Call { from: Some(Address::repeat_byte(9)), gas_price: Some(GWEI * 2), ..Call::default() };
    let refused = |call: Call| match run(vec![BlockCalls { calls: vec![call], ..BlockCalls::default() }]) {
        Err(SimulationError::Refused(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(poor.clone()), -38_014);
    assert_eq!(refused(Call { gas_price: None, ..poor.clone() }), -38_012);
    assert_eq!(refused(Call { gas: Some(5), ..poor.clone() }), -38_013);
    assert_eq!(refused(Call { nonce: Some(5), from: Some(signer(1).address()), ..poor.clone() }), -38_011);
    let thirsty = Call { gas: Some(u64::MAX), ..poor };
    let blocks = vec![BlockCalls { calls: vec![thirsty], ..BlockCalls::default() }];
    assert!(matches!(run(blocks), Err(SimulationError::BlockGas { .. })));
}

#[test]
fn precompiled_contracts_move_and_give_way() {
    let node = Node::new();
    let past = node.world.past(&[]);
    let (hash, elsewhere) = (Address::with_last_byte(2), Address::repeat_byte(0x22));
    let ask = |to| Call { to: Some(to), gas: Some(100_000), data: Bytes::from_static(b"x"), ..Call::default() };
    let run = |state: Vec<(Address, Override)>, calls: Vec<Call>| {
        let root = |changes: &Changes| past.with_changes(changes)?.root();
        let simulation = Simulation {
            rules: &node.chain,
            base: &node.head.header,
            view: &past,
            root: &root,
            gas_cap: 10_000_000,
            validation: false,
            transfers: false,
            stop: &|| false,
        };
        let block = BlockCalls { state, calls, ..BlockCalls::default() };
        // In the next block they are back in their places.
        let next = BlockCalls { calls: vec![ask(hash)], ..BlockCalls::default() };
        simulation.run(vec![block, next])
    };
    let digest = Ending::Success(B256::from_slice(&sha256(b"x")).0.into());
    let moved = Override { move_precompile_to: Some(elsewhere), ..Override::default() };
    let blocks = run(vec![(hash, moved.clone())], vec![ask(elsewhere), ask(hash)]).unwrap();
    assert_eq!(blocks[0].calls[0].ending, digest);
    assert_eq!(blocks[0].calls[1].ending, Ending::Success(Bytes::new()), "an account without code");
    assert_eq!(blocks[1].calls[0].ending, digest);
    let code = Override {
        code: Some(Bytes::from_static(&[0x60, 1, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3])),
        ..Override::default()
    };
    let blocks = run(vec![(hash, code)], vec![ask(hash)]).unwrap();
    assert_eq!(blocks[0].calls[0].ending, Ending::Success(B256::with_last_byte(1).0.into()));
    let none = run(vec![(elsewhere, moved.clone())], vec![]);
    assert!(matches!(none, Err(SimulationError::Override(OverrideError::NotPrecompile(_)))), "{none:?}");
    let taken = run(vec![(hash, moved), (elsewhere, Override::default())], vec![]);
    assert!(matches!(taken, Err(SimulationError::Override(OverrideError::Taken(_)))), "{taken:?}");
}

fn sha256(data: &[u8]) -> Vec<u8> {
    revm::precompile::hash::sha256_run(data, 1_000).unwrap().bytes.to_vec()
}

#[test]
fn moved_ether_is_told_and_no_part_of_receipts() {
    let node = Node::new();
    let past = node.world.past(&[]);
    let root = |changes: &Changes| past.with_changes(changes)?.root();
    let simulation = Simulation {
        rules: &node.chain,
        base: &node.head.header,
        view: &past,
        root: &root,
        gas_cap: 10_000_000,
        validation: false,
        transfers: true,
        stop: &|| false,
    };
    let pay = |to, value| Call {
        from: Some(signer(1).address()),
        to: Some(to),
        gas: Some(100_000),
        value: U256::from(value),
        ..Call::default()
    };
    let calls = vec![pay(Address::repeat_byte(0x55), 5), pay(contracts::REVERT.0, 6), pay(contracts::DESTRUCT.0, 0)];
    let block = simulation.run(vec![BlockCalls { calls, ..BlockCalls::default() }]).unwrap().remove(0);
    let told: Vec<Vec<u64>> =
        block.calls.iter().map(|call| call.logs.iter().map(|(index, _)| *index).collect()).collect();
    // The event of the call that reverted is gone, and has used its index.
    assert_eq!(told, [vec![0], vec![], vec![2]]);
    assert_eq!(block.calls[2].logs[0].1.data.data, B256::with_last_byte(7).0.to_vec(), "what the contract had");
    assert!(block.header.logs_bloom.is_zero());
}

/// Of a call with a list the gas is that of the list.
#[test]
fn access_lists() {
    let node = Node::new();
    let at =
        crate::simulate::At { rules: &node.chain, header: &node.head.header, view: &node.world, gas_cap: 10_000_000 };
    let store = contracts::STORE.0;
    let call = Call { from: Some(signer(1).address()), to: Some(store), data: words(1_000, 9), ..Call::default() };
    let listed = at.access_list(&call, &[]).unwrap();
    assert_eq!(listed.list.0.len(), 1);
    assert_eq!(
        (listed.list.0[0].address, &listed.list.0[0].storage_keys),
        (store, &vec![B256::from(U256::from(1_000))])
    );
    let with_list = at.call(&Call { access_list: listed.list, ..call }, &[]).unwrap();
    assert_eq!(with_list.gas_used, listed.gas_used);
}
