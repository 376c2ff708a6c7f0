//! A sequencer beside settlement's state machine, and a follower, all in memory: for the tests of this crate.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::watch;
use tonic::Code;
use weft_execution::StateView;
use weft_execution::forced::{ForcedContext, build};
use weft_execution::verify::Checkpoint;
use weft_primitives::{Address, B256, BatchHeader, SignedBatch, Transaction, U256};
use weft_service::{Readiness, Shutdown};
use weft_settlement::{Chain as Machine, Effect, History, Judgement, Limits, LogEntry, Rules, Sampled, Terms};
use weft_wire::RemoteError;

use super::{DeriveError, Deriver, LogView, Payloads, Progress, rules};
use crate::batcher::{Cutter, Stages};
use crate::chain::Chain;
use crate::store::{ChainStore, Kinds, Kv, MemoryKv, Place};
use crate::testing::{TestNode, config, signer, transfer};

/// Payloads by hash; one that is not there is missing, one in `lies` comes wrong so many times first.
#[derive(Default)]
pub struct Da {
    pub payloads: Mutex<HashMap<B256, Bytes>>,
    pub lies: Mutex<u32>,
}

impl Payloads for Da {
    fn payload<'a>(&'a self, claim: &'a BatchHeader) -> BoxFuture<'a, Result<Bytes, RemoteError>> {
        Box::pin(async move {
            let mut lies = self.lies.lock().unwrap();
            if *lies > 0 {
                *lies -= 1;
                return Err(RemoteError::protocol("the bytes are not the blob that was asked for"));
            }
            let found = self.payloads.lock().unwrap().get(&claim.payload_hash).cloned();
            found.ok_or(RemoteError {
                code: Code::NotFound,
                reason: String::new(),
                message: "missing".to_owned(),
                retry_after: None,
            })
        })
    }
}

/// A sequencer, settlement's state machine, and all that it wrote.
pub struct Rollup {
    pub node: TestNode,
    pub stages: Stages,
    pub machine: Machine,
    pub history: History,
    pub entries: Vec<LogEntry>,
    pub da: Arc<Da>,
    pub nonce: u64,
    pub now_ms: u64,
}

/// Undo records that a follower keeps.
pub const HISTORY: u64 = 64;

pub const START_MS: u64 = 1_700_000_000_000;

pub fn the_rules() -> Rules {
    let terms = Terms { availability_deadline_ms: 0, ..Terms::new(signer(9).address()) };
    rules(&config().chain, terms).unwrap()
}

impl Rollup {
    pub fn new() -> Self {
        let node = crate::testing::node();
        let stages = Stages::new(node.backend.clone(), Readiness::default()).unwrap();
        let machine = Machine::new(the_rules(), Limits::NONE);
        let (history, entries, da) = (History::default(), Vec::new(), Arc::new(Da::default()));
        Self { node, stages, machine, history, entries, da, nonce: 0, now_ms: START_MS }
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.history.absorb(&effect);
            if let Effect::Append(entry) = effect {
                self.entries.push(entry);
            }
        }
    }

    /// Cuts a batch of `blocks` new blocks, with one transfer each, publishes it and signs its commitment.
    pub fn batch(&mut self, blocks: u64) -> SignedBatch {
        let first = self.nonce;
        self.nonce += blocks;
        let transfers: Vec<_> = (first..self.nonce).map(|nonce| vec![transfer(1, nonce)]).collect();
        self.batch_of(&transfers)
    }

    /// The same, of blocks with these transactions.
    pub fn batch_of(&mut self, blocks: &[Vec<Transaction>]) -> SignedBatch {
        let mut cutter = Cutter::new(self.node.backend.clone(), self.stages.clone()).unwrap();
        for transactions in blocks {
            for transaction in transactions {
                self.node.submit(transaction).unwrap();
            }
            let cursor = self.node.backend.chain().tip().inbox_cursor as usize;
            let inbox: Vec<_> = self.history.inbox().iter().skip(cursor).map(|row| row.item.clone()).collect();
            self.node.producer.make_block(&inbox).unwrap().unwrap();
        }
        cutter.catch_up().unwrap();
        cutter.cut().unwrap();
        let store = self.node.backend.chain().store();
        let record = store.last_batch().unwrap().unwrap();
        let payload = store.payload(record.header.batch_index).unwrap().unwrap();
        self.da.payloads.lock().unwrap().insert(record.header.payload_hash, payload.into());
        self.sign(record.header, |_| ())
    }

    pub fn sign(&self, header: BatchHeader, change: impl FnOnce(&mut BatchHeader)) -> SignedBatch {
        let parent_commitment = self.machine.parent().commitment;
        let mut header =
            BatchHeader { parent_commitment, da_height: 1, anchor_seq: 0, anchor_hash: B256::ZERO, ..header };
        if let Some(anchor) = self.entries.last() {
            (header.anchor_seq, header.anchor_hash) = (anchor.seq, anchor.hash());
        }
        change(&mut header);
        header.sign(&signer(9))
    }

    pub fn post(&mut self, signed: &SignedBatch) -> B256 {
        self.now_ms += 1_000;
        let mut effects = Vec::new();
        let facts = self.history.facts(signed);
        let receipt = self.machine.post(self.now_ms, signed, &facts, &mut effects).unwrap();
        self.take(effects);
        receipt.commitment
    }

    pub fn available(&mut self, commitment: B256, sampled: Sampled) {
        let mut effects = Vec::new();
        self.machine.judge_availability(self.now_ms, commitment, sampled, &mut effects).unwrap();
        self.take(effects);
    }

    pub fn executed(&mut self, commitment: B256, judgement: Judgement) {
        let (mut effects, version) = (Vec::new(), weft_execution::STF_VERSION);
        self.machine.judge_execution(self.now_ms, commitment, version, judgement, &mut effects).unwrap();
        self.take(effects);
    }

    /// What waits in the inbox as a forced batch, final, on top of `chain`, which is at the newest batch.
    pub fn force(&mut self, chain: &Chain) -> BatchHeader {
        let chain_config = config().chain;
        self.now_ms += chain_config.params().inbox_deadline_ms + chain_config.params().inbox_grace_ms;
        let (parent, head, tip) = (self.machine.parent(), self.machine.head(), chain.tip());
        let checkpoint = Checkpoint {
            next_batch: parent.next_index,
            commitment: parent.commitment,
            block: tip.parent.clone(),
            inbox_cursor: tip.inbox_cursor,
            inbox_acc: tip.inbox_acc,
        };
        let rows = self.history.inbox().iter().skip(tip.inbox_cursor as usize);
        let waiting: Vec<_> = rows.map(|row| row.item.clone()).collect();
        let anchor = (head.log_seq, head.log_hash, head.log_time_ms);
        let log = ForcedContext { waiting: &waiting, anchor, leader_epoch: head.epoch };
        let header = build(&chain_config, &checkpoint, &log, &mut chain.world().clone()).unwrap().header;
        let (facts, mut effects) = (self.history.facts(&header.clone().forced()), Vec::new());
        let receipt = self.machine.force(self.now_ms, &header, &facts, &mut effects).unwrap();
        self.take(effects);
        self.executed(receipt.commitment, Judgement::Valid);
        header
    }

    /// Posted and final.
    pub fn settle(&mut self, signed: &SignedBatch) {
        let commitment = self.post(signed);
        self.available(commitment, Sampled::Available);
        self.executed(commitment, Judgement::Valid);
    }

    pub fn inbox(&mut self, seed: u8, nonce: u64) {
        let mut effects = Vec::new();
        let raw = transfer(seed, nonce).raw().clone();
        self.machine.submit_inbox(self.now_ms, raw, &mut effects).unwrap();
        self.take(effects);
    }
}

/// A follower over a store that outlives it. It has no memory for the state, and the sequencer has as much as it takes:
/// so whatever is compared is compared between the two.
pub struct Follower {
    pub chain: Arc<Chain>,
    pub view: LogView,
    pub da: Arc<Da>,
    pub progress: watch::Sender<Progress>,
}

impl Follower {
    pub fn open(kv: Arc<dyn Kv>, da: &Arc<Da>) -> Self {
        let store = ChainStore::new(kv).index_accounts(true).unwrap();
        let limits =
            crate::config::Limits { history_blocks: HISTORY, max_waiters: 8, state_memory: Some(0), ..config().limits };
        let chain = Arc::new(Chain::open(config().chain, store, &limits).unwrap());
        let progress = watch::channel(Progress::default()).0;
        Self { chain, view: LogView::new(the_rules()), da: da.clone(), progress }
    }

    pub fn new(da: &Arc<Da>) -> Self {
        Self::open(Arc::new(MemoryKv::default()), da)
    }

    pub fn deriver(&self) -> Deriver {
        Deriver::new(self.chain.clone(), self.view.clone(), self.da.clone(), self.progress.clone()).unwrap()
    }

    /// Reads the log to its end and derives what it says.
    pub async fn follow(&self, rollup: &Rollup) -> Result<(), DeriveError> {
        let seen = self.view.newest() as usize;
        for entry in &rollup.entries[seen..] {
            self.view.push(entry)?;
        }
        self.view.expect(rollup.entries.len() as u64);
        Box::pin(self.deriver().catch_up(&Shutdown::new())).await
    }

    /// The follower's blocks up to `latest` are the sequencer's, with their receipts, state and batches.
    pub fn assert_same(&self, rollup: &Rollup, latest: u64) {
        let (own, theirs) = (&self.chain, rollup.node.backend.chain());
        assert_eq!(own.heads().latest, latest);
        for number in 0..=latest {
            let (block, want) = (own.store().block(number).unwrap().unwrap(), theirs.store().block(number).unwrap());
            let want = want.unwrap();
            assert_eq!(
                (block.hash, block.inbox_cursor, block.inbox_acc),
                (want.hash, want.inbox_cursor, want.inbox_acc)
            );
            assert_eq!(own.store().receipts(number).unwrap(), theirs.store().receipts(number).unwrap());
            if latest - number < HISTORY {
                assert_eq!(own.store().undo(number).unwrap(), theirs.store().undo(number).unwrap());
            }
        }
        assert_eq!(own.store().block(latest + 1).unwrap().map(|block| block.hash), None);
        self.assert_indexed(latest);
        let tip = own.store().block(latest).unwrap().unwrap();
        assert_eq!(own.world().state_root(), tip.header.state_root);
        assert_eq!(own.tip().parent.hash, tip.hash);
    }

    /// The index by account has what the blocks up to `latest` have, and no more.
    fn assert_indexed(&self, latest: u64) {
        let store = self.chain.store();
        let mut senders: BTreeMap<Address, Vec<Place>> = BTreeMap::new();
        for number in (0..=latest).rev() {
            let transactions = store.block(number).unwrap().unwrap().body.transactions;
            for (index, transaction) in (0..transactions.len() as u32).zip(&transactions).rev() {
                senders.entry(transaction.sender()).or_default().push(Place { number, index });
            }
        }
        let end = Place { number: u64::MAX, index: 0 };
        for (sender, wanted) in senders {
            let all = store.account_transactions(&sender, end, usize::MAX).unwrap().unwrap();
            let sent = all.found.iter().filter(|(_, kinds)| kinds.has(Kinds::SENT));
            let found: Vec<Place> = sent.map(|(place, _)| *place).collect();
            assert_eq!((found, all.complete_from), (wanted, 0));
        }
    }

    pub fn balance(&self, number: u64) -> U256 {
        let snapshot = self.chain.snapshot(number).unwrap().unwrap();
        snapshot.account(Address::repeat_byte(0x77)).unwrap().map_or(U256::ZERO, |stored| stored.account.balance)
    }
}
