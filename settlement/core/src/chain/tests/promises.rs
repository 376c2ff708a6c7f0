//! Promises about blocks: a false one convicts, a kept one never does, whatever happens meanwhile.

use std::collections::BTreeMap;

use alloy_primitives::{B256, keccak256};
use proptest::prelude::*;
use weft_primitives::limits::{INBOX_DEADLINE_MS, INBOX_GRACE_MS};
use weft_primitives::promise::EvidenceFault;
use weft_primitives::{BatchHeader, Promise, SignedPromise};

use super::super::*;
use super::fixture::*;
use super::invariants::{check_all, replay_rebuilds, restore_rebuilds};
use crate::log::{Event, RejectReason};

const TRUE: B256 = B256::repeat_byte(0x7e);
const FALSE: B256 = B256::repeat_byte(0xfa);

/// Posts blocks up to the tip's third, the last of which is `TRUE`.
fn post(world: &mut World) -> B256 {
    let header = BatchHeader { last_block_hash: TRUE, ..world.next(0, 0) };
    world.post(&header.sign(&world.signer())).unwrap().commitment
}

#[test]
fn a_false_promise_freezes_posting_until_the_admin_changes_the_key() {
    let mut world = World::new();
    let (kept, broken) = (world.promise(3, TRUE), world.promise(3, FALSE));
    let before = world.chain.clone();
    assert_eq!(world.reported(broken, B256::ZERO, TRUE), Err(PromiseRefusal::UnknownCommitment(B256::ZERO)));
    assert_eq!(world.chain, before);
    let commitment = post(&mut world);
    assert_eq!(world.reported(kept, commitment, TRUE), Err(PromiseRefusal::Kept(3)));
    let receipt = world.reported(broken, commitment, TRUE).unwrap();
    assert_eq!((receipt.log_seq, receipt.duplicate), (2, false));
    assert!(world.chain.head().frozen);
    assert!(matches!(world.last_event(), Event::BrokenPromise(it) if it.stands == TRUE && it.promise == broken));
    // Once is enough.
    assert_eq!(world.reported(broken, commitment, TRUE), Ok(PromiseReceipt { duplicate: true, ..receipt }));
    let more = world.promise(2, FALSE);
    let more = Promise { base: B256::ZERO, ..more.promise }.sign(&sequencer());
    assert_eq!(world.reported(more, commitment, TRUE), Err(PromiseRefusal::PostingFrozen));
    assert_eq!(world.post(&world.next(0, 1).sign(&sequencer())), Err(PostRefusal::PostingFrozen));
    assert_eq!(world.changed(&world.change(10).sign(&sequencer())), Err(KeyRefusal::AdminNeeded));
    world.changed(&world.change(10).sign(&admin())).unwrap();
    world.post_next(1);
    // It is of no use against the new key.
    let want = key(10).address();
    assert_eq!(
        world.reported(more, commitment, TRUE),
        Err(PromiseRefusal::UnknownSigner { got: sequencer().address(), want })
    );
    assert!(world.reported(broken, commitment, TRUE).unwrap().duplicate);
    replay_rebuilds(&world);
    restore_rebuilds(&world);
}

/// A key that the admin takes again begins anew.
#[test]
fn a_key_change_voids_what_was_promised_before_it() {
    let mut world = World::new();
    let broken = world.promise(3, FALSE);
    let commitment = post(&mut world);
    world.changed(&world.change(1).sign(&admin())).unwrap();
    assert_eq!(world.reported(broken, commitment, TRUE), Err(PromiseRefusal::Void(2)));
    assert!(!world.chain.head().frozen);
}

#[test]
fn a_forced_batch_voids_what_was_promised_before_it() {
    let mut world = World::new();
    let taken_back = world.promise(3, FALSE);
    world.submit().unwrap();
    world.now_ms += INBOX_DEADLINE_MS + INBOX_GRACE_MS;
    let forced = world.forced(&world.next_forced(1)).unwrap().commitment;
    let at = world.chain.head().log_seq;
    world.judged(forced, Judgement::Valid).unwrap();
    let after = world.promise(4, FALSE);
    let commitment = post(&mut world);
    assert_eq!(world.reported(taken_back, commitment, TRUE), Err(PromiseRefusal::Void(at)));
    assert_eq!(world.reported(taken_back, forced, TRUE), Err(PromiseRefusal::Void(at)));
    assert!(world.reported(after, commitment, TRUE).is_ok());
    replay_rebuilds(&world);
}

/// A sequencer does not get rid of a promise by having its own batch rejected.
#[test]
fn a_rejection_does_not_void_a_promise() {
    let mut world = World::new();
    let broken = world.promise(3, FALSE);
    let fell = world.post(&BatchHeader { last_block_hash: FALSE, ..world.next(0, 0) }.sign(&sequencer())).unwrap();
    world.sampled(fell.commitment, Sampled::NotInDaBlock).unwrap();
    assert_eq!(world.reported(broken, fell.commitment, FALSE), Err(PromiseRefusal::UnknownCommitment(fell.commitment)));
    let commitment = post(&mut world);
    assert!(world.reported(broken, commitment, TRUE).is_ok());
    replay_rebuilds(&world);
}

#[test]
fn each_rule_has_its_refusal() {
    let mut world = World::new();
    let first = post(&mut world);
    let good = world.promise(6, FALSE);
    let second = post(&mut world);
    let third = post(&mut world);
    let signed = |edit: &dyn Fn(&mut Promise)| {
        let mut promise = good.promise;
        edit(&mut promise);
        promise.sign(&sequencer())
    };
    let mut malleable = good;
    malleable.signature.0[64] = 0;
    let outside = |number, first| EvidenceFault::OutsideBatch { number, first, last: first + 2 }.into();
    let none = B256::repeat_byte(9);
    let cases: [(SignedPromise, B256, B256, PromiseRefusal); 10] = [
        (signed(&|it| it.chain_id = 1), second, TRUE, PromiseRefusal::WrongChain { got: 1, want: CHAIN_ID }),
        (
            signed(&|it| it.config_hash = none),
            second,
            TRUE,
            PromiseRefusal::WrongConfig { got: none, want: rules().config_hash },
        ),
        (malleable, second, TRUE, malleable.signer().unwrap_err().into()),
        (
            good.promise.sign(&key(2)),
            second,
            TRUE,
            PromiseRefusal::UnknownSigner { got: key(2).address(), want: sequencer().address() },
        ),
        (signed(&|it| it.base = none), second, TRUE, PromiseRefusal::UnknownBase(none)),
        (good, none, TRUE, PromiseRefusal::UnknownCommitment(none)),
        (good, first, TRUE, PromiseRefusal::NotAfterBase { got: 0 }),
        (good, third, TRUE, outside(6, 7)),
        (signed(&|it| it.number = 3), second, TRUE, outside(3, 4)),
        // The commitment itself says what its last block is.
        (good, second, none, EvidenceFault::Unlinked(6).into()),
    ];
    for (promise, commitment, stands, want) in cases {
        let before = world.chain.clone();
        assert_eq!(world.reported(promise, commitment, stands), Err(want));
        assert_eq!((&world.chain, world.history.entries().len()), (&before, 3), "{want}");
    }
    // Further commitments in between do not matter.
    assert!(world.reported(signed(&|it| it.number = 9), third, TRUE).is_ok());
}

#[derive(Clone, Debug)]
enum Op {
    /// Makes blocks and promises each.
    Make(u64),
    /// Posts so many of them.
    Post(u64),
    Judge {
        valid: bool,
    },
    /// What comes too late for the inbox is taken back.
    Force,
    /// The new sequencer, which may have the same key, goes on with the old one's blocks or with others.
    ChangeKey {
        number: u8,
        others: bool,
    },
    /// Tells a block that it does not make.
    Lie(u64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (1..5u64).prop_map(Op::Make),
        6 => (1..5u64).prop_map(Op::Post),
        5 => prop::bool::weighted(0.8).prop_map(|valid| Op::Judge { valid }),
        2 => Just(Op::Force),
        1 => (SPARE_KEYS, any::<bool>()).prop_map(|(number, others)| Op::ChangeKey { number, others }),
        2 => (1..4u64).prop_map(Op::Lie),
    ]
}

/// A sequencer that keeps its promises, beside what it is told to lie about.
struct Model {
    world: World,
    /// Its blocks, from genesis on.
    blocks: Vec<B256>,
    made: u64,
    /// Blocks of each commitment: the first one's number, the hashes.
    batches: BTreeMap<B256, (u64, Vec<B256>)>,
    kept: Vec<SignedPromise>,
    lies: Vec<SignedPromise>,
}

impl Model {
    fn new() -> Self {
        let world = World::new();
        Self { world, blocks: vec![B256::ZERO], made: 0, batches: BTreeMap::new(), kept: Vec::new(), lies: Vec::new() }
    }

    fn make(&mut self) -> u64 {
        self.made += 1;
        self.blocks.push(keccak256(self.made.to_be_bytes()));
        self.blocks.len() as u64 - 1
    }

    /// Replaces all blocks from a number on.
    fn replace_from(&mut self, number: u64) {
        let count = self.blocks.len() as u64;
        self.blocks.truncate(number as usize);
        for _ in number..count {
            self.make();
        }
    }

    fn range(&self, first: u64, last: u64) -> (u64, Vec<B256>) {
        (first, self.blocks[first as usize..=last as usize].to_vec())
    }

    fn apply(&mut self, op: Op) {
        let tip = self.world.chain.parent().block;
        match op {
            Op::Make(count) => (0..count).for_each(|_| {
                let number = self.make();
                self.kept.push(self.world.promise(number, self.blocks[number as usize]));
            }),
            Op::Post(count) => {
                let last = (tip + count).min(self.blocks.len() as u64 - 1);
                if last == tip {
                    return;
                }
                let last_block_hash = self.blocks[last as usize];
                let header = BatchHeader { last_block: last, last_block_hash, ..self.world.next(u64::MAX, self.made) };
                let signed = header.sign(&self.world.signer());
                if let Ok(receipt) = self.world.post(&signed) {
                    self.batches.insert(receipt.commitment, self.range(tip + 1, last));
                }
            }
            Op::Judge { valid } => {
                let Some(commitment) = self.world.chain.pending().next().map(|record| record.commitment) else {
                    return;
                };
                // The second time the data is there already.
                let _ = self.world.sampled(commitment, Sampled::Available);
                let (reason, block) = (RejectReason::InvalidStf, None);
                let judgement = if valid { Judgement::Valid } else { Judgement::Invalid { reason, block } };
                self.world.judged(commitment, judgement).unwrap();
            }
            Op::Force => {
                self.world.submit().unwrap();
                self.world.now_ms += INBOX_DEADLINE_MS + INBOX_GRACE_MS;
                let header = self.world.next_forced(u64::MAX);
                if let Ok(receipt) = self.world.forced(&header) {
                    self.replace_from(tip + 1);
                    if self.blocks.len() as u64 == tip + 1 {
                        self.make();
                    }
                    self.batches.insert(receipt.commitment, self.range(tip + 1, tip + 1));
                }
            }
            Op::ChangeKey { number, others } => {
                self.world.changed(&self.world.change(number).sign(&admin())).unwrap();
                if others {
                    self.replace_from(tip + 1);
                }
            }
            Op::Lie(ahead) => {
                self.made += 1;
                self.lies.push(self.world.promise(tip + ahead, keccak256(self.made.to_be_bytes())));
            }
        }
    }

    /// Reports everything against everything; whether a lie was found out.
    fn report_all(&mut self) -> bool {
        let batches: Vec<_> = self.batches.clone().into_iter().collect();
        for (commitment, (first, hashes)) in batches {
            for (number, stands) in (first..).zip(hashes) {
                for promise in self.kept.clone().into_iter().filter(|it| it.promise.number == number) {
                    assert!(self.world.reported(promise, commitment, stands).is_err(), "{promise:?} was kept");
                }
                for lie in self.lies.clone().into_iter().filter(|it| it.promise.number == number) {
                    let facts = self.world.history.promise_facts(&lie.promise, commitment);
                    let result = self.world.reported(lie, commitment, stands);
                    match result {
                        Ok(receipt) => {
                            assert!(!receipt.duplicate && self.world.chain.head().frozen);
                            return true;
                        }
                        // The batch or the base has fallen, or what was said is void: the log says so.
                        Err(PromiseRefusal::UnknownCommitment(_)) => {
                            assert!(!facts.commitment.unwrap().status.is_canonical());
                        }
                        Err(PromiseRefusal::UnknownBase(_)) => {
                            assert!(facts.base.is_some_and(|base| !base.status.is_canonical()));
                        }
                        Err(PromiseRefusal::UnknownSigner { .. } | PromiseRefusal::Void(_)) => {
                            let matters = |event: &Event| matches!(event, Event::Forced(_) | Event::KeyChange(_));
                            assert!(self.world.history.entries().iter().any(|entry| matters(&entry.event)));
                        }
                        Err(refusal) => panic!("{refusal}"),
                    }
                }
            }
        }
        false
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever happens, nobody who keeps promises is convicted; and whoever lies is, once the block is in a batch
    /// that stands, unless the promise is void.
    #[test]
    fn only_lies_convict(ops in prop::collection::vec(op(), 1..40)) {
        let mut model = Model::new();
        for op in ops {
            let before = model.world.clone();
            model.apply(op);
            let found = model.report_all();
            check_all(&before, &model.world);
            if found {
                break;
            }
        }
        replay_rebuilds(&model.world);
        restore_rebuilds(&model.world);
    }

    /// Without forced batches, key changes and rejections nothing saves a liar.
    #[test]
    fn a_lie_is_always_found_out(before in 0..3u64, ahead in 1..4u64, size in 1..4u64) {
        let mut model = Model::new();
        model.apply(Op::Make(24));
        (0..before).for_each(|_| model.apply(Op::Post(size)));
        model.apply(Op::Lie(ahead));
        let mut found = false;
        for _ in 0..4 {
            prop_assert!(!found);
            model.apply(Op::Post(size));
            found = model.report_all();
            let tip = model.world.chain.parent().block;
            prop_assert_eq!(found, tip >= model.lies[0].promise.number);
            if found {
                break;
            }
        }
        prop_assert!(found);
        replay_rebuilds(&model.world);
    }
}
