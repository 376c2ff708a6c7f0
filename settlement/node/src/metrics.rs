//! What operators count. All names begin with `weft_settlement_`.

use std::time::Duration;

use metrics::{counter, gauge, histogram};
use weft_settlement::{Chain, Effect, Event, InboxReceipt, InboxRefusal, PostReceipt, PostRefusal};

use crate::store::StoreError;

pub(crate) fn posted(decided: &Result<Result<PostReceipt, PostRefusal>, StoreError>) {
    let outcome = match decided {
        Ok(Ok(receipt)) if receipt.duplicate => "duplicate",
        Ok(Ok(_)) => "accepted",
        Ok(Err(refusal)) => refusal.reason(),
        Err(_) => "store_error",
    };
    counter!("weft_settlement_posts_total", "outcome" => outcome).increment(1);
}

pub(crate) fn submitted(decided: &Result<Result<InboxReceipt, InboxRefusal>, StoreError>) {
    let outcome = match decided {
        Ok(Ok(_)) => "accepted",
        Ok(Err(refusal)) => refusal.reason(),
        Err(_) => "store_error",
    };
    counter!("weft_settlement_inbox_submissions_total", "outcome" => outcome).increment(1);
}

pub(crate) fn committed(took: Duration, effects: &[Effect]) {
    histogram!("weft_settlement_commit_seconds").record(took.as_secs_f64());
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
        };
        counter!("weft_settlement_log_entries_total", "event" => event).increment(1);
    }
}

/// Figures of the chain; an index of -1 says that there is none.
pub(crate) fn moved(chain: &Chain) {
    let head = chain.head();
    let index = |index: Option<u64>| index.map_or(-1.0, |index| index as f64);
    gauge!("weft_settlement_log_seq").set(head.log_seq as f64);
    gauge!("weft_settlement_tip_index").set(index(head.tip.map(|(index, _)| index)));
    gauge!("weft_settlement_finalized_index").set(index(head.finalized_index));
    gauge!("weft_settlement_finalized_block").set(chain.final_parent().block as f64);
    gauge!("weft_settlement_pending_commitments").set(chain.pending().count() as f64);
    gauge!("weft_settlement_inbox_waiting").set(chain.inbox_waiting() as f64);
    gauge!("weft_settlement_generation").set(head.generation as f64);
    gauge!("weft_settlement_frozen").set(f64::from(u8::from(head.frozen)));
}

pub(crate) fn sampled(took: Duration) {
    histogram!("weft_settlement_sample_seconds").record(took.as_secs_f64());
}

pub(crate) fn executed(took: Duration) {
    histogram!("weft_settlement_execute_seconds").record(took.as_secs_f64());
}

pub(crate) fn waited(what: &'static str) {
    counter!("weft_settlement_verifier_waits_total", "for" => what).increment(1);
}
