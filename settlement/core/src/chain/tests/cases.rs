//! Each rule once, by hand.

use alloy_primitives::{Address, B256};
use weft_primitives::limits::{INBOX_DEADLINE_MS, INBOX_GRACE_MS};
use weft_primitives::signer::SignatureError;
use weft_primitives::{BatchHeader, Signer};

use super::super::*;
use super::fixture::*;
use crate::log::{Event, RejectReason};

const INVALID: Judgement = Judgement::Invalid { reason: RejectReason::InvalidStf, block: Some(2) };

#[test]
fn an_honest_commitment_becomes_final() {
    let mut world = World::new();
    let commitment = world.post_next(0);
    assert_eq!(
        world.judged(commitment, Judgement::Valid).unwrap_err(),
        VerdictRefusal::WrongStatus { commitment, status: Status::Posted }
    );
    world.sampled(commitment, Sampled::Available).unwrap();
    assert_eq!(world.chain.available_block(), 3);
    assert_eq!(world.chain.head().finalized_index, None);
    world.judged(commitment, Judgement::Valid).unwrap();
    assert_eq!(world.status(commitment), Status::Finalized);
    assert_eq!(world.chain.head().finalized_index, Some(0));
    assert_eq!(world.chain.pending().count(), 0);
    assert_eq!(world.sampled(commitment, Sampled::Available), Err(VerdictRefusal::NotPending(commitment)));
}

#[test]
fn a_verified_commitment_waits_for_the_one_before_it() {
    let mut world = World::new();
    let (first, second) = (world.post_next(0), world.post_next(1));
    for commitment in [second, first] {
        world.sampled(commitment, Sampled::Available).unwrap();
    }
    world.judged(second, Judgement::Valid).unwrap();
    assert_eq!(world.status(second), Status::Verified);
    world.judged(first, Judgement::Valid).unwrap();
    assert_eq!((world.status(first), world.status(second)), (Status::Finalized, Status::Finalized));
}

#[test]
fn a_rejection_orphans_what_follows_and_gives_the_inbox_back() {
    let mut world = World::new();
    let kept = world.post_next(0);
    world.submit().unwrap();
    let rejected = world.post_next(1);
    world.submit().unwrap();
    let orphan = world.post_next(2);
    assert_eq!(world.chain.parent().inbox_cursor, 2);
    world.sampled(rejected, Sampled::Available).unwrap();
    world.judged(rejected, INVALID).unwrap();
    let states = [kept, rejected, orphan].map(|commitment| world.status(commitment));
    assert_eq!(states, [Status::Posted, Status::Rejected, Status::Orphaned]);
    assert_eq!(world.chain.parent().inbox_cursor, 0);
    assert_eq!(world.chain.head().generation, 1);
    assert_eq!(world.chain.head().tip, Some((0, kept)));
    // The place is free again, in the same epoch.
    let replacement = world.post_next(3);
    assert_eq!(world.history.record(replacement).unwrap().generation, 1);
}

#[test]
fn missing_data_rejects_only_after_the_deadline_even_if_the_clock_runs_back() {
    let mut world = World::new();
    let commitment = world.post_next(0);
    let deadline_ms = START_MS + DEADLINE_MS;
    for now_ms in [0, START_MS, deadline_ms - 1] {
        world.now_ms = now_ms;
        assert_eq!(world.sampled(commitment, Sampled::Withheld), Err(VerdictRefusal::TooEarly { deadline_ms }));
    }
    world.now_ms = deadline_ms;
    world.sampled(commitment, Sampled::Withheld).unwrap();
    assert_eq!(world.history.record(commitment).unwrap().rejection.unwrap().reason, RejectReason::Unavailable);
    world.now_ms = 5;
    world.submit().unwrap();
    assert_eq!(world.history.entries().last().unwrap().time_ms, deadline_ms);
}

#[test]
fn a_da_block_without_the_payload_rejects_at_once() {
    let mut world = World::new();
    let commitment = world.post_next(0);
    world.sampled(commitment, Sampled::NotInDaBlock).unwrap();
    assert_eq!(world.status(commitment), Status::Rejected);
}

#[test]
fn posting_again_gives_the_same_receipt() {
    let mut world = World::new();
    let signed = world.next(0, 0).sign(&sequencer());
    let first = world.post(&signed).unwrap();
    let before = world.chain.clone();
    assert_eq!(world.post(&signed), Ok(PostReceipt { duplicate: true, ..first }));
    assert_eq!(world.chain, before);
    world.sampled(first.commitment, Sampled::NotInDaBlock).unwrap();
    assert_eq!(world.post(&signed), Ok(PostReceipt { duplicate: true, status: Status::Rejected, ..first }));
}

#[test]
fn equivocation_is_recorded_once_and_freezes_posting() {
    let mut world = World::new();
    let (first, second, third) = (world.next(0, 0), world.next(0, 1), world.next(0, 2));
    let stands = world.post(&first.clone().sign(&sequencer())).unwrap().commitment;
    let refusal = PostRefusal::Equivocation { index: 0, stands };
    assert_eq!(world.post(&second.clone().sign(&sequencer())), Err(refusal));
    let Event::Equivocation(evidence) = world.last_event() else { panic!("no evidence") };
    assert_eq!((&evidence.first.header, &evidence.second.header), (&first, &second));
    let len = world.history.entries().len();
    assert_eq!(world.post(&third.sign(&sequencer())), Err(refusal));
    assert_eq!(world.post(&world.next(0, 5).sign(&sequencer())), Err(PostRefusal::PostingFrozen));
    assert_eq!(world.history.entries().len(), len);
    // What stands goes its way.
    world.sampled(stands, Sampled::Available).unwrap();
    world.judged(stands, Judgement::Valid).unwrap();
    assert_eq!(world.status(stands), Status::Finalized);
}

#[test]
fn another_epoch_at_a_taken_place_is_no_equivocation() {
    let mut world = World::new();
    let rival = BatchHeader { leader_epoch: 1, ..world.next(0, 1) };
    world.post_next(0);
    let refusal = world.post(&rival.sign(&sequencer())).unwrap_err();
    assert_eq!(refusal.reason(), "WRONG_INDEX");
    assert!(!world.chain.head().frozen);
}

#[test]
fn each_rule_has_its_refusal() {
    let mut world = World::new();
    world.submit().unwrap();
    let good = BatchHeader { leader_epoch: 5, ..world.next(1, 0) };
    world.post(&good.sign(&sequencer())).unwrap();
    let other = B256::repeat_byte(1);
    type Break = fn(&mut BatchHeader);
    let cases: [(&str, Break); 18] = [
        ("WRONG_CHAIN", |header| header.chain_id += 1),
        ("WRONG_CONFIG", |header| header.config_hash = B256::ZERO),
        ("STALE_EPOCH", |header| header.leader_epoch = 4),
        ("EPOCH_AHEAD", |header| header.leader_epoch = u64::MAX),
        ("MALFORMED", |header| header.last_block = header.first_block - 1),
        ("MALFORMED", |header| header.last_block = header.first_block + 65_536),
        ("MALFORMED", |header| header.first_timestamp = header.last_timestamp + 1),
        ("MALFORMED", |header| header.payload_len = 0),
        ("MALFORMED", |header| header.withdrawals_count = 1),
        ("WRONG_INDEX", |header| header.batch_index += 1),
        ("WRONG_PARENT", |header| header.parent_commitment = B256::ZERO),
        ("WRONG_PRE_STATE", |header| header.pre_state_root = B256::ZERO),
        ("WRONG_BLOCK", |header| header.first_block += 1),
        ("TIMESTAMP_BEHIND", |header| header.first_timestamp -= 1),
        ("TIMESTAMP_AHEAD", |header| header.last_timestamp += 62),
        ("UNKNOWN_ANCHOR", |header| header.anchor_hash = B256::ZERO),
        ("WRONG_INBOX", |header| header.inbox_acc = B256::ZERO),
        ("WRONG_INBOX", |header| header.inbox_to += 1),
    ];
    for (reason, break_it) in cases {
        let mut header = world.next(0, 1);
        break_it(&mut header);
        let before = world.chain.clone();
        assert_eq!(world.post(&header.sign(&sequencer())).unwrap_err().reason(), reason);
        assert_eq!(world.chain, before, "{reason}");
    }
    let anchors_back = BatchHeader { anchor_seq: 0, anchor_hash: B256::ZERO, ..world.next(0, 1) };
    assert_eq!(world.post(&anchors_back.sign(&sequencer())).unwrap_err().reason(), "UNKNOWN_ANCHOR");
    let stranger = Signer::from_bytes([2; 32]).unwrap();
    let refusal = world.post(&world.next(0, 1).sign(&stranger)).unwrap_err();
    assert_eq!(refusal, PostRefusal::UnknownSigner { got: stranger.address(), want: sequencer().address() });
    assert_ne!(stranger.address(), Address::ZERO);
    assert_eq!(world.sampled(other, Sampled::Available), Err(VerdictRefusal::NotPending(other)));
}

#[test]
fn malleable_signatures_are_refused() {
    let mut world = World::new();
    let mut signed = world.next(0, 0).sign(&sequencer());
    let honest = signed.clone();
    signed.signature.0[64] ^= 27 ^ 28;
    assert!(matches!(world.post(&signed).unwrap_err().reason(), "UNKNOWN_SIGNER" | "BAD_SIGNATURE"));
    signed.signature.0[64] = 0;
    assert_eq!(world.post(&signed), Err(PostRefusal::BadSignature(SignatureError::RecoveryId(0))));
    let mut high = honest;
    high.signature.0[32..64].fill(0xff);
    assert_eq!(world.post(&high), Err(PostRefusal::BadSignature(SignatureError::HighS)));
}

#[test]
fn an_overdue_item_must_be_included() {
    let mut world = World::new();
    world.submit().unwrap();
    // However old its anchor is: a sequencer that never moves it owes the item all the same.
    let unaware = world.next(0, 0).sign(&sequencer());
    let mut in_time = world.clone();
    in_time.now_ms += INBOX_DEADLINE_MS - 1;
    in_time.post(&unaware).unwrap();
    world.now_ms += INBOX_DEADLINE_MS;
    world.submit().unwrap();
    let omits = world.next(0, 1).sign(&sequencer());
    assert_eq!(world.post(&unaware).unwrap_err().reason(), "INBOX_OVERDUE");
    assert_eq!(world.post(&omits).unwrap_err().reason(), "INBOX_OVERDUE");
    world.post(&world.next(1, 2).sign(&sequencer())).unwrap();
}

#[test]
fn queues_are_bounded() {
    let limits = Limits { max_pending_commitments: 2, max_inbox_queue: 1 };
    let mut world = World::with_limits(limits);
    world.submit().unwrap();
    assert_eq!(world.submit(), Err(InboxRefusal::Full { limit: 1 }));
    world.post_next(0);
    world.submit().unwrap();
    world.post_next(1);
    let third = world.next(0, 2).sign(&sequencer());
    assert_eq!(world.post(&third), Err(PostRefusal::TooManyPending { limit: 2 }));
}

#[test]
fn verdicts_of_another_version_are_refused() {
    let mut world = World::new();
    let commitment = world.post_next(0);
    world.sampled(commitment, Sampled::Available).unwrap();
    let mut out = Vec::new();
    let refusal = world.chain.judge_execution(START_MS, commitment, 2, Judgement::Valid, &mut out);
    assert_eq!((refusal, out.len()), (Err(VerdictRefusal::WrongVersion { got: 2, want: 1 }), 0));
}

#[test]
fn the_inbox_takes_only_transactions_of_the_chain() {
    let mut world = World::new();
    let mut out = Vec::new();
    let garbage = world.chain.submit_inbox(START_MS, alloy_primitives::Bytes::from_static(&[1, 2]), &mut out);
    assert_eq!(garbage.unwrap_err().reason(), "BAD_TRANSACTION");
    assert!(out.is_empty());
    let receipt = world.submit().unwrap();
    assert_eq!((receipt.index, receipt.log_seq), (0, 1));
    assert_eq!(receipt.deadline_ms, START_MS + INBOX_DEADLINE_MS);
    assert_eq!(receipt.force_ms, START_MS + INBOX_DEADLINE_MS + INBOX_GRACE_MS);
}

#[test]
fn states_have_one_code() {
    for status in Status::ALL {
        assert_eq!(Status::from_code(status.code()), Some(status));
        assert_eq!(status.is_canonical(), status.code() < Status::FIRST_FALLEN_CODE);
    }
    assert_eq!(Status::from_code(0), None);
}
