//! A follower beside a sequencer and a settlement log, all in memory: whatever happens, it has the log's chain.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use weft_execution::StateView;
use weft_execution::forced::{ForcedContext, verify_forced_stateless};
use weft_execution::verify::{Checkpoint, LogContext, Verdict, verify_stateless};
use weft_primitives::{Address, B256, U256};
use weft_service::Shutdown;
use weft_settlement::{Judgement, RejectReason, Rules, Sampled, Terms};

use super::adopt::adopt;
use super::pipeline::Supply;
use super::testing::{Follower, Rollup, the_rules};
use super::{DeriveError, Disagreement, LogView};
use crate::store::{BatchStage, MemoryKv};
use crate::testing::{config, signer, transfer};
use crate::witness::{self, WitnessError};

fn invalid(reason: RejectReason) -> Judgement {
    Judgement::Invalid { reason, block: None }
}

#[tokio::test]
async fn an_empty_log_is_caught_up_with_however_late_its_end_is_known() {
    let follower = Follower::new(&Rollup::new().da);
    let (stop, caught_up) = (Shutdown::new(), Arc::new(tokio::sync::Notify::new()));
    let told = caught_up.clone();
    let deriving = tokio::spawn(follower.deriver().run(stop.clone(), move || told.notify_one()));
    // The deriver has looked, and waits for news.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    follower.view.expect(0);
    tokio::time::timeout(Duration::from_secs(30), caught_up.notified()).await.unwrap();
    stop.trigger();
    deriving.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_same_chain_with_heads_as_the_log_says_and_again_after_a_restart() {
    let mut rollup = Rollup::new();
    let kv = Arc::new(MemoryKv::default());
    let follower = Follower::open(kv.clone(), &rollup.da);
    rollup.inbox(2, 0);
    let first = rollup.batch(3);
    let commitment = rollup.post(&first);
    *rollup.da.lies.lock().unwrap() = 2;
    follower.follow(&rollup).await.unwrap();
    follower.assert_same(&rollup, 3);
    let heads = || (follower.chain.heads().safe, follower.chain.heads().finalized);
    assert_eq!(heads(), (0, 0));
    rollup.available(commitment, Sampled::Available);
    follower.follow(&rollup).await.unwrap();
    assert_eq!(heads(), (3, 0));
    rollup.executed(commitment, Judgement::Valid);
    follower.follow(&rollup).await.unwrap();
    assert_eq!(heads(), (3, 3));
    assert_eq!(follower.chain.store().batch(0).unwrap().unwrap().stage, BatchStage::Finalized);
    drop(follower);

    // While it was away: more than is planned at once, items that nobody has consumed yet.
    for _ in 0..70 {
        let next = rollup.batch(1);
        rollup.settle(&next);
    }
    rollup.inbox(3, 0);
    let follower = Follower::open(kv, &rollup.da);
    // The log is read from its beginning, which says nothing of what is stored.
    let before = follower.chain.store().log_state().unwrap();
    follower.view.push(&rollup.entries[0]).unwrap();
    follower.view.expect(rollup.entries.len() as u64);
    follower.deriver().catch_up(&Shutdown::new()).await.unwrap();
    assert_eq!((follower.chain.heads().latest, follower.chain.store().log_state().unwrap()), (3, before));
    follower.follow(&rollup).await.unwrap();
    follower.assert_same(&rollup, 73);
    assert_eq!(follower.chain.heads().finalized, 73);
    assert_eq!(follower.chain.store().inbox(1, 9).unwrap().len(), 1);
    let log = follower.chain.store().log_state().unwrap();
    let last = rollup.entries.last().unwrap();
    assert_eq!((log.seq, log.hash, log.inbox_len), (last.seq, last.hash(), 2));
    assert_eq!(follower.balance(70), U256::from(70 + 1));
}

#[tokio::test]
async fn a_false_claim_is_refused_whole_and_its_place_is_taken_by_another() {
    let mut rollup = Rollup::new();
    let follower = Follower::new(&rollup.da);
    let good = rollup.batch(2);
    rollup.settle(&good);
    let honest = rollup.batch(2);
    let lie = rollup.sign(honest.header.clone(), |header| header.post_state_root = B256::repeat_byte(1));
    let commitment = rollup.post(&lie);
    rollup.available(commitment, Sampled::Available);
    // On top of it, as long as it stands.
    follower.follow(&rollup).await.unwrap();
    follower.assert_same(&rollup, 2);
    rollup.executed(commitment, invalid(RejectReason::InvalidStf));
    follower.follow(&rollup).await.unwrap();
    follower.assert_same(&rollup, 2);
    let honest = rollup.sign(honest.header.clone(), |_| ());
    rollup.settle(&honest);
    follower.follow(&rollup).await.unwrap();
    follower.assert_same(&rollup, 4);
}

#[tokio::test]
async fn what_is_rejected_for_want_of_data_is_taken_back() {
    let mut rollup = Rollup::new();
    let follower = Follower::new(&rollup.da);
    let good = rollup.batch(2);
    rollup.settle(&good);
    let second = rollup.batch(2);
    let second_hash = rollup.post(&second);
    let third = rollup.batch(1);
    rollup.post(&third);
    follower.follow(&rollup).await.unwrap();
    follower.assert_same(&rollup, 5);
    let held = follower.chain.snapshot(4).unwrap().unwrap();
    let to = Address::repeat_byte(0x77);
    assert_eq!(held.account(to).unwrap().unwrap().account.balance, U256::from(4));
    rollup.available(second_hash, Sampled::Withheld);
    follower.follow(&rollup).await.unwrap();
    follower.assert_same(&rollup, 2);
    assert_eq!(
        (follower.chain.rollbacks(), follower.chain.store().last_batch().unwrap().unwrap().header.batch_index),
        (1, 0)
    );
    assert!(held.account(to).is_err(), "the state that it had is gone");
    assert_eq!(follower.balance(2), U256::from(2));
    // The same blocks in other batches.
    let again = rollup.sign(second.header.clone(), |_| ());
    rollup.settle(&again);
    let again = rollup.sign(third.header.clone(), |_| ());
    rollup.settle(&again);
    follower.follow(&rollup).await.unwrap();
    follower.assert_same(&rollup, 5);
    assert_eq!(follower.chain.heads().finalized, 5);
}

#[tokio::test]
async fn missing_data_is_waited_for_until_the_log_gives_it_up() {
    let mut rollup = Rollup::new();
    let follower = Follower::new(&rollup.da);
    let first = rollup.batch(1);
    let withheld = rollup.da.payloads.lock().unwrap().remove(&first.header.payload_hash).unwrap();
    let commitment = rollup.post(&first);
    for entry in &rollup.entries {
        follower.view.push(entry).unwrap();
    }
    follower.view.expect(rollup.entries.len() as u64);
    let (stop, deriver) = (Shutdown::new(), follower.deriver());
    let task = tokio::spawn({
        let stop = stop.clone();
        async move { deriver.run(stop, || ()).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(follower.chain.heads().latest, 0);
    let seen = rollup.entries.len();
    rollup.available(commitment, Sampled::Withheld);
    rollup.da.payloads.lock().unwrap().insert(first.header.payload_hash, withheld);
    let again = rollup.sign(first.header.clone(), |_| ());
    rollup.settle(&again);
    for entry in &rollup.entries[seen..] {
        follower.view.push(entry).unwrap();
    }
    for _ in 0..500 {
        if follower.chain.heads().finalized == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    stop.trigger();
    task.await.unwrap().unwrap();
    follower.assert_same(&rollup, 1);
    assert_eq!(follower.chain.store().batch(0).unwrap().unwrap().header.hash(), again.header.hash());
}

#[tokio::test]
async fn who_does_not_agree_with_the_log_stops() {
    // The log takes a lie for valid.
    let mut rollup = Rollup::new();
    let honest = rollup.batch(2);
    let lie = rollup.sign(honest.header.clone(), |header| header.gas_used += 1);
    rollup.settle(&lie);
    let follower = Follower::new(&rollup.da);
    let stopped = follower.follow(&rollup).await.unwrap_err();
    assert!(
        matches!(&stopped, DeriveError::Disagreement(Disagreement::InvalidAccepted { index: 0, why, .. })
            if why.contains("gas_used")),
        "{stopped}"
    );
    follower.assert_same(&rollup, 0);

    // The log rejects what is valid.
    let mut rollup = Rollup::new();
    let first = rollup.batch(2);
    let commitment = rollup.post(&first);
    let follower = Follower::new(&rollup.da);
    follower.follow(&rollup).await.unwrap();
    rollup.available(commitment, Sampled::Available);
    rollup.executed(commitment, invalid(RejectReason::InvalidStf));
    let stopped = follower.follow(&rollup).await.unwrap_err();
    assert!(matches!(stopped, DeriveError::Disagreement(Disagreement::ValidRejected { index: 0, .. })), "{stopped}");
    follower.assert_same(&rollup, 2);

    // The log is none: another key's commitment, or an entry left out.
    let mut rollup = Rollup::new();
    let first = rollup.batch(1);
    rollup.settle(&first);
    let other = LogView::new(Rules { terms: Terms::new(signer(8).address()), ..the_rules() });
    assert!(other.push(&rollup.entries[0]).is_err());
    let follower = Follower::new(&rollup.da);
    follower.view.push(&rollup.entries[0]).unwrap();
    assert!(follower.view.push(&rollup.entries[2]).is_err());
}

/// A sequencer whose folder is older than settlement: with all blocks but other batches, with some, with others.
#[tokio::test]
async fn what_a_folder_has_is_kept_completed_or_never_touched() {
    let mut rollup = Rollup::new();
    for blocks in [2, 3, 1] {
        let next = rollup.batch(blocks);
        rollup.settle(&next);
    }
    let bring = async |follower: &Follower| {
        for entry in &rollup.entries {
            follower.view.push(entry).unwrap();
        }
        follower.view.expect(rollup.entries.len() as u64);
        let supply = Supply::new(rollup.da.clone(), follower.view.clone()).unwrap();
        adopt(&follower.chain, &follower.view, &supply).await?;
        follower.deriver().catch_up(&Shutdown::new()).await
    };
    // What was derived once, cut down in several ways.
    for (batches, blocks) in [(0, 6), (1, 6), (1, 4), (0, 3), (2, 5), (0, 0)] {
        let follower = Follower::new(&rollup.da);
        follower.follow(&rollup).await.unwrap();
        let store = follower.chain.store();
        store.forget_batches(batches).unwrap();
        let log = store.log_state().unwrap();
        follower.chain.roll_back(blocks, batches, &log).unwrap();
        let fresh = Follower { view: LogView::new(the_rules()), ..follower };
        bring(&fresh).await.unwrap();
        fresh.assert_same(&rollup, 6);
        assert_eq!(fresh.chain.store().last_batch().unwrap().unwrap().header.batch_index, 2);
        assert_eq!(fresh.chain.store().batch_of(4).unwrap().unwrap().header.batch_index, 1);
    }
    // Another block 2 of the same key.
    for count in [2, 7] {
        let mut other = Rollup::new();
        other.batch(1);
        other.node.block(&[transfer(4, 0)]).unwrap();
        for nonce in 2..count {
            other.node.block(&[transfer(4, nonce - 1)]).unwrap();
        }
        let chain = other.node.backend.chain().clone();
        let before = chain.tip().parent.hash;
        let follower = Follower { chain: chain.clone(), ..Follower::new(&rollup.da) };
        let refused = bring(&follower).await.unwrap_err();
        assert!(matches!(refused, DeriveError::Conflict { batch: 0, .. }), "{refused}");
        assert_eq!(chain.tip().parent.hash, before);
        assert_eq!(chain.store().last_batch().unwrap().unwrap().header.batch_index, 0);
    }
}

#[tokio::test]
async fn witnesses_give_the_verdict_of_the_whole_state() {
    let mut rollup = Rollup::new();
    rollup.inbox(2, 0);
    let mut signed = Vec::new();
    for blocks in [2, 1, 4, 1] {
        let next = rollup.batch(blocks);
        rollup.settle(&next);
        signed.push(next);
    }
    let follower = Follower::new(&rollup.da);
    follower.follow(&rollup).await.unwrap();
    let root = follower.chain.world().state_root();
    for (index, signed) in (0..).zip(&signed) {
        let claim = &signed.header;
        let made = witness::make(&follower.chain, index).unwrap();
        assert_eq!(made.commitment, claim.hash());
        let before = follower.chain.store().block(claim.first_block - 1).unwrap().unwrap();
        assert_eq!(made.parent, before.header);
        let checkpoint = Checkpoint {
            next_batch: index,
            commitment: claim.parent_commitment,
            block: weft_execution::Parent::new(before.header),
            inbox_cursor: before.inbox_cursor,
            inbox_acc: before.inbox_acc,
        };
        let items: Vec<_> = rollup.history.inbox().iter().map(|row| row.item.clone()).collect();
        let inbox = &items[claim.inbox_from as usize..claim.inbox_to as usize];
        let log = LogContext { inbox, posted_ms: rollup.now_ms, ..LogContext::default() };
        let payload = rollup.da.payloads.lock().unwrap()[&claim.payload_hash].clone();
        let judge = |bytes: &[u8]| verify_stateless(&config().chain, &checkpoint, claim, &payload, &log, bytes);
        assert!(matches!(judge(&made.bytes), Verdict::Valid(_)));
        // A byte that is wrong, or missing, decides nothing.
        for at in (0..made.bytes.len()).step_by(7) {
            let mut wrong = made.bytes.clone();
            wrong[at] ^= 1 << (at % 8);
            assert!(matches!(judge(&wrong), Verdict::Undecided { .. }), "byte {at}");
        }
        assert!(matches!(judge(&made.bytes[..made.bytes.len() - 1]), Verdict::Undecided { .. }));
    }
    assert_eq!(follower.chain.world().state_root(), root, "nothing has moved");
    assert!(matches!(witness::make(&follower.chain, 4), Err(WitnessError::NoBatch(4))));
    // Further back than undo records are kept.
    for _ in 0..70 {
        let next = rollup.batch(1);
        rollup.settle(&next);
    }
    follower.follow(&rollup).await.unwrap();
    assert!(matches!(witness::make(&follower.chain, 0), Err(WitnessError::TooOld { index: 0, kept: 64 })));
    witness::make(&follower.chain, 40).unwrap();
}

#[tokio::test]
async fn a_forced_batch_is_derived_from_the_log_alone() {
    let mut rollup = Rollup::new();
    let first = rollup.batch(2);
    rollup.settle(&first);
    rollup.inbox(2, 0);
    rollup.inbox(3, 0);
    let follower = Follower::new(&rollup.da);
    follower.follow(&rollup).await.unwrap();
    let before = follower.chain.tip();
    let forced = rollup.force(&follower.chain);
    // One more, by those who come later.
    rollup.inbox(2, 1);
    follower.follow(&rollup).await.unwrap();
    let heads = follower.chain.heads();
    assert_eq!((heads.latest, heads.safe, heads.finalized), (3, 3, 3));
    let second = rollup.force(&follower.chain);
    let late = Follower::new(&rollup.da);
    for follower in [&follower, &late] {
        follower.follow(&rollup).await.unwrap();
        let tip = follower.chain.tip();
        assert_eq!((tip.parent.hash, tip.inbox_cursor, tip.inbox_acc), (second.last_block_hash, 3, second.inbox_acc));
        assert_eq!(follower.chain.heads().finalized, 4);
        let block = follower.chain.store().block(3).unwrap().unwrap();
        assert_eq!((block.hash, block.body.transactions.len()), (forced.last_block_hash, 2));
        assert!(follower.chain.store().batch(1).unwrap().unwrap().signed.unwrap().is_forced());
    }
    let made = witness::make(&late.chain, 1).unwrap();
    let checkpoint = Checkpoint {
        next_batch: 1,
        commitment: first.header.hash(),
        block: before.parent,
        inbox_cursor: before.inbox_cursor,
        inbox_acc: before.inbox_acc,
    };
    let waiting: Vec<_> = rollup.history.inbox()[..2].iter().map(|row| row.item.clone()).collect();
    let anchor_ms = rollup.entries[forced.anchor_seq as usize - 1].time_ms;
    let anchor = (forced.anchor_seq, forced.anchor_hash, anchor_ms);
    let log = ForcedContext { waiting: &waiting, anchor, leader_epoch: forced.leader_epoch };
    let verdict = verify_forced_stateless(&config().chain, &checkpoint, &forced, &log, &made.bytes);
    assert!(matches!(verdict, Verdict::Valid(_)), "{verdict:?}");
}
