//! Receiving a report of a broken promise: what it is, then headers, each judged as it comes.
//!
//! All that the log can say is judged first, so that nobody but who has the
//! posting key's signature gets to send headers; of these one message is held
//! at a time.

use std::time::Duration;

use alloy_primitives::B256;
use futures::{Stream, StreamExt};
use tonic::Status;
use weft_primitives::promise::Trail;
use weft_settlement::{BrokenPromise, PromiseReceipt};
use weft_wire::convert::{hash, required};
use weft_wire::pb::settlement::v1 as pb;
use weft_wire::status::Plain;

use super::{internal, refusals};
use crate::chains::{Chains, Served};
use pb::report_promise_request::Part;

/// Longest time from the first message to the last header.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(60);

/// Takes one report.
pub(super) async fn answer(
    chains: &Chains,
    parts: impl Stream<Item = Result<pb::ReportPromiseRequest, Status>> + Unpin,
) -> Result<pb::ReportPromiseResponse, Status> {
    let received = tokio::time::timeout(RECEIVE_TIMEOUT, receive(chains, parts)).await.map_err(|_| too_slow())?;
    let PromiseReceipt { log_seq, duplicate } = match received? {
        Received::Known(log_seq) => PromiseReceipt { log_seq, duplicate: true },
        Received::Shown(served, broken) => {
            let receipt = served.engine.report_promise(*broken).await.map_err(refusals::promise)?;
            if !receipt.duplicate {
                let (block, signer) = (broken.promise.promise.number, broken.promise.signer());
                tracing::error!(block, commitment = %broken.commitment, ?signer, "a promise was broken: posting is frozen");
            }
            receipt
        }
    };
    Ok(pb::ReportPromiseResponse { log_seq, duplicate })
}

enum Received<'a> {
    /// In the log already, as this entry.
    Known(u64),
    /// All is shown.
    Shown(&'a Served, Box<BrokenPromise>),
}

async fn receive(
    chains: &Chains,
    mut parts: impl Stream<Item = Result<pb::ReportPromiseRequest, Status>> + Unpin,
) -> Result<Received<'_>, Status> {
    let first = parts.next().await.transpose()?;
    let Some(Part::Start(start)) = required("start", first)?.part else {
        return Err(malformed("the first message must be a start"));
    };
    let promise = weft_primitives::SignedPromise::try_from(required("promise", start.promise)?)?;
    let commitment = hash("commitment_hash", &start.commitment_hash)?;
    let served = chains.named(promise.promise.chain_id)?;
    let facts = served.store.promise_facts(&promise.promise, commitment).await.map_err(internal)?;
    let claim = facts.commitment.as_ref().map(|record| record.signed.header.clone()).unwrap_or_default();
    // What headers will show is not known yet, but for the last block.
    let last = promise.promise.number == claim.last_block;
    let stands = if last { claim.last_block_hash } else { B256::ZERO };
    let mut broken = BrokenPromise { promise, commitment, stands };
    let judged = served.engine.chain().judge_promise(&broken, &facts);
    if let Some(log_seq) = judged.map_err(|refusal| refusals::promise_rules(&refusal))? {
        return Ok(Received::Known(log_seq));
    }
    let unshown = |fault| refusals::promise_rules(&weft_settlement::PromiseRefusal::Evidence(fault));
    let mut trail = Trail::new(promise.promise.number, &claim).map_err(unshown)?;
    while let Some(message) = parts.next().await {
        let Some(Part::Headers(headers)) = message?.part else {
            return Err(malformed("only headers may follow the start"));
        };
        if headers.rlp.is_empty() {
            return Err(malformed("a message has no headers"));
        }
        headers.rlp.iter().try_for_each(|header| trail.follow(header)).map_err(unshown)?;
    }
    broken.stands = trail.end().map_err(unshown)?;
    Ok(Received::Shown(served, Box::new(broken)))
}

fn malformed(why: impl Into<String>) -> Status {
    Plain::invalid("MALFORMED", why).into()
}

fn too_slow() -> Status {
    let words = format!("the report was not received within {} s", RECEIVE_TIMEOUT.as_secs());
    Plain::too_slow("RECEIVE_TIMEOUT", words).into()
}
