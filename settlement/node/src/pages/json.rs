//! Commitments and log entries as JSON: hashes in hexadecimal, amounts as decimal text, times in milliseconds.

use alloy_primitives::{hex, keccak256};
use serde_json::{Value, json};
use weft_primitives::inbox::Content;
use weft_primitives::{BatchHeader, InboxItem};
use weft_settlement::{Event, LogEntry, Record};

pub(super) fn record(record: &Record) -> Value {
    let mut value = batch(&record.signed.header);
    value["signature"] = json!(hex::encode_prefixed(record.signed.signature.0));
    value["state"] = json!(record.status.as_str());
    value["log_seq"] = json!(record.log_seq);
    value["posted_ms"] = json!(record.posted_ms);
    value["available_ms"] = json!(record.available_ms);
    value["finalized_ms"] = json!(record.finalized_ms);
    value["generation"] = json!(record.generation);
    let votes = record.votes.iter();
    value["votes"] =
        votes.map(|vote| json!({ "verifier": vote.verifier, "valid": vote.valid, "log_seq": vote.log_seq })).collect();
    value["rejection"] = json!(
        record
            .rejection
            .as_ref()
            .map(|rejection| json!({ "reason": rejection.reason.as_str(), "block": rejection.block }))
    );
    value
}

/// What a commitment says.
fn batch(header: &BatchHeader) -> Value {
    json!({
        "batch": header.batch_index,
        "commitment": header.hash(),
        "parent": header.parent_commitment,
        "first_block": header.first_block,
        "last_block": header.last_block,
        "last_block_hash": header.last_block_hash,
        "first_timestamp": header.first_timestamp,
        "last_timestamp": header.last_timestamp,
        "pre_state_root": header.pre_state_root,
        "post_state_root": header.post_state_root,
        "da_height": header.da_height,
        "da_data_root": header.da_data_root,
        "payload_hash": header.payload_hash,
        "payload_bytes": header.payload_len,
        "inbox_from": header.inbox_from,
        "inbox_to": header.inbox_to,
        "transactions": header.tx_count,
        "gas_used": header.gas_used,
        "anchor_seq": header.anchor_seq,
        "epoch": header.leader_epoch,
    })
}

pub(super) fn entry(entry: &LogEntry) -> Value {
    let (kind, mut value) = match &entry.event {
        Event::Posted(signed) => ("posted", batch(&signed.header)),
        Event::Forced(forced) => ("forced", batch(&forced.header)),
        Event::Funding(funding) => {
            ("funding", json!({ "account": funding.account, "amount_wei": funding.amount.to_string() }))
        }
        Event::Claim(claim) => {
            let withdrawal = &claim.withdrawal;
            (
                "claim",
                json!({
                    "batch": claim.batch_index,
                    "withdrawal": withdrawal.index,
                    "sender": withdrawal.sender,
                    "recipient": withdrawal.recipient,
                    "amount_wei": withdrawal.amount.to_string(),
                }),
            )
        }
        Event::Availability(verdict) => (
            "availability",
            json!({ "batch": verdict.batch_index, "commitment": verdict.commitment, "available": verdict.available }),
        ),
        Event::Verdict(verdict) => (
            "verdict",
            json!({ "batch": verdict.batch_index, "commitment": verdict.commitment, "valid": verdict.valid }),
        ),
        Event::Finalized(done) => ("finalized", json!({ "batch": done.batch_index, "commitment": done.commitment })),
        Event::Rejected(rejected) => (
            "rejected",
            json!({
                "batch": rejected.batch_index,
                "commitment": rejected.commitment,
                "reason": rejected.reason.as_str(),
                "block": rejected.block,
            }),
        ),
        Event::Inbox(item) => ("inbox", inbox(item)),
        Event::Equivocation(evidence) => {
            let header = &evidence.first.header;
            let (first, second) = (header.hash(), evidence.second.header.hash());
            ("equivocation", json!({ "batch": header.batch_index, "commitment": first, "other": second }))
        }
        Event::BrokenPromise(broken) => {
            let promise = &broken.promise.promise;
            (
                "broken_promise",
                json!({
                    "block": promise.number,
                    "promised": promise.block_hash,
                    "stands": broken.stands,
                    "base": promise.base,
                    "commitment": broken.commitment,
                }),
            )
        }
        Event::KeyChange(signed) => {
            ("key_change", json!({ "new_key": signed.change.new_key, "epoch": signed.change.epoch }))
        }
        Event::Challenge(challenge) => (
            "challenge",
            json!({
                "batch": challenge.batch_index,
                "commitment": challenge.commitment,
                "witness_hash": challenge.witness_hash,
            }),
        ),
        Event::ChallengeOutcome(verdict) => (
            "challenge_outcome",
            json!({ "batch": verdict.batch_index, "commitment": verdict.commitment, "valid": verdict.valid }),
        ),
        Event::SignedVerdict(signed) => {
            let verdict = &signed.verdict;
            let verifier = signed.verifier().ok();
            (
                "signed_verdict",
                json!({
                    "batch": verdict.batch_index,
                    "commitment": verdict.commitment,
                    "valid": verdict.valid,
                    "verifier": verifier,
                }),
            )
        }
    };
    value["seq"] = json!(entry.seq);
    value["time_ms"] = json!(entry.time_ms);
    value["kind"] = json!(kind);
    value
}

/// What has entered the inbox.
fn inbox(item: &InboxItem) -> Value {
    match &item.content {
        Content::Transaction(bytes) => {
            json!({ "item": item.index, "bytes": bytes.len(), "transaction_hash": keccak256(bytes) })
        }
        Content::Deposit(deposit) => json!({
            "item": item.index,
            "account": deposit.account,
            "to": deposit.to,
            "amount_wei": deposit.amount.to_string(),
        }),
    }
}
