//! Brings spans to a collector, many at once.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{self as otlp, ResourceSpans, ScopeSpans, Status};
use tokio::sync::{mpsc, oneshot};
use tonic::transport::{Channel, Endpoint};
use weft_primitives::SpanPoint;

use super::Span;

/// Spans in one message.
const MOST: usize = 512;
/// How long the first of them waits for others.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest time for the collector to connect, and to answer.
const CONNECT: Duration = Duration::from_secs(3);
const ANSWER: Duration = Duration::from_secs(5);
/// W3C flag: the trace is recorded.
const SAMPLED: u32 = 1;

/// What the exporter is told.
pub(super) enum Message {
    /// To send with others.
    Span(Box<Outgoing>),
    /// Send all that came before this, then say so.
    Flush(oneshot::Sender<()>),
}

/// A span with its place.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) at: SpanPoint,
    pub(super) parent: Option<[u8; 8]>,
    pub(super) span: Span,
}

/// The only one who talks to the collector.
pub(super) struct Exporter {
    client: TraceServiceClient<Channel>,
    /// Whether the collector failed last time: an outage is said once.
    failing: bool,
}

impl Exporter {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        let channel = endpoint.connect_timeout(CONNECT).timeout(ANSWER).connect_lazy();
        Self { client: TraceServiceClient::new(channel), failing: false }
    }

    /// Sends until nobody records any more.
    pub(super) async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut waiting = Vec::new();
        while let Some(first) = messages.recv().await {
            let until = tokio::time::Instant::now() + PAUSE;
            let mut next = Some(first);
            let mut flushed = None;
            while let Some(message) = next {
                match message {
                    Message::Span(span) => waiting.push(*span),
                    Message::Flush(done) => flushed = Some(done),
                }
                if flushed.is_some() || waiting.len() >= MOST {
                    break;
                }
                next = tokio::time::timeout_at(until, messages.recv()).await.ok().flatten();
            }
            self.send(std::mem::take(&mut waiting)).await;
            if let Some(done) = flushed {
                // Who asked may have given up.
                let _ = done.send(());
            }
        }
    }

    async fn send(&mut self, spans: Vec<Outgoing>) {
        if spans.is_empty() {
            return;
        }
        let count = spans.len() as u64;
        match self.client.export(request(spans)).await {
            Ok(_) => {
                metrics::counter!("weft_trace_spans_total").increment(count);
                self.failing = false;
            }
            Err(error) => {
                metrics::counter!("weft_trace_spans_dropped_total").increment(count);
                if !self.failing {
                    tracing::warn!(%error, "the collector does not take traces; they are dropped until it does");
                }
                self.failing = true;
            }
        }
    }
}

/// Spans by the service that they are of: `weft dev` is several.
fn request(spans: Vec<Outgoing>) -> ExportTraceServiceRequest {
    let mut services: BTreeMap<&'static str, Vec<otlp::Span>> = BTreeMap::new();
    for outgoing in spans {
        services.entry(outgoing.span.service).or_default().push(encode(outgoing));
    }
    let resource_spans = services.into_iter().map(|(service, spans)| {
        let name = attribute("service.name", Value::StringValue(service.to_owned()));
        let version = attribute("service.version", Value::StringValue(crate::VERSION.to_owned()));
        let scope = InstrumentationScope { name: "weft".to_owned(), ..InstrumentationScope::default() };
        ResourceSpans {
            resource: Some(Resource { attributes: vec![name, version], ..Resource::default() }),
            scope_spans: vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }
    });
    ExportTraceServiceRequest { resource_spans: resource_spans.collect() }
}

fn encode(outgoing: Outgoing) -> otlp::Span {
    let Outgoing { at, parent, span } = outgoing;
    let link = |point: SpanPoint| Link {
        trace_id: point.trace.to_vec(),
        span_id: point.span.to_vec(),
        flags: SAMPLED,
        ..Link::default()
    };
    let status = span.error.map(|message| Status { message, code: StatusCode::Error.into() });
    otlp::Span {
        trace_id: at.trace.to_vec(),
        span_id: at.span.to_vec(),
        parent_span_id: parent.map(|id| id.to_vec()).unwrap_or_default(),
        flags: SAMPLED,
        name: span.name.to_owned(),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: nanos(span.start),
        end_time_unix_nano: nanos(span.end.max(span.start)),
        attributes: span.attributes.into_iter().map(|(key, value)| attribute(key, value)).collect(),
        links: span.links.into_iter().map(link).collect(),
        status,
        ..otlp::Span::default()
    }
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn nanos(time: SystemTime) -> u64 {
    u64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}
