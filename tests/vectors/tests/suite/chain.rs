//! A chain derived from its configuration, its log and its batches; forced batches; batches judged on witnesses.
//!
//! All transactions pay accounts without code: a second implementation needs no EVM to come to the same headers.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxLegacy};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, hex};
use serde_json::{Value, json};
use weft_execution::forced::{ForcedContext, build};
use weft_execution::verify::{Checkpoint, LogContext, Verdict, verify, verify_recording, verify_stateless};
use weft_execution::{BlockBuilder, Parent, STF_VERSION, StateView as _, World};
use weft_primitives::batch::{Batch, BatchBlock, Level};
use weft_primitives::inbox::{Content, accumulate};
use weft_primitives::transaction::{Envelope, encode};
use weft_primitives::{BatchHeader, BlockHeader, ChainConfig, Deposit, InboxItem, Signer, Transaction};
use weft_settlement::{Judgement, Rules, Terms};
use weft_vectors::golden;

use crate::commitment::signer;
use crate::settled::{ADMIN, CHAIN_ID, POSTING, START_MS, Settled};

const GWEI: u128 = 1_000_000_000;

/// Not below the genesis time.
const TIME: u64 = START_MS / 1000;

/// The smallest gas limit that a chain may have, so that blocks are soon full.
fn genesis_text() -> String {
    let rich = |seed: u8| format!("\"{}\":{{\"balance\":\"0xde0b6b3a7640000\"}}", signer(seed).address());
    let word = |value: u64| B256::from(U256::from(value));
    let contract = format!(
        r#""0x00000000000000000000000000000000000000c0":{{"balance":"0x7","nonce":"0x1","code":"0x602035",
           "storage":{{"{}":"{}","{}":"{}"}}}}"#,
        word(1),
        word(3),
        word(1_000),
        word(4)
    );
    let delegated = r#""0x00000000000000000000000000000000000000d0":{"balance":"0x0","nonce":"0x1",
        "code":"0xef010000000000000000000000000000000000000000c0"}"#;
    format!(
        r#"{{"config":{{"chainId":{CHAIN_ID},"pragueTime":0,"osakaTime":0,"weft":{{"minBaseFeePerGas":1000000000,
           "feeRecipient":"0x00000000000000000000000000000000000000fe","withdrawals":true,"inboxDeadlineMs":20000,
           "inboxGraceMs":10000}}}},"timestamp":"{:#x}","gasLimit":"0xf4240","difficulty":"0x0",
           "alloc":{{{},{},{},{contract},{delegated}}}}}"#,
        TIME - 5,
        rich(31),
        rich(32),
        rich(33),
    )
}

fn config() -> ChainConfig {
    ChainConfig::from_json(&genesis_text()).unwrap()
}

fn signed(from: &Signer, transaction: impl SignableTransaction<Signature> + Into<Unsigned>) -> Bytes {
    let signature = Signature::from_raw(&from.sign(transaction.signature_hash()).0).unwrap();
    let envelope: Envelope = match transaction.into() {
        Unsigned::Legacy(transaction) => transaction.into_signed(signature).into(),
        Unsigned::List(transaction) => transaction.into_signed(signature).into(),
        Unsigned::Dynamic(transaction) => transaction.into_signed(signature).into(),
    };
    encode(&envelope)
}

/// A transaction of a type that is used here.
enum Unsigned {
    Legacy(TxLegacy),
    List(TxEip2930),
    Dynamic(TxEip1559),
}

impl From<TxLegacy> for Unsigned {
    fn from(transaction: TxLegacy) -> Self {
        Self::Legacy(transaction)
    }
}

impl From<TxEip2930> for Unsigned {
    fn from(transaction: TxEip2930) -> Self {
        Self::List(transaction)
    }
}

impl From<TxEip1559> for Unsigned {
    fn from(transaction: TxEip1559) -> Self {
        Self::Dynamic(transaction)
    }
}

fn payment(nonce: u64, to: Address, value: u64) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 3 * GWEI,
        max_priority_fee_per_gas: GWEI / 2,
        to: TxKind::Call(to),
        value: U256::from(value),
        ..TxEip1559::default()
    }
}

fn pay(from: u8, nonce: u64, to: u8, value: u64) -> Bytes {
    signed(&signer(from), payment(nonce, signer(to).address(), value))
}

/// One transaction of each other kind, from the key `from`, with nonces from `nonce` on.
fn kinds(from: u8, nonce: u64) -> Vec<Bytes> {
    let to = TxKind::Call(Address::repeat_byte(0x99));
    let (gas_price, gas_limit, value) = (2 * GWEI, 30_000, U256::from(5));
    let legacy = |chain_id, nonce| TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input: Bytes::new() };
    let item = AccessListItem { address: Address::repeat_byte(0x98), storage_keys: vec![B256::ZERO] };
    let (access_list, input) = (AccessList(vec![item]), Bytes::from_static(&[1, 0, 2, 3]));
    let list = TxEip2930 {
        chain_id: CHAIN_ID,
        nonce: nonce + 2,
        gas_price,
        gas_limit,
        to,
        value: U256::ZERO,
        access_list,
        input: Bytes::new(),
    };
    let with_data = TxEip1559 { input, gas_limit, ..payment(nonce + 3, Address::repeat_byte(0x97), 1) };
    let key = signer(from);
    vec![
        signed(&key, legacy(None, nonce)),
        signed(&key, legacy(Some(CHAIN_ID), nonce + 1)),
        signed(&key, list),
        signed(&key, with_data),
    ]
}

fn item(index: u64, transaction: Bytes) -> InboxItem {
    InboxItem { index, time_ms: START_MS + index, content: Content::Transaction(transaction) }
}

fn deposit(index: u64, to: Address, amount: u128) -> InboxItem {
    let deposit = Deposit::sign(config().hash(), &signer(21), index, to, amount);
    InboxItem { index, time_ms: START_MS + index, content: Content::Deposit(deposit) }
}

/// What the inbox holds: what is executed, what is skipped, what waits for the next block.
fn inbox() -> Vec<InboxItem> {
    let large = |from, nonce| {
        let unsigned = TxEip1559 { gas_limit: 960_000, ..payment(nonce, signer(33).address(), 7) };
        signed(&signer(from), unsigned)
    };
    let poor = signed(&signer(34), payment(0, signer(31).address(), 1));
    let cheap = signed(
        &signer(32),
        TxEip1559 { max_fee_per_gas: 10, max_priority_fee_per_gas: 10, ..payment(1, Address::ZERO, 1) },
    );
    let other_chain = signed(&signer(32), TxEip1559 { chain_id: 1, ..payment(1, Address::ZERO, 1) });
    vec![
        deposit(0, Address::repeat_byte(0xd1), 1_000_000_007),
        item(1, pay(32, 0, 31, 9)),
        item(2, pay(32, 5, 31, 9)),
        item(3, poor),
        item(4, cheap),
        item(5, other_chain),
        deposit(6, signer(31).address(), 1 << 70),
        item(7, large(32, 1)),
        item(8, large(32, 2)),
        deposit(9, Address::repeat_byte(0xd1), 3),
    ]
}

/// A block to be made: its time, how many inbox items it takes, its transactions.
struct Plan(u64, usize, Vec<Bytes>);

/// The blocks of two batches.
fn plans() -> [Vec<Plan>; 2] {
    let many = (0..30).map(|nonce| pay(31, nonce + 1, 33, nonce)).collect();
    [
        vec![
            Plan(TIME, 0, vec![pay(31, 0, 32, 1)]),
            // So full that the base fee rises.
            Plan(TIME, 1, many),
            // The eighth item fits, the ninth asks for more gas than is left then.
            Plan(TIME + 1, 7, kinds(33, 0)),
        ],
        vec![Plan(TIME + 2, 1, vec![]), Plan(TIME + 61, 0, vec![]), Plan(TIME + 61, 0, vec![pay(33, 4, 35, 12_345)])],
    ]
}

/// Makes the blocks of a batch on `checkpoint`; what it claims, and its bytes.
fn publish(
    chain: &ChainConfig,
    checkpoint: &Checkpoint,
    plans: Vec<Plan>,
    waiting: &[InboxItem],
    world: &mut World,
) -> (BatchHeader, Vec<u8>) {
    let mut parent = checkpoint.block.clone();
    let mut rest = &waiting[checkpoint.inbox_cursor as usize..];
    let (mut blocks, mut sealed) = (Vec::new(), Vec::new());
    for Plan(timestamp, items, transactions) in plans {
        let mut builder = BlockBuilder::new(chain, &parent, timestamp, &*world).unwrap();
        assert_eq!(builder.inbox(&rest[..items]), Ok(items));
        rest = &rest[items..];
        for raw in &transactions {
            let transaction = Transaction::decode(raw.clone(), CHAIN_ID).unwrap();
            builder.transaction(transaction).unwrap().unwrap();
        }
        let block = builder.finish().seal(chain, &parent, world).unwrap();
        parent = Parent { header: block.header.clone(), hash: block.hash };
        blocks.push(BatchBlock { timestamp, inbox_count: items as u32, transactions });
        sealed.push(block);
    }
    let first_block = checkpoint.block.header.number + 1;
    let inbox_to = waiting.len() - rest.len();
    let consumed = &waiting[checkpoint.inbox_cursor as usize..inbox_to];
    let (first, last) = (&sealed[0].header, &parent.header);
    let batch = Batch { chain_id: CHAIN_ID, first_block, inbox_from: checkpoint.inbox_cursor, blocks };
    let payload = batch.encode(Level::NONE).unwrap();
    let claim = BatchHeader {
        version: 1,
        chain_id: CHAIN_ID,
        config_hash: chain.hash(),
        batch_index: checkpoint.next_batch,
        parent_commitment: checkpoint.commitment,
        first_block,
        last_block: last.number,
        last_block_hash: parent.hash,
        first_timestamp: first.timestamp,
        last_timestamp: last.timestamp,
        pre_state_root: checkpoint.block.header.state_root,
        post_state_root: last.state_root,
        inbox_from: checkpoint.inbox_cursor,
        inbox_to: inbox_to as u64,
        inbox_acc: consumed.iter().fold(checkpoint.inbox_acc, accumulate),
        tx_count: sealed.iter().map(|block| block.body.transactions.len() as u64).sum(),
        gas_used: sealed.iter().map(|block| block.header.gas_used).sum(),
        ..BatchHeader::default()
    };
    (over(claim, &payload), payload)
}

/// The claim over other bytes.
fn over(claim: BatchHeader, payload: &[u8]) -> BatchHeader {
    let payload_hash = B256::from(*blake3::hash(payload).as_bytes());
    BatchHeader { payload_hash, payload_len: payload.len() as u64, ..claim }
}

fn rlp(header: &BlockHeader) -> String {
    hex::encode(alloy_rlp::encode(header))
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Valid(_) => "valid",
        Verdict::Invalid { reason, .. } => reason.code(),
        Verdict::Undecided { .. } => "undecided",
    }
}

/// What the log says around a claim.
fn around<'a>(inbox: &'a [InboxItem], claim: &BatchHeader, posted_ms: u64) -> LogContext<'a> {
    LogContext {
        inbox: inbox.get(claim.inbox_from as usize..claim.inbox_to as usize).unwrap_or_default(),
        next_item_ms: inbox.get(claim.inbox_to as usize).map(|item| item.time_ms),
        posted_ms,
    }
}

/// The genesis description and the parameters, as they are hashed.
fn config_json(chain: &ChainConfig) -> Value {
    let genesis = serde_json::to_value(chain.genesis()).unwrap();
    json!({ "genesis": genesis, "parameters": serde_json::to_value(chain.params()).unwrap() })
}

/// Makes a claim false.
type EditClaim = fn(&mut BatchHeader);

/// Makes another batch, and what of its claim has to follow it.
type EditBatch<'a> = &'a dyn Fn(&mut Batch, &mut BatchHeader);

/// Judges one claim after the other, and goes on behind those that are valid.
struct Deriver {
    chain: ChainConfig,
    inbox: Vec<InboxItem>,
    world: World,
    checkpoint: Checkpoint,
    genesis: BlockHeader,
    judged: Vec<Value>,
}

impl Deriver {
    fn new() -> Self {
        let chain = config();
        let (world, genesis, _) = World::genesis(&chain).unwrap();
        let checkpoint = Checkpoint::genesis(Parent::new(genesis.clone()));
        Self { chain, inbox: inbox(), world, checkpoint, genesis, judged: Vec::new() }
    }

    fn publish(&self, plans: Vec<Plan>) -> (BatchHeader, Vec<u8>) {
        publish(&self.chain, &self.checkpoint, plans, &self.inbox, &mut self.world.clone())
    }

    fn judge(&mut self, name: &str, want: &str, claim: &BatchHeader, payload: &[u8], posted_ms: u64) {
        let log = around(&self.inbox, claim, posted_ms);
        let verdict = verify(&self.chain, &self.checkpoint, claim, payload, &log, &mut self.world);
        assert_eq!(word(&verdict), want, "{name}: {verdict:?}");
        let mut headers = Vec::new();
        if let Verdict::Valid(valid) = verdict {
            self.checkpoint = valid.checkpoint;
            headers = valid.blocks.iter().map(|block| rlp(&block.header)).collect();
        }
        self.judged.push(json!({
            "name": name,
            "commitment": hex::encode(claim.encode()),
            "batch": hex::encode(payload),
            "posted_ms": posted_ms,
            "verdict": want,
            "headers": headers,
        }));
    }

    /// The claim with one thing changed.
    fn judge_claims(&mut self, claim: &BatchHeader, payload: &[u8], posted_ms: u64) {
        let edits: [(&str, EditClaim); 15] = [
            ("another batch index", |claim| claim.batch_index += 1),
            ("another parent", |claim| claim.parent_commitment.0[0] ^= 1),
            ("another configuration", |claim| claim.config_hash.0[0] ^= 1),
            ("another state before", |claim| claim.pre_state_root.0[0] ^= 1),
            ("another length", |claim| claim.payload_len += 1),
            ("another last block", |claim| claim.last_block += 1),
            ("another first time", |claim| claim.first_timestamp += 1),
            ("another last time", |claim| claim.last_timestamp += 1),
            ("another inbox accumulator", |claim| claim.inbox_acc.0[0] ^= 1),
            ("another cursor", |claim| claim.inbox_to -= 1),
            ("another block hash", |claim| claim.last_block_hash.0[0] ^= 1),
            ("another state after", |claim| claim.post_state_root.0[0] ^= 1),
            ("another number of transactions", |claim| claim.tx_count += 1),
            ("other gas", |claim| claim.gas_used -= 1),
            ("a withdrawal", |claim| claim.withdrawals_count = 1),
        ];
        for (name, edit) in edits {
            let mut wrong = claim.clone();
            edit(&mut wrong);
            self.judge(name, "INVALID_STF", &wrong, payload, posted_ms);
        }
        self.judge("other bytes", "undecided", claim, &payload[1..], posted_ms);
        let overdue = claim.inbox_to + START_MS + 20_000;
        self.judge("an overdue item left out", "FORCED_INCLUSION", claim, payload, overdue);
        let early = (claim.last_timestamp - 61) * 1_000 + 999;
        self.judge("posted too early", "BAD_TIMESTAMP", claim, payload, early);
    }

    /// Other batches, and commitments to them.
    fn judge_batches(&mut self, claim: &BatchHeader, payload: &[u8], posted_ms: u64) {
        let damaged = [payload, &[0]].concat();
        self.judge("a byte more", "UNDECODABLE", &over(claim.clone(), &damaged), &damaged, posted_ms);
        let last = (claim.last_block - claim.first_block) as usize;
        let push = |batch: &mut Batch, at: usize, raw: Bytes| batch.blocks[at].transactions.push(raw);
        let before = self.checkpoint.block.header.timestamp - 1;
        let item = self.inbox[claim.inbox_to as usize].clone();
        let edits: [(&str, &str, EditBatch<'_>); 5] = [
            ("a nonce too high", "INVALID_TRANSACTION", &|batch, _| push(batch, last, pay(31, 99, 32, 1))),
            ("a sender without ether", "INVALID_TRANSACTION", &|batch, _| push(batch, 0, pay(34, 0, 32, 1))),
            ("no transaction", "INVALID_TRANSACTION", &|batch, _| push(batch, 0, Bytes::from_static(&[0xc0]))),
            ("a time before the parent's", "BAD_TIMESTAMP", &|batch, claim| {
                batch.blocks[0].timestamp = before;
                claim.first_timestamp = before;
            }),
            ("an item that is not said to be consumed", "INVALID_STF", &|batch, _| batch.blocks[last].inbox_count += 1),
        ];
        for (name, want, edit) in edits {
            let (mut batch, mut wrong) = (Batch::decode(payload).unwrap(), claim.clone());
            edit(&mut batch, &mut wrong);
            let bytes = batch.encode(Level::NONE).unwrap();
            self.judge(name, want, &over(wrong, &bytes), &bytes, posted_ms);
        }
        // In the last block of the first batch the next item asks for more gas than is left.
        let mut batch = Batch::decode(payload).unwrap();
        batch.blocks[last].inbox_count += 1;
        let bytes = batch.encode(Level::NONE).unwrap();
        let (inbox_to, inbox_acc) = (claim.inbox_to + 1, accumulate(claim.inbox_acc, &item));
        let more = over(BatchHeader { inbox_to, inbox_acc, ..claim.clone() }, &bytes);
        let want = if claim.batch_index == 0 { "LIMITS" } else { "INVALID_STF" };
        self.judge("an item more", want, &more, &bytes, posted_ms);
    }
}

#[test]
fn derivation() {
    let mut deriver = Deriver::new();
    let posted_ms = START_MS + 15_000;
    for plans in plans() {
        let (claim, payload) = deriver.publish(plans);
        deriver.judge_claims(&claim, &payload, posted_ms);
        deriver.judge_batches(&claim, &payload, posted_ms);
        deriver.judge("the batch", "valid", &claim, &payload, posted_ms);
    }
    // What the inbox still has; then nothing can be overdue.
    let (claim, payload) = deriver.publish(vec![Plan(TIME + 70, 1, vec![])]);
    deriver.judge("the rest of the inbox", "valid", &claim, &payload, posted_ms + 3_600_000);
    let Deriver { chain, inbox, world, genesis, judged, .. } = deriver;
    let addresses = [Address::repeat_byte(0xd1), Address::repeat_byte(0x99), chain.fee_recipient()];
    let addresses = addresses.into_iter().chain((31..36).map(|seed| signer(seed).address()));
    let accounts = addresses.map(|address| {
        let account = world.account(address).unwrap().map_or_else(Default::default, |stored| stored.account);
        json!([hex::encode(address), account.nonce, account.balance.to_string()])
    });
    let vector = json!({
        "name": "three batches",
        "config": config_json(&chain),
        "config_hash": hex::encode(chain.hash()),
        "supply": chain.supply().to_string(),
        "genesis_header": rlp(&genesis),
        "accounts": accounts.collect::<Vec<_>>(),
        "inbox": inbox.iter().map(|item| hex::encode(item.encode())).collect::<Vec<_>>(),
        "batches": judged,
    });
    golden("chain", "derivation", "What is derived from a configuration, an inbox, and what was posted.", vec![vector]);
}

/// A log in which the sequencer is silent, and what must then be appended.
#[test]
fn forced() {
    let chain = config();
    let (mut world, genesis, _) = World::genesis(&chain).unwrap();
    let genesis = Parent::new(genesis);
    let rules = Rules {
        chain_id: CHAIN_ID,
        config_hash: chain.hash(),
        genesis: weft_settlement::Parent::genesis(genesis.hash, genesis.header.state_root, genesis.header.timestamp),
        stf_version: STF_VERSION,
        terms: Terms { admin: Some(signer(ADMIN).address()), ..Terms::new(signer(POSTING).address()) },
        genesis_supply: chain.supply(),
        inbox_deadline_ms: chain.params().inbox_deadline_ms,
        inbox_grace_ms: chain.params().inbox_grace_ms,
    };
    let mut settled = Settled::new(rules);
    settled.fund(signer(21).address(), 1 << 80);
    settled.deposit(21, Address::repeat_byte(0xd1), 77);
    let large = TxEip1559 { gas_limit: 960_000, ..payment(2, signer(33).address(), 7) };
    for raw in [pay(32, 0, 31, 9), pay(32, 0, 31, 9), pay(32, 1, 35, 1), signed(&signer(32), large)] {
        settled.wait(10).submit_raw(raw);
    }
    settled.deposit(21, signer(31).address(), 1 << 70);
    settled.wait(40_000).fund(signer(22).address(), 1);
    let mut checkpoint = Checkpoint::genesis(genesis);
    let mut headers = Vec::new();
    for _ in 0..2 {
        let head = settled.chain.head();
        let waiting: Vec<InboxItem> = settled.history.inbox().iter().map(|row| row.item.clone()).collect();
        let context = ForcedContext {
            waiting: &waiting[checkpoint.inbox_cursor as usize..],
            anchor: (head.log_seq, head.log_hash, head.log_time_ms),
            leader_epoch: head.epoch,
        };
        let forced = build(&chain, &checkpoint, &context, &mut world).unwrap();
        let commitment = settled.wait(1_000).force_with(&forced.header);
        settled.judged(commitment, Judgement::Valid);
        headers.push(rlp(&forced.block.header));
        checkpoint = forced.checkpoint;
    }
    assert_eq!(settled.chain.parent().inbox_cursor, 6, "not all in the first");
    let entries = settled.history.entries();
    let vector = json!({
        "name": "two forced batches",
        "config": config_json(&chain),
        "entries": entries.iter().map(|entry| hex::encode(entry.encode())).collect::<Vec<_>>(),
        "headers": headers,
    });
    golden("chain", "forced", "A log, and the headers of the blocks of its forced batches.", vec![vector]);
}

/// Batches judged by someone who knows no more of the state than its root.
#[test]
fn challenges() {
    let mut deriver = Deriver::new();
    let posted_ms = START_MS + 15_000;
    let mut vectors = Vec::new();
    for plans in plans() {
        let (claim, payload) = deriver.publish(plans);
        let log = around(&deriver.inbox, &claim, posted_ms);
        let (chain, checkpoint) = (&deriver.chain, &deriver.checkpoint);
        let (verdict, witness) = verify_recording(chain, checkpoint, &claim, &payload, &log, &mut deriver.world);
        assert_eq!(word(&verdict), "valid");
        let honest = witness.encode();
        let root = checkpoint.block.header.state_root;
        let mut add = |name: &str, want: &str, claim: &BatchHeader, witness: &[u8]| {
            let found = verify_stateless(chain, checkpoint, claim, &payload, &log, witness);
            assert_eq!(word(&found), want, "{name}: {found:?}");
            vectors.push(json!({
                "name": format!("batch {}: {name}", claim.batch_index),
                "config": config_json(chain),
                "parent_header": rlp(&checkpoint.block.header),
                "parent_commitment": hex::encode(checkpoint.commitment),
                "batch_index": checkpoint.next_batch,
                "inbox_from": checkpoint.inbox_cursor,
                "inbox_acc": hex::encode(checkpoint.inbox_acc),
                "inbox": deriver.inbox.iter().map(|item| hex::encode(item.encode())).collect::<Vec<_>>(),
                "posted_ms": posted_ms,
                "commitment": hex::encode(claim.encode()),
                "batch": hex::encode(&payload),
                "witness": hex::encode(witness),
                "witness_hash": hex::encode(blake3::hash(witness).as_bytes()),
                "verdict": want,
            }));
        };
        add("true", "valid", &claim, &honest);
        let false_gas = BatchHeader { gas_used: claim.gas_used + 1, ..claim.clone() };
        add("false gas", "INVALID_STF", &false_gas, &honest);
        let false_root = BatchHeader { post_state_root: B256::ZERO, ..claim.clone() };
        add("a false state", "INVALID_STF", &false_root, &honest);
        add("no witness", "undecided", &claim, &[]);
        add("a hash alone", "undecided", &claim, &[&[0, 0][..], root.as_slice()].concat());
        add("a code that nobody runs", "valid", &claim, &[&[1, 2, 0xfe, 0xfe], &honest[1..]].concat());
        add("an empty code", "undecided", &claim, &[&[1, 0], &honest[1..]].concat());
        add("a longer number of codes", "undecided", &claim, &[&[0x80, 0], &honest[1..]].concat());
        add("a byte more", "undecided", &claim, &[&honest[..], &[0]].concat());
        for at in (0..honest.len()).step_by(honest.len() / 7) {
            let mut damaged = honest.clone();
            damaged[at] ^= 1 << (at % 8);
            add(&format!("byte {at} changed"), "undecided", &claim, &damaged);
        }
        deriver.judge("the batch", "valid", &claim, &payload, posted_ms);
    }
    let about = "Claims judged on a witness: what the log and the block before the batch say, and the verdict.";
    golden("chain", "challenges", about, vectors);
}
