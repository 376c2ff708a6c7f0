//! The rules one by one, and the order against a naive model.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use weft_primitives::{Address, B256, Transaction, U256};

use super::*;
use crate::config::PoolLimits;
use crate::testing::{self, GWEI, signer};

const BASE_FEE: u64 = 1_000_000_000;

fn rich(nonce: u64) -> AccountState {
    AccountState { nonce, balance: U256::from(10).pow(U256::from(24)) }
}

fn paying(seed: u8, nonce: u64, tip: u128) -> Transaction {
    testing::transfer_with(&signer(seed), nonce, tip, 3 * GWEI + tip)
}

/// A pool that numbers what it is given.
struct Numbering {
    pool: Pool,
    arrived: u64,
}

impl std::ops::Deref for Numbering {
    type Target = Pool;

    fn deref(&self) -> &Pool {
        &self.pool
    }
}

impl Numbering {
    fn add(&mut self, transaction: Transaction, account: AccountState) -> Result<B256, PoolError> {
        self.arrived += 1;
        self.pool.add(transaction, account, self.arrived)
    }

    fn advance(&mut self, accounts: impl IntoIterator<Item = (Address, AccountState)>, base_fee: u64) {
        let accounts: Vec<_> = accounts.into_iter().collect();
        let nonces: Vec<_> = accounts.iter().map(|(address, account)| (*address, account.nonce)).collect();
        self.pool.advance(accounts, base_fee);
        self.pool.forget(nonces);
    }
}

fn pool(limits: PoolLimits) -> Numbering {
    Numbering { pool: Pool::new(limits, BASE_FEE), arrived: 0 }
}

fn all() -> Select {
    Select { count: usize::MAX, bytes: usize::MAX, gas: u64::MAX }
}

fn order(pool: &Pool) -> Vec<(Address, u64)> {
    pool.select(all()).iter().map(|transaction| (transaction.sender(), transaction.nonce())).collect()
}

#[test]
fn gaps_park_and_close() {
    let mut pool = pool(PoolLimits::default());
    let hash = pool.add(paying(1, 1, GWEI), rich(0)).unwrap();
    assert!(order(&pool).is_empty());
    assert_eq!((pool.is_queued(&hash), pool.pending_nonce(&signer(1).address())), (Some(true), Some(0)));
    pool.add(paying(1, 0, 1), rich(0)).unwrap();
    let me = signer(1).address();
    assert_eq!(order(&pool), [(me, 0), (me, 1)]);
    assert_eq!(pool.counts(), PoolCounts { pending: 2, queued: 0, bytes: pool.counts().bytes });
    pool.advance([(me, rich(1))], BASE_FEE);
    assert_eq!(order(&pool), [(me, 1)]);
    assert_eq!(pool.add(paying(1, 0, GWEI), rich(1)), Err(PoolError::NonceTooLow { got: 0, next: 1 }));
    pool.advance([(me, rich(2))], BASE_FEE);
    assert!(pool.is_empty() && pool.counts().bytes == 0);
}

#[test]
fn replacements_pay_more_on_both_fees() {
    let mut pool = pool(PoolLimits::default());
    pool.add(testing::transfer_with(&signer(1), 0, 100, 3 * GWEI), rich(0)).unwrap();
    let too_little = testing::transfer_with(&signer(1), 0, 109, 4 * GWEI);
    assert!(matches!(pool.add(too_little, rich(0)), Err(PoolError::ReplacementUnderpriced { bump_percent: 10 })));
    let only_tip = testing::transfer_with(&signer(1), 0, 200, 3 * GWEI);
    assert!(matches!(pool.add(only_tip, rich(0)), Err(PoolError::ReplacementUnderpriced { .. })));
    let enough = testing::transfer_with(&signer(1), 0, 110, 33 * GWEI / 10);
    pool.add(enough.clone(), rich(0)).unwrap();
    assert_eq!(pool.select(all())[0].hash(), enough.hash());
    assert_eq!(pool.add(enough, rich(0)), Err(PoolError::AlreadyKnown));
    assert_eq!(pool.len(), 1);
}

#[test]
fn everything_waiting_must_be_affordable() {
    let mut pool = pool(PoolLimits::default());
    let one = U256::from(21_000 * 4 * GWEI + 1);
    let account = AccountState { nonce: 0, balance: one * U256::from(2) };
    pool.add(paying(1, 0, GWEI), account).unwrap();
    pool.add(paying(1, 1, GWEI), account).unwrap();
    let refused = pool.add(paying(1, 2, GWEI), account);
    assert!(matches!(refused, Err(PoolError::InsufficientFunds { .. })), "{refused:?}");
}

#[test]
fn what_is_done_costs_nothing_before_the_pool_knows() {
    let mut pool = pool(PoolLimits::default());
    let one = U256::from(21_000 * 4 * GWEI + 1);
    pool.add(paying(1, 0, GWEI), AccountState { nonce: 0, balance: one * U256::from(2) }).unwrap();
    // The first is in a block by now: the balance is without it.
    pool.add(paying(1, 1, GWEI), AccountState { nonce: 1, balance: one }).unwrap();
    let me = signer(1).address();
    assert_eq!(order(&pool), [(me, 1)]);
    pool.advance([(me, AccountState { nonce: 1, balance: one })], BASE_FEE);
    assert_eq!((order(&pool), pool.len()), (vec![(me, 1)], 1));
}

#[test]
fn what_is_executed_is_not_chosen_again_and_stays_until_it_can_be_found_elsewhere() {
    let mut pool = pool(PoolLimits::default());
    let me = signer(1).address();
    let hashes: Vec<B256> = (0..3).map(|nonce| pool.add(paying(1, nonce, GWEI), rich(0)).unwrap()).collect();
    pool.add(paying(1, 4, GWEI), rich(0)).unwrap();
    pool.pool.advance([(me, rich(2))], BASE_FEE);
    assert_eq!(order(&pool), [(me, 2)]);
    assert_eq!((pool.pending_nonce(&me), pool.len()), (Some(3), 4));
    assert_eq!((pool.counts().pending, pool.counts().queued), (1, 1));
    for hash in &hashes {
        assert!(pool.get(hash).is_some());
        assert_eq!(pool.is_queued(hash), Some(false));
    }
    assert_eq!(pool.add(paying(1, 1, GWEI), rich(2)), Err(PoolError::AlreadyKnown));
    pool.pool.forget([(me, 2)]);
    assert!(pool.get(&hashes[1]).is_none() && pool.get(&hashes[2]).is_some());
    pool.advance([(me, rich(3))], BASE_FEE);
    assert_eq!((order(&pool), pool.len()), (vec![], 1));
}

#[test]
fn a_place_is_given_on_arrival_not_on_admission() {
    let mut pool = Pool::new(PoolLimits::default(), BASE_FEE);
    for (seed, arrival) in [(1, 7), (2, 3), (3, 5)] {
        pool.add(paying(seed, 0, GWEI), rich(0), arrival).unwrap();
    }
    assert_eq!(order(&pool), [2, 3, 1].map(|seed| (signer(seed).address(), 0)));
}

#[test]
fn limits_have_names_and_the_worst_gives_way() {
    let limits = PoolLimits { max_transactions: 3, max_per_sender: 2, max_nonce_gap: 9, ..PoolLimits::default() };
    let mut pool = pool(limits);
    pool.add(paying(1, 0, 5), rich(0)).unwrap();
    pool.add(paying(1, 1, 1), rich(0)).unwrap();
    assert_eq!(pool.add(paying(1, 2, 9), rich(0)), Err(PoolError::SenderFull { limit: 2 }));
    assert!(matches!(pool.add(paying(1, 10, 9), rich(0)), Err(PoolError::NonceTooFar { limit: 9, .. })));
    pool.add(paying(2, 0, 4), rich(0)).unwrap();
    let error = pool.add(paying(3, 0, 1), rich(0)).unwrap_err();
    assert_eq!(error, PoolError::Full { key: "mempool.max_transactions", limit: 3 });
    pool.add(paying(3, 0, 2), rich(0)).unwrap();
    let addresses = [1, 2, 3].map(|seed| signer(seed).address());
    assert_eq!(order(&pool), [(addresses[0], 0), (addresses[1], 0), (addresses[2], 0)]);
}

#[test]
fn a_rising_base_fee_holds_back_and_reorders() {
    let mut pool = pool(PoolLimits::default());
    pool.add(testing::transfer_with(&signer(1), 0, 5, 2 * GWEI), rich(0)).unwrap();
    pool.add(testing::transfer_with(&signer(2), 0, 3, 9 * GWEI), rich(0)).unwrap();
    pool.advance([], 3 * BASE_FEE);
    assert_eq!(order(&pool), [(signer(2).address(), 0)]);
    pool.advance([], BASE_FEE);
    assert_eq!(order(&pool), [(signer(1).address(), 0), (signer(2).address(), 0)]);
}

/// The rule as it is written: again and again the best of all that could run next.
fn model(transactions: &[Transaction]) -> Vec<(Address, u64)> {
    let mut waiting: Vec<(usize, &Transaction)> = transactions.iter().enumerate().collect();
    let mut next: std::collections::HashMap<Address, u64> = Default::default();
    let mut out = Vec::new();
    loop {
        let runnable = waiting.iter().filter(|(_, t)| t.nonce() == next.get(&t.sender()).copied().unwrap_or(0));
        let tip = |t: &Transaction| alloy_consensus::Transaction::effective_tip_per_gas(t.envelope(), BASE_FEE);
        let Some(best) = runnable.max_by_key(|(arrival, t)| (tip(t), std::cmp::Reverse(*arrival))) else { return out };
        let (arrival, transaction) = *best;
        *next.entry(transaction.sender()).or_default() += 1;
        out.push((transaction.sender(), transaction.nonce()));
        waiting.retain(|(other, _)| *other != arrival);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_order_is_the_rule(picks in proptest::collection::vec((1u8..5, 0u64..6, 1u128..6), 0..25)) {
        let mut pool = pool(PoolLimits::default());
        let mut taken: Vec<Transaction> = Vec::new();
        for (seed, nonce, tip) in picks {
            let transaction = paying(seed, nonce, tip);
            if !taken.iter().any(|t| t.sender() == transaction.sender() && t.nonce() == nonce) {
                pool.add(transaction.clone(), rich(0)).unwrap();
                taken.push(transaction);
            }
        }
        let want = model(&taken);
        prop_assert_eq!(order(&pool), want.clone());
        let few = pool.select(Select { count: 3, ..all() });
        prop_assert_eq!(few.len(), want.len().min(3));
        // Executed one by one, the rest keeps the order.
        let mut next: std::collections::HashMap<Address, u64> = Default::default();
        for (at, (sender, nonce)) in want.iter().enumerate() {
            next.insert(*sender, nonce + 1);
            pool.advance([(*sender, rich(nonce + 1))], BASE_FEE);
            prop_assert_eq!(&order(&pool)[..], &want[at + 1..]);
        }
    }
}

fn is_executed(transaction: &Transaction, nonces: &[u64; 4]) -> bool {
    (1..4).any(|seed| transaction.sender() == signer(seed).address() && transaction.nonce() < nonces[usize::from(seed)])
}

/// What may happen to a pool.
#[derive(Clone, Debug)]
enum Event {
    Add {
        seed: u8,
        nonce: u64,
        tip: u128,
    },
    /// So many more transactions of a sender are in a block that is executed.
    Execute {
        seed: u8,
        count: u64,
        base_fee: u64,
    },
    /// The oldest block that is not durable becomes so.
    Persist,
    Drop {
        seed: u8,
        nonce: u64,
    },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1u8..4, 0u64..12, 1u128..6).prop_map(|(seed, nonce, tip)| Event::Add { seed, nonce, tip }),
        2 => (1u8..4, 0u64..3, 1u64..4).prop_map(|(seed, count, fee)| Event::Execute { seed, count, base_fee: fee * BASE_FEE }),
        2 => Just(Event::Persist),
        1 => (1u8..4, 0u64..12).prop_map(|(seed, nonce)| Event::Drop { seed, nonce }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_pool_stays_sound(events in proptest::collection::vec(event(), 1..60)) {
        let limits = PoolLimits { max_transactions: 9, max_per_sender: 6, max_nonce_gap: 10, ..PoolLimits::default() };
        let mut pool = Pool::new(limits, BASE_FEE);
        let mut nonces = [0u64; 4];
        let mut blocks = std::collections::VecDeque::new();
        for (arrival, event) in (0..).zip(events) {
            match event {
                Event::Add { seed, nonce, tip } => {
                    let _ = pool.add(paying(seed, nonce, tip), rich(nonces[usize::from(seed)]), arrival);
                }
                Event::Execute { seed, count, base_fee } => {
                    let me = signer(seed).address();
                    let chosen = pool.select(all()).iter().filter(|chosen| chosen.sender() == me).count() as u64;
                    let nonce = &mut nonces[usize::from(seed)];
                    *nonce += count.min(chosen);
                    pool.advance([(me, rich(*nonce))], base_fee);
                    blocks.push_back((me, *nonce));
                }
                Event::Persist => pool.forget(blocks.pop_front()),
                Event::Drop { seed, nonce } => {
                    let me = signer(seed).address();
                    let found = pool.iter().find(|(t, _)| t.sender() == me && t.nonce() == nonce).map(|(t, _)| t.hash());
                    found.into_iter().for_each(|hash| pool.drop_invalid(hash));
                }
            }
            prop_assert!(pool.is_sound());
            // Nothing that is executed is chosen again.
            let again = pool.select(all()).iter().any(|chosen| is_executed(chosen, &nonces));
            prop_assert!(!again);
        }
        pool.forget(blocks);
        let left = pool.iter().any(|(transaction, _)| is_executed(transaction, &nonces));
        prop_assert!(!left);
    }
}
