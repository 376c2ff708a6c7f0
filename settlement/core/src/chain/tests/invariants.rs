//! What must hold after every step, one function each. Numbers are those of the design's list.

use super::super::*;
use super::fixture::{World, rules};
use crate::log::Event;

pub(super) fn check_all(before: &World, after: &World) {
    finality_grows_by_one_at_a_time(before, after);
    terminal_states_stay(before, after);
    canonical_is_one_hash_chain(after);
    final_means_sampled_and_verified(after);
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

/// 5.
fn final_means_sampled_and_verified(world: &World) {
    for record in world.history.records().filter(|record| record.status == Status::Finalized) {
        let said = |wanted: &dyn Fn(&Event) -> bool| world.history.entries().iter().any(|entry| wanted(&entry.event));
        let commitment = record.commitment;
        assert!(said(&|event| matches!(event, Event::Availability(it) if it.commitment == commitment && it.available)));
        assert!(said(&|event| matches!(event, Event::Verdict(it) if it.commitment == commitment && it.valid)));
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

/// 10.
fn epochs_never_fall(before: &World, after: &World) {
    assert!(before.chain.head().epoch <= after.chain.head().epoch);
    let mut epoch = 0;
    for entry in after.history.entries() {
        if let Event::Posted(signed) = &entry.event {
            assert!(signed.header.leader_epoch >= epoch);
            epoch = signed.header.leader_epoch;
        }
    }
}

/// 9, second half: the log alone gives the same state and tables.
pub(super) fn replay_rebuilds(world: &World) {
    let mut replay = Replay::new(rules());
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
    let restored = Chain::restore(rules(), chain.limits, head, chain.finalized().cloned(), pending);
    assert_eq!(restored.as_ref(), Ok(chain));
}
