//! Batches and what is claimed about them.

use alloy_primitives::{B256, Bytes};
use weft_primitives::batch::{Batch, BatchBlock, Level};
use weft_primitives::inbox::accumulate;
use weft_primitives::limits::INBOX_DEADLINE_MS;
use weft_primitives::{BatchHeader, InboxItem};

use super::*;
use crate::verify::{Checkpoint, LogContext, Reason, Verdict, verify};

struct Case {
    genesis: Node,
    checkpoint: Checkpoint,
    claim: BatchHeader,
    payload: Vec<u8>,
    inbox: Vec<InboxItem>,
}

/// Three blocks; the first takes a good and a bad inbox item.
fn case() -> Case {
    let genesis = Node::new();
    let checkpoint = Checkpoint::genesis(genesis.head.clone());
    let mut node = Node::new();
    let bob = signer(2).address();
    let item = |index, transaction: Bytes| InboxItem { index, time_ms: 1_000, transaction };
    let inbox = vec![item(0, transfer(&signer(3), 0, bob, 3).raw().clone()), item(1, Bytes::from_static(b"junk"))];
    let mut batch = Batch { chain_id: CHAIN_ID, first_block: 1, inbox_from: 0, blocks: Vec::new() };
    let (mut tx_count, mut gas_used) = (0, 0);
    for number in 0..3u64 {
        let mut builder = BlockBuilder::new(&node.chain, &node.head, 100 + number, &node.world).unwrap();
        let items = if number == 0 { &inbox[..] } else { &[] };
        items.iter().for_each(|item| builder.inbox_item(item).unwrap());
        builder.transaction(transfer(&signer(1), number, bob, 7)).unwrap().unwrap();
        let sealed = builder.finish().seal(&node.chain, &node.head, &mut node.world).unwrap();
        assert_eq!(sealed.body.inbox_included, u32::from(number == 0));
        batch.blocks.push(BatchBlock {
            timestamp: 100 + number,
            inbox_count: sealed.body.inbox_count,
            transactions: sealed.body.sequenced().iter().map(|transaction| transaction.raw().clone()).collect(),
        });
        tx_count += sealed.body.transactions.len() as u64;
        gas_used += sealed.header.gas_used;
        node.head = Parent { header: sealed.header, hash: sealed.hash };
    }
    let payload = batch.encode(Level::FASTEST).unwrap();
    let claim = BatchHeader {
        version: 1,
        chain_id: CHAIN_ID,
        config_hash: node.chain.hash(),
        first_block: 1,
        last_block: 3,
        last_block_hash: node.head.hash,
        first_timestamp: 100,
        last_timestamp: 102,
        pre_state_root: genesis.head.header.state_root,
        post_state_root: node.head.header.state_root,
        payload_hash: B256::from(*blake3::hash(&payload).as_bytes()),
        payload_len: payload.len() as u64,
        inbox_to: 2,
        inbox_acc: inbox.iter().fold(B256::ZERO, accumulate),
        tx_count,
        gas_used,
        ..BatchHeader::default()
    };
    Case { genesis, checkpoint, claim, payload, inbox }
}

impl Case {
    fn judge(&mut self, claim: &BatchHeader, payload: &[u8], log: &LogContext<'_>) -> Verdict {
        let before = self.genesis.world.state_root();
        let verdict = verify(&self.genesis.chain, &self.checkpoint, claim, payload, log, &mut self.genesis.world);
        if !matches!(verdict, Verdict::Valid(_)) {
            assert_eq!(self.genesis.world.state_root(), before, "the state must be as before");
        }
        verdict
    }
}

fn log(inbox: &[InboxItem]) -> LogContext<'_> {
    LogContext { inbox, posted_ms: 103_000, anchor_ms: 50_000, next_item_ms: None }
}

#[test]
fn a_true_claim_is_valid() {
    let mut case = case();
    let (claim, payload, inbox) = (case.claim.clone(), case.payload.clone(), case.inbox.clone());
    let Verdict::Valid(valid) = case.judge(&claim, &payload, &log(&inbox)) else { panic!("not valid") };
    assert_eq!(valid.checkpoint.block.hash, claim.last_block_hash);
    assert_eq!((valid.checkpoint.next_batch, valid.checkpoint.inbox_cursor), (1, 2));
    assert_eq!(valid.blocks.len(), 3);
    assert_eq!(case.genesis.world.state_root(), claim.post_state_root);
}

#[test]
fn every_false_field_is_named() {
    let mut case = case();
    type Edit = fn(&mut BatchHeader);
    let edits: [(&str, Edit); 16] = [
        ("chain_id", |claim| claim.chain_id += 1),
        ("config_hash", |claim| claim.config_hash = B256::ZERO),
        ("batch_index", |claim| claim.batch_index = 1),
        ("parent_commitment", |claim| claim.parent_commitment = B256::repeat_byte(1)),
        ("first_block", |claim| claim.first_block = 2),
        ("pre_state_root", |claim| claim.pre_state_root = B256::ZERO),
        ("inbox_from", |claim| claim.inbox_from = 1),
        ("withdrawals_root", |claim| claim.withdrawals_root = B256::repeat_byte(1)),
        ("last_block", |claim| claim.last_block = 4),
        ("last_timestamp", |claim| claim.last_timestamp += 1),
        ("inbox_to", |claim| claim.inbox_to = 3),
        ("inbox_acc", |claim| claim.inbox_acc = B256::ZERO),
        ("last_block_hash", |claim| claim.last_block_hash = B256::ZERO),
        ("post_state_root", |claim| claim.post_state_root = B256::ZERO),
        ("tx_count", |claim| claim.tx_count += 1),
        ("gas_used", |claim| claim.gas_used -= 1),
    ];
    for (field, edit) in edits {
        let (mut claim, payload, inbox) = (case.claim.clone(), case.payload.clone(), case.inbox.clone());
        edit(&mut claim);
        match case.judge(&claim, &payload, &log(&inbox)) {
            Verdict::Invalid { reason: Reason::Mismatch(found), .. } => assert_eq!(found, field),
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[test]
fn wrong_bytes_decide_nothing() {
    let mut case = case();
    let (claim, mut payload, inbox) = (case.claim.clone(), case.payload.clone(), case.inbox.clone());
    payload[9] ^= 1;
    assert!(matches!(case.judge(&claim, &payload, &log(&inbox)), Verdict::Undecided { .. }));
    let payload = case.payload.clone();
    assert!(matches!(case.judge(&claim, &payload, &log(&inbox[..1])), Verdict::Undecided { .. }));
}

/// The claim over another payload than the case's.
fn over(claim: &BatchHeader, payload: &[u8]) -> BatchHeader {
    BatchHeader {
        payload_hash: B256::from(*blake3::hash(payload).as_bytes()),
        payload_len: payload.len() as u64,
        ..claim.clone()
    }
}

#[test]
fn bad_batches_are_invalid() {
    let mut case = case();
    let inbox = case.inbox.clone();
    let reason = |case: &mut Case, claim: &BatchHeader, payload: &[u8], log: &LogContext<'_>| match case
        .judge(claim, payload, log)
    {
        Verdict::Invalid { block, reason } => (block, reason.code()),
        other => panic!("{other:?}"),
    };
    let claim = case.claim.clone();
    let junk = [9u8; 40];
    assert_eq!(reason(&mut case, &over(&claim, &junk), &junk, &log(&inbox)), (None, "UNDECODABLE"));

    let good = Batch::decode(&case.payload).unwrap();
    let mut twice = good.clone();
    let again = twice.blocks[1].transactions[0].clone();
    twice.blocks[1].transactions.push(again);
    let payload = twice.encode(Level::FASTEST).unwrap();
    assert_eq!(reason(&mut case, &over(&claim, &payload), &payload, &log(&inbox)), (Some(2), "INVALID_TRANSACTION"));

    let payload = case.payload.clone();
    let late = LogContext { posted_ms: 30_000, ..log(&inbox) };
    assert_eq!(reason(&mut case, &claim, &payload, &late), (Some(1), "BAD_TIMESTAMP"));
    let overdue = LogContext { next_item_ms: Some(2_000), anchor_ms: 2_000 + INBOX_DEADLINE_MS, ..log(&inbox) };
    assert_eq!(reason(&mut case, &claim, &payload, &overdue), (None, "FORCED_INCLUSION"));
    let in_time = LogContext { anchor_ms: overdue.anchor_ms - 1, ..overdue };
    assert!(matches!(case.judge(&claim, &payload, &in_time), Verdict::Valid(_)));
}
