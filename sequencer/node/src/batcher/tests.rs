//! Batches against DA and settlement services that are away, slow or forgetful.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use tonic::Code;
use weft_execution::verify::{Checkpoint, LogContext, Verdict, verify};
use weft_execution::{Parent, World};
use weft_primitives::batch::Batch;
use weft_primitives::{B256, InboxItem, Namespace, SignedBatch};
use weft_service::{Readiness, Shutdown};
use weft_settlement::{AvailabilityVerdict, Event, Finalized, LogEntry, RejectReason, Rejected};
use weft_wire::{RemoteError, SettlementClient};

use super::{Commit, Cutter, Follower, Publish, Published, Stages, Submitter};
use crate::backend::Stage;
use crate::mempool::PoolError;
use crate::store::{BatchStage, LogState, MemoryKv};
use crate::testing::{TestNode, config, node, open, signer, transfer};

fn away() -> RemoteError {
    RemoteError { code: Code::Unavailable, reason: String::new(), message: "away".to_owned() }
}

/// A DA layer or settlement that fails a number of times first.
#[derive(Default)]
struct Remote {
    failures: Mutex<u32>,
    payloads: Mutex<Vec<Bytes>>,
    commitments: Mutex<Vec<SignedBatch>>,
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
            // Takes the commitment, but the answer is lost now and then.
            let mut commitments = self.commitments.lock().unwrap();
            if !commitments.contains(signed) {
                commitments.push(signed.clone());
            }
            if self.fails() { Err(away()) } else { Ok(()) }
        })
    }
}

fn submitter(node: &TestNode, stages: &Stages, da: &Arc<Remote>, settlement: &Arc<Remote>) -> Submitter {
    let readiness = Readiness::default();
    Submitter::new(node.backend.clone(), stages.clone(), signer(9), da.clone(), settlement.clone(), readiness)
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
    let stages = Stages::new(node.backend.clone());
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
    let stages = Stages::new(first.backend.clone());
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
    let stages = Stages::new(second.backend.clone());
    let anchor = LogState { seq: 9, hash: B256::repeat_byte(9), ..LogState::default() };
    stages.log(&anchor, None, None).unwrap();
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
    let stages = Stages::new(node.backend.clone());
    let mut cutter = Cutter::new(node.backend.clone(), stages.clone()).unwrap();
    for nonce in 0..2 {
        node.block(&[transfer(1, nonce)]).unwrap();
        cutter.catch_up().unwrap();
        cutter.cut().unwrap();
    }
    let refused = node.backend.submit(transfer(1, 2).raw().clone()).unwrap_err();
    assert!(matches!(&refused, PoolError::Backpressure(text) if text.contains("batch.max_pending = 2")), "{refused}");
    let (da, settlement) = (Arc::new(Remote::default()), Arc::new(Remote::default()));
    let shutdown = Shutdown::new();
    let task = tokio::spawn(submitter(&node, &stages, &da, &settlement).run(shutdown.clone()));
    until(|| stages.first_unposted().unwrap().is_none()).await;
    node.backend.submit(transfer(1, 2).raw().clone()).unwrap();
    shutdown.trigger();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_log_moves_stages_heads_and_inbox() {
    let mut node = node();
    let stages = Stages::new(node.backend.clone());
    let transaction = transfer(1, 0);
    node.block(std::slice::from_ref(&transaction)).unwrap();
    let mut cutter = Cutter::new(node.backend.clone(), stages.clone()).unwrap();
    cutter.catch_up().unwrap();
    cutter.cut().unwrap();
    let (da, settlement) = (Arc::new(Remote::default()), Arc::new(Remote::default()));
    let shutdown = Shutdown::new();
    let task = tokio::spawn(submitter(&node, &stages, &da, &settlement).run(shutdown.clone()));
    until(|| stages.first_unposted().unwrap().is_none()).await;
    shutdown.trigger();
    task.await.unwrap().unwrap();
    let signed = settlement.commitments.lock().unwrap()[0].clone();
    let (batch_index, commitment) = (0, signed.header.hash());

    let readiness = Readiness::default();
    let client = SettlementClient::new("http://127.0.0.1:1").unwrap();
    let follower = Follower::new(node.backend.clone(), stages.clone(), client, readiness.clone());
    let mut state = LogState::default();
    let mut take = |event: Event| {
        let entry = LogEntry { seq: state.seq + 1, prev_hash: state.hash, time_ms: 5, event };
        follower.take(&mut state, &entry).unwrap();
    };
    let stage = || node.backend.transaction_status(&transaction.hash()).unwrap().stage;
    take(Event::Posted(Box::new(signed)));
    assert_eq!(stage(), Stage::Posted);
    take(Event::Availability(AvailabilityVerdict { batch_index, commitment: B256::ZERO, available: true }));
    assert_eq!(stage(), Stage::Posted, "of another commitment");
    take(Event::Availability(AvailabilityVerdict { batch_index, commitment, available: true }));
    assert_eq!((stage(), node.backend.heads().safe), (Stage::Available, 1));
    take(Event::Finalized(Finalized { batch_index, commitment }));
    assert_eq!((stage(), node.backend.heads().finalized), (Stage::Finalized, 1));
    let item = InboxItem { index: 0, time_ms: 5, transaction: transfer(3, 0).raw().clone() };
    take(Event::Inbox(item.clone()));
    assert_eq!(node.backend.chain().store().inbox(0, 10).unwrap(), std::slice::from_ref(&item));
    let full = node.producer.make_block(&[item]).unwrap().unwrap();
    assert_eq!((full.block.body.inbox_count, full.block.body.inbox_included, full.block.inbox_cursor), (1, 1, 1));
    take(Event::Rejected(Rejected { batch_index, commitment, reason: RejectReason::Limits, block: None }));
    assert!(readiness.missing().contains_key("posting"));
    assert_eq!(node.backend.batch(0).unwrap().unwrap().stage, BatchStage::Rejected);
}
