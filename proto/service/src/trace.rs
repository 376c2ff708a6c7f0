//! Distributed traces, sent by OTLP (gRPC) if an endpoint is configured.
//!
//! One trace a transaction, and one a batch, named by their hashes
//! ([`SpanPoint`]): all services add to the same trace. Which transactions are
//! traced follows from the hash too, so that all agree. A span that is part of
//! several traces (a batch has many transactions) is sent once for each, as
//! OpenTelemetry's SDK cannot: so spans are made here, and only the protocol's
//! messages are taken from there.
//!
//! Invariant: whoever records a span never waits. With a full queue spans are
//! dropped and counted; without an endpoint, each place costs one load of an
//! atomic.

mod export;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use rand::RngCore;
use tokio::sync::{mpsc, oneshot};
use tonic::transport::Endpoint;
use weft_primitives::{B256, SpanPoint};

use self::export::{Exporter, Message, Outgoing};
use crate::catalogue::{self, Metric};

/// Spans that wait to be sent; more are dropped.
pub const MAX_WAITING_SPANS: usize = 8_192;

/// Metrics of tracing; where nothing is traced they stay 0.
pub const METRICS: &[Metric] = &[
    Metric::counter("weft_trace_spans_total", &[], "Spans sent to the collector of traces."),
    Metric::counter(
        "weft_trace_spans_dropped_total",
        &[],
        "Spans that were not sent: the collector did not take them, or too many waited.",
    ),
];

static TRACER: OnceLock<Tracer> = OnceLock::new();

struct Tracer {
    queue: mpsc::Sender<Message>,
    /// Hashes that begin with a number up to this are traced.
    most: u64,
}

/// Why nothing is traced.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// Not a URL.
    #[error("--otlp-endpoint {url}: {source}")]
    Endpoint {
        /// As given.
        url: String,
        /// What is wrong.
        source: tonic::transport::Error,
    },
    /// Not a share.
    #[error("--otlp-sample-ratio {0}: must be above 0 and at most 1")]
    Ratio(f64),
}

/// Traces the share `ratio` of all transactions from now on, and sends the spans to `url`, as `http://127.0.0.1:4317`.
/// Needs a runtime. A second start in one process changes nothing.
pub fn start(url: &str, ratio: f64) -> Result<(), TraceError> {
    if !(ratio > 0.0 && ratio <= 1.0) {
        return Err(TraceError::Ratio(ratio));
    }
    let endpoint = Endpoint::from_shared(url.to_owned());
    let endpoint = endpoint.map_err(|source| TraceError::Endpoint { url: url.to_owned(), source })?;
    let (queue, messages) = mpsc::channel(MAX_WAITING_SPANS);
    // 1 times 2^64 is cut to the largest number: all.
    let most = (ratio * u64::MAX as f64) as u64;
    if TRACER.set(Tracer { queue, most }).is_ok() {
        catalogue::announce(METRICS);
        tokio::spawn(Exporter::new(endpoint).run(messages));
    }
    Ok(())
}

/// Whether anything is traced at all. Cheap: ask it before anything else.
pub fn is_on() -> bool {
    TRACER.get().is_some()
}

/// The trace of what has this hash, if it is one of those that are traced.
pub fn sampled(hash: &B256) -> Option<SpanPoint> {
    let first = u64::from_be_bytes(*hash.first_chunk()?);
    (first <= TRACER.get()?.most).then(|| SpanPoint::of(hash))
}

/// Sends what waits; gives up after `limit`.
pub async fn flush(limit: Duration) {
    let Some(tracer) = TRACER.get() else { return };
    let (done, wait) = oneshot::channel();
    let flush = async {
        if tracer.queue.send(Message::Flush(done)).await.is_ok() {
            // The exporter answers, or the process is about to end.
            let _ = wait.await;
        }
    };
    let _ = tokio::time::timeout(limit, flush).await;
}

/// Work that was done, from when to when.
#[derive(Clone, Debug)]
pub struct Span {
    service: &'static str,
    name: &'static str,
    start: SystemTime,
    end: SystemTime,
    attributes: Vec<(&'static str, Value)>,
    links: Vec<SpanPoint>,
    error: Option<String>,
}

impl Span {
    /// Work of a service that began at `start` and ends now.
    pub fn since(service: &'static str, name: &'static str, start: SystemTime) -> Self {
        Self::between(service, name, start, SystemTime::now())
    }

    /// Work of a service.
    pub fn between(service: &'static str, name: &'static str, start: SystemTime, end: SystemTime) -> Self {
        Self { service, name, start, end, attributes: Vec::new(), links: Vec::new(), error: None }
    }

    /// With a number.
    pub fn number(mut self, key: &'static str, value: u64) -> Self {
        self.attributes.push((key, Value::IntValue(i64::try_from(value).unwrap_or(i64::MAX))));
        self
    }

    /// With a text.
    pub fn text(mut self, key: &'static str, value: impl ToString) -> Self {
        self.attributes.push((key, Value::StringValue(value.to_string())));
        self
    }

    /// With links to spans of other traces.
    pub fn links(mut self, links: &[SpanPoint]) -> Self {
        self.links.extend_from_slice(links);
        self
    }

    /// It failed.
    pub fn error(mut self, words: impl ToString) -> Self {
        self.error = Some(words.to_string());
        self
    }

    /// Sends it as the first span of a trace.
    pub fn begin(self, trace: SpanPoint) {
        send(Outgoing { at: trace, parent: None, span: self });
    }

    /// Sends it once for each of `parents`, as a child.
    pub fn under(self, parents: &[SpanPoint]) {
        for parent in parents {
            let span = rand::rng().next_u64().to_be_bytes();
            send(Outgoing {
                at: SpanPoint { trace: parent.trace, span },
                parent: Some(parent.span),
                span: self.clone(),
            });
        }
    }
}

fn send(span: Outgoing) {
    let Some(tracer) = TRACER.get() else { return };
    if tracer.queue.try_send(Message::Span(Box::new(span))).is_err() {
        metrics::counter!("weft_trace_spans_dropped_total").increment(1);
    }
}
