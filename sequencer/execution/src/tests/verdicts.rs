//! Batches and what is claimed about them.

use alloy_primitives::{B256, Bytes, TxKind};
use proptest::prelude::*;
use weft_primitives::batch::{Batch, Level};
use weft_primitives::inbox::Content;
use weft_primitives::limits::INBOX_DEADLINE_MS;
use weft_primitives::{BatchHeader, InboxItem};

use super::batches::{Published, digest, publish};
use super::*;
use crate::verify::{Checkpoint, LogContext, Reason, Verdict};

/// Three blocks; the first takes a good and a bad inbox item. With the state before them.
fn case() -> (Published, World) {
    let mut node = Node::new();
    let (checkpoint, world) = (Checkpoint::genesis(node.head.clone()), node.world.clone());
    let bob = signer(2).address();
    let item = |index, raw: Bytes| InboxItem { index, time_ms: 1_000, content: Content::Transaction(raw) };
    let inbox = [item(0, transfer(&signer(3), 0, bob, 3).raw().clone()), item(1, Bytes::from_static(b"junk"))];
    let blocks: Vec<Sealed> = (0..3)
        .map(|number| {
            let mut builder = BlockBuilder::new(&node.chain, &node.head, 100 + number, &node.world).unwrap();
            let items = if number == 0 { &inbox[..] } else { &[] };
            items.iter().for_each(|item| builder.inbox_item(item).unwrap());
            builder.transaction(transfer(&signer(1), number, bob, 7)).unwrap().unwrap();
            let sealed = builder.finish().seal(&node.chain, &node.head, &mut node.world).unwrap();
            assert_eq!(sealed.body.inbox_included, u32::from(number == 0));
            node.head = Parent { header: sealed.header.clone(), hash: sealed.hash };
            sealed
        })
        .collect();
    (publish(&node.chain, &checkpoint, &blocks, &inbox), world)
}

fn reason(verdict: Verdict) -> (Option<u64>, &'static str) {
    match verdict {
        Verdict::Invalid { block, reason } => (block, reason.code()),
        other => panic!("{}", digest(&other)),
    }
}

#[test]
fn a_true_claim_is_valid() {
    let (case, mut world) = case();
    let Verdict::Valid(valid) = case.judge(&mut world) else { panic!("not valid") };
    assert_eq!(valid.checkpoint.block.hash, case.claim.last_block_hash);
    assert_eq!((valid.checkpoint.next_batch, valid.checkpoint.inbox_cursor), (1, 2));
    assert_eq!((valid.checkpoint.commitment, valid.checkpoint.inbox_acc), (case.claim.hash(), case.claim.inbox_acc));
    assert_eq!(valid.blocks.len(), 3);
    assert_eq!(world.state_root(), case.claim.post_state_root);
}

#[test]
fn every_false_field_is_named() {
    let (case, mut world) = case();
    type Edit = fn(&mut BatchHeader);
    let edits: [(&str, Edit); 20] = [
        ("version", |claim| claim.version = 2),
        ("chain_id", |claim| claim.chain_id += 1),
        ("config_hash", |claim| claim.config_hash = B256::ZERO),
        ("batch_index", |claim| claim.batch_index = 1),
        ("parent_commitment", |claim| claim.parent_commitment = B256::repeat_byte(1)),
        ("first_block", |claim| claim.first_block = 2),
        ("pre_state_root", |claim| claim.pre_state_root = B256::ZERO),
        ("inbox_from", |claim| claim.inbox_from = 1),
        ("withdrawals_root", |claim| claim.withdrawals_root = B256::repeat_byte(1)),
        ("withdrawals_count", |claim| claim.withdrawals_count = 1),
        ("payload_len", |claim| claim.payload_len += 1),
        ("last_block", |claim| claim.last_block = 4),
        ("first_timestamp", |claim| claim.first_timestamp -= 1),
        ("last_timestamp", |claim| claim.last_timestamp += 1),
        ("inbox_to", |claim| claim.inbox_to = 3),
        ("inbox_acc", |claim| claim.inbox_acc = B256::ZERO),
        ("last_block_hash", |claim| claim.last_block_hash = B256::ZERO),
        ("post_state_root", |claim| claim.post_state_root = B256::ZERO),
        ("tx_count", |claim| claim.tx_count += 1),
        ("gas_used", |claim| claim.gas_used -= 1),
    ];
    for (field, edit) in edits {
        match case.claiming(edit).judge(&mut world) {
            Verdict::Invalid { reason: Reason::Mismatch(found), .. } => assert_eq!(found, field),
            other => panic!("{field}: {}", digest(&other)),
        }
    }
}

#[test]
fn what_is_not_there_decides_nothing() {
    let (case, mut world) = case();
    let undecided = |case: &Published, log: &LogContext<'_>, world: &mut World| {
        assert!(matches!(case.judge_in(log, world), Verdict::Undecided { .. }));
    };
    let mut other = case.clone();
    other.payload[9] ^= 1;
    undecided(&other, &other.log(), &mut world);
    undecided(&case, &LogContext { inbox: &case.inbox[..1], ..case.log() }, &mut world);
    // The state of another block.
    let other_state = case.claiming(|_| {});
    let mut later = world.clone();
    assert!(matches!(case.judge(&mut later), Verdict::Valid(_)));
    let verdict = crate::verify::verify(
        &other_state.chain,
        &other_state.checkpoint,
        &other_state.claim,
        &other_state.payload,
        &other_state.log(),
        &mut later,
    );
    assert!(matches!(verdict, Verdict::Undecided { .. }));
}

/// A state without some contract's code is no whole state.
#[test]
fn missing_code_decides_nothing() {
    let mut node = Node::new();
    let checkpoint = Checkpoint::genesis(node.head.clone());
    let mut bare = World::load(leaves(&node.world), []).unwrap();
    let (first, _) = node.block(vec![transfer(&signer(1), 0, signer(2).address(), 1)]);
    let (second, _) = node.block(vec![call(&signer(1), 1, contracts::LOG.0, words(1, 1))]);
    let case = publish(&node.chain, &checkpoint, &[first, second], &[]);
    assert!(digest(&case.judge(&mut bare)).starts_with("undecided code 0x"));
}

#[test]
fn bad_batches_are_invalid() {
    let (case, mut world) = case();
    assert_eq!(reason(case.over(vec![9; 40]).judge(&mut world)), (None, "UNDECODABLE"));

    let good = Batch::decode(&case.payload).unwrap();
    let mut edited = |edit: fn(&mut Batch)| {
        let mut batch = good.clone();
        edit(&mut batch);
        reason(case.over(batch.encode(Level::FASTEST).unwrap()).judge(&mut world))
    };
    let twice = edited(|batch| {
        let again = batch.blocks[1].transactions[0].clone();
        batch.blocks[1].transactions.push(again);
    });
    assert_eq!(twice, (Some(2), "INVALID_TRANSACTION"));
    let junk = edited(|batch| batch.blocks[2].transactions.push(Bytes::from_static(b"junk")));
    assert_eq!(junk, (Some(3), "INVALID_TRANSACTION"));
    let huge = edited(|batch| {
        let gas_limit = 29_000_000;
        let huge = sign(&signer(4), TxEip1559 { gas_limit, ..fields(0, TxKind::Call(Address::ZERO)) });
        batch.blocks[0].transactions.push(huge.raw().clone());
    });
    assert_eq!(huge, (Some(1), "INVALID_TRANSACTION"));
    assert_eq!(edited(|batch| drop(batch.blocks[1].transactions.pop())), (Some(3), "INVALID_TRANSACTION"));
    assert_eq!(edited(|batch| drop(batch.blocks[2].transactions.pop())), (None, "INVALID_STF"));
    assert_eq!(edited(|batch| batch.blocks[1].timestamp = 100), (None, "INVALID_STF"));
    assert_eq!(edited(|batch| drop(batch.blocks.pop())), (None, "INVALID_STF"));
    assert_eq!(edited(|batch| batch.blocks[0].inbox_count = 1), (None, "INVALID_STF"));
    assert_eq!(edited(|batch| batch.inbox_from = 1), (None, "INVALID_STF"));
}

#[test]
fn times_and_deadlines() {
    let (case, mut world) = case();
    let late = LogContext { posted_ms: 30_000, ..case.log() };
    assert_eq!(reason(case.judge_in(&late, &mut world)), (Some(1), "BAD_TIMESTAMP"));
    let overdue = LogContext { next_item_ms: Some(2_000), posted_ms: 2_000 + INBOX_DEADLINE_MS, ..case.log() };
    assert_eq!(reason(case.judge_in(&overdue, &mut world)), (None, "FORCED_INCLUSION"));
    let in_time = LogContext { posted_ms: overdue.posted_ms - 1, ..overdue };
    assert!(matches!(case.judge_in(&in_time, &mut world), Verdict::Valid(_)));
}

/// A block that claims to have consumed an item for which it had no gas would censor it.
#[test]
fn an_item_cannot_be_crowded_out() {
    let mut node = Node::new();
    let (checkpoint, mut world) = (Checkpoint::genesis(node.head.clone()), node.world.clone());
    let spend =
        |seed| sign(&signer(seed), TxEip1559 { gas_limit: 16_000_000, ..fields(0, TxKind::Call(contracts::LOOP.0)) });
    let content = |index: u64| Content::Transaction(spend(1 + index as u8).raw().clone());
    let item = |index: u64| InboxItem { index, time_ms: 1, content: content(index) };
    let inbox = [item(0), item(1)];
    let mut builder = BlockBuilder::new(&node.chain, &node.head, 100, &node.world).unwrap();
    assert_eq!(builder.inbox(&inbox), Ok(1));
    let mut sealed = builder.finish().seal(&node.chain, &node.head, &mut node.world).unwrap();
    sealed.body.inbox_count = 2;
    let case = publish(&node.chain, &checkpoint, &[sealed], &inbox);
    assert_eq!(reason(case.judge(&mut world)), (Some(1), "LIMITS"));
}

/// Fields whose truth only the settlement log can tell.
const NOT_JUDGED: [&str; 5] = ["da_data_root", "da_height", "anchor_seq", "anchor_hash", "leader_epoch"];

/// What stands where in a claim's bytes, as in its definition.
const LAYOUT: [(&str, usize); 26] = [
    ("version", 4),
    ("chain_id", 8),
    ("config_hash", 32),
    ("batch_index", 8),
    ("parent_commitment", 32),
    ("first_block", 8),
    ("last_block", 8),
    ("last_block_hash", 32),
    ("first_timestamp", 8),
    ("last_timestamp", 8),
    ("pre_state_root", 32),
    ("post_state_root", 32),
    ("da_data_root", 32),
    ("payload_hash", 32),
    ("payload_len", 8),
    ("da_height", 8),
    ("inbox_from", 8),
    ("inbox_to", 8),
    ("inbox_acc", 32),
    ("withdrawals_root", 32),
    ("withdrawals_count", 8),
    ("anchor_seq", 8),
    ("anchor_hash", 32),
    ("leader_epoch", 8),
    ("tx_count", 8),
    ("gas_used", 8),
];

fn field_at(byte: usize) -> &'static str {
    LAYOUT.iter().flat_map(|(name, len)| std::iter::repeat_n(*name, *len)).nth(byte).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_flipped_bit_of_a_claim_goes_unseen(bit in 32..8 * BatchHeader::ENCODED_LEN) {
        let (case, mut world) = case();
        let mut bytes = case.claim.encode();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let flipped = BatchHeader::decode(&bytes).unwrap();
        let field = field_at(bit / 8);
        let verdict = case.claiming(|claim| *claim = flipped).judge(&mut world);
        match (field, verdict) {
            (field, Verdict::Valid(_)) => prop_assert!(NOT_JUDGED.contains(&field), "{}", field),
            (field, Verdict::Undecided { .. }) => prop_assert_eq!(field, "payload_hash"),
            (field, Verdict::Invalid { reason: Reason::Mismatch(found), .. }) => prop_assert_eq!(found, field),
            (field, other) => prop_assert!(false, "{}: {}", field, digest(&other)),
        }
    }

    /// Whatever bytes a sequencer publishes, there is a verdict, and the state is not harmed.
    #[test]
    fn no_payload_does_harm(at in 0usize..400, value: u8) {
        let (case, mut world) = case();
        let mut payload = case.payload.clone();
        let at = at % payload.len();
        payload[at] = value;
        let same = payload == case.payload;
        let verdict = case.over(payload).judge(&mut world);
        prop_assert_eq!(matches!(verdict, Verdict::Valid(_)), same, "{}", digest(&verdict));
    }
}
