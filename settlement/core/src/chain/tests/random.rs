//! Random operations, honest and not, with every invariant checked after each.

use alloy_primitives::B256;
use proptest::prelude::*;
use weft_primitives::Signer;

use super::super::*;
use super::fixture::*;
use super::invariants::{check_all, replay_rebuilds, restore_rebuilds};
use crate::log::{Event, RejectReason};
use crate::statement::KeyChange;

const INVALID: Judgement = Judgement::Invalid { reason: RejectReason::InvalidTransaction, block: None };

#[derive(Clone, Debug)]
enum Op {
    Honest {
        items: u64,
        salt: u64,
        epoch_up: bool,
    },
    Repost {
        which: prop::sample::Index,
    },
    /// Another claim for the place of a commitment that was posted.
    Rival {
        which: prop::sample::Index,
        salt: u64,
    },
    StaleEpoch,
    Stranger,
    BitFlip {
        bit: usize,
    },
    Submit,
    Sample {
        which: prop::sample::Index,
        sampled: u8,
    },
    Judge {
        which: prop::sample::Index,
        valid: bool,
        version: u32,
    },
    Challenge {
        which: prop::sample::Index,
        valid: bool,
    },
    Vote {
        which: prop::sample::Index,
        verifier: usize,
        valid: bool,
    },
    ChangeKey {
        number: u8,
        by: KeyHolder,
        epoch_by: u64,
    },
    /// Makes final what time alone has made final.
    Tick,
    Clock {
        by_ms: i64,
    },
}

#[derive(Clone, Copy, Debug)]
enum KeyHolder {
    Posting,
    Admin,
    Stranger,
}

fn op() -> impl Strategy<Value = Op> {
    use prop::sample::Index;
    prop_oneof![
        8 => (0..3u64, any::<u64>(), prop::bool::weighted(0.1))
            .prop_map(|(items, salt, epoch_up)| Op::Honest { items, salt, epoch_up }),
        1 => any::<Index>().prop_map(|which| Op::Repost { which }),
        1 => (any::<Index>(), any::<u64>()).prop_map(|(which, salt)| Op::Rival { which, salt }),
        1 => Just(Op::StaleEpoch),
        1 => Just(Op::Stranger),
        1 => (0..444usize * 8).prop_map(|bit| Op::BitFlip { bit }),
        4 => Just(Op::Submit),
        8 => (any::<Index>(), 0..12u8).prop_map(|(which, sampled)| Op::Sample { which, sampled }),
        8 => (any::<Index>(), prop::bool::weighted(0.85), 0..20u32)
            .prop_map(|(which, valid, version)| Op::Judge { which, valid, version: u32::from(version != 0) }),
        3 => (any::<Index>(), prop::bool::weighted(0.7)).prop_map(|(which, valid)| Op::Challenge { which, valid }),
        8 => (any::<Index>(), 0..4usize, prop::bool::weighted(0.9))
            .prop_map(|(which, verifier, valid)| Op::Vote { which, verifier, valid }),
        1 => (SPARE_KEYS, holder(), 0..4u64)
            .prop_map(|(number, by, epoch_by)| Op::ChangeKey { number, by, epoch_by }),
        4 => Just(Op::Tick),
        3 => (-50_000..100_000i64).prop_map(|by_ms| Op::Clock { by_ms }),
    ]
}

fn holder() -> impl Strategy<Value = KeyHolder> {
    prop_oneof![3 => Just(KeyHolder::Posting), 3 => Just(KeyHolder::Admin), 1 => Just(KeyHolder::Stranger)]
}

fn known(world: &World, which: prop::sample::Index) -> Option<Record> {
    let records: Vec<&Record> = world.history.records().collect();
    (!records.is_empty()).then(|| records[which.index(records.len())].clone())
}

/// Prefers what still waits, so that histories get somewhere.
fn pending(world: &World, which: prop::sample::Index) -> B256 {
    let waiting: Vec<B256> = world.chain.pending().take(2).map(|record| record.commitment).collect();
    if waiting.is_empty() { B256::ZERO } else { waiting[which.index(waiting.len())] }
}

fn apply(world: &mut World, op: Op) {
    match op {
        Op::Honest { items, salt, epoch_up } => {
            let mut header = world.next(items, salt);
            header.leader_epoch += u64::from(epoch_up);
            let allowed = match world.post(&header.sign(&world.signer())) {
                Ok(_) => true,
                Err(PostRefusal::PostingFrozen) => world.chain.head().frozen,
                // The clock ran back to before the last block.
                Err(PostRefusal::Lineage(LineageRefusal::TimestampAhead { got, .. })) => got > world.now_ms / 1000,
                Err(PostRefusal::Lineage(LineageRefusal::InboxOverdue { .. })) => world.chain.inbox_waiting() > items,
                Err(_) => false,
            };
            assert!(allowed);
        }
        Op::Repost { which } => {
            let Some(record) = known(world, which) else { return };
            let before = world.chain.clone();
            let receipt = world.post(&record.signed).unwrap();
            assert_eq!((receipt.duplicate, receipt.log_seq, receipt.status), (true, record.log_seq, record.status));
            assert_eq!(world.chain, before);
        }
        Op::Rival { which, salt } => rival(world, which, salt),
        Op::StaleEpoch => {
            let mut header = world.next(0, 0);
            let Some(epoch) = header.leader_epoch.checked_sub(1) else { return };
            header.leader_epoch = epoch;
            refused(world, &header.sign(&world.signer()));
        }
        Op::Stranger => {
            let signed = world.next(0, 0).sign(&Signer::from_bytes([2; 32]).unwrap());
            refused(world, &signed);
        }
        Op::BitFlip { bit } => {
            let mut bytes = world.next(0, 0).sign(&world.signer()).encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(signed) = weft_primitives::SignedBatch::decode(&bytes) {
                refused(world, &signed);
            }
        }
        Op::Submit => drop(world.submit().unwrap()),
        Op::Sample { which, sampled } => {
            let sampled = match sampled {
                0 => Sampled::NotInDaBlock,
                1 => Sampled::Withheld,
                2 => Sampled::WrongEncoding,
                _ => Sampled::Available,
            };
            unchanged_if_refused(world, |world| world.sampled(pending(world, which), sampled).is_ok());
        }
        Op::Judge { which, valid, version } => unchanged_if_refused(world, |world| judge(world, which, valid, version)),
        Op::Challenge { which, valid } => unchanged_if_refused(world, |world| {
            let (commitment, before) = (pending(world, which), world.clone());
            let at = world.chain.position(commitment);
            let taken = world.challenged(commitment, if valid { Judgement::Valid } else { INVALID }).is_ok();
            if taken && !valid {
                fell_from(&before, world, at.unwrap());
            }
            taken
        }),
        Op::Vote { which, verifier, valid } => unchanged_if_refused(world, |world| {
            let commitment = pending(world, which);
            let stranger = Signer::from_bytes([2; 32]).unwrap();
            let signer = verifiers().get(verifier).cloned().unwrap_or(stranger);
            world.voted(&world.verdict(commitment, valid, &signer)).is_ok_and(|receipt| !receipt.duplicate)
        }),
        Op::ChangeKey { number, by, epoch_by } => unchanged_if_refused(world, |world| {
            let change = world.change(number);
            let change = KeyChange { epoch: change.epoch - 1 + epoch_by, ..change };
            let stranger = Signer::from_bytes([2; 32]).unwrap();
            let (signer, allowed) = match by {
                KeyHolder::Posting => (world.signer(), !world.chain.head().frozen),
                KeyHolder::Admin => (admin(), true),
                KeyHolder::Stranger => (stranger, false),
            };
            let result = world.changed(&change.sign(&signer));
            let duplicate = result.is_ok_and(|receipt| receipt.duplicate);
            assert!(duplicate || result.is_ok() == (allowed && epoch_by > 0));
            result.is_ok() && !duplicate
        }),
        Op::Tick => world.tick(),
        Op::Clock { by_ms } => world.now_ms = world.now_ms.saturating_add_signed(by_ms),
    }
}

fn judge(world: &mut World, which: prop::sample::Index, valid: bool, version: u32) -> bool {
    let commitment = pending(world, which);
    if version != 1 {
        let mut out = Vec::new();
        let refusal = world.chain.judge_execution(world.now_ms, commitment, version, Judgement::Valid, &mut out);
        assert!(refusal.is_err() && out.is_empty());
        return false;
    }
    let (before, at) = (world.clone(), world.chain.position(commitment));
    let taken = world.judged(commitment, if valid { Judgement::Valid } else { INVALID }).is_ok();
    if taken && !valid {
        fell_from(&before, world, at.unwrap());
    }
    taken
}

/// 6: the rejected one and exactly its descendants fall.
fn fell_from(before: &World, after: &World, at: usize) {
    for (place, record) in before.chain.pending().enumerate() {
        let want = match place.cmp(&at) {
            std::cmp::Ordering::Less => record.status,
            std::cmp::Ordering::Equal => Status::Rejected,
            std::cmp::Ordering::Greater => Status::Orphaned,
        };
        assert_eq!(after.status(record.commitment), want);
    }
    assert_eq!(after.chain.pending().count(), at);
}

/// 11: the first stands, the evidence is kept.
fn rival(world: &mut World, which: prop::sample::Index, salt: u64) {
    let Some(record) = known(world, which) else { return };
    let mut header = record.signed.header.clone();
    header.post_state_root = alloy_primitives::keccak256(salt.to_be_bytes());
    let (was_frozen, before) = (world.chain.head().frozen, world.history.entries().len());
    // A thief has the key that signed the first, which may have been replaced meanwhile.
    let thief = SPARE_KEYS.chain([1]).map(key).find(|key| Ok(key.address()) == record.signed.signer()).unwrap();
    let signed = header.sign(&thief);
    let result = world.post(&signed);
    if thief.address() != world.chain.posting_key() {
        assert!(matches!(result, Err(PostRefusal::UnknownSigner { .. })));
        assert_eq!(world.history.entries().len(), before);
        return;
    }
    if !record.status.is_canonical() {
        return;
    }
    assert!(matches!(result, Err(PostRefusal::Equivocation { stands, .. }) if stands == record.commitment));
    assert!(world.chain.head().frozen);
    assert_eq!(world.history.entries().len() - before, usize::from(!was_frozen));
    let kept = |event: &Event| matches!(event, Event::Equivocation(_));
    assert!(world.history.entries().iter().any(|entry| kept(&entry.event)));
}

fn refused(world: &mut World, signed: &weft_primitives::SignedBatch) {
    unchanged_if_refused(world, |world| {
        assert!(world.post(signed).is_err());
        false
    });
}

fn unchanged_if_refused(world: &mut World, act: impl FnOnce(&mut World) -> bool) {
    let (chain, entries) = (world.chain.clone(), world.history.entries().len());
    if !act(world) {
        assert_eq!(world.chain, chain);
        assert_eq!(world.history.entries().len(), entries);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn invariants_hold(rules in prop::sample::select(all_rules().to_vec()), ops in prop::collection::vec(op(), 1..80)) {
        let mut world = World::of(rules);
        for op in ops {
            let before = world.clone();
            apply(&mut world, op);
            check_all(&before, &world);
        }
        replay_rebuilds(&world);
        restore_rebuilds(&world);
    }

    /// A log with one entry changed, dropped, repeated or swapped is not accepted.
    #[test]
    fn a_forged_log_is_refused(
        rules in prop::sample::select(all_rules().to_vec()),
        ops in prop::collection::vec(op(), 5..40),
        at: prop::sample::Index,
        forgery in 0..4u8,
    ) {
        let mut world = World::of(rules);
        ops.into_iter().for_each(|op| apply(&mut world, op));
        let mut entries = world.history.entries().to_vec();
        prop_assume!(entries.len() >= 3);
        let at = at.index(entries.len() - 2);
        match forgery {
            0 => entries[at].time_ms += 1,
            1 => drop(entries.remove(at)),
            2 => entries.insert(at, entries[at].clone()),
            _ => entries.swap(at, at + 1),
        }
        let mut replay = Replay::new(world.chain.rules().clone());
        let all = entries.iter().try_for_each(|entry| replay.push(entry).map(drop));
        prop_assert!(all.is_err());
    }
}
