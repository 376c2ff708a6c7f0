//! Forced batches: the log alone decides what is in them.

use weft_primitives::inbox::Content;
use weft_primitives::limits::MAX_BLOCK_INBOX_ITEMS;
use weft_primitives::{BatchHeader, InboxItem};

use super::deposits::deposit;
use super::*;
use crate::forced::{Forced, ForcedContext, ForcedError, build, record_forced, verify_forced, verify_forced_stateless};
use crate::verify::{Checkpoint, Verdict};

const ANCHOR: (u64, B256, u64) = (7, B256::repeat_byte(7), 1_700_000_123_456);

fn item(index: u64, transaction: &Transaction) -> InboxItem {
    InboxItem { index, time_ms: 1_000, content: Content::Transaction(transaction.raw().clone()) }
}

fn context(waiting: &[InboxItem]) -> ForcedContext<'_> {
    ForcedContext { waiting, anchor: ANCHOR, leader_epoch: 3 }
}

fn genesis() -> (ChainConfig, World, Checkpoint) {
    let Node { chain, world, head } = Node::new();
    (chain, world, Checkpoint::genesis(head))
}

#[test]
fn whoever_builds_it_comes_to_the_same() {
    let (chain, mut world, checkpoint) = genesis();
    let mut other = world.clone();
    let bob = signer(2).address();
    let waiting =
        [item(0, &transfer(&signer(1), 0, bob, 1)), deposit(1, bob, 5), item(2, &transfer(&signer(1), 9, bob, 1))];
    let Forced { header, block, checkpoint: after } =
        build(&chain, &checkpoint, &context(&waiting), &mut world).unwrap();
    assert_eq!((header.inbox_from, header.inbox_to, header.tx_count), (0, 3, 1));
    assert_eq!(header.first_timestamp, ANCHOR.2 / 1_000);
    assert_eq!((header.anchor_seq, header.anchor_hash, header.leader_epoch), (7, ANCHOR.1, 3));
    assert_eq!((header.payload_len, header.da_height), (0, 0));
    assert_eq!((after.next_batch, after.commitment, after.inbox_cursor), (1, header.hash(), 3));
    let Verdict::Valid(valid) = verify_forced(&chain, &checkpoint, &header, &context(&waiting), &mut other) else {
        panic!("not valid")
    };
    assert_eq!((valid.blocks[0].hash, valid.checkpoint.inbox_acc), (block.hash, after.inbox_acc));
    assert_eq!(leaves(&world), leaves(&other));
    // And the next one on top of it, at a time that does not go back.
    let rest = [deposit(3, bob, 1)];
    let early = ForcedContext { anchor: (8, B256::repeat_byte(8), 5), ..context(&rest) };
    let next = build(&chain, &after, &early, &mut world).unwrap();
    assert_eq!((next.header.batch_index, next.header.first_timestamp), (1, header.first_timestamp));
}

#[test]
fn any_other_claim_is_false_and_changes_nothing() {
    let (chain, mut world, checkpoint) = genesis();
    let waiting = [deposit(0, signer(2).address(), 5), deposit(1, signer(3).address(), 5)];
    let header = build(&chain, &checkpoint, &context(&waiting), &mut world.clone()).unwrap().header;
    let edits: [fn(&mut BatchHeader); 6] = [
        |claim| claim.inbox_to = 1,
        |claim| claim.post_state_root = B256::ZERO,
        |claim| claim.last_block_hash = B256::ZERO,
        |claim| claim.gas_used = 1,
        |claim| claim.first_timestamp += 1,
        |claim| claim.withdrawals_count = 1,
    ];
    let before = leaves(&world);
    for edit in edits {
        let mut claim = header.clone();
        edit(&mut claim);
        let verdict = verify_forced(&chain, &checkpoint, &claim, &context(&waiting), &mut world);
        assert!(matches!(verdict, Verdict::Invalid { block: Some(1), .. }));
        assert_eq!(leaves(&world), before);
    }
    // Without the items, or with the state of another block, nothing can be told.
    for waiting in [&[][..], &waiting[1..]] {
        let verdict = verify_forced(&chain, &checkpoint, &header, &context(waiting), &mut world);
        assert!(matches!(verdict, Verdict::Undecided { .. }));
    }
    assert!(matches!(build(&chain, &checkpoint, &context(&[]), &mut world), Err(ForcedError::NothingWaits)));
    build(&chain, &checkpoint, &context(&waiting), &mut world).unwrap();
    let verdict = verify_forced(&chain, &checkpoint, &header, &context(&waiting), &mut world);
    assert!(matches!(verdict, Verdict::Undecided { .. }));
}

#[test]
fn it_takes_as_many_items_as_a_block() {
    let (chain, mut world, checkpoint) = genesis();
    let many: Vec<InboxItem> =
        (0..MAX_BLOCK_INBOX_ITEMS as u64 + 5).map(|index| deposit(index, signer(2).address(), 1)).collect();
    let first = build(&chain, &checkpoint, &context(&many), &mut world).unwrap();
    assert_eq!(first.header.inbox_to, MAX_BLOCK_INBOX_ITEMS as u64);
    let second = build(&chain, &first.checkpoint, &context(&many[MAX_BLOCK_INBOX_ITEMS..]), &mut world).unwrap();
    assert_eq!(second.header.inbox_to, many.len() as u64);
    // Gas is a limit too: what does not fit waits for the next.
    let spend =
        |seed| sign(&signer(seed), TxEip1559 { gas_limit: 16_000_000, ..fields(0, TxKind::Call(contracts::LOOP.0)) });
    let (chain, mut world, checkpoint) = genesis();
    let big = [item(0, &spend(1)), item(1, &spend(2))];
    assert_eq!(build(&chain, &checkpoint, &context(&big), &mut world).unwrap().header.inbox_to, 1);
}

#[test]
fn a_witness_gives_the_same_verdict_and_a_damaged_one_none() {
    let (chain, mut world, checkpoint) = genesis();
    let spend =
        |seed| sign(&signer(seed), TxEip1559 { gas_limit: 16_000_000, ..fields(0, TxKind::Call(contracts::LOOP.0)) });
    let bob = signer(2).address();
    // The last one does not fit.
    let waiting =
        [item(0, &transfer(&signer(3), 0, bob, 1)), deposit(1, bob, 5), item(2, &spend(1)), item(3, &spend(2))];
    let header = build(&chain, &checkpoint, &context(&waiting), &mut world.clone()).unwrap().header;
    assert_eq!(header.inbox_to, 3);
    let before = leaves(&world);
    let false_claim = BatchHeader { gas_used: 1, ..header.clone() };
    for claim in [&header, &false_claim] {
        // Who makes it need not know what else waited.
        for known in [&waiting[..], &waiting[..3]] {
            let (verdict, witness) = record_forced(&chain, &checkpoint, claim, &context(known), &mut world);
            assert_eq!(leaves(&world), before);
            let judge = |bytes: &[u8]| verify_forced_stateless(&chain, &checkpoint, claim, &context(&waiting), bytes);
            let bytes = witness.encode();
            let same = judge(&bytes);
            assert_eq!(matches!(verdict, Verdict::Valid(_)), claim == &header);
            assert_eq!(matches!(same, Verdict::Valid(_)), claim == &header, "{same:?}");
            assert_eq!(matches!(same, Verdict::Invalid { .. }), claim != &header, "{same:?}");
            for at in 0..bytes.len() {
                let mut wrong = bytes.clone();
                wrong[at] ^= 1 << (at % 8);
                assert!(matches!(judge(&wrong), Verdict::Undecided { .. }), "byte {at}");
            }
        }
    }
}
