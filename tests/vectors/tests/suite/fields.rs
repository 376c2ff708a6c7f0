//! What a log entry says, field by field, as the vectors state it. Amounts are decimal texts: they have 128 bits.

use alloy_primitives::hex;
use serde_json::{Value, json};
use weft_primitives::inbox::Content;
use weft_primitives::{Deposit, InboxItem, SignedPromise, Withdrawal};
use weft_settlement::{Event, ExecutionVerdict};

pub fn deposit(deposit: &Deposit) -> Value {
    json!({
        "account": hex::encode(deposit.account),
        "nonce": deposit.nonce,
        "to": hex::encode(deposit.to),
        "amount": deposit.amount.to_string(),
        "signature": hex::encode(deposit.signature.0),
    })
}

pub fn item(item: &InboxItem) -> Value {
    let (index, time_ms) = (item.index, item.time_ms);
    match &item.content {
        Content::Transaction(raw) => json!({ "index": index, "time_ms": time_ms, "transaction": hex::encode(raw) }),
        Content::Deposit(content) => json!({ "index": index, "time_ms": time_ms, "deposit": deposit(content) }),
    }
}

pub fn withdrawal(withdrawal: &Withdrawal) -> Value {
    json!({
        "index": withdrawal.index,
        "sender": hex::encode(withdrawal.sender),
        "recipient": hex::encode(withdrawal.recipient),
        "amount": withdrawal.amount.to_string(),
    })
}

pub fn promise(signed: &SignedPromise) -> Value {
    let promise = &signed.promise;
    json!({
        "chain_id": promise.chain_id,
        "config_hash": hex::encode(promise.config_hash),
        "base": hex::encode(promise.base),
        "number": promise.number,
        "block_hash": hex::encode(promise.block_hash),
        "signature": hex::encode(signed.signature.0),
    })
}

fn verdict(verdict: &ExecutionVerdict) -> Value {
    json!({
        "batch_index": verdict.batch_index,
        "commitment": hex::encode(verdict.commitment),
        "valid": verdict.valid,
        "rules_version": verdict.stf_version,
    })
}

pub fn event(event: &Event) -> Value {
    match event {
        Event::Posted(signed) => json!({ "signed": hex::encode(signed.encode()) }),
        Event::Availability(found) => json!({
            "batch_index": found.batch_index,
            "commitment": hex::encode(found.commitment),
            "available": found.available,
        }),
        Event::Verdict(found) | Event::ChallengeOutcome(found) => verdict(found),
        Event::Finalized(finalized) => {
            json!({ "batch_index": finalized.batch_index, "commitment": hex::encode(finalized.commitment) })
        }
        Event::Rejected(rejected) => json!({
            "batch_index": rejected.batch_index,
            "commitment": hex::encode(rejected.commitment),
            "reason": rejected.reason.as_str(),
            "block": rejected.block,
        }),
        Event::Inbox(content) => item(content),
        Event::Equivocation(pair) => {
            json!({ "stands": hex::encode(pair.first.encode()), "other": hex::encode(pair.second.encode()) })
        }
        Event::Forced(forced) => {
            json!({ "commitment": hex::encode(forced.header.encode()), "items": forced.inbox_len })
        }
        Event::KeyChange(signed) => json!({
            "chain_id": signed.change.chain_id,
            "config_hash": hex::encode(signed.change.config_hash),
            "new_key": hex::encode(signed.change.new_key),
            "epoch": signed.change.epoch,
            "signature": hex::encode(signed.signature.0),
        }),
        Event::Challenge(challenge) => json!({
            "batch_index": challenge.batch_index,
            "commitment": hex::encode(challenge.commitment),
            "witness_hash": hex::encode(challenge.witness_hash),
        }),
        Event::SignedVerdict(signed) => {
            let mut fields = verdict(&signed.verdict);
            fields["signature"] = hex::encode(signed.signature.0).into();
            fields
        }
        Event::Funding(funding) => json!({
            "number": funding.number,
            "account": hex::encode(funding.account),
            "amount": funding.amount.to_string(),
            "signature": hex::encode(funding.signature.0),
        }),
        Event::Claim(claim) => json!({
            "batch_index": claim.batch_index,
            "withdrawal": withdrawal(&claim.withdrawal),
            "siblings": claim.proof.0.iter().map(hex::encode).collect::<Vec<_>>(),
        }),
        Event::BrokenPromise(broken) => json!({
            "promise": promise(&broken.promise),
            "commitment": hex::encode(broken.commitment),
            "stands": hex::encode(broken.stands),
        }),
    }
}
