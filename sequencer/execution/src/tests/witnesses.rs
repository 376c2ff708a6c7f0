//! Judging with a witness instead of the state.

use alloy_primitives::{Address, B256, TxKind, U256};
use proptest::prelude::*;

use super::batches::{Published, digest, publish};
use super::*;
use crate::verify::{Checkpoint, Verdict};
use crate::witness::{PartialWorld, Witness};

/// Blocks that read, write, delete, create and destroy.
fn case() -> (Published, World) {
    let mut node = Node::new();
    node.block(vec![call(&signer(1), 0, contracts::STORE.0, words(500, 1))]);
    let checkpoint = Checkpoint { next_batch: 3, ..Checkpoint::genesis(node.head.clone()) };
    let world = node.world.clone();
    let init = vec![0x60, 1, 0x60, 1, 0x55, 0x33, 0xff];
    let bob = signer(2);
    let blocks = [
        vec![
            transfer(&signer(1), 1, Address::repeat_byte(0xdd), 1),
            call(&signer(1), 2, contracts::STORE.0, words(500, 0)),
            call(&signer(4), 0, contracts::STORE.0, words(1_000, 0)),
            call(&signer(4), 1, contracts::STORE.0, words(1_512, 0)),
            sign(&signer(1), TxEip1559 { input: init.into(), ..fields(3, TxKind::Create) }),
        ],
        vec![
            sign(&bob, TxEip1559 { input: deployment(&[0x00, 0x01]), ..fields(0, TxKind::Create) }),
            call(&bob, 1, bob.address().create(0), Bytes::new()),
            delegate(&signer(3), 0, contracts::LOG.0),
            call(&bob, 2, signer(3).address(), words(1, 2)),
        ],
    ]
    .map(|transactions| {
        let (block, skipped) = node.block(transactions);
        assert!(skipped.is_empty());
        block
    });
    (publish(&node.chain, &checkpoint, &blocks, &[]), world)
}

#[test]
fn a_witness_is_enough() {
    let (case, mut world) = case();
    let (verdict, witness) = case.record(&mut world);
    let stateless = case.judge_stateless(&witness.encode());
    assert!(matches!(stateless, Verdict::Valid(_)), "{}", digest(&stateless));
    assert_eq!(digest(&stateless), digest(&verdict));
    assert_eq!(digest(&case.judge(&mut world)), digest(&verdict));
    let (Verdict::Valid(a), Verdict::Valid(b)) = (verdict, stateless) else { panic!("not valid") };
    for (a, b) in a.blocks.iter().zip(&b.blocks) {
        assert_eq!(a.applied.undo, b.applied.undo);
        assert_eq!(a.applied.codes, b.applied.codes);
    }
}

/// A challenger shows with the same bytes that a claim is false.
#[test]
fn a_false_claim_is_refuted() {
    let (case, mut world) = case();
    let lie = case.claiming(|claim| claim.post_state_root = B256::repeat_byte(1));
    let (verdict, witness) = lie.record(&mut world);
    assert!(digest(&verdict).contains("post_state_root"));
    assert_eq!(digest(&lie.judge_stateless(&witness.encode())), digest(&verdict));
}

#[test]
fn another_states_witness_decides_nothing() {
    let (case, mut world) = case();
    let (_, witness) = case.record(&mut world);
    let mut later = case.clone();
    later.checkpoint.block.header.state_root = B256::repeat_byte(7);
    later.claim.pre_state_root = B256::repeat_byte(7);
    assert!(matches!(later.judge_stateless(&witness.encode()), Verdict::Undecided { .. }));
    for bytes in [&[][..], &[0], &[1, 0], &[0xff; 12], &[2, 1, 0x5b]] {
        assert!(matches!(case.judge_stateless(bytes), Verdict::Undecided { .. }));
    }
}

/// Reading what is not revealed is neither zero nor an error of the block.
#[test]
fn a_hole_is_not_zero() {
    let (case, world) = case();
    assert!(PartialWorld::decode(&Witness::default().encode(), world.state_root()).is_err());
    let access = weft_state::Access::default();
    let mut bytes = vec![0];
    world.tree().witness(&access, weft_state::Schedule::Sequential).unwrap().put(&mut bytes);
    assert!(digest(&case.judge_stateless(&bytes)).starts_with("undecided state leaf"));
    let state = PartialWorld::decode(&bytes, world.state_root()).unwrap();
    assert!(state.account(signer(1).address()).is_err());
    assert!(state.storage(contracts::STORE.0, U256::from(500)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Damage makes a true claim undecided at worst, a false one never true.
    #[test]
    fn damage_never_turns_a_verdict(at in any::<prop::sample::Index>(), flip in 1u8.., cut in 0usize..40) {
        let (case, mut world) = case();
        let (_, witness) = case.record(&mut world);
        let mut bytes = witness.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if cut < 10 {
            bytes.truncate(at);
        }
        let verdict = case.judge_stateless(&bytes);
        prop_assert!(!matches!(verdict, Verdict::Invalid { .. }), "{}", digest(&verdict));
        let lie = case.claiming(|claim| claim.gas_used += 1).judge_stateless(&bytes);
        prop_assert!(!matches!(lie, Verdict::Valid(_)), "{}", digest(&lie));
    }
}
