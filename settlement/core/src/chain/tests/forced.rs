//! Forced batches: when they come, and what they do to those who come too late.

use alloy_primitives::B256;
use weft_primitives::BatchHeader;
use weft_primitives::limits::{INBOX_DEADLINE_MS, INBOX_GRACE_MS};

use super::super::*;
use super::fixture::*;
use super::invariants::{replay_rebuilds, restore_rebuilds};

const FORCE_MS: u64 = INBOX_DEADLINE_MS + INBOX_GRACE_MS;

/// One item, and nobody who takes it.
fn censored() -> World {
    let mut world = World::new();
    world.submit().unwrap();
    world.now_ms += FORCE_MS;
    world
}

#[test]
fn it_comes_when_the_grace_has_passed_and_not_before() {
    let mut world = World::new();
    assert_eq!(world.forced(&world.next_forced(1)), Err(ForceRefusal::NothingWaits));
    world.submit().unwrap();
    world.now_ms += FORCE_MS - 1;
    let due_ms = START_MS + FORCE_MS;
    assert_eq!(world.forced(&world.next_forced(1)), Err(ForceRefusal::NotDue { due_ms, now_ms: due_ms - 1 }));
    world.now_ms += 1;
    let header = world.next_forced(1);
    let receipt = world.forced(&header).unwrap();
    assert_eq!((receipt.status, receipt.duplicate), (Status::Available, false));
    assert!(world.forced(&header).unwrap().duplicate);
    world.judged(receipt.commitment, Judgement::Valid).unwrap();
    assert_eq!((world.chain.head().finalized_index, world.chain.inbox_waiting()), (Some(0), 0));
    replay_rebuilds(&world);
    restore_rebuilds(&world);
    // The sequencer goes on where it ends.
    world.post_next(1);
}

#[test]
fn once_it_is_due_nothing_else_is_taken() {
    let mut world = censored();
    for items in [0, 1] {
        let refusal = world.post(&world.next(items, 0).sign(&sequencer())).unwrap_err();
        assert_eq!(refusal.reason(), "FORCED_DUE");
    }
    world.forced(&world.next_forced(1)).unwrap();
}

#[test]
fn it_waits_for_verdicts_on_what_was_posted_before() {
    let mut world = World::new();
    world.submit().unwrap();
    let before = world.post(&world.next(0, 0).sign(&sequencer())).unwrap().commitment;
    world.now_ms += FORCE_MS;
    assert_eq!(world.forced(&world.next_forced(1)), Err(ForceRefusal::NotFinal(1)));
    world.sampled(before, Sampled::NotInDaBlock).unwrap();
    let forced = world.forced(&world.next_forced(1)).unwrap().commitment;
    assert_eq!(world.chain.head().tip, Some((0, forced)));
    replay_rebuilds(&world);
}

/// A commitment that was signed for the place that a forced batch has taken is late, not an equivocation.
#[test]
fn the_sequencers_own_commitment_for_its_place_is_no_equivocation() {
    let mut world = censored();
    let late = world.next(0, 0).sign(&sequencer());
    world.forced(&world.next_forced(1)).unwrap();
    assert_eq!(world.post(&late).unwrap_err().reason(), "WRONG_INDEX");
    assert!(!world.chain.head().frozen);
}

/// Also when posting is frozen: the chain goes on by force alone.
#[test]
fn a_frozen_key_does_not_stop_it() {
    let mut world = World::new();
    let first = world.post_next(0);
    world.sampled(first, Sampled::Available).unwrap();
    world.judged(first, Judgement::Valid).unwrap();
    let rival = BatchHeader { gas_used: 9, ..world.history.record(first).unwrap().signed.header.clone() };
    world.post(&rival.sign(&sequencer())).unwrap_err();
    assert!(world.chain.head().frozen);
    world.submit().unwrap();
    world.now_ms += FORCE_MS;
    world.forced(&world.next_forced(1)).unwrap();
    replay_rebuilds(&world);
}

#[test]
fn each_field_follows_from_the_log() {
    let mut world = censored();
    world.submit().unwrap();
    type Break = fn(&mut BatchHeader);
    let cases: [(&str, Break); 22] = [
        ("version", |header| header.version = 2),
        ("chain_id", |header| header.chain_id += 1),
        ("config_hash", |header| header.config_hash = B256::ZERO),
        ("batch_index", |header| header.batch_index += 1),
        ("parent_commitment", |header| header.parent_commitment = B256::repeat_byte(1)),
        ("first_block", |header| header.first_block += 1),
        ("last_block", |header| header.last_block += 1),
        ("first_timestamp", |header| header.first_timestamp -= 1),
        ("last_timestamp", |header| header.last_timestamp += 1),
        ("pre_state_root", |header| header.pre_state_root = B256::ZERO),
        ("da_data_root", |header| header.da_data_root = B256::repeat_byte(1)),
        ("payload_hash", |header| header.payload_hash = B256::repeat_byte(1)),
        ("payload_len", |header| header.payload_len = 1),
        ("da_height", |header| header.da_height = 1),
        ("inbox_from", |header| header.inbox_from = 1),
        ("inbox_to", |header| header.inbox_to = 0),
        ("inbox_to", |header| header.inbox_to = 3),
        ("inbox_acc", |header| header.inbox_acc = B256::ZERO),
        ("withdrawals_root", |header| header.withdrawals_root = B256::repeat_byte(1)),
        ("leader_epoch", |header| header.leader_epoch += 1),
        ("tx_count", |header| header.tx_count = 3),
        ("tx_count", |header| (header.tx_count, header.inbox_to) = (2, 1)),
    ];
    for (field, break_it) in cases {
        let mut header = world.next_forced(2);
        break_it(&mut header);
        if header.inbox_to == 1 {
            header.inbox_acc = world.history.inbox_row(0).unwrap().acc;
        }
        let before = world.chain.clone();
        let refusal = world.forced(&header).unwrap_err();
        // The oldest item is looked up by `inbox_from`.
        let want = if field == "inbox_from" { "NOT_DUE" } else { "MISMATCH" };
        assert_eq!(refusal.reason(), want, "{field}: {refusal}");
        assert!(want == "NOT_DUE" || refusal == ForceRefusal::Mismatch(field), "{field}: {refusal}");
        assert_eq!(world.chain, before);
    }
    let behind = BatchHeader { anchor_seq: 1, ..world.next_forced(2) };
    assert_eq!(world.forced(&behind), Err(ForceRefusal::Moved));
    world.forced(&world.next_forced(2)).unwrap();
}

/// Whoever comes first: the sequencer with what is overdue, or anyone without it. The forced batch has a window of its
/// own, and waits for those of the commitments before it.
#[test]
fn in_mode_optimistic_it_comes_on_what_is_final_and_waits_for_its_window() {
    let mut world = World::of(optimistic());
    let before = world.post_next(0);
    world.sampled(before, Sampled::Available).unwrap();
    world.submit().unwrap();
    let due_ms = world.now_ms + FORCE_MS;
    world.now_ms = due_ms - 1;
    assert_eq!(world.forced(&world.next_forced(1)).unwrap_err().reason(), "NOT_DUE");
    world.now_ms = due_ms;
    assert_eq!(world.forced(&world.next_forced(1)), Err(ForceRefusal::NotFinal(1)));
    world.tick();
    assert_eq!(world.status(before), Status::Finalized);

    let mut late = world.clone();
    let omits = late.next(0, 0).sign(&sequencer());
    assert_eq!(late.post(&omits).unwrap_err().reason(), "INBOX_OVERDUE");
    late.post(&late.next(1, 0).sign(&sequencer())).unwrap();
    assert_eq!(late.forced(&late.next_forced(1)).unwrap_err(), ForceRefusal::NothingWaits);

    let forced = world.forced(&world.next_forced(1)).unwrap().commitment;
    assert_eq!((world.status(forced), world.chain.inbox_waiting()), (Status::Available, 0));
    world.now_ms += WINDOW_MS - 1;
    world.tick();
    assert_eq!(world.status(forced), Status::Available);
    let next = world.post_next(1);
    world.now_ms += 1;
    world.tick();
    assert_eq!((world.status(forced), world.status(next)), (Status::Finalized, Status::Posted));
    replay_rebuilds(&world);
    restore_rebuilds(&world);
}

/// A challenge of a forced batch is judged like any other; that it is found true ends the matter.
#[test]
fn in_mode_optimistic_it_can_be_challenged_in_vain() {
    let mut world = World::of(optimistic());
    world.submit().unwrap();
    world.now_ms += FORCE_MS;
    let forced = world.forced(&world.next_forced(1)).unwrap().commitment;
    world.challenged(forced, Judgement::Valid).unwrap();
    assert_eq!(world.status(forced), Status::Verified);
    world.now_ms += WINDOW_MS;
    world.tick();
    assert_eq!(world.status(forced), Status::Finalized);
    replay_rebuilds(&world);
}
