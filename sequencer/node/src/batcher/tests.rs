//! Batches against DA and settlement services that are away, slow or forgetful.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use tonic::Code;
use weft_execution::forced::{ForcedContext, build};
use weft_execution::verify::{Checkpoint, LogContext, Verdict, verify};
use weft_execution::{Parent, World};
use weft_primitives::batch::{Batch, Level};
use weft_primitives::inbox::Content;
use weft_primitives::{B256, BatchHeader, InboxItem, Namespace, Promise, SignedBatch, Transaction};
use weft_service::{Readiness, Shutdown};
use weft_settlement::{
    AvailabilityVerdict, BrokenPromise, Equivocation, Event, Finalized, ForcedBatch, KeyChange, LogEntry, RejectReason,
    Rejected,
};
use weft_wire::{RemoteError, SettlementClient};

use super::{Commit, Cutter, Follower, News, Posting, Publish, Published, Stages, Submitter};
use crate::backend::Stage;
use crate::chain::{ChainError, rewind};
use crate::mempool::PoolError;
use crate::requeue;
use crate::store::{BatchStage, ChainStore, LogState, MemoryKv};
use crate::testing::{CHAIN_ID, GWEI, TestNode, config, node, open, signer, transfer, transfer_with};

fn away() -> RemoteError {
    RemoteError { code: Code::Unavailable, reason: String::new(), message: "away".to_owned(), retry_after: None }
}

/// A DA layer or settlement that fails a number of times first.
#[derive(Default)]
struct Remote {
    failures: Mutex<u32>,
    payloads: Mutex<Vec<Bytes>>,
    commitments: Mutex<Vec<SignedBatch>>,
    /// Why no commitment is taken.
    refusal: Mutex<Option<&'static str>>,
    /// How often a forced batch was asked for.
    forced: Mutex<u32>,
}

impl Remote {
    fn fails(&self) -> bool {
        let mut failures = self.failures.lock().unwrap();
        *failures = failures.saturating_sub(1);
        *failures > 0
    }
}

impl Publish for Remote {
    fn publish(&self, _: Namespace, payload: Bytes) -> BoxFuture<'_, Result<Published, RemoteError>> {
        Box::pin(async move {
            if self.fails() {
                return Err(away());
            }
            let mut payloads = self.payloads.lock().unwrap();
            if !payloads.contains(&payload) {
                payloads.push(payload);
            }
            Ok(Published { height: payloads.len() as u64, data_root: B256::repeat_byte(1) })
        })
    }
}

impl Commit for Remote {
    fn commit<'a>(&'a self, signed: &'a SignedBatch) -> BoxFuture<'a, Result<(), RemoteError>> {
        Box::pin(async move {
            if let Some(reason) = *self.refusal.lock().unwrap() {
                let (code, message) = (Code::FailedPrecondition, "late".to_owned());
                return Err(RemoteError { code, reason: reason.to_owned(), message, retry_after: None });
            }
            // Takes the commitment, but the answer is lost now and then.
            let mut commitments = self.commitments.lock().unwrap();
            if !commitments.contains(signed) {
                commitments.push(signed.clone());
            }
            if self.fails() { Err(away()) } else { Ok(()) }
        })
    }

    fn force(&self) -> BoxFuture<'_, Result<(), RemoteError>> {
        *self.forced.lock().unwrap() += 1;
        Box::pin(async { Err(away()) })
    }
}

fn submitter(node: &TestNode, stages: &Stages, da: &Arc<Remote>, settlement: &Arc<Remote>) -> Submitter {
    Submitter::new(node.backend.clone(), stages.clone(), signer(9), da.clone(), settlement.clone())
}

/// With the log read to its end.
fn open_stages(node: &TestNode) -> Stages {
    let stages = Stages::new(node.backend.clone(), Readiness::default()).unwrap();
    stages.caught_up();
    stages
}

fn follower(node: &TestNode, stages: &Stages) -> Follower {
    let client = SettlementClient::new("http://127.0.0.1:1").unwrap();
    Follower::new(node.backend.clone(), stages.clone(), client)
}

/// Takes in an event as the next entry of the log.
fn take(follower: &Follower, state: &mut LogState, time_ms: u64, event: Event) {
    let entry = LogEntry { seq: state.seq + 1, prev_hash: state.hash, time_ms, event };
    follower.take(state, &entry).unwrap();
}

/// Blocks with one transaction each, one batch for each block.
fn batches(node: &mut TestNode, stages: &Stages, nonces: std::ops::Range<u64>) {
    let mut cutter = Cutter::new(node.backend.clone(), stages.clone()).unwrap();
    for nonce in nonces {
        node.block(&[transfer(1, nonce)]).unwrap();
        cutter.catch_up().unwrap();
        cutter.cut().unwrap();
    }
}

/// Submits until there is nothing to do.
async fn settle(submitter: &Submitter) {
    while submitter.step().await.unwrap_or_else(|_| panic!("refused")) {}
}

async fn until(what: impl Fn() -> bool) {
    for _ in 0..500 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("did not come about within 5 s");
}

#[tokio::test]
async fn batches_arrive_once_and_in_order_though_services_fail() {
    let mut node = node();
    let stages = open_stages(&node);
    let (da, settlement) = (Arc::new(Remote::default()), Arc::new(Remote::default()));
    *da.failures.lock().unwrap() = 3;
    *settlement.failures.lock().unwrap() = 3;
    let shutdown = Shutdown::new();
    let task = tokio::spawn(submitter(&node, &stages, &da, &settlement).run(shutdown.clone()));
    let mut cutter = Cutter::new(node.backend.clone(), stages.clone()).unwrap();
    for nonce in 0..6 {
        node.block(&[transfer(1, nonce)]).unwrap();
        cutter.catch_up().unwrap();
        if nonce % 2 == 1 {
            cutter.cut().unwrap();
        }
    }
    until(|| settlement.commitments.lock().unwrap().len() == 3).await;
    until(|| stages.first_unposted().unwrap().is_none()).await;
    shutdown.trigger();
    task.await.unwrap().unwrap();

    // What arrived is the chain, as an outsider judges it.
    let config = config().chain;
    let (mut world, genesis, _) = World::genesis(&config).unwrap();
    let mut checkpoint = Checkpoint::genesis(Parent::new(genesis));
    let commitments = settlement.commitments.lock().unwrap().clone();
    for (signed, payload) in commitments.iter().zip(da.payloads.lock().unwrap().iter()) {
        assert_eq!(signed.signer(), Ok(signer(9).address()));
        assert_eq!(Batch::decode(payload).unwrap().blocks.len(), 2);
        let log = LogContext { posted_ms: u64::MAX / 2, ..LogContext::default() };
        match verify(&config, &checkpoint, &signed.header, payload, &log, &mut world) {
            Verdict::Valid(valid) => checkpoint = valid.checkpoint,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(checkpoint.block.hash, node.backend.chain().tip().parent.hash);
    assert_eq!(checkpoint.next_batch, 3);
}

#[tokio::test]
async fn a_commitment_is_signed_once() {
    let kv = Arc::new(MemoryKv::default());
    let mut first = open(kv.clone(), &config());
    let stages = open_stages(&first);
    first.block(&[transfer(1, 0)]).unwrap();
    let mut cutter = Cutter::new(first.backend.clone(), stages.clone()).unwrap();
    cutter.catch_up().unwrap();
    cutter.cut().unwrap();
    let (da, settlement) = (Arc::new(Remote::default()), Arc::new(Remote::default()));
    *settlement.failures.lock().unwrap() = u32::MAX;
    let shutdown = Shutdown::new();
    let task = tokio::spawn(submitter(&first, &stages, &da, &settlement).run(shutdown.clone()));
    until(|| !settlement.commitments.lock().unwrap().is_empty()).await;
    shutdown.trigger();
    task.await.unwrap().unwrap();
    drop((first, stages));

    // After a restart, with another anchor known, the same bytes are posted again.
    let second = open(kv, &config());
    let stages = open_stages(&second);
    let mut anchor = LogState { seq: 9, hash: B256::repeat_byte(9), ..LogState::default() };
    stages.log(&mut anchor, &News::default()).unwrap();
    *settlement.failures.lock().unwrap() = 0;
    let shutdown = Shutdown::new();
    let task = tokio::spawn(submitter(&second, &stages, &da, &settlement).run(shutdown.clone()));
    until(|| stages.first_unposted().unwrap().is_none()).await;
    assert_eq!(settlement.commitments.lock().unwrap().len(), 1);
    shutdown.trigger();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn waiting_batches_close_admission_and_lose_nothing() {
    let mut config = config();
    config.limits.batch_max_pending = 2;
    let mut node = open(Arc::new(MemoryKv::default()), &config);
    let stages = open_stages(&node);
    let mut cutter = Cutter::new(node.backend.clone(), stages.clone()).unwrap();
    for nonce in 0..2 {
        node.block(&[transfer(1, nonce)]).unwrap();
        cutter.catch_up().unwrap();
        cutter.cut().unwrap();
    }
    let refused = node.submit(&transfer(1, 2)).unwrap_err();
    assert!(matches!(&refused, PoolError::Backpressure(text) if text.contains("batch.max_pending = 2")), "{refused}");
    let (da, settlement) = (Arc::new(Remote::default()), Arc::new(Remote::default()));
    let shutdown = Shutdown::new();
    let task = tokio::spawn(submitter(&node, &stages, &da, &settlement).run(shutdown.clone()));
    until(|| stages.first_unposted().unwrap().is_none()).await;
    node.submit(&transfer(1, 2)).unwrap();
    shutdown.trigger();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn batches_are_compressed_the_less_the_more_wait() {
    let mut node = node();
    let stages = open_stages(&node);
    let mut cutter = Cutter::new(node.backend.clone(), stages.clone()).unwrap();
    for (waiting, level) in [Level::SMALLEST, Level::FASTEST].into_iter().enumerate() {
        assert_eq!(stages.waiting().unwrap(), waiting as u64);
        // Tips that have something in common, but not much.
        let transfers = (60 * waiting as u64..).take(60).map(|nonce| {
            let tip = GWEI + u128::from(nonce * nonce * 37 % 997);
            transfer_with(&signer(1), nonce, tip, 3 * GWEI)
        });
        let transfers: Vec<Transaction> = transfers.collect();
        node.block(&transfers).unwrap();
        cutter.catch_up().unwrap();
        cutter.cut().unwrap();
        let payload = node.backend.chain().store().payload(waiting as u64).unwrap().unwrap();
        let batch = Batch::decode(&payload).unwrap();
        let [smallest, fastest] = [Level::SMALLEST, Level::FASTEST].map(|level| batch.encode(level).unwrap());
        assert!(smallest.len() < fastest.len(), "there is something to gain");
        assert_eq!(payload, batch.encode(level).unwrap());
    }
}

#[tokio::test]
async fn the_log_moves_stages_heads_and_inbox() {
    let mut node = node();
    let stages = open_stages(&node);
    let transaction = transfer(1, 0);
    batches(&mut node, &stages, 0..1);
    let (da, settlement) = (Arc::new(Remote::default()), Arc::new(Remote::default()));
    settle(&submitter(&node, &stages, &da, &settlement)).await;
    let signed = settlement.commitments.lock().unwrap()[0].clone();
    let (batch_index, commitment) = (0, signed.header.hash());

    let follower = follower(&node, &stages);
    let mut state = LogState::default();
    let mut take = |event: Event| take(&follower, &mut state, 5, event);
    let stage = || node.backend.transaction_status(&transaction.hash()).unwrap().stage;
    take(Event::Posted(Box::new(signed)));
    assert_eq!(stage(), Stage::Posted);
    take(Event::Availability(AvailabilityVerdict { batch_index, commitment: B256::ZERO, available: true }));
    assert_eq!(stage(), Stage::Posted, "of another commitment");
    take(Event::Availability(AvailabilityVerdict { batch_index, commitment, available: true }));
    assert_eq!((stage(), node.backend.heads().safe), (Stage::Available, 1));
    take(Event::Finalized(Finalized { batch_index, commitment }));
    assert_eq!((stage(), node.backend.heads().finalized), (Stage::Finalized, 1));
    let item = InboxItem { index: 0, time_ms: 5, content: Content::Transaction(transfer(3, 0).raw().clone()) };
    take(Event::Inbox(item.clone()));
    assert_eq!(node.backend.chain().store().inbox(0, 10).unwrap(), std::slice::from_ref(&item));
    let full = node.producer.make_block(&[item]).unwrap().unwrap();
    assert_eq!((full.block.body.inbox_count, full.block.body.inbox_included, full.block.inbox_cursor), (1, 1, 1));
}

#[tokio::test]
async fn safe_waits_for_all_batches_before() {
    let mut node = node();
    let stages = open_stages(&node);
    batches(&mut node, &stages, 0..3);
    let (da, settlement) = (Arc::new(Remote::default()), Arc::new(Remote::default()));
    settle(&submitter(&node, &stages, &da, &settlement)).await;
    let follower = follower(&node, &stages);
    let mut state = LogState::default();
    let commitments: Vec<B256> = settlement.commitments.lock().unwrap().iter().map(|s| s.header.hash()).collect();
    for (batch_index, safe) in [(1, 0), (2, 0), (0, 3)] {
        let commitment = commitments[batch_index as usize];
        let verdict = AvailabilityVerdict { batch_index, commitment, available: true };
        take(&follower, &mut state, 5, Event::Availability(verdict));
        assert_eq!(node.backend.heads().safe, safe);
    }
}

#[tokio::test]
async fn after_a_rejection_nothing_is_posted_ever_again() {
    let kv = Arc::new(MemoryKv::default());
    let mut first = open(kv.clone(), &config());
    let stages = open_stages(&first);
    batches(&mut first, &stages, 0..2);
    let (da, settlement) = (Arc::new(Remote::default()), Arc::new(Remote::default()));
    let poster = submitter(&first, &stages, &da, &settlement);
    settle(&poster).await;
    batches(&mut first, &stages, 2..3);
    let commitment = settlement.commitments.lock().unwrap()[1].header.hash();
    let mut state = LogState { safe: 2, ..LogState::default() };
    let rejected = Rejected { batch_index: 1, commitment, reason: RejectReason::Limits, block: None };
    take(&follower(&first, &stages), &mut state, 5, Event::Rejected(rejected));
    assert_eq!(first.backend.heads().safe, 1, "back to the batch before");
    assert_eq!(first.backend.batch(1).unwrap().unwrap().stage, BatchStage::Rejected);
    let check = |node: &TestNode, stages: &Stages| {
        assert!(stages.readiness().missing().contains_key("settlement_verdicts"));
        assert!(matches!(stages.posting(), Posting::Halted(_)));
        let refused = node.submit(&transfer(1, 3)).unwrap_err();
        assert!(refused.to_string().contains("rejected batch 1"), "{refused}");
    };
    check(&first, &stages);
    settle(&poster).await;
    drop((first, poster));
    // Nor after a restart, though the log is read from where it was left.
    let second = open(kv, &config());
    let stages = Stages::new(second.backend.clone(), Readiness::default()).unwrap();
    stages.caught_up();
    check(&second, &stages);
    settle(&submitter(&second, &stages, &da, &settlement)).await;
    assert_eq!((settlement.commitments.lock().unwrap().len(), da.payloads.lock().unwrap().len()), (2, 2));
}

#[tokio::test]
async fn a_lost_folder_signs_nothing_for_a_place_that_is_taken() {
    let mut first = node();
    let stages_before = open_stages(&first);
    batches(&mut first, &stages_before, 0..1);
    let (da, settlement) = (Arc::new(Remote::default()), Arc::new(Remote::default()));
    settle(&submitter(&first, &stages_before, &da, &settlement)).await;
    let posted = settlement.commitments.lock().unwrap()[0].clone();
    // The same key on an empty folder: other blocks, the same places.
    let mut second = node();
    let stages = Stages::new(second.backend.clone(), Readiness::default()).unwrap();
    second.block(&[transfer(2, 0)]).unwrap();
    batches(&mut second, &stages, 0..1);
    let submitter = submitter(&second, &stages, &da, &settlement);
    settle(&submitter).await;
    assert!(stages.first_unposted().unwrap().unwrap().signed.is_none(), "the log was not read yet");
    take(&follower(&second, &stages), &mut LogState::default(), 5, Event::Posted(Box::new(posted)));
    stages.caught_up();
    settle(&submitter).await;
    assert!(matches!(stages.posting(), Posting::Halted(reason) if reason.contains("data folder")));
    assert_eq!(settlement.commitments.lock().unwrap().len(), 1);
}

/// A sequencer whose batch 0 is posted, which has made two blocks since, in a batch that is cut; and the forced batch
/// that takes their place.
async fn overtaken(kv: &Arc<MemoryKv>) -> (TestNode, Stages, ForcedBatch) {
    let mut node = open(kv.clone(), &config());
    let stages = open_stages(&node);
    batches(&mut node, &stages, 0..1);
    let (da, settlement) = (Arc::new(Remote::default()), Arc::new(Remote::default()));
    settle(&submitter(&node, &stages, &da, &settlement)).await;
    let posted = settlement.commitments.lock().unwrap()[0].header.clone();
    let mut twin = open(Arc::new(MemoryKv::default()), &config());
    twin.block(&[transfer(1, 0)]).unwrap();
    let tip = twin.backend.chain().tip();
    assert_eq!(tip.parent.hash, posted.last_block_hash);
    let checkpoint = Checkpoint {
        next_batch: 1,
        commitment: posted.hash(),
        block: tip.parent,
        inbox_cursor: 0,
        inbox_acc: B256::ZERO,
    };
    let item = InboxItem { index: 0, time_ms: 5, content: Content::Transaction(transfer(3, 0).raw().clone()) };
    let log = ForcedContext {
        waiting: std::slice::from_ref(&item),
        anchor: (2, B256::repeat_byte(2), 1_700_000_500_000),
        leader_epoch: 0,
    };
    let forced = build(&config().chain, &checkpoint, &log, &mut twin.backend.chain().world().clone()).unwrap();
    take(&follower(&node, &stages), &mut LogState::default(), 5, Event::Inbox(item));
    node.block(&[transfer(1, 1), transfer(2, 0)]).unwrap();
    node.block(&[transfer(1, 2)]).unwrap();
    let mut cutter = Cutter::new(node.backend.clone(), stages.clone()).unwrap();
    cutter.catch_up().unwrap();
    cutter.cut().unwrap();
    (node, stages, ForcedBatch { header: forced.header, inbox_len: 1 })
}

/// Takes in a forced batch; whether blocks have to be taken back.
fn take_forced(node: &TestNode, stages: &Stages, forced: &ForcedBatch) -> bool {
    let mut state = node.backend.chain().store().log_state().unwrap();
    let event = Event::Forced(Box::new(forced.clone()));
    let entry = LogEntry { seq: state.seq + 1, prev_hash: state.hash, time_ms: 5, event };
    follower(node, stages).take(&mut state, &entry).unwrap()
}

#[tokio::test]
async fn a_forced_batch_takes_the_place_of_blocks_that_were_never_posted() {
    let kv = Arc::new(MemoryKv::default());
    let (node, stages, forced) = overtaken(&kv).await;
    assert!(take_forced(&node, &stages, &forced));
    drop((node, stages));
    let store = ChainStore::new(kv.clone());
    assert_eq!(rewind(&config().chain, &store, None).unwrap(), Some(2));
    assert_eq!(rewind(&config().chain, &store, None).unwrap(), None, "once");

    let mut node = open(kv.clone(), &config());
    let stages = open_stages(&node);
    let tip = node.backend.chain().tip();
    assert_eq!((tip.parent.hash, tip.inbox_cursor), (forced.header.last_block_hash, 1));
    let block = node.backend.block(2).unwrap().unwrap();
    assert_eq!((block.body.inbox_included, block.body.transactions.len()), (1, 1));
    assert!(node.backend.block(3).unwrap().is_none());
    assert!(store.undo(3).unwrap().is_none() && store.receipts(3).unwrap().is_none());
    assert!(node.backend.locate(&transfer(1, 2).hash()).unwrap().is_none());
    let last = store.last_batch().unwrap().unwrap();
    assert_eq!((last.header.batch_index, last.stage), (1, BatchStage::Available));
    // What was confirmed is not forgotten.
    let left = store.requeued().unwrap();
    let raw: Vec<_> = left.iter().map(|(_, raw)| raw.clone()).collect();
    assert_eq!(raw, [transfer(1, 1), transfer(2, 0), transfer(1, 2)].map(|transaction| transaction.raw().clone()));
    let left = requeue::step(&node.backend, left, true).await.unwrap();
    assert_eq!((left.len(), store.requeued().unwrap().len()), (3, 3), "in the pool only");
    let full = node.producer.make_block(&[]).unwrap().unwrap();
    assert_eq!(full.block.body.transactions.len(), 3);
    assert!(requeue::step(&node.backend, left, true).await.unwrap().is_empty());
    assert!(store.requeued().unwrap().is_empty());
    // And the next batch goes on behind it.
    let mut cutter = Cutter::new(node.backend.clone(), stages.clone()).unwrap();
    cutter.catch_up().unwrap();
    cutter.cut().unwrap();
    let (da, settlement) = (Arc::new(Remote::default()), Arc::new(Remote::default()));
    settle(&submitter(&node, &stages, &da, &settlement)).await;
    let next = settlement.commitments.lock().unwrap()[0].header.clone();
    assert_eq!((next.batch_index, next.first_block, next.inbox_from), (2, 3, 1));
    assert_eq!(next.parent_commitment, forced.header.hash());
}

#[tokio::test]
async fn a_forced_batch_on_what_this_folder_does_not_have_halts() {
    let (node, stages, forced) = overtaken(&Arc::new(MemoryKv::default())).await;
    let header = BatchHeader { parent_commitment: B256::repeat_byte(9), ..forced.header };
    assert!(!take_forced(&node, &stages, &ForcedBatch { header, ..forced }));
    assert!(matches!(stages.posting(), Posting::Halted(reason) if reason.contains("data folder")));
}

#[tokio::test]
async fn a_forced_batch_that_does_not_follow_stops_everything() {
    let kv = Arc::new(MemoryKv::default());
    let (node, stages, forced) = overtaken(&kv).await;
    let header = BatchHeader { post_state_root: B256::repeat_byte(9), ..forced.header };
    assert!(take_forced(&node, &stages, &ForcedBatch { header, ..forced }));
    drop((node, stages));
    let error = rewind(&config().chain, &ChainStore::new(kv), None).unwrap_err();
    assert!(matches!(error, ChainError::Forced { index: 1, .. }), "{error}");
}

/// What was signed cannot be posted, and nothing else is signed: the place is for a forced batch.
#[tokio::test]
async fn a_batch_that_is_too_late_is_not_replaced_by_another_signature() {
    let mut node = node();
    let stages = open_stages(&node);
    let (da, settlement) = (Arc::new(Remote::default()), Arc::new(Remote::default()));
    batches(&mut node, &stages, 0..2);
    let submitter = submitter(&node, &stages, &da, &settlement);
    submitter.step().await.unwrap_or_else(|_| panic!("published"));
    for (reason, forced) in [("INBOX_OVERDUE", 0), ("FORCED_DUE", 1)] {
        *settlement.refusal.lock().unwrap() = Some(reason);
        assert!(submitter.step().await.is_err());
        assert!(matches!(stages.posting(), Posting::Late(_)));
        assert_eq!(*settlement.forced.lock().unwrap(), forced);
        let refused = node.submit(&transfer(1, 2)).unwrap_err();
        assert!(refused.to_string().contains("taken back"), "{refused}");
    }
    assert_eq!(da.payloads.lock().unwrap().len(), 1, "nothing was signed since");
    // Should settlement take it after all, all is well again.
    *settlement.refusal.lock().unwrap() = None;
    settle(&submitter).await;
    assert_eq!(stages.posting(), Posting::Open);
    assert_eq!(settlement.commitments.lock().unwrap().len(), 2);
    node.submit(&transfer(1, 2)).unwrap();
}

fn key_change(new_key: alloy_primitives::Address, epoch: u64) -> Event {
    let change = KeyChange { chain_id: CHAIN_ID, config_hash: config().chain.hash(), new_key, epoch };
    Event::KeyChange(Box::new(change.sign(&signer(9))))
}

/// The old key stops at once; who starts with the new key signs again what was signed and not posted, one epoch on.
#[tokio::test]
async fn the_new_key_goes_on_where_the_old_one_stopped() {
    let kv = Arc::new(MemoryKv::default());
    let mut first = open(kv.clone(), &config());
    let stages = open_stages(&first);
    batches(&mut first, &stages, 0..1);
    let (da, settlement) = (Arc::new(Remote::default()), Arc::new(Remote::default()));
    let poster = submitter(&first, &stages, &da, &settlement);
    settle(&poster).await;
    batches(&mut first, &stages, 1..3);
    // Signed and stored, then the key changes.
    assert!(poster.step().await.unwrap_or_else(|_| panic!("refused")));
    let signed = first.backend.batch(1).unwrap().unwrap().signed.unwrap();
    let mut state = LogState::default();
    take(&follower(&first, &stages), &mut state, 5, key_change(signer(7).address(), 1));
    assert_eq!(stages.posting(), Posting::Replaced(signer(7).address()));
    settle(&poster).await;
    assert_eq!(settlement.commitments.lock().unwrap().len(), 1);
    let refused = first.submit(&transfer(1, 3)).unwrap_err();
    assert!(refused.to_string().contains("key_file"), "{refused}");
    drop((first, poster));

    let changed = crate::config::Config { signer: signer(7), ..config() };
    let second = open(kv, &changed);
    let stages = Stages::new(second.backend.clone(), Readiness::default()).unwrap();
    let poster = Submitter::new(second.backend.clone(), stages.clone(), signer(7), da.clone(), settlement.clone());
    settle(&poster).await;
    assert_eq!(settlement.commitments.lock().unwrap().len(), 1, "the log was not read yet");
    stages.caught_up();
    settle(&poster).await;
    let posted = settlement.commitments.lock().unwrap().clone();
    let by: Vec<_> = posted.iter().map(|signed| (signed.signer().unwrap(), signed.header.leader_epoch)).collect();
    let (old, new) = (signer(9).address(), signer(7).address());
    assert_eq!(by, [(old, 0), (new, 1), (new, 1)]);
    assert_ne!(posted[1].header.hash(), signed.header.hash());
    assert!(posted.windows(2).all(|pair| pair[1].header.parent_commitment == pair[0].header.hash()));
}

#[tokio::test]
async fn a_key_change_lifts_what_equivocation_froze_and_nothing_else() {
    let kv = Arc::new(MemoryKv::default());
    let node = open(kv.clone(), &config());
    let stages = open_stages(&node);
    let follow = follower(&node, &stages);
    let mut state = LogState::default();
    let twice = SignedBatch { header: Default::default(), signature: weft_primitives::Signature([0; 65]) };
    let equivocation = Event::Equivocation(Box::new(Equivocation { first: twice.clone(), second: twice }));
    let promise = Promise { chain_id: CHAIN_ID, ..Promise::default() }.sign(&signer(9));
    let broken = BrokenPromise { promise, commitment: B256::ZERO, stands: B256::repeat_byte(1) };
    for (epoch, evidence) in [(1, equivocation), (2, Event::BrokenPromise(Box::new(broken)))] {
        take(&follow, &mut state, 3 + 2 * epoch, evidence);
        assert!(matches!(stages.posting(), Posting::Halted(reason) if reason.contains("frozen")));
        // The same key again is the admin's to decide.
        take(&follow, &mut state, 4 + 2 * epoch, key_change(signer(9).address(), epoch));
        assert_eq!(stages.posting(), Posting::Unknown);
        stages.caught_up();
        assert_eq!((stages.posting(), stages.epoch().unwrap()), (Posting::Open, epoch));
    }
    let again = Stages::new(node.backend.clone(), Readiness::default()).unwrap();
    assert_eq!(again.posting(), Posting::Unknown);

    stages.log(&mut state, &News { halt: Some("an operator has to look".to_owned()), ..News::default() }).unwrap();
    take(&follow, &mut state, 9, key_change(signer(9).address(), 3));
    assert!(matches!(stages.posting(), Posting::Halted(_)));
}

/// A promise names the newest signed commitment before its block, and is given only while commitments are signed.
#[tokio::test]
async fn blocks_are_promised_on_what_was_signed_before_them() {
    let mut node = node();
    let promised = |node: &TestNode, number| {
        let hash = node.backend.block(number).unwrap().unwrap().hash;
        let signed = node.backend.promise(number, hash).unwrap()?;
        assert_eq!((signed.promise.number, signed.promise.block_hash), (number, hash));
        assert_eq!(signed.signer(), Ok(signer(9).address()));
        // The same again, from the cache.
        assert_eq!(node.backend.promise(number, hash).unwrap(), Some(signed));
        Some(signed.promise.base)
    };
    node.block(&[transfer(2, 0)]).unwrap();
    assert_eq!(promised(&node, 1), None);
    let stages = Stages::new(node.backend.clone(), Readiness::default()).unwrap();
    assert_eq!(promised(&node, 1), None);
    stages.caught_up();
    assert_eq!(promised(&node, 1), Some(B256::ZERO));
    // Batch 0 has blocks 1 and 2, each later one a block.
    batches(&mut node, &stages, 0..3);
    assert_eq!((1..=4).map(|number| promised(&node, number)).collect::<Vec<_>>(), vec![Some(B256::ZERO); 4]);
    let (da, settlement) = (Arc::new(Remote::default()), Arc::new(Remote::default()));
    settle(&submitter(&node, &stages, &da, &settlement)).await;
    node.block(&[transfer(2, 1)]).unwrap();
    let signed: Vec<B256> = settlement.commitments.lock().unwrap().iter().map(|it| it.header.hash()).collect();
    assert_eq!(signed.len(), 3);
    let bases: Vec<_> = (1..=5).map(|number| promised(&node, number).unwrap()).collect();
    assert_eq!(bases, [B256::ZERO, B256::ZERO, signed[0], signed[1], signed[2]]);
    assert_eq!(promised(&node, 0), None);
    stages.log(&mut LogState::default(), &News { halt: Some("a reason".to_owned()), ..News::default() }).unwrap();
    assert_eq!(promised(&node, 5), None);
}
