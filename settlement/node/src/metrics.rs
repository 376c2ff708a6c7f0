//! What operators count, for each chain by its id. All names begin with `weft_settlement_`; see
//! [`weft_service::catalogue`].

use std::time::Duration;

use metrics::{counter, gauge, histogram};
use weft_service::catalogue::Metric;
use weft_settlement::{
    BridgeRefusal, Chain, Effect, Event, InboxReceipt, InboxRefusal, PostReceipt, PostRefusal, PromiseReceipt,
    PromiseRefusal,
};

use crate::store::StoreError;

/// All metrics of the settlement service.
pub const METRICS: &[Metric] = &[
    Metric::gauge("weft_settlement_log_seq", &["chain"], "Newest entry of the log."),
    Metric::gauge("weft_settlement_tip_index", &["chain"], "Newest commitment; -1 if there is none."),
    Metric::gauge("weft_settlement_finalized_index", &["chain"], "Newest final commitment; -1 if there is none."),
    Metric::gauge("weft_settlement_finalized_block", &["chain"], "Last block of the newest final commitment."),
    Metric::gauge("weft_settlement_pending_commitments", &["chain"], "Commitments that are not final yet."),
    Metric::gauge("weft_settlement_inbox_waiting", &["chain"], "Inbox items that the sequencer has not taken yet."),
    Metric::gauge("weft_settlement_generation", &["chain"], "How often commitments were rejected and taken back."),
    Metric::gauge(
        "weft_settlement_frozen",
        &["chain"],
        "1 while nothing can be posted, because the posting key has signed two commitments for one place, or another block than it promised.",
    ),
    Metric::gauge("weft_settlement_epoch", &["chain"], "Number of the posting key, from 0."),
    Metric::gauge("weft_settlement_chain_failed", &["chain"], "1 once a chain's part of the service has failed."),
    Metric::counter(
        "weft_settlement_posts_total",
        &["chain", "outcome"],
        "Commitments sent: `accepted`, `duplicate`, or why they were refused.",
    ),
    Metric::counter(
        "weft_settlement_inbox_submissions_total",
        &["chain", "outcome"],
        "Inbox items sent: `accepted`, or why they were refused.",
    ),
    Metric::counter(
        "weft_settlement_bridge_total",
        &["chain", "how", "outcome"],
        "Requests that move value, by `how`: `accepted`, or why they were refused.",
    ),
    Metric::counter(
        "weft_settlement_promise_reports_total",
        &["chain", "outcome"],
        "Reports of broken promises that came as far as a decision: `accepted`, or why they were refused.",
    ),
    Metric::gauge("weft_settlement_escrow_wei", &["chain"], "What the chain holds for deposits."),
    Metric::counter("weft_settlement_log_entries_total", &["chain", "event"], "Entries written to the log, by event."),
    Metric::gauge("weft_settlement_log_behind", &["chain"], "Entries that mirrors have of this log and it has not."),
    Metric::counter("weft_settlement_restored_entries_total", &["chain"], "Log entries taken back from a mirror."),
    Metric::counter(
        "weft_settlement_mirror_refusals_total",
        &["chain", "reason"],
        "Times that nothing was taken from a mirror, by reason.",
    ),
    Metric::histogram("weft_settlement_commit_seconds", &["chain"], "Making a decision durable."),
    Metric::histogram("weft_settlement_sample_seconds", &["chain"], "Sampling the data of one commitment."),
    Metric::histogram("weft_settlement_execute_seconds", &["chain"], "Executing one batch again."),
    Metric::counter("weft_settlement_challenges_total", &["chain", "outcome"], "Challenges judged, by outcome."),
    Metric::histogram("weft_settlement_challenge_seconds", &["chain"], "Judging a challenge."),
    Metric::counter(
        "weft_settlement_verifier_waits_total",
        &["chain", "for"],
        "How often the verifier had to wait and try again, by what it waited for.",
    ),
];

pub(crate) fn posted(chain: u64, decided: &Result<Result<PostReceipt, PostRefusal>, StoreError>) {
    let outcome = match decided {
        Ok(Ok(receipt)) if receipt.duplicate => "duplicate",
        Ok(Ok(_)) => "accepted",
        Ok(Err(refusal)) => refusal.reason(),
        Err(_) => "store_error",
    };
    counter!("weft_settlement_posts_total", "chain" => chain.to_string(), "outcome" => outcome).increment(1);
}

pub(crate) fn submitted(chain: u64, decided: &Result<Result<InboxReceipt, InboxRefusal>, StoreError>) {
    let outcome = match decided {
        Ok(Ok(_)) => "accepted",
        Ok(Err(refusal)) => refusal.reason(),
        Err(_) => "store_error",
    };
    let chain = chain.to_string();
    counter!("weft_settlement_inbox_submissions_total", "chain" => chain, "outcome" => outcome).increment(1);
}

pub(crate) fn moved_value<T>(chain: u64, how: &'static str, decided: &Result<Result<T, BridgeRefusal>, StoreError>) {
    let outcome = match decided {
        Ok(Ok(_)) => "accepted",
        Ok(Err(refusal)) => refusal.reason(),
        Err(_) => "store_error",
    };
    let chain = chain.to_string();
    counter!("weft_settlement_bridge_total", "chain" => chain, "how" => how, "outcome" => outcome).increment(1);
}

pub(crate) fn reported(chain: u64, decided: &Result<Result<PromiseReceipt, PromiseRefusal>, StoreError>) {
    let outcome = match decided {
        Ok(Ok(receipt)) if receipt.duplicate => "duplicate",
        Ok(Ok(_)) => "accepted",
        Ok(Err(refusal)) => refusal.reason(),
        Err(_) => "store_error",
    };
    let chain = chain.to_string();
    counter!("weft_settlement_promise_reports_total", "chain" => chain, "outcome" => outcome).increment(1);
}

pub(crate) fn committed(chain: u64, took: Duration, effects: &[Effect]) {
    let chain = chain.to_string();
    histogram!("weft_settlement_commit_seconds", "chain" => chain.clone()).record(took.as_secs_f64());
    for effect in effects {
        let Effect::Append(entry) = effect else { continue };
        let event = match entry.event {
            Event::Posted(_) => "posted",
            Event::Availability(_) => "availability",
            Event::Verdict(_) => "verdict",
            Event::Finalized(_) => "finalized",
            Event::Rejected(_) => "rejected",
            Event::Inbox(_) => "inbox",
            Event::Equivocation(_) => "equivocation",
            Event::KeyChange(_) => "key_change",
            Event::Challenge(_) => "challenge",
            Event::ChallengeOutcome(_) => "challenge_outcome",
            Event::SignedVerdict(_) => "signed_verdict",
            Event::Forced(_) => "forced",
            Event::Funding(_) => "funding",
            Event::Claim(_) => "claim",
            Event::BrokenPromise(_) => "broken_promise",
        };
        counter!("weft_settlement_log_entries_total", "chain" => chain.clone(), "event" => event).increment(1);
    }
}

/// Figures of the chain; an index of -1 says that there is none.
pub(crate) fn moved(chain: &Chain) {
    let head = chain.head();
    let id = chain.rules().chain_id.to_string();
    let index = |index: Option<u64>| index.map_or(-1.0, |index| index as f64);
    let figures = [
        ("weft_settlement_log_seq", head.log_seq as f64),
        ("weft_settlement_tip_index", index(head.tip.map(|(index, _)| index))),
        ("weft_settlement_finalized_index", index(head.finalized_index)),
        ("weft_settlement_finalized_block", chain.final_parent().block as f64),
        ("weft_settlement_pending_commitments", chain.pending().count() as f64),
        ("weft_settlement_inbox_waiting", chain.inbox_waiting() as f64),
        ("weft_settlement_generation", head.generation as f64),
        ("weft_settlement_frozen", f64::from(u8::from(head.frozen))),
        ("weft_settlement_epoch", head.epoch as f64),
        ("weft_settlement_escrow_wei", head.bridge.escrow as f64),
    ];
    for (name, value) in figures {
        gauge!(name, "chain" => id.clone()).set(value);
    }
}

pub(crate) fn behind(chain: u64, entries: u64) {
    gauge!("weft_settlement_log_behind", "chain" => chain.to_string()).set(entries as f64);
}

pub(crate) fn restored(chain: u64, entries: u64) {
    counter!("weft_settlement_restored_entries_total", "chain" => chain.to_string()).increment(entries);
}

pub(crate) fn mirror_refused(chain: u64, reason: &'static str) {
    counter!("weft_settlement_mirror_refusals_total", "chain" => chain.to_string(), "reason" => reason).increment(1);
}

pub(crate) fn sampled(chain: u64, took: Duration) {
    histogram!("weft_settlement_sample_seconds", "chain" => chain.to_string()).record(took.as_secs_f64());
}

pub(crate) fn executed(chain: u64, took: Duration) {
    histogram!("weft_settlement_execute_seconds", "chain" => chain.to_string()).record(took.as_secs_f64());
}

pub(crate) fn challenged(chain: u64, outcome: &'static str, took: Duration) {
    let chain = chain.to_string();
    counter!("weft_settlement_challenges_total", "chain" => chain.clone(), "outcome" => outcome).increment(1);
    histogram!("weft_settlement_challenge_seconds", "chain" => chain).record(took.as_secs_f64());
}

pub(crate) fn waited(chain: u64, what: &'static str) {
    counter!("weft_settlement_verifier_waits_total", "chain" => chain.to_string(), "for" => what).increment(1);
}

/// Whether a chain's part of the service has ended by a failure.
pub(crate) fn failed(chain: u64, failed: bool) {
    gauge!("weft_settlement_chain_failed", "chain" => chain.to_string()).set(f64::from(u8::from(failed)));
}
