//! Logs replayed to their tables, and what the rules refuse.

use alloy_primitives::{B256, hex};
use serde_json::{Value, json};
use weft_primitives::BatchHeader;
use weft_settlement::{Judgement, LogEntry, Mode, RejectReason, Replay, Rules, Sampled, Status};
use weft_vectors::golden;

use crate::bridge::Rollup;
use crate::commitment::signer;
use crate::settled::{ADMIN, POSTING, Settled, VERIFIERS, WINDOW_MS, optimistic, rules, with_verifiers};

const INVALID: Judgement = Judgement::Invalid { reason: RejectReason::InvalidStf, block: Some(7) };

/// Posted, judged, rejected with what follows, posted anew.
fn verified() -> Settled {
    let mut world = Settled::new(rules());
    world.submit();
    let first = world.post_next(9, 0);
    world.wait(1_000).submit();
    let second = world.post_next(9, 1);
    world.submit();
    world.post_next(9, 2);
    world.approve(first);
    world.sampled(second, Sampled::Available);
    world.wait(7).judged(second, INVALID);
    // The cursor is back at the second item.
    let again = world.post_next(1, 3);
    let after = world.post_next(1, 4);
    world.sampled(after, Sampled::Available);
    world.judged(after, Judgement::Valid);
    world.approve(again);
    let false_place = world.post_next(0, 5);
    world.sampled(false_place, Sampled::NotInDaBlock);
    let wrong_code = world.post_next(0, 6);
    world.sampled(wrong_code, Sampled::WrongEncoding);
    let withheld = world.post_next(0, 7);
    world.wait(60_000).sampled(withheld, Sampled::Withheld);
    // Found valid before the one that it builds on.
    world.post_next(0, 8);
    let ahead = world.post_next(0, 9);
    world.approve(ahead);
    world
}

/// Equivocation, key changes by both keys, a broken promise.
fn keys() -> Settled {
    let mut world = Settled::new(rules());
    let other = world.next(0, 1).sign(&signer(POSTING));
    let base = world.post_next(0, 0);
    world.change_key(7, POSTING);
    let rival = BatchHeader { leader_epoch: 5, ..world.next(0, 3) }.sign(&signer(7));
    let raised = BatchHeader { leader_epoch: 5, ..world.next(0, 2) };
    world.post(&raised.sign(&signer(7)));
    world.equivocate(&rival);
    world.change_key(8, ADMIN);
    assert_eq!(world.chain.head().epoch, 6);
    let newer = world.post_next(0, 5);
    let broken = world.post_next(0, 6);
    world.report_promise(newer, world.history.record(broken).unwrap().signed.header.last_block, broken);
    world.change_key(POSTING, ADMIN);
    // What the first key signed for a place at which its own commitment stands is held against it again.
    world.equivocate(&other);
    world.change_key(9, ADMIN);
    world.approve(base);
    world
}

/// Accounts, deposits, claims.
fn bridge() -> Settled {
    let mut world = Settled::new(rules());
    let (alice, bob) = (signer(21).address(), signer(22).address());
    world.fund(alice, 1_000);
    world.fund(bob, 1);
    world.deposit(21, bob, 600);
    world.deposit(21, alice, 150);
    world.deposit(22, bob, 1);
    let mut rollup = Rollup::default();
    rollup.withdraw(bob, 500);
    rollup.withdraw(alice, 200);
    world.withdrawals = rollup.summary(2);
    let first = world.post_next(9, 0);
    world.approve(first);
    world.wait(5).claim(&rollup.claim(0, 2, 1));
    rollup.withdraw(bob, 51);
    world.withdrawals = rollup.summary(3);
    let second = world.post_next(9, 1);
    world.approve(second);
    // Against a later root, and to the last wei of escrow.
    world.claim(&rollup.claim(1, 3, 0));
    world.claim(&rollup.claim(1, 3, 2));
    world.deposit(22, alice, 551);
    world
}

/// An item that waits too long, and the batch that takes it.
fn forced() -> Settled {
    let mut world = Settled::new(rules());
    world.submit();
    let first = world.post_next(0, 0);
    world.wait(30_000).submit();
    world.approve(first);
    let taken = world.force();
    world.judged(taken, Judgement::Valid);
    let next = world.wait(1).post_next(0, 1);
    world.approve(next);
    world.submit();
    world.wait(29_999).fund(signer(21).address(), 5);
    world.wait(1).force();
    world
}

/// Windows, and challenges that succeed and do not.
fn optimistic_log() -> Settled {
    let mut world = Settled::new(optimistic());
    let first = world.post_next(0, 0);
    let second = world.post_next(0, 1);
    let third = world.post_next(0, 2);
    world.sampled(first, Sampled::Available);
    world.wait(10).sampled(second, Sampled::Available);
    world.sampled(third, Sampled::Available);
    world.challenged(second, Judgement::Valid);
    world.wait(WINDOW_MS - 10).finalize();
    world.wait(10).finalize();
    world.challenged(third, INVALID);
    let fourth = world.post_next(0, 3);
    world.sampled(fourth, Sampled::Available);
    world.wait(WINDOW_MS).finalize();
    world
}

/// Independent verifiers, who agree late, early, and not.
fn verifiers(rules: Rules) -> Settled {
    let verified = rules.terms.mode == Mode::Verified;
    let mut world = Settled::new(with_verifiers(rules));
    let commitments = [0, 1, 2].map(|salt| world.post_next(0, salt));
    let [one, two, three] = VERIFIERS;
    world.voted(commitments[0], true, one);
    if verified {
        world.voted(commitments[1], false, two);
    }
    for commitment in commitments {
        world.sampled(commitment, Sampled::Available);
        if verified {
            world.judged(commitment, Judgement::Valid);
        }
    }
    for commitment in [commitments[2], commitments[1]] {
        world.voted(commitment, true, one);
        world.voted(commitment, true, three);
    }
    world.wait(WINDOW_MS).finalize();
    world.voted(commitments[0], true, two);
    (0..3).for_each(|_| world.finalize());
    world
}

fn rules_json(rules: &Rules) -> Value {
    let terms = &rules.terms;
    json!({
        "chain_id": rules.chain_id,
        "config_hash": hex::encode(rules.config_hash),
        "genesis_state_root": hex::encode(rules.genesis.state_root),
        "genesis_timestamp": rules.genesis.timestamp,
        "genesis_supply": rules.genesis_supply.to_string(),
        "rules_version": rules.stf_version,
        "inbox_deadline_ms": rules.inbox_deadline_ms,
        "inbox_grace_ms": rules.inbox_grace_ms,
        "posting_key": hex::encode(terms.sequencer),
        "admin": terms.admin.map(hex::encode),
        // 0 in mode verified.
        "window_ms": terms.mode.window_ms(),
        "availability_deadline_ms": terms.availability_deadline_ms,
        "verifiers": terms.verifiers.iter().map(hex::encode).collect::<Vec<_>>(),
        "verifiers_needed": terms.verifiers_needed,
    })
}

/// The heads after an entry; null between entries that belong together.
fn heads(replay: &Replay) -> Value {
    let (chain, head) = (replay.chain(), replay.chain().head());
    if !replay.is_complete() {
        return Value::Null;
    }
    json!({
        "tip": head.tip.map(|(index, _)| index),
        "finalized": head.finalized_index,
        "cursor": chain.parent().inbox_cursor,
        "inbox": head.inbox_len,
        "posting_key": hex::encode(chain.posting_key()),
        "epoch": head.epoch,
        "frozen": head.frozen,
    })
}

/// All tables at the end.
fn tables(replay: &Replay) -> Value {
    let (history, totals) = (replay.history(), replay.chain().head().bridge);
    let mut records: Vec<_> = history.records().collect();
    records.sort_by_key(|record| record.log_seq);
    let record = |record: &&weft_settlement::Record| {
        let votes = record.votes.iter().map(|vote| json!([hex::encode(vote.verifier), vote.valid])).collect::<Vec<_>>();
        json!({
            "commitment": hex::encode(record.commitment),
            "batch_index": record.signed.header.batch_index,
            "status": record.status.as_str(),
            "log_seq": record.log_seq,
            "votes": votes,
        })
    };
    let accounts = history.accounts();
    json!({
        "commitments": records.iter().map(record).collect::<Vec<_>>(),
        "accounts": accounts.map(|account| json!([hex::encode(account.address), account.balance.to_string(), account.nonce])).collect::<Vec<_>>(),
        "claimed": (0..64).filter(|index| history.paid(*index).is_some()).collect::<Vec<u64>>(),
        "funded": totals.funded.to_string(),
        "deposited": totals.deposited.to_string(),
        "escrow": totals.escrow.to_string(),
        "inbox_acc": hex::encode(replay.chain().head().inbox_acc),
    })
}

/// The verdict on entries from the first on.
fn verdict(rules: &Rules, entries: &[LogEntry]) -> &'static str {
    let mut replay = Replay::new(rules.clone());
    let taken = entries.iter().all(|entry| replay.push(entry).is_ok());
    if taken && replay.is_complete() { "ok" } else { "refused" }
}

/// The last of the entries that belong together with the one at `at`.
fn group_end(after: &[Value], at: usize) -> usize {
    at + after[at..].iter().position(|heads| !heads.is_null()).unwrap()
}

/// What becomes of the log up to the end of a group when a byte of one of its entries is changed, and what follows is
/// chained anew. Bytes of the place in the chain are left alone: what is wrong with them is in other vectors.
fn changed(rules: &Rules, log: &[LogEntry], after: &[Value], at: usize, offset: usize, flip: u8) -> &'static str {
    let mut bytes = log[at].encode();
    bytes[offset] ^= flip;
    let Ok(entry) = LogEntry::decode(&bytes) else { return "decode" };
    let mut entries = log[..at].to_vec();
    entries.push(entry);
    for next in &log[at + 1..=group_end(after, at)] {
        let prev_hash = entries.last().map_or(B256::ZERO, LogEntry::hash);
        entries.push(LogEntry { prev_hash, ..next.clone() });
    }
    verdict(rules, &entries)
}

/// Bytes to change: all of a short entry, some of a long one. The first are kind and time.
fn offsets(len: usize) -> impl Iterator<Item = usize> {
    let step = len.div_ceil(60);
    [0].into_iter().chain((41..len).filter(move |at| *at < 49 || *at % step == 0))
}

fn vector(name: &str, world: &Settled) -> Value {
    let (rules, log) = (world.chain.rules(), world.history.entries());
    let mut replay = Replay::new(rules.clone());
    let after: Vec<Value> = log
        .iter()
        .map(|entry| {
            replay.push(entry).unwrap();
            heads(&replay)
        })
        .collect();
    assert_eq!(replay.chain().head(), world.chain.head(), "{name}");
    let mut changes = Vec::new();
    let mut accepted = 0;
    for (at, entry) in log.iter().enumerate() {
        for (offset, flip) in offsets(entry.encode().len()).zip([1, 2, 4, 0x80, 3].into_iter().cycle()) {
            let verdict = changed(rules, log, &after, at, offset, flip);
            accepted += usize::from(verdict == "ok");
            changes.push(json!([entry.seq, offset, flip, verdict]));
        }
    }
    assert!(accepted > 0, "{name}: some bytes are free, such as those of what only execution tells");
    json!({
        "name": name,
        "rules": rules_json(rules),
        "entries": log.iter().map(|entry| hex::encode(entry.encode())).collect::<Vec<_>>(),
        "after": after,
        "tables": tables(&replay),
        "changes": changes,
    })
}

#[test]
fn replays() {
    let logs = [
        ("judged by settlement", verified()),
        ("keys", keys()),
        ("accounts", bridge()),
        ("forced batches", forced()),
        ("windows and challenges", optimistic_log()),
        ("verifiers, mode verified", verifiers(rules())),
        ("verifiers, mode optimistic", verifiers(optimistic())),
    ];
    let seen: Vec<Status> =
        logs.iter().flat_map(|(_, world)| world.history.records().map(|record| record.status)).collect();
    assert!(Status::ALL.iter().all(|status| seen.contains(status)), "every state is in a log: {seen:?}");
    let vectors = logs.iter().map(|(name, world)| vector(name, world)).collect();
    let about = "Logs with the rules of their chains, the heads after each entry, the tables at the end, and what is \
                 to be said when a byte is changed.";
    golden("log", "replays", about, vectors);
}
