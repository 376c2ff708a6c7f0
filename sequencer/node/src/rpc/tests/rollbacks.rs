//! What clients of a follower see when settlement has rejected blocks that they were given.

use futures::StreamExt;
use tonic::{Code, Request};
use weft_settlement::Sampled;
use weft_wire::pb::sequencer::v1 as pb;
use weft_wire::pb::sequencer::v1::sequencer_server::Sequencer;

use super::*;
use crate::derive::testing::{Follower, Rollup};
use crate::grpc::SequencerService;
use crate::store::MemoryKv;

/// Number, index, and whether it is said to be removed.
type Seen = (u64, u64, bool);

fn seen(log: &Value) -> Seen {
    (number(&log["blockNumber"]), number(&log["logIndex"]), log["removed"].as_bool().unwrap())
}

/// Block 1 deploys a contract and is final; blocks 2 and 3 have two events and one. They are taken back once.
struct Story {
    rollup: Rollup,
    follower: Follower,
    contract: Address,
}

impl Story {
    async fn new() -> Self {
        let mut rollup = Rollup::new();
        let fields = TxEip1559 { to: TxKind::Create, input: contract(), gas_limit: 300_000, ..fields(0) };
        let first = rollup.batch_of(&[vec![sign(&signer(8), fields)]]);
        rollup.settle(&first);
        let follower = Follower::open(Arc::new(MemoryKv::default()), &rollup.da);
        follower.follow(&rollup).await.unwrap();
        let contract = follower.chain.store().receipts(1).unwrap().unwrap()[0].contract_address.unwrap();
        Self { rollup, follower, contract }
    }

    /// Blocks 2 and 3 come, and are shown to `meanwhile`; then they go, and come again.
    async fn run(&mut self, meanwhile: impl AsyncFnOnce()) {
        let blocks = [vec![poke(self.contract, 1), poke(self.contract, 2)], vec![poke(self.contract, 3)]];
        let batch = self.rollup.batch_of(&blocks);
        let commitment = self.rollup.post(&batch);
        self.follower.follow(&self.rollup).await.unwrap();
        meanwhile().await;
        self.rollup.available(commitment, Sampled::Withheld);
        self.follower.follow(&self.rollup).await.unwrap();
        assert_eq!((self.follower.chain.heads().latest, self.follower.chain.rollbacks()), (1, 1));
        let again = self.rollup.sign(batch.header.clone(), |_| ());
        self.rollup.settle(&again);
        self.follower.follow(&self.rollup).await.unwrap();
        assert_eq!(self.follower.chain.heads().latest, 3);
    }

    fn backend(&self) -> Backend {
        Backend::new(self.follower.chain.clone(), &testing::config()).unwrap()
    }
}

const FIRST: [Seen; 3] = [(2, 0, false), (2, 1, false), (3, 0, false)];
/// Undone from the end on.
const REMOVED: [Seen; 3] = [(3, 0, true), (2, 1, true), (2, 0, true)];

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_go_back_and_tell_what_is_removed() {
    let mut story = Story::new().await;
    let (address, shutdown, task) = serve(story.backend()).await;
    let mut client = WebSocket::connect(address).await;
    let logs = client.subscribe(json!(["logs", { "address": story.contract }])).await;
    let mut other = WebSocket::connect(address).await;
    let heads = other.subscribe(json!(["newHeads"])).await;
    let mut third = WebSocket::connect(address).await;
    let receipts = third.subscribe(json!(["transactionReceipts"])).await;
    // As one that was cut off within block 2: what it had before is gone with the rest.
    let mut resumed = WebSocket::connect(address).await;
    let part = json!({ "address": story.contract, "fromBlock": "0x2", "fromLogIndex": "0x1" });
    let part = resumed.subscribe(json!(["logs", part])).await;
    let mut given = Vec::new();
    story
        .run(async || {
            for wanted in FIRST {
                assert_eq!(seen(&client.notification(&logs).await), wanted);
            }
            for wanted in &FIRST[1..] {
                assert_eq!(seen(&resumed.notification(&part).await), *wanted);
            }
            for wanted in [2, 3] {
                given.push(other.notification(&heads).await);
                assert_eq!(number(&given.last().unwrap()["number"]), wanted);
                assert_eq!(number(&third.notification(&receipts).await[0]["blockNumber"]), wanted);
            }
        })
        .await;
    for wanted in REMOVED.iter().chain(&FIRST) {
        assert_eq!(seen(&client.notification(&logs).await), *wanted);
        assert_eq!(seen(&resumed.notification(&part).await), *wanted);
    }
    for wanted in &given {
        // The sequencer has made the same blocks again.
        assert_eq!(other.notification(&heads).await, *wanted);
        assert_eq!(third.notification(&receipts).await[0]["blockHash"], wanted["hash"]);
    }
    for client in [&mut client, &mut other, &mut third, &mut resumed] {
        assert!(client.is_silent().await);
    }
    shutdown.trigger();
    task.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_go_back_as_far_as_they_were_asked() {
    let mut story = Story::new().await;
    let (address, shutdown, task) = serve(story.backend()).await;
    let mut client = WebSocket::connect(address).await;
    let mut new = Vec::new();
    for _ in 0..2 {
        new.push(client.ask("eth_newFilter", json!([{ "address": story.contract }])).await.unwrap());
    }
    let blocks = client.ask("eth_newBlockFilter", json!([])).await.unwrap();
    let (asked, unasked) = (new[0].clone(), new[1].clone());
    let mut changes = async |id: &Value| client.ask("eth_getFilterChanges", json!([id])).await.unwrap();
    let list = |logs: &Value| logs.as_array().unwrap().iter().map(seen).collect::<Vec<_>>();
    let mut hashes = Value::Null;
    story
        .run(async || {
            assert_eq!(list(&changes(&asked).await), FIRST);
            hashes = changes(&blocks).await;
            assert_eq!(hashes.as_array().unwrap().len(), 2);
        })
        .await;
    assert_eq!(list(&changes(&asked).await), [&REMOVED[..], &FIRST[..]].concat());
    assert_eq!(list(&changes(&unasked).await), FIRST, "what was never given is not removed");
    assert_eq!(changes(&blocks).await, hashes);
    for id in [&asked, &unasked, &blocks] {
        assert_eq!(changes(id).await, json!([]));
    }
    shutdown.trigger();
    task.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_blocks_ends_and_says_from_where() {
    let mut story = Story::new().await;
    let service = SequencerService::new(story.backend());
    let ask = async |from_number| {
        service.subscribe_blocks(Request::new(pb::SubscribeBlocksRequest { from_number })).await.unwrap().into_inner()
    };
    let (mut reading, mut waiting) = (ask(None).await, ask(Some(2)).await);
    let number = |answer: Option<Result<pb::SubscribeBlocksResponse, tonic::Status>>| {
        answer.unwrap().unwrap().block.unwrap().number
    };
    story
        .run(async || {
            assert_eq!((number(reading.next().await), number(reading.next().await)), (2, 3));
        })
        .await;
    let end = reading.next().await.unwrap().unwrap_err();
    assert_eq!(end.code(), Code::FailedPrecondition);
    assert!(end.message().ends_with("ask again from block 2"), "{end:?}");
    assert!(reading.next().await.is_none());
    // Who had read nothing of it reads on.
    assert_eq!((number(waiting.next().await), number(waiting.next().await)), (2, 3));
}
