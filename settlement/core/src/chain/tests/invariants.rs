//! What must hold after every step, one function each. Numbers are those of the design's list.

use super::super::*;
use super::fixture::{World, admin, rules, sequencer};
use crate::log::{Event, Finalized};

pub(super) fn check_all(before: &World, after: &World) {
    finality_grows_by_one_at_a_time(before, after);
    terminal_states_stay(before, after);
    canonical_is_one_hash_chain(after);
    final_means_judged(before, after);
    only_undecided_or_final_is_verified(after);
    the_log_is_one_hash_chain(before, after);
    epochs_never_fall(before, after);
}

/// 1.
fn finality_grows_by_one_at_a_time(before: &World, after: &World) {
    let mut next = before.chain.head().finalized_index.map_or(0, |index| index + 1);
    for entry in &after.history.entries()[before.history.entries().len()..] {
        if let Event::Finalized(finalized) = entry.event {
            assert_eq!(finalized.batch_index, next);
            next += 1;
        }
    }
    assert_eq!(after.chain.head().finalized_index, next.checked_sub(1));
}

/// 2.
fn terminal_states_stay(before: &World, after: &World) {
    for record in before.history.records().filter(|record| record.status.is_terminal()) {
        assert_eq!(after.history.record(record.commitment), Some(record));
    }
}

/// 3, 4 and 7: one canonical commitment an index, each on the one before; the inbox without gaps.
fn canonical_is_one_hash_chain(world: &World) {
    let mut parent = rules().genesis;
    for record in world.history.canonical_from(0) {
        let header = &record.signed.header;
        assert_eq!(header.batch_index, parent.next_index);
        assert_eq!(header.parent_commitment, parent.commitment);
        assert_eq!(header.pre_state_root, parent.state_root);
        assert_eq!(header.first_block, parent.block + 1);
        assert_eq!(header.inbox_from, parent.inbox_cursor);
        assert!(header.inbox_to >= header.inbox_from && header.inbox_to <= world.chain.head().inbox_len);
        parent = Parent::of(record);
    }
    assert_eq!(world.chain.parent(), parent);
    let canonical = world.history.records().filter(|record| record.status.is_canonical()).count();
    assert_eq!(canonical as u64, parent.next_index);
}

/// 5, 16 and 18: nothing becomes final before its data was sampled, and not before it was re-executed, or in mode
/// optimistic its window has passed in the log's own time; nor before enough verifiers have agreed.
fn final_means_judged(before: &World, after: &World) {
    let (entries, terms) = (after.history.entries(), &after.chain.rules().terms);
    for entry in &entries[before.history.entries().len()..] {
        let Event::Finalized(Finalized { commitment, .. }) = entry.event else { continue };
        let earlier = || entries[..entry.seq as usize - 1].iter();
        // The data of a forced batch is the log.
        let sampled = earlier().find(|entry| match &entry.event {
            Event::Availability(it) => it.commitment == commitment && it.available,
            Event::Forced(forced) => forced.header.hash() == commitment,
            _ => false,
        });
        let executed =
            earlier().any(|entry| matches!(entry.event, Event::Verdict(it) if it.commitment == commitment && it.valid));
        let sampled_ms = sampled.unwrap().time_ms;
        match terms.mode {
            Mode::Verified => assert!(executed),
            Mode::Optimistic { window_ms } => assert!(!executed && sampled_ms + window_ms <= entry.time_ms),
        }
        let agreed: std::collections::BTreeSet<_> = earlier()
            .filter_map(|entry| match &entry.event {
                Event::SignedVerdict(it) if it.verdict.commitment == commitment && it.verdict.valid => {
                    Some(it.verifier().unwrap())
                }
                _ => None,
            })
            .filter(|verifier| terms.verifiers.contains(verifier))
            .collect();
        assert!(agreed.len() >= terms.verifiers_needed);
    }
}

/// A challenge in vain is the only way to VERIFIED in mode optimistic; one that succeeds leaves nothing standing.
fn only_undecided_or_final_is_verified(world: &World) {
    for entry in world.history.entries() {
        let Event::ChallengeOutcome(outcome) = entry.event else { continue };
        let status = world.history.record(outcome.commitment).unwrap().status;
        match outcome.valid {
            true => assert_ne!(status, Status::Available),
            false => assert_eq!(status, Status::Rejected),
        }
    }
}

/// 9, first half, and 18: no gaps, linked, time never runs back.
fn the_log_is_one_hash_chain(before: &World, after: &World) {
    let (old, new) = (before.history.entries(), after.history.entries());
    assert_eq!(old, &new[..old.len()]);
    for (at, entry) in new.iter().enumerate().skip(old.len()) {
        assert_eq!(entry.seq, at as u64 + 1);
        let previous = at.checked_sub(1).map(|at| &new[at]);
        assert_eq!(entry.prev_hash, previous.map_or(Default::default(), crate::log::LogEntry::hash));
        assert!(previous.is_none_or(|previous| previous.time_ms <= entry.time_ms));
    }
    let last = new.last();
    assert_eq!(after.chain.head().log_seq, new.len() as u64);
    assert_eq!(after.chain.head().log_hash, last.map_or(Default::default(), crate::log::LogEntry::hash));
}

/// 10 and 15: epochs never fall, and every commitment was signed by the key that held the post.
fn epochs_never_fall(before: &World, after: &World) {
    assert!(before.chain.head().epoch <= after.chain.head().epoch);
    let (mut epoch, mut posting, mut frozen) = (0, sequencer().address(), false);
    for entry in after.history.entries() {
        match &entry.event {
            Event::Posted(signed) => {
                assert!(signed.header.leader_epoch >= epoch && !frozen);
                assert_eq!(signed.signer(), Ok(posting));
                epoch = signed.header.leader_epoch;
            }
            Event::Equivocation(_) | Event::BrokenPromise(_) => frozen = true,
            Event::KeyChange(signed) => {
                let signer = signed.signer().unwrap();
                assert!(signer == admin().address() || (signer == posting && !frozen));
                assert!(signed.change.epoch > epoch);
                (epoch, posting, frozen) = (signed.change.epoch, signed.change.new_key, false);
            }
            _ => {}
        }
    }
    assert_eq!((after.chain.posting_key(), after.chain.head().frozen), (posting, frozen));
}

/// 9, second half: the log alone gives the same state and tables.
pub(super) fn replay_rebuilds(world: &World) {
    let mut replay = Replay::new(world.chain.rules().clone());
    for entry in world.history.entries() {
        replay.push(entry).unwrap();
    }
    assert!(replay.is_complete());
    assert_eq!(replay.history(), &world.history);
    assert_eq!(replay.chain().head(), world.chain.head());
    assert!(replay.chain().pending().eq(world.chain.pending()));
}

/// What is persisted is enough to go on.
pub(super) fn restore_rebuilds(world: &World) {
    let chain = &world.chain;
    let (head, pending) = (chain.head().clone(), chain.pending().cloned().collect());
    let restored = Chain::restore(chain.rules().clone(), chain.limits, head, chain.finalized().cloned(), pending);
    assert_eq!(restored.as_ref(), Ok(chain));
}
