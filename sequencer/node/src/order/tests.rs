//! The order against the rule, and what it is for: that less is executed twice.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::Arc;

use alloy_consensus::{Transaction as _, TxEip1559};
use alloy_primitives::{TxKind, hex};
use proptest::prelude::*;
use weft_execution::BlockBuilder;
use weft_execution::parallel::{Engine, HotPlace, Stats};
use weft_primitives::{Address, ChainConfig, Signer, Transaction, U256};

use super::{Heat, arrange};
use crate::chain::Chain;
use crate::config::{Limits, PoolLimits};
use crate::mempool::{AccountState, Pool, Select};
use crate::store::{ChainStore, MemoryKv};
use crate::testing::{CHAIN_ID, GWEI, sign, signer};

const BASE_FEE: u64 = GWEI as u64;

fn contract(number: u8) -> Address {
    Address::repeat_byte(0xc0 + number)
}

/// Calls of the first contracts, so many, have been in conflict.
fn hot(contracts: u8) -> Heat {
    let mut heat = Heat::default();
    let place = |number| HotPlace { address: contract(number), slot: Some(U256::ZERO), conflicts: 100 };
    heat.learn(&Stats { threads: 2, hottest: (0..contracts).map(place).collect(), ..Stats::default() });
    heat
}

fn call(from: &Signer, nonce: u64, tip: u128, to: Address) -> Transaction {
    let fields = TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 100_000,
        max_fee_per_gas: 3 * GWEI,
        max_priority_fee_per_gas: tip,
        to: TxKind::Call(to),
        ..TxEip1559::default()
    };
    sign(from, fields)
}

/// In the order of the rule, with arrival between equals.
fn chosen(transactions: &[Transaction]) -> Vec<Transaction> {
    let mut pool = Pool::new(PoolLimits::default(), BASE_FEE);
    for (arrival, transaction) in (0..).zip(transactions) {
        let account = AccountState { nonce: 0, balance: U256::from(10).pow(U256::from(24)) };
        pool.add(transaction.clone(), account, arrival).unwrap();
    }
    pool.select(Select { count: usize::MAX, bytes: usize::MAX, gas: u64::MAX })
}

fn tip(transaction: &Transaction) -> u128 {
    transaction.envelope().effective_tip_per_gas(BASE_FEE).unwrap()
}

/// By sender and nonce.
fn names(transactions: &[Transaction]) -> Vec<(Address, u64)> {
    transactions.iter().map(|transaction| (transaction.sender(), transaction.nonce())).collect()
}

#[test]
fn hot_contracts_go_last_and_arrival_counts_within() {
    let from = |number: usize| Signer::from_bytes([number as u8 + 1; 32]).unwrap();
    // Contract 0 is called by every second, contract 1 by every eighth, the others are not hot.
    let to = |number: usize| match number % 8 {
        0 | 2 | 4 | 6 => contract(0),
        1 => contract(1),
        _ => contract(7),
    };
    let given: Vec<Transaction> = (0..80).map(|number| call(&from(number), 0, 5, to(number))).collect();
    let wanted: Vec<Transaction> = [contract(7), contract(1), contract(0)]
        .into_iter()
        .flat_map(|to| given.iter().filter(move |transaction| transaction.envelope().to() == Some(to)).cloned())
        .collect();
    assert_eq!(names(&arrange(given.clone(), BASE_FEE, &hot(2))), names(&wanted));
    assert_eq!(names(&arrange(given.clone(), BASE_FEE, &hot(0))), names(&given));
    let few = given[..60].to_vec();
    assert_eq!(names(&arrange(few.clone(), BASE_FEE, &hot(2))), names(&few));
    // Whoever pays more stays before.
    let mut paying = given;
    paying[0] = call(&from(0), 0, 6, contract(0));
    assert_eq!(arrange(paying, BASE_FEE, &hot(2))[0].sender(), from(0).address());
}

#[test]
fn blocks_are_arranged() {
    let mut node = crate::testing::node();
    node.producer.heat = hot(1);
    let to = |seed| if seed <= 4 { contract(0) } else { contract(7) };
    let calls: Vec<Transaction> =
        (0..10).flat_map(|nonce| (1..=8).map(move |seed| call(&signer(seed), nonce, GWEI, to(seed)))).collect();
    let full = node.block(&calls).unwrap();
    let called: Vec<_> = full.block.body.transactions.iter().map(|t| t.envelope().to().unwrap()).collect();
    assert_eq!(called, [[contract(7); 40], [contract(0); 40]].concat());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_rule_holds(picks in proptest::collection::vec((1u8..12, 1u128..4, 0u8..5), 64..120), contracts in 0u8..4) {
        let mut nonces: HashMap<u8, u64> = HashMap::new();
        let transactions: Vec<Transaction> = picks
            .into_iter()
            .map(|(seed, tip, to)| {
                let nonce = nonces.entry(seed).or_default();
                *nonce += 1;
                // Most pay alike.
                call(&signer(seed), *nonce - 1, tip.max(2), contract(to))
            })
            .collect();
        let given = chosen(&transactions);
        let arranged = arrange(given.clone(), BASE_FEE, &hot(contracts));
        prop_assert_eq!(arranged.len(), given.len());
        // Each is one of the best of all that could run then.
        let mut next: HashMap<Address, u64> = HashMap::new();
        for (at, transaction) in arranged.iter().enumerate() {
            let runnable = |t: &&Transaction| t.nonce() == next.get(&t.sender()).copied().unwrap_or(0);
            prop_assert!(runnable(&transaction));
            prop_assert_eq!(arranged[at..].iter().filter(runnable).map(tip).max(), Some(tip(transaction)));
            *next.entry(transaction.sender()).or_default() += 1;
        }
        // Of two in the same place of the rule, callers of the same hot contract are as they were.
        let place: HashMap<_, usize> = names(&given).into_iter().zip(0..).collect();
        let (mut row, mut rows) = (0, vec![0]);
        for pair in given.windows(2) {
            row += usize::from(tip(&pair[0]) != tip(&pair[1]));
            rows.push(row);
        }
        for number in 0..contracts {
            let callers = arranged.iter().filter(|t| t.envelope().to() == Some(contract(number)));
            let places: Vec<usize> = callers.map(|t| place[&(t.sender(), t.nonce())]).collect();
            for pair in places.windows(2) {
                prop_assert!(pair[0] < pair[1] || rows[pair[0]] != rows[pair[1]], "{places:?}");
            }
        }
    }
}

/// Senders of the made-up mix; half of them call the hot contract.
const SENDERS: u64 = 3_000;

/// Rounds over which conflicts are counted.
const ROUNDS: usize = 4;

fn sender(number: u64) -> Signer {
    let mut bytes = [1; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Signer::from_bytes(bytes).unwrap()
}

/// A chain where contract 0 counts its calls in one slot, contract 7 each caller's in one of their own.
fn mix() -> (Chain, Vec<Transaction>) {
    let senders: Vec<Signer> = (0..SENDERS).map(sender).collect();
    let rich = |sender: &Signer| format!("\"{}\":{{\"balance\":\"0xd3c21bcecceda1000000\"}}", sender.address());
    let code =
        |at, code: &[u8]| format!("\"{at}\":{{\"balance\":\"0x0\",\"code\":\"{}\"}}", hex::encode_prefixed(code));
    let mut alloc: Vec<String> = senders.iter().map(rich).collect();
    alloc.push(code(contract(0), &hex!("5f546001015f5500")));
    alloc.push(code(contract(7), &hex!("3354600101335500")));
    let text = format!(
        r#"{{"config":{{"chainId":{CHAIN_ID},"pragueTime":0,"osakaTime":0,"weft":{{"minBaseFeePerGas":1000000000,
            "feeRecipient":"0x00000000000000000000000000000000000000fe"}}}},
            "gasLimit":"0x3b9aca00","difficulty":"0x0","alloc":{{{}}}}}"#,
        alloc.join(",")
    );
    let store = ChainStore::new(Arc::new(MemoryKv::default()));
    let chain = Chain::open(ChainConfig::from_json(&text).unwrap(), store, &Limits::default()).unwrap();
    // In no order, but always in the same.
    let coin = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 63 == 0;
    let to = |number: u64| if coin(number) { contract(0) } else { contract(7) };
    let calls = senders.iter().zip(0..).map(|(sender, number)| call(sender, 0, GWEI, to(number)));
    (chain, calls.collect())
}

/// How often a block of these transactions had to execute one again.
fn repeated(chain: &Chain, engine: &mut Engine, transactions: &[Transaction]) -> u32 {
    let world = chain.world();
    let builder = BlockBuilder::new(chain.config(), &chain.tip().parent, 1_700_000_000, &*world).unwrap();
    let (built, refused) = builder.fill(transactions.to_vec(), engine).unwrap();
    assert_eq!((built.body.transactions.len(), refused.len()), (transactions.len(), 0));
    built.stats.repeated
}

#[test]
fn less_is_executed_twice() {
    let (chain, given) = mix();
    let arranged = arrange(given.clone(), BASE_FEE, &hot(1));
    for threads in [2, 4] {
        let mut engine = Engine::new(threads);
        let mut sums = (0, 0);
        for _ in 0..ROUNDS {
            sums.0 += repeated(&chain, &mut engine, &given);
            sums.1 += repeated(&chain, &mut engine, &arranged);
        }
        println!(
            "{threads} threads: {} of {} repeated as they came, {} arranged",
            sums.0,
            SENDERS * ROUNDS as u64,
            sums.1
        );
        // Threads that do not run at the same time have no conflicts, in whatever order.
        let at_once = u64::from(sums.0) > SENDERS * ROUNDS as u64 / 4;
        assert!(!at_once || sums.1 * 3 < sums.0 * 2, "{sums:?}");
    }
}
