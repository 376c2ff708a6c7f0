//! Whole lives of a chain, drawn by a fixed generator: every kind of event, in every mode, on any store.

use alloy_primitives::B256;
use weft_primitives::{BatchHeader, Deposit, Funding, Promise, Signer};
use weft_settlement::{
    Chain, Effect, Event, ExecutionVerdict, Judgement, KeyChange, RejectReason, Rules, Sampled, Status,
};

use super::Fresh;
use super::fixture::*;
use super::history;
use crate::store::Store;

/// Steps of one life.
const STEPS: u8 = 220;

/// Keys that post one after the other.
const KEYS: [u8; 4] = [1, 10, 11, 12];

const INVALID: Judgement = Judgement::Invalid { reason: RejectReason::Undecodable, block: None };

/// Lives one life under each of the rules; afterwards the log alone gives every table again, byte for byte.
pub(super) async fn random_lives(fresh: &impl AsyncFn() -> Fresh) {
    for rules in all_rules() {
        let lived = fresh().await;
        live(&*lived.store, &rules).await;
        let head = lived.store.load().await.unwrap().head;
        assert!(head.finalized_index.is_some() && head.generation > 0 && head.epoch > 1, "{head:?}");
        let entries = lived.store.entries(1, u32::MAX).await.unwrap();
        assert!(entries.iter().any(|entry| matches!(entry.event, Event::BrokenPromise(_))));
        history::check_of(&*lived.store, &rules).await;
        history::rebuilds(&lived, &fresh().await, &rules).await;
    }
}

async fn live(store: &dyn Store, rules: &Rules) {
    store.open(&genesis_of(rules)).await.unwrap();
    let mut seed = 42u64;
    for step in 0..STEPS {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let dice = seed >> 40;
        let now_ms = START_MS + u64::from(step) * 1_000;
        if step % 11 == 5 {
            move_value(store, rules, u128::from(dice % 1_000) + 1, now_ms).await;
        }
        if step % 37 == 20 {
            break_promise(store, rules, step).await;
        }
        match dice % 16 {
            0 | 1 => {
                step_with(store, rules, |chain, out| {
                    drop(chain.submit_inbox(now_ms, transaction(step.into()), out));
                })
                .await
            }
            2..=5 => post_one(store, rules, step, dice % 128 < 8).await,
            15 if dice % 64 < 32 => change_key(store, rules, step, now_ms).await,
            kind => step_with(store, rules, |chain, out| judge(chain, kind, dice, now_ms, out)).await,
        }
    }
}

/// An account is funded, and deposits some of it.
async fn move_value(store: &dyn Store, rules: &Rules, amount: u128, now_ms: u64) {
    let number = store.load().await.unwrap().head.bridge.fundings;
    let funding = Funding::sign(rules.config_hash, &admin(), number, owner().address(), amount);
    let account = store.account(funding.account).await.unwrap();
    step_with(store, rules, |chain, out| assert!(chain.fund(now_ms, &funding, account, out).is_ok())).await;
    let account = store.account(funding.account).await.unwrap();
    let deposit = Deposit::sign(rules.config_hash, &owner(), account.nonce, account.address, amount.div_ceil(2));
    step_with(store, rules, |chain, out| assert!(chain.deposit(now_ms, &deposit, account, out).is_ok())).await;
}

/// The posting key has promised another block than the last one of the tip.
async fn break_promise(store: &dyn Store, rules: &Rules, salt: u8) {
    let chain = store.load().await.unwrap().restore(rules.clone(), weft_settlement::Limits::default()).unwrap();
    let Some(tip) = chain.tip() else { return };
    let (chain_id, config_hash, base) = (CHAIN_ID, rules.config_hash, tip.signed.header.parent_commitment);
    let block_hash = B256::repeat_byte(salt);
    let promise = Promise { chain_id, config_hash, base, number: tip.signed.header.last_block, block_hash };
    let stands = tip.signed.header.last_block_hash;
    let _ = report_of(rules, store, promise.sign(&posting(&chain)), tip.commitment, stands).await;
}

async fn step_with(store: &dyn Store, rules: &Rules, act: impl FnOnce(&mut Chain, &mut Vec<Effect>)) {
    transition_of(rules, store, None, act).await.unwrap();
}

fn posting(chain: &Chain) -> Signer {
    KEYS.map(key).into_iter().find(|key| key.address() == chain.posting_key()).unwrap()
}

/// An honest commitment, or a second one for a place that is taken.
async fn post_one(store: &dyn Store, rules: &Rules, salt: u8, fork: bool) {
    let chain = store.load().await.unwrap().restore(rules.clone(), weft_settlement::Limits::default()).unwrap();
    let header = match chain.tip().filter(|_| fork) {
        Some(tip) => BatchHeader { gas_used: u64::from(salt) + 1, ..tip.signed.header.clone() },
        None => next_of(rules, store, salt).await,
    };
    let _ = post_of(rules, store, &header.sign(&posting(&chain))).await;
}

/// By the posting key or the admin.
async fn change_key(store: &dyn Store, rules: &Rules, step: u8, now_ms: u64) {
    step_with(store, rules, |chain, out| {
        let new_key = key(KEYS[usize::from(step) % KEYS.len()]).address();
        let (chain_id, epoch) = (CHAIN_ID, chain.head().epoch + 1);
        let change = KeyChange { chain_id, config_hash: rules.config_hash, new_key, epoch };
        let signer = if step.is_multiple_of(3) { posting(chain) } else { admin() };
        let _ = chain.change_key(now_ms, &change.sign(&signer), None, out);
    })
    .await;
}

fn judge(chain: &mut Chain, kind: u64, dice: u64, now_ms: u64, out: &mut Vec<Effect>) {
    let first = |chain: &Chain, status| {
        let found = chain.pending().find(|record| record.status == status);
        found.map(|record| (record.commitment, record.signed.header.batch_index)).unwrap_or_default()
    };
    let bad = dice % 256 < 32;
    match kind {
        6..=8 => {
            let sampled = if bad { Sampled::NotInDaBlock } else { Sampled::Available };
            let _ = chain.judge_availability(now_ms, first(chain, Status::Posted).0, sampled, out);
        }
        9 | 10 => {
            let judgement = if bad { INVALID } else { Judgement::Valid };
            let _ = chain.judge_execution(now_ms, first(chain, Status::Available).0, 1, judgement, out);
        }
        11 => {
            let judgement = if dice % 256 < 128 { INVALID } else { Judgement::Valid };
            let commitment = first(chain, Status::Available).0;
            let _ = chain.challenge(now_ms, commitment, B256::repeat_byte(7), 1, judgement, out);
        }
        12 | 13 => {
            let waiting = chain.pending().next().map(|record| (record.commitment, record.signed.header.batch_index));
            let (commitment, batch_index) = waiting.unwrap_or_default();
            let verdict = ExecutionVerdict { batch_index, commitment, valid: !bad, stf_version: 1 };
            let _ = chain.vote(now_ms, &verdict.sign(&verifiers()[(dice >> 9) as usize % 2]), out);
        }
        _ => chain.finalize_due(now_ms, out),
    }
}
