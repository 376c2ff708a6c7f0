//! What the sequencer adds to the traces of transactions and batches; see [`weft_service::trace`].
//!
//! A transaction's trace begins when it is accepted (`sequencer.admit`); it is
//! executed (`sequencer.execute`) and made durable (`sequencer.durable`) with
//! its block. A batch has a trace of its own, named by the hash of its
//! payload, with links to its transactions; what is done for the batch is in
//! the traces of its first transactions that are traced, too.

use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, SystemTime};

use weft_primitives::{B256, BatchHeader, SpanPoint};
use weft_service::trace::{self, Span};
use weft_wire::trace::{MAX_TRACES, TraceContext, within};

use crate::chain::FullBlock;
use crate::store::{ChainStore, StoreError};

/// The service in its spans.
const SERVICE: &str = "weft-sequencer";

/// These transactions were taken into the pool, in one group that was begun at `start`.
pub(crate) fn admitted<'a>(hashes: impl Iterator<Item = &'a B256>, start: SystemTime) {
    for hash in hashes {
        if let Some(point) = trace::sampled(hash) {
            Span::since(SERVICE, "sequencer.admit", start).text("weft.transaction", hash).begin(point);
        }
    }
}

/// A block is durable, `total` after it was begun; executing it took the first part of that.
pub(crate) fn written(full: &FullBlock, executed: Duration, total: Duration) {
    if !trace::is_on() {
        return;
    }
    let now = SystemTime::now();
    // Only a clock that was set back meanwhile could not take it off.
    let start = now.checked_sub(total).unwrap_or(now);
    let done = start + executed.min(total);
    let number = full.block.header.number;
    let points = full.block.body.transactions.iter().filter_map(|transaction| trace::sampled(&transaction.hash()));
    for point in points {
        let execute = Span::between(SERVICE, "sequencer.execute", start, done).number("weft.block", number);
        execute.under(&[point]);
        Span::between(SERVICE, "sequencer.durable", done, now).number("weft.block", number).under(&[point]);
    }
}

/// The traces that a batch is in; without any, nothing is recorded or sent along.
#[derive(Debug, Default)]
pub(crate) struct TracedBatch {
    context: TraceContext,
    index: u64,
}

impl TracedBatch {
    /// Finds the batch's traced transactions.
    pub(crate) fn load(store: &ChainStore, header: &BatchHeader) -> Result<Self, StoreError> {
        let mut points = Vec::new();
        for number in header.first_block..=header.last_block {
            let Some(block) = store.block(number)? else { break };
            points.extend(block.body.transactions.iter().filter_map(|transaction| trace::sampled(&transaction.hash())));
            if points.len() >= MAX_TRACES {
                break;
            }
        }
        points.truncate(MAX_TRACES);
        if !points.is_empty() {
            points.insert(0, SpanPoint::of(&header.payload_hash));
        }
        Ok(Self { context: TraceContext { parents: points }, index: header.batch_index })
    }

    /// Does `work`, which calls another service, as a part of the traces.
    pub(crate) async fn around<T, E: Display>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let start = SystemTime::now();
        let result = within(self.context.clone(), work).await;
        let Some((batch, transactions)) = self.context.parents.split_first() else { return result };
        let span = Span::since(SERVICE, name, start).number("weft.batch", self.index);
        let span = match &result {
            Ok(_) => span,
            Err(error) => span.error(error),
        };
        if name == PUBLISH && result.is_ok() {
            // The batch's trace begins with it.
            span.clone().links(transactions).begin(*batch);
            span.under(transactions);
        } else {
            span.under(&self.context.parents);
        }
        result
    }
}

/// The first thing that is done for a batch beyond the sequencer.
pub(crate) const PUBLISH: &str = "sequencer.publish";
