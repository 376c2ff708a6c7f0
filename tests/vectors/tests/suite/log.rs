//! The settlement log: entries, their chain, the inbox's accumulator.

use alloy_primitives::{Address, B256, Bytes, hex};
use serde_json::{Value, json};
use weft_primitives::inbox::{Content, accumulate};
use weft_primitives::{BatchHeader, Deposit, Funding, InboxItem, Promise};
use weft_settlement::log::{
    AvailabilityVerdict, BrokenPromise, Challenge, Equivocation, Event, ExecutionVerdict, Finalized, ForcedBatch,
    LogEntry, RejectReason, Rejected,
};
use weft_settlement::{KeyChange, LogHead};
use weft_vectors::golden;

use crate::bridge::Rollup;
use crate::commitment::{header, signer};
use crate::fields;

/// An event of each kind, some of them twice.
fn events() -> Vec<Event> {
    let (batch_index, commitment) = (3, header(1).hash());
    let signed = |seed| header(seed).sign(&signer(1));
    let rival = BatchHeader { gas_used: 1, ..header(1) }.sign(&signer(1));
    let content = |len| Content::Transaction(vec![7; len].into());
    let item = |index, len| InboxItem { index, time_ms: 1_800_000_000_000 + index, content: content(len) };
    let verdict = |valid| ExecutionVerdict { batch_index, commitment, valid, stf_version: 1 };
    let (chain_id, config_hash, new_key) = (31_337, header(1).config_hash, signer(3).address());
    let change = KeyChange { chain_id, config_hash, new_key, epoch: 1 << 41 };
    let (base, block_hash, stands) = (header(2).hash(), B256::repeat_byte(5), B256::repeat_byte(6));
    let promise = Promise { chain_id, config_hash, base, number: 1 << 40, block_hash };
    let broken = BrokenPromise { promise: promise.sign(&signer(1)), commitment, stands };
    let to = signer(4).address();
    let deposit = Deposit::sign(config_hash, &signer(3), u64::MAX, to, u128::MAX);
    let deposit = InboxItem { index: 2, time_ms: 1_800_000_000_009, content: Content::Deposit(deposit) };
    let funding = Funding::sign(config_hash, &signer(2), 1 << 40, to, 1 << 100);
    let forced = ForcedBatch { header: header(2), inbox_len: 1 << 50 };
    let rejected = |reason, block| Event::Rejected(Rejected { batch_index, commitment, reason, block });
    vec![
        Event::Inbox(item(0, 110)),
        Event::Posted(Box::new(signed(1))),
        Event::Availability(AvailabilityVerdict { batch_index, commitment, available: true }),
        Event::Verdict(verdict(true)),
        Event::Finalized(Finalized { batch_index, commitment }),
        Event::Inbox(item(1, 0)),
        Event::Availability(AvailabilityVerdict { batch_index, commitment, available: false }),
        rejected(RejectReason::Unavailable, None),
        Event::Verdict(ExecutionVerdict { batch_index, commitment, valid: false, stf_version: u32::MAX }),
        rejected(RejectReason::InvalidStf, Some(u64::MAX)),
        Event::Equivocation(Box::new(Equivocation { first: signed(1), second: rival })),
        Event::KeyChange(Box::new(change.sign(&signer(1)))),
        Event::Challenge(Challenge { batch_index, commitment, witness_hash: B256::repeat_byte(4) }),
        Event::ChallengeOutcome(verdict(false)),
        Event::SignedVerdict(Box::new(verdict(true).sign(&signer(2)))),
        Event::BrokenPromise(Box::new(broken)),
        Event::Inbox(deposit),
        Event::Forced(Box::new(forced)),
        Event::Funding(funding),
        Event::Claim(Box::new(Rollup::sample().claim(7, 5, 2))),
    ]
}

/// The events as a log, a time for each.
fn log() -> Vec<LogEntry> {
    let mut entries: Vec<LogEntry> = Vec::new();
    for (event, seq) in events().into_iter().zip(1..) {
        let prev_hash = entries.last().map_or(B256::ZERO, LogEntry::hash);
        entries.push(LogEntry { seq, prev_hash, time_ms: 1_800_000_000_000 + seq / 2, event });
    }
    entries
}

/// Whose signature an entry has; of the first, if it has two.
fn signed_by(entry: &LogEntry) -> Option<Address> {
    let config_hash = header(1).config_hash;
    let signer = match &entry.event {
        Event::Posted(signed) => signed.signer(),
        Event::Equivocation(pair) => pair.first.signer(),
        Event::KeyChange(signed) => signed.signer(),
        Event::SignedVerdict(signed) => signed.verifier(),
        Event::Funding(funding) => funding.signer(config_hash),
        Event::BrokenPromise(broken) => broken.promise.signer(),
        Event::Inbox(InboxItem { content: Content::Deposit(deposit), .. }) => {
            deposit.signature.recover(deposit.signing_hash(config_hash))
        }
        _ => return None,
    };
    Some(signer.unwrap())
}

/// The first thing that is wrong with the bytes of entries from the first on.
fn verdict(entries: &[Vec<u8>]) -> &'static str {
    let mut before: Option<LogEntry> = None;
    for bytes in entries {
        let Ok(entry) = LogEntry::decode(bytes) else { return "decode" };
        let (seq, hash, time_ms) = before.map_or((0, B256::ZERO, 0), |last| (last.seq, last.hash(), last.time_ms));
        if entry.seq != seq + 1 {
            return "gap";
        }
        if entry.prev_hash != hash {
            return "chain";
        }
        if entry.time_ms < time_ms {
            return "time";
        }
        before = Some(entry);
    }
    "ok"
}

fn vector(name: &str, want: &str, entries: &[Vec<u8>]) -> Value {
    assert_eq!(verdict(entries), want, "{name}");
    let entries: Vec<String> = entries.iter().map(hex::encode).collect();
    json!({ "name": name, "entries": entries, "verdict": want })
}

#[test]
fn entries() {
    let log = log();
    let good: Vec<Vec<u8>> = log.iter().map(LogEntry::encode).collect();
    let mut whole = vector("an entry of each kind", "ok", &good);
    whole["hashes"] = log.iter().map(|entry| hex::encode(entry.hash())).collect();
    whole["kinds"] = log.iter().map(|entry| entry.event.kind()).collect();
    whole["fields"] = log.iter().map(|entry| fields::event(&entry.event)).collect();
    whole["config_hash"] = hex::encode(header(1).config_hash).into();
    // Who has signed what an entry says, in the order of the log.
    whole["signers"] = log.iter().filter_map(signed_by).map(hex::encode).collect();
    let mut vectors = vec![whole];
    let with = |at: usize, edit: &dyn Fn(&mut Vec<u8>)| {
        let mut entries = good[..=at].to_vec();
        edit(&mut entries[at]);
        entries
    };
    let entry = |edit: &dyn Fn(&mut LogEntry)| {
        let mut second = log[1].clone();
        edit(&mut second);
        vec![good[0].clone(), second.encode()]
    };
    vectors.extend([
        vector("no entries", "ok", &[]),
        vector("kind 0", "decode", &with(0, &|bytes| bytes[0] = 0)),
        vector("kind 255", "decode", &with(1, &|bytes| bytes[0] = 255)),
        vector("shorter than an entry", "decode", &with(1, &|bytes| bytes.truncate(48))),
        vector("a byte less", "decode", &with(1, &|bytes| _ = bytes.pop())),
        vector("a byte more", "decode", &with(4, &|bytes| bytes.push(0))),
        vector("a commitment of version 2", "decode", &with(1, &|bytes| bytes[52] = 2)),
        vector("available is 2", "decode", &with(2, &|bytes| bytes[89] = 2)),
        vector("valid is 2", "decode", &with(3, &|bytes| bytes[89] = 2)),
        vector("reason 0", "decode", &with(7, &|bytes| bytes[89] = 0)),
        vector("a block that is not present", "decode", &with(7, &|bytes| bytes.extend([0; 8]))),
        vector("a verifier's verdict without its signature", "decode", &with(14, &|bytes| bytes.truncate(94))),
        vector("a key change of a byte less", "decode", &with(11, &|bytes| _ = bytes.pop())),
        vector("a promise of version 2", "decode", &with(15, &|bytes| bytes[52] = 2)),
        vector("a broken promise of a byte more", "decode", &with(15, &|bytes| bytes.push(0))),
        vector("a deposit of a byte more", "decode", &with(16, &|bytes| bytes.push(0))),
        vector("a forced batch of version 2", "decode", &with(17, &|bytes| bytes[52] = 2)),
        vector("a forced batch without its items", "decode", &with(17, &|bytes| bytes.truncate(493))),
        vector("a funding of a byte less", "decode", &with(18, &|bytes| _ = bytes.pop())),
        vector("a claim of a byte more", "decode", &with(19, &|bytes| bytes.push(0))),
        vector("a claim of 2^128 wei", "decode", &with(19, &|bytes| bytes[49 + 8 + 48 + 15] = 1)),
        vector("an item without its time", "decode", &with(5, &|bytes| bytes.truncate(64))),
        vector("the first follows something", "decode", &with(0, &|bytes| bytes[9] = 1)),
        vector("sequence number 0", "decode", &with(0, &|bytes| bytes[8] = 0)),
        vector("a sequence number left out", "gap", &entry(&|second| second.seq = 3)),
        vector("another entry before", "chain", &entry(&|second| second.prev_hash = B256::repeat_byte(1))),
        vector("an entry changed", "chain", &[[&good[0][..], &[0]].concat(), good[1].clone()]),
        vector("the same time", "ok", &entry(&|second| second.time_ms = log[0].time_ms)),
        vector("an earlier time", "time", &entry(&|second| second.time_ms = log[0].time_ms - 1)),
    ]);
    golden("log", "entries", "Entries from the first on; the verdict is that on the first that is wrong.", vectors);
}

#[test]
fn heads() {
    let log = log();
    let newest = log.last().unwrap();
    let head = LogHead { chain_id: 31_337, config_hash: header(1).config_hash, seq: newest.seq, hash: newest.hash() };
    let signature = head.sign(&signer(1));
    let vector = |name: &str, head: LogHead| {
        json!({
            "name": name,
            "chain_id": head.chain_id,
            "config_hash": hex::encode(head.config_hash),
            "seq": head.seq,
            "hash": hex::encode(head.hash),
            "signature": hex::encode(signature.0),
            "signer": head.signer(&signature).ok().map(hex::encode),
        })
    };
    let whole = vector("the newest entry", head);
    assert_eq!(whole["signer"], hex::encode(signer(1).address()));
    let vectors = vec![
        whole,
        vector("another chain", LogHead { chain_id: 1, ..head }),
        vector("another configuration", LogHead { config_hash: B256::ZERO, ..head }),
        vector("another place", LogHead { seq: head.seq + 1, ..head }),
        vector("another entry", LogHead { hash: log[0].hash(), ..head }),
    ];
    golden("log", "heads", "Heads of a log, and who has signed them: of all but the first somebody else.", vectors);
}

#[test]
fn inbox() {
    let vector = |name: &str, lens: &[usize]| {
        let mut acc = B256::ZERO;
        let items = lens.iter().zip(0u64..).map(|(len, index)| {
            let transaction = Bytes::from(blake3::hash(&[*len as u8]).as_bytes()[..*len].to_vec());
            let content = Content::Transaction(transaction);
            let item = InboxItem { index, time_ms: 1_800_000_000_000 + 7 * index, content };
            acc = accumulate(acc, &item);
            json!({
                "index": item.index,
                "time_ms": item.time_ms,
                "transaction": hex::encode(item.content.encode()),
                "item": hex::encode(item.encode()),
                "acc": hex::encode(acc),
            })
        });
        json!({ "name": name, "items": items.collect::<Vec<_>>() })
    };
    let vectors = vec![vector("one", &[5]), vector("some", &[1, 2, 32, 0, 31])];
    golden("log", "inbox", "Items from the first on, and the accumulator after each.", vectors);
}
