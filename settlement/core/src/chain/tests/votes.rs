//! Independent verifiers: enough of them, or no finality.

use super::super::*;
use super::fixture::*;
use crate::log::{ExecutionVerdict, RejectReason};

#[test]
fn final_only_with_enough_of_them() {
    let mut world = World::of(with_verifiers(rules()));
    let [a, b, c] = verifiers();
    let (first, second) = (world.post_next(0), world.post_next(1));
    for commitment in [first, second] {
        world.sampled(commitment, Sampled::Available).unwrap();
        world.judged(commitment, Judgement::Valid).unwrap();
    }
    assert_eq!((world.status(first), world.status(second)), (Status::Verified, Status::Verified));
    let one = world.verdict(first, true, &a);
    let receipt = world.voted(&one).unwrap();
    assert_eq!(world.voted(&one), Ok(VoteReceipt { duplicate: true, ..receipt }));
    for verifier in [&a, &b] {
        world.voted(&world.verdict(second, true, verifier)).unwrap();
    }
    // The second has enough, but waits for the first.
    assert_eq!((world.status(first), world.status(second)), (Status::Verified, Status::Verified));
    // One who says otherwise does not stop the others.
    world.voted(&world.verdict(first, false, &c)).unwrap();
    world.voted(&world.verdict(first, true, &b)).unwrap();
    assert_eq!((world.status(first), world.status(second)), (Status::Finalized, Status::Finalized));
    assert_eq!(world.history.record(first).unwrap().votes.len(), 3);
    super::invariants::replay_rebuilds(&world);
    super::invariants::restore_rebuilds(&world);
}

#[test]
fn they_may_be_faster_than_settlement_but_do_not_replace_it() {
    let mut world = World::of(with_verifiers(rules()));
    let commitment = world.post_next(0);
    for verifier in verifiers() {
        world.voted(&world.verdict(commitment, true, &verifier)).unwrap();
    }
    world.sampled(commitment, Sampled::Available).unwrap();
    assert_eq!(world.status(commitment), Status::Available);
    let invalid = Judgement::Invalid { reason: RejectReason::InvalidStf, block: None };
    let mut other = world.clone();
    other.judged(commitment, invalid).unwrap();
    assert_eq!(other.status(commitment), Status::Rejected);
    world.judged(commitment, Judgement::Valid).unwrap();
    assert_eq!(world.status(commitment), Status::Finalized);
}

#[test]
fn in_mode_optimistic_they_come_beside_the_window() {
    let mut world = World::of(with_verifiers(optimistic()));
    let commitment = world.post_next(0);
    world.sampled(commitment, Sampled::Available).unwrap();
    world.now_ms += WINDOW_MS;
    world.tick();
    assert_eq!(world.status(commitment), Status::Available);
    let [a, b, c] = verifiers();
    world.voted(&world.verdict(commitment, true, &a)).unwrap();
    assert_eq!(world.voted(&world.verdict(commitment, false, &c)), Err(VoteRefusal::ChallengeInstead));
    world.tick();
    assert_eq!(world.status(commitment), Status::Available);
    world.voted(&world.verdict(commitment, true, &b)).unwrap();
    world.tick();
    assert_eq!(world.status(commitment), Status::Finalized);
    super::invariants::replay_rebuilds(&world);
}

#[test]
fn each_rule_has_its_refusal() {
    let mut world = World::of(with_verifiers(rules()));
    let [a, ..] = verifiers();
    let commitment = world.post_next(0);
    let good = world.verdict(commitment, true, &a);
    let said = |verdict: ExecutionVerdict| verdict.sign(&verifiers()[0]);
    let mut malleable = good;
    malleable.signature.0[64] = 0;
    let cases = [
        ("BAD_SIGNATURE", malleable),
        ("UNKNOWN_VERIFIER", world.verdict(commitment, true, &sequencer())),
        ("NOT_PENDING", said(ExecutionVerdict { commitment: Default::default(), ..good.verdict })),
        ("NOT_PENDING", said(ExecutionVerdict { batch_index: 1, ..good.verdict })),
        ("WRONG_VERSION", said(ExecutionVerdict { stf_version: 2, ..good.verdict })),
    ];
    for (reason, signed) in cases {
        let before = world.chain.clone();
        assert_eq!(world.voted(&signed).unwrap_err().reason(), reason);
        assert_eq!(world.chain, before, "{reason}");
    }
    world.voted(&good).unwrap();
    assert_eq!(world.voted(&world.verdict(commitment, false, &a)).unwrap_err().reason(), "CONTRADICTION");
    // A chain without verifiers takes none.
    let mut plain = World::new();
    let commitment = plain.post_next(0);
    assert_eq!(plain.voted(&plain.verdict(commitment, true, &a)).unwrap_err().reason(), "UNKNOWN_VERIFIER");
}
