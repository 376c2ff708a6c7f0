//! Key changes: by hand-over, by the admin, and never twice.

use weft_primitives::BatchHeader;

use super::super::*;
use super::fixture::*;
use crate::statement::KeyChange;

#[test]
fn the_key_hands_over_and_opens_an_epoch() {
    let mut world = World::new();
    let before = world.post_next(0);
    let change = world.change(10).sign(&sequencer());
    let receipt = world.changed(&change).unwrap();
    assert_eq!((receipt.log_seq, receipt.duplicate), (2, false));
    assert_eq!(world.chain.posting_key(), key(10).address());
    assert_eq!(world.chain.head().epoch, 1);
    // Idempotent, also later.
    assert_eq!(world.changed(&change), Ok(KeyReceipt { duplicate: true, ..receipt }));

    let old = world.next(0, 1).sign(&sequencer());
    assert_eq!(world.post(&old).unwrap_err().reason(), "UNKNOWN_SIGNER");
    let stale = BatchHeader { leader_epoch: 0, ..world.next(0, 1) }.sign(&key(10));
    assert_eq!(world.post(&stale).unwrap_err().reason(), "STALE_EPOCH");
    world.post(&world.next(0, 1).sign(&key(10))).unwrap();
    // A retry of what the old key posted in its time is still answered.
    let signed = world.history.record(before).unwrap().signed.clone();
    assert!(world.post(&signed).unwrap().duplicate);
    super::invariants::replay_rebuilds(&world);
    super::invariants::restore_rebuilds(&world);
}

#[test]
fn two_keys_for_one_place_are_no_equivocation() {
    let mut world = World::new();
    let rival = world.next(0, 7);
    world.post_next(0);
    world.changed(&world.change(10).sign(&sequencer())).unwrap();
    // A new sequencer that does not know its epoch yet claims the place that the old key has filled.
    let len = world.history.entries().len();
    assert_eq!(world.post(&rival.sign(&key(10))).unwrap_err().reason(), "STALE_EPOCH");
    assert_eq!((world.chain.head().frozen, world.history.entries().len()), (false, len));
}

#[test]
fn a_change_cannot_be_replayed() {
    let mut world = World::new();
    let there = world.change(10).sign(&sequencer());
    world.changed(&there).unwrap();
    let back = world.change(1).sign(&key(10));
    world.changed(&back).unwrap();
    let len = world.history.entries().len();
    let again = KeyChange { epoch: 2, ..there.change }.sign(&sequencer());
    assert_eq!(world.changed(&again), Err(KeyRefusal::StaleEpoch { got: 2, current: 2 }));
    assert!(world.changed(&there).unwrap().duplicate);
    assert_eq!((world.chain.posting_key(), world.history.entries().len()), (sequencer().address(), len));
}

#[test]
fn after_equivocation_only_the_admin_opens_posting_again() {
    let mut world = World::new();
    let (first, second) = (world.next(0, 0), world.next(0, 1));
    world.post(&first.sign(&sequencer())).unwrap();
    world.post(&second.clone().sign(&sequencer())).unwrap_err();
    assert_eq!(world.changed(&world.change(10).sign(&sequencer())), Err(KeyRefusal::AdminNeeded));
    assert_eq!(world.post(&world.next(0, 5).sign(&sequencer())), Err(PostRefusal::PostingFrozen));
    world.changed(&world.change(10).sign(&admin())).unwrap();
    assert!(!world.chain.head().frozen);
    world.post(&world.next(0, 5).sign(&key(10))).unwrap();
    // The old key's other commitment for the place is worth nothing now.
    assert_eq!(world.post(&second.sign(&sequencer())).unwrap_err().reason(), "UNKNOWN_SIGNER");
    assert!(!world.chain.head().frozen);
    super::invariants::replay_rebuilds(&world);
}

#[test]
fn each_rule_has_its_refusal() {
    let mut world = World::new();
    let good = world.change(10);
    let by = |change: KeyChange, number: u8| change.sign(&key(number));
    let cases = [
        ("WRONG_CHAIN", by(KeyChange { chain_id: 1, ..good }, 1)),
        ("WRONG_CONFIG", by(KeyChange { config_hash: Default::default(), ..good }, 1)),
        ("ZERO_KEY", by(KeyChange { new_key: Default::default(), ..good }, 1)),
        ("UNKNOWN_SIGNER", by(good, 2)),
        ("STALE_EPOCH", by(KeyChange { epoch: 0, ..good }, 1)),
        ("EPOCH_AHEAD", by(KeyChange { epoch: MAX_EPOCH_STEP + 1, ..good }, 1)),
    ];
    let mut malleable = by(good, 1);
    malleable.signature.0[64] = 0;
    for (reason, signed) in cases.into_iter().chain([("BAD_SIGNATURE", malleable)]) {
        let before = world.chain.clone();
        assert_eq!(world.changed(&signed).unwrap_err().reason(), reason);
        assert_eq!((&world.chain, world.history.entries().len()), (&before, 0), "{reason}");
    }
    world.changed(&by(KeyChange { epoch: MAX_EPOCH_STEP, ..good }, 1)).unwrap();
}
