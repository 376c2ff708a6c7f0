//! Mode optimistic: windows, challenges, and that neither can be had by another mode or another clock.

use super::super::*;
use super::fixture::*;
use crate::log::{Event, RejectReason};

const INVALID: Judgement = Judgement::Invalid { reason: RejectReason::InvalidStf, block: Some(2) };

/// A world in mode optimistic with one commitment whose data was sampled at `START_MS`.
fn sampled() -> (World, alloy_primitives::B256) {
    let mut world = World::of(optimistic());
    let commitment = world.post_next(0);
    world.sampled(commitment, Sampled::Available).unwrap();
    (world, commitment)
}

#[test]
fn time_alone_makes_final_and_never_early() {
    let (mut world, commitment) = sampled();
    assert_eq!(world.judged(commitment, Judgement::Valid), Err(VerdictRefusal::Optimistic));
    for now_ms in [0, START_MS, START_MS + WINDOW_MS - 1] {
        world.now_ms = now_ms;
        world.tick();
        assert_eq!(world.status(commitment), Status::Available);
    }
    world.now_ms = START_MS + WINDOW_MS;
    world.tick();
    assert_eq!(world.status(commitment), Status::Finalized);
}

/// 18: a clock that was ahead when the window began, and is set back, lengthens the window.
#[test]
fn a_clock_that_steps_back_delays_and_never_hastens() {
    let mut world = World::of(optimistic());
    let commitment = world.post_next(0);
    world.now_ms = START_MS + 3_600_000;
    world.sampled(commitment, Sampled::Available).unwrap();
    for behind_ms in [3_600_000, 1_000, 1] {
        world.now_ms = START_MS + 3_600_000 + WINDOW_MS - behind_ms;
        world.tick();
        assert_eq!(world.status(commitment), Status::Available);
    }
    world.now_ms += 1;
    world.tick();
    assert_eq!(world.status(commitment), Status::Finalized);
}

#[test]
fn the_window_begins_with_the_data_and_the_parent_goes_first() {
    let (mut world, first) = sampled();
    let second = world.post_next(1);
    world.now_ms = START_MS + 2 * WINDOW_MS;
    // Whoever wants to challenge needs the data, which nobody has sampled yet.
    world.tick();
    world.tick();
    assert_eq!((world.status(first), world.status(second)), (Status::Finalized, Status::Posted));
    world.sampled(second, Sampled::Available).unwrap();
    world.tick();
    assert_eq!(world.status(second), Status::Available);
    world.now_ms += WINDOW_MS;
    world.tick();
    assert_eq!(world.status(second), Status::Finalized);
}

#[test]
fn a_challenge_that_succeeds_rejects_and_gives_the_inbox_back() {
    let (mut world, false_one) = sampled();
    world.submit().unwrap();
    let orphan = world.post_next(1);
    assert_eq!(world.chain.parent().inbox_cursor, 1);
    let seq = world.challenged(false_one, INVALID).unwrap();
    assert_eq!((world.status(false_one), world.status(orphan)), (Status::Rejected, Status::Orphaned));
    assert_eq!(world.chain.parent().inbox_cursor, 0);
    let entries = &world.history.entries()[seq as usize - 1..];
    assert!(matches!(
        entries.iter().map(|entry| &entry.event).collect::<Vec<_>>()[..],
        [Event::Challenge(_), Event::ChallengeOutcome(_), Event::Rejected(_)]
    ));
    assert_eq!(world.challenged(false_one, INVALID), Err(ChallengeRefusal::NotPending(false_one)));
    super::invariants::replay_rebuilds(&world);
}

#[test]
fn a_challenge_in_vain_cannot_be_repeated_and_hastens_nothing() {
    let (mut world, commitment) = sampled();
    world.challenged(commitment, Judgement::Valid).unwrap();
    assert_eq!(world.status(commitment), Status::Verified);
    let len = world.history.entries().len();
    assert_eq!(world.challenged(commitment, INVALID), Err(ChallengeRefusal::AlreadyVerified(commitment)));
    assert_eq!(world.history.entries().len(), len);
    world.tick();
    assert_eq!(world.status(commitment), Status::Verified);
    world.now_ms += WINDOW_MS;
    world.tick();
    assert_eq!(world.status(commitment), Status::Finalized);
    super::invariants::replay_rebuilds(&world);
}

#[test]
fn challenges_have_their_time() {
    let mut world = World::of(optimistic());
    let commitment = world.post_next(0);
    assert_eq!(world.chain.may_challenge(START_MS, commitment), Err(ChallengeRefusal::NotAvailable(commitment)));
    world.sampled(commitment, Sampled::Available).unwrap();
    let end_ms = START_MS + WINDOW_MS;
    assert_eq!(world.chain.may_challenge(end_ms - 1, commitment), Ok(()));
    assert_eq!(world.chain.may_challenge(end_ms, commitment), Err(ChallengeRefusal::TooLate { commitment, end_ms }));
    // One that was taken in time and ends late counts, as long as the commitment is not final.
    world.now_ms = end_ms + 5;
    world.challenged(commitment, INVALID).unwrap();

    let mut verified = World::new();
    let commitment = verified.post_next(0);
    verified.sampled(commitment, Sampled::Available).unwrap();
    assert_eq!(verified.challenged(commitment, INVALID), Err(ChallengeRefusal::NotOptimistic));
    let mut out = Vec::new();
    let refusal = world.chain.challenge(0, commitment, Default::default(), 2, INVALID, &mut out);
    assert_eq!((refusal, out.len()), (Err(ChallengeRefusal::WrongVersion { got: 2, want: 1 }), 0));
}

/// 16: a log is one of its mode alone.
#[test]
fn a_log_of_one_mode_is_none_of_another() {
    let (mut world, _) = sampled();
    world.now_ms += WINDOW_MS;
    world.tick();
    let replays = |rules: Rules| {
        let mut replay = Replay::new(rules);
        world.history.entries().iter().try_for_each(|entry| replay.push(entry).map(drop))
    };
    assert_eq!(replays(optimistic()), Ok(()));
    let fault = ReplayError { seq: 3, fault: ReplayFault::Different };
    assert_eq!(replays(rules()), Err(fault.clone()));
    let longer = Terms { mode: Mode::Optimistic { window_ms: WINDOW_MS + 1 }, ..rules().terms };
    assert_eq!(replays(Rules { terms: longer, ..rules() }), Err(fault));
}

#[test]
fn terms_round_trip_and_must_make_sense() {
    for rules in all_rules() {
        assert_eq!(Terms::decode(&rules.terms.encode()), Ok(rules.terms.clone()));
        let mut more = rules.terms.encode();
        more.push(0);
        assert!(Terms::decode(&more).is_err());
    }
    let one = verifiers()[0].address();
    let terms = |verifiers: Vec<_>, verifiers_needed| Terms { verifiers, verifiers_needed, ..rules().terms }.checked();
    assert_eq!(terms(vec![one], 2), Err(TermsError::TooFewVerifiers { needed: 2, have: 1 }));
    assert_eq!(terms(vec![one, one], 1), Err(TermsError::Twice(one)));
    assert_eq!(terms(vec![one], 0), Err(TermsError::NoneNeeded));
    assert_eq!(terms(vec![one; 65], 1), Err(TermsError::TooManyVerifiers(65)));
    let no_window = Terms { mode: Mode::Optimistic { window_ms: 0 }, ..rules().terms };
    assert_eq!(no_window.checked(), Err(TermsError::NoWindow));
}
