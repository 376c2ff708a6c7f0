//! Whether a block is worth calling other threads for depends on whether its transactions do on each other.

use std::time::Duration;

use alloy_primitives::{Address, TxKind};
use revm::context::{BlockEnv, CfgEnv, TxEnv};
use revm::primitives::hardfork::SpecId;

use super::*;
use crate::parallel::Engine;
use crate::raw::{Executor, execute, execute_on};

/// How many threads of two take part in a block of these calls, with each transaction looked at by itself, and any work
/// worth others' time.
fn threads(calls: impl IntoIterator<Item = (Address, Bytes)>) -> usize {
    let (world, ..) = World::genesis(&chain()).unwrap();
    let (config, block) = (CfgEnv::new_with_spec(SpecId::OSAKA), BlockEnv::default());
    let mut nonces = [0; 8];
    let transactions: Vec<TxEnv> = calls
        .into_iter()
        .enumerate()
        .map(|(at, (to, data))| {
            let nonce = nonces[at % 8];
            nonces[at % 8] += 1;
            let (caller, kind) = (signer(1 + at as u8 % 8).address(), TxKind::Call(to));
            TxEnv { caller, nonce, kind, data, chain_id: None, gas_limit: 500_000, ..TxEnv::default() }
        })
        .collect();
    let mut engine = Engine::new(2).with_head_start(Duration::from_nanos(1));
    let outcome = execute_on(&mut engine, &world, None, &config, &block, &transactions).unwrap();
    assert!(outcome.results.iter().all(|result| result.as_ref().is_ok_and(|executed| executed.success)));
    assert!(outcome.same(&execute(&world, &config, &block, &transactions, Executor::Sequential).unwrap()));
    outcome.stats.threads
}

fn store(slot: u64, value: u64) -> (Address, Bytes) {
    (contracts::STORE.0, words(slot, value))
}

#[test]
fn nobody_is_called_for_a_chain() {
    assert_eq!(threads((0..60).map(|value| store(5, 1 + value))), 1);
    // A contract that makes others: by its nonce.
    let make = |len: u8| (contracts::FACTORY.0, deployment(&vec![0; usize::from(len)]));
    assert_eq!(threads((1..20).map(make)), 1);
    // One that looks at its balance.
    assert_eq!(threads((0..20).map(|_| (contracts::DESTRUCT.0, Bytes::new()))), 1);
}

#[test]
fn others_are_called_where_transactions_are_independent() {
    assert_eq!(threads((0..60).map(|at| store(5_000 + at, 1))), 2);
    // What other contracts did says nothing.
    let log = (contracts::LOG.0, words(1, 2));
    assert_eq!(threads([store(5, 1), store(5, 2), log.clone(), log.clone(), log]), 2);
}

#[test]
fn a_chain_at_the_beginning_is_not_all() {
    let chain = (0..20).map(|value| store(5, 1 + value));
    assert_eq!(threads(chain.chain((0..100).map(|at| store(5_000 + at, 1)))), 2);
}
