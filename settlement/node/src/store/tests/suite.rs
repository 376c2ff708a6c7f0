//! What every store must do.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::{Address, B256};
use weft_primitives::withdrawal::{Claim, prove};
use weft_primitives::{BatchHeader, Promise, Withdrawal};
use weft_settlement::{
    Account, BridgeRefusal, Judgement, KeyChange, Limits, PostRefusal, PromiseRefusal, RejectReason, Sampled, Status,
};

use super::fixture::*;
use super::{Fresh, history, lives};
use crate::store::{Genesis, Store, StoreError, Write};

/// Runs everything, each part on a fresh store.
pub(super) async fn run(fresh: impl AsyncFn() -> Fresh) {
    opens_once_for_one_chain(fresh().await.store).await;
    a_life_with_rejection_and_finality(fresh().await.store).await;
    lives::random_lives(&fresh).await;
    value_goes_there_and_back(fresh().await.store).await;
    a_promise_is_broken_and_void_after_a_key_change(fresh().await.store).await;
    a_stale_version_changes_nothing(fresh().await.store).await;
    foreign_numbers_find_nothing(fresh().await.store).await;
    the_verifiers_state_moves_with_the_verdict(fresh().await.store).await;
    rivals_race(fresh().await.store).await;
    retries_race(fresh().await.store).await;
}

async fn opens_once_for_one_chain(store: Arc<dyn Store>) {
    store.open(&genesis()).await.unwrap();
    transition(&*store, None, |chain, out| chain.submit_inbox(START_MS, transaction(0), out).unwrap()).await.unwrap();
    store.open(&genesis()).await.unwrap();
    assert_eq!(store.load().await.unwrap().head.inbox_len, 1);
    let other = Genesis { config_hash: B256::ZERO, ..genesis() };
    assert!(matches!(store.open(&other).await, Err(StoreError::WrongChain { .. })));
    // Invariant 16: a chain keeps the terms that it began with.
    for rules in &all_rules()[1..] {
        assert!(matches!(store.open(&genesis_of(rules)).await, Err(StoreError::WrongTerms { .. })));
    }
}

async fn a_life_with_rejection_and_finality(store: Arc<dyn Store>) {
    let store = &*store;
    store.open(&genesis()).await.unwrap();
    let mut commitments = Vec::new();
    for salt in 0..4 {
        transition(store, None, |chain, out| {
            chain.submit_inbox(START_MS, transaction(salt.into()), out).map(drop).unwrap();
        })
        .await
        .unwrap();
        let signed = next(store, salt).await.sign(&sequencer());
        commitments.push(post(store, &signed).await.unwrap().commitment);
        assert!(post(store, &signed).await.unwrap().duplicate);
    }
    for commitment in &commitments[..3] {
        let sampled = |chain: &mut weft_settlement::Chain, out: &mut _| {
            chain.judge_availability(START_MS + 1, *commitment, Sampled::Available, out)
        };
        transition(store, None, sampled).await.unwrap().unwrap();
    }
    let invalid = Judgement::Invalid { reason: RejectReason::InvalidStf, block: Some(u64::MAX) };
    for (commitment, judgement) in [(commitments[0], Judgement::Valid), (commitments[1], invalid)] {
        let judge = |chain: &mut weft_settlement::Chain, out: &mut _| {
            chain.judge_execution(START_MS + 2, commitment, 1, judgement, out)
        };
        transition(store, None, judge).await.unwrap().unwrap();
        history::check(store).await;
    }
    let mut states = Vec::new();
    for commitment in &commitments {
        states.push(store.record(*commitment).await.unwrap().unwrap().status);
    }
    assert_eq!(states, [Status::Finalized, Status::Rejected, Status::Orphaned, Status::Orphaned]);
    // The freed places are taken again.
    let signed = next(store, 9).await.sign(&sequencer());
    post(store, &signed).await.unwrap();
    history::check(store).await;
}

async fn value_goes_there_and_back(store: Arc<dyn Store>) {
    let store = &*store;
    store.open(&genesis()).await.unwrap();
    assert_eq!(store.account(owner().address()).await.unwrap(), Account::empty(owner().address()));
    fund(store, u128::MAX).await.unwrap();
    deposit(store, 1 << 100).await.unwrap();
    let recipient = Address::repeat_byte(0x99);
    let withdrawal = Withdrawal { index: 0, sender: Address::ZERO, recipient, amount: (1 << 100) - 1 };
    let proof = prove(1, 0, |_, _| -> Result<B256, ()> { Err(()) }).unwrap();
    let withdrawals_root = proof.root(0, withdrawal.leaf());
    let header = BatchHeader { withdrawals_root, withdrawals_count: 1, ..next(store, 0).await };
    let commitment = post(store, &header.sign(&sequencer())).await.unwrap().commitment;
    let wanted = Claim { batch_index: 0, withdrawal, proof };
    assert_eq!(claim(store, &wanted).await, Err(BridgeRefusal::NotFinal(0)));
    let sampled = |chain: &mut weft_settlement::Chain, out: &mut _| {
        chain.judge_availability(START_MS, commitment, Sampled::Available, out)
    };
    transition(store, None, sampled).await.unwrap().unwrap();
    let judge = |chain: &mut weft_settlement::Chain, out: &mut _| {
        chain.judge_execution(START_MS, commitment, 1, Judgement::Valid, out)
    };
    transition(store, None, judge).await.unwrap().unwrap();
    let log_seq = claim(store, &wanted).await.unwrap().log_seq;
    assert_eq!(claim(store, &wanted).await, Err(BridgeRefusal::AlreadyClaimed(log_seq)));
    assert_eq!(store.account(recipient).await.unwrap().balance, withdrawal.amount);
    let owner = store.account(owner().address()).await.unwrap();
    assert_eq!((owner.balance, owner.nonce), (u128::MAX - (1 << 100), 1));
    let totals = store.load().await.unwrap().head.bridge;
    assert_eq!((totals.escrow, totals.claimed(), totals.fundings), (1, withdrawal.amount, 1));
    history::check(store).await;
}

async fn a_promise_is_broken_and_void_after_a_key_change(store: Arc<dyn Store>) {
    let store = &*store;
    store.open(&genesis()).await.unwrap();
    let base = post(store, &next(store, 0).await.sign(&sequencer())).await.unwrap().commitment;
    let (chain_id, config_hash) = (CHAIN_ID, rules().config_hash);
    let header = next(store, 1).await;
    let promise = |block_hash| Promise { chain_id, config_hash, base, number: header.last_block, block_hash };
    let (broken, void) = (promise(B256::repeat_byte(0xfa)), promise(B256::repeat_byte(0xfb)));
    let commitment = post(store, &header.clone().sign(&sequencer())).await.unwrap().commitment;
    let stands = header.last_block_hash;
    let receipt = report(store, broken.sign(&sequencer()), commitment, stands).await.unwrap();
    assert_eq!((receipt.log_seq, receipt.duplicate), (3, false));
    assert!(report(store, broken.sign(&sequencer()), commitment, stands).await.unwrap().duplicate);
    assert!(store.load().await.unwrap().head.frozen);
    history::check(store).await;
    let change = KeyChange { chain_id, config_hash, new_key: sequencer().address(), epoch: 1 }.sign(&admin());
    transition(store, None, |chain, out| chain.change_key(START_MS, &change, None, out).map(drop))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(report(store, void.sign(&sequencer()), commitment, stands).await, Err(PromiseRefusal::Void(4)));
    history::check(store).await;
    assert_eq!(store.broken_promise(B256::ZERO).await.unwrap(), None);
}

async fn a_stale_version_changes_nothing(store: Arc<dyn Store>) {
    let store = &*store;
    store.open(&genesis()).await.unwrap();
    let stale = store.load().await.unwrap();
    post(store, &next(store, 0).await.sign(&sequencer())).await.unwrap();
    let before = store.load().await.unwrap();
    let write = Write { version: stale.version, head: stale.head, effects: Vec::new(), state: Some(state(5, vec![])) };
    assert!(matches!(store.commit(&write).await, Err(StoreError::Conflict)));
    assert_eq!(store.load().await.unwrap(), before);
    assert_eq!(store.verifier_state().await.unwrap().checkpoint.next_batch, 0);
    // A commitment that was judged on what was there when the other began.
    let signed = next(store, 1).await.sign(&sequencer());
    let facts = store.facts(&signed).await.unwrap();
    let mut chain = before.clone().restore(rules(), Limits::default()).unwrap();
    let mut effects = Vec::new();
    chain.post(START_MS, &signed, &facts, &mut effects).unwrap();
    for version in [before.version - 1, before.version + 1] {
        let write = Write { version, head: chain.head().clone(), effects: effects.clone(), state: None };
        assert!(matches!(store.commit(&write).await, Err(StoreError::Conflict)));
        assert_eq!(store.load().await.unwrap(), before);
        assert_eq!(store.record(signed.header.hash()).await.unwrap(), None);
        assert_eq!(store.entries(before.head.log_seq + 1, 1).await.unwrap(), []);
    }
    let write = Write { version: before.version, head: chain.head().clone(), effects, state: None };
    store.commit(&write).await.unwrap();
    history::check(store).await;
}

/// Numbers in a commitment are a stranger's: the largest must not wrap into something that exists.
async fn foreign_numbers_find_nothing(store: Arc<dyn Store>) {
    let store = &*store;
    store.open(&genesis()).await.unwrap();
    post(store, &next(store, 0).await.sign(&sequencer())).await.unwrap();
    let mut header = next(store, 1).await;
    for foreign in [u64::MAX, 1 << 63, i64::MAX as u64] {
        (header.batch_index, header.anchor_seq, header.inbox_to) = (foreign, foreign, foreign);
        let facts = store.facts(&header.clone().sign(&sequencer())).await.unwrap();
        assert_eq!((facts.rival, facts.anchor, facts.inbox_acc, facts.first_left_ms), (None, None, None, None));
    }
    assert!(store.entries(u64::MAX, 10).await.unwrap().is_empty());
    assert!(store.canonical(u64::MAX, 10).await.unwrap().is_empty());
    assert!(store.inbox(u64::MAX, 10).await.unwrap().is_empty());
    assert!(store.record(B256::ZERO).await.unwrap().is_none());
    assert_eq!(store.paid(u64::MAX).await.unwrap(), None);
}

async fn the_verifiers_state_moves_with_the_verdict(store: Arc<dyn Store>) {
    let store = &*store;
    store.open(&genesis()).await.unwrap();
    // More leaves than fit into one statement; overwrites and deletions.
    let first: Vec<_> = (0..2_500).map(|index| (leaf_key(index), Some([3; 32]))).collect();
    let second: Vec<_> =
        (0..1_500).map(|index| (leaf_key(index), (index % 2 == 0).then_some([index as u8 | 1; 32]))).collect();
    let mut model: BTreeMap<_, _> = BTreeMap::new();
    for (batch, leaves) in [first, second].into_iter().enumerate() {
        let signed = next(store, batch as u8).await.sign(&sequencer());
        let commitment = post(store, &signed).await.unwrap().commitment;
        let sampled = |chain: &mut weft_settlement::Chain, out: &mut _| {
            chain.judge_availability(START_MS, commitment, Sampled::Available, out)
        };
        transition(store, None, sampled).await.unwrap().unwrap();
        for (key, value) in &leaves {
            match value {
                Some(value) => drop(model.insert(*key, *value)),
                None => drop(model.remove(key)),
            }
        }
        let next_state = state(batch as u64 + 1, leaves);
        let checkpoint = next_state.checkpoint.clone();
        let judge = |chain: &mut weft_settlement::Chain, out: &mut _| {
            chain.judge_execution(START_MS, commitment, 1, Judgement::Valid, out)
        };
        transition(store, Some(next_state), judge).await.unwrap().unwrap();
        let found = store.verifier_state().await.unwrap();
        let leaves: BTreeMap<_, _> = found.leaves.into_iter().collect();
        assert_eq!(leaves, model);
        assert_eq!(found.codes.len(), batch + 2);
        assert_eq!(found.checkpoint.block.header, checkpoint.block.header);
        assert_eq!(found.checkpoint.block.hash, checkpoint.block.hash);
        assert_eq!(found.checkpoint.next_batch, checkpoint.next_batch);
        assert_eq!(found.checkpoint.inbox_acc, checkpoint.inbox_acc);
    }
}

const RACERS: u8 = 32;

/// Invariant 11: of many different commitments for one place exactly one stands; one pair is kept as evidence.
async fn rivals_race(store: Arc<dyn Store>) {
    store.open(&genesis()).await.unwrap();
    let mut rivals = Vec::new();
    for salt in 0..RACERS {
        rivals.push(next(&*store, salt).await.sign(&sequencer()));
    }
    let mut tasks = Vec::new();
    for signed in rivals {
        let store = store.clone();
        tasks.push(tokio::spawn(async move { post(&*store, &signed).await }));
    }
    let mut winners = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(receipt) => winners.push(receipt.commitment),
            Err(PostRefusal::Equivocation { .. }) => {}
            Err(refusal) => panic!("{refusal}"),
        }
    }
    assert_eq!(winners.len(), 1);
    let head = store.load().await.unwrap().head;
    assert_eq!((head.tip, head.frozen, head.log_seq), (Some((0, winners[0])), true, 2));
    history::check(&*store).await;
}

/// Invariant 13: of many posts of the same commitment exactly one is not a duplicate.
async fn retries_race(store: Arc<dyn Store>) {
    store.open(&genesis()).await.unwrap();
    let signed = next(&*store, 0).await.sign(&sequencer());
    let mut tasks = Vec::new();
    for _ in 0..RACERS {
        let (store, signed) = (store.clone(), signed.clone());
        tasks.push(tokio::spawn(async move { post(&*store, &signed).await.unwrap() }));
    }
    let mut first = 0;
    for task in tasks {
        let receipt = task.await.unwrap();
        assert_eq!(receipt.log_seq, 1);
        first += u32::from(!receipt.duplicate);
    }
    assert_eq!(first, 1);
    history::check(&*store).await;
}
