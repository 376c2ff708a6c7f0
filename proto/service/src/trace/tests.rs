//! Spans as a collector gets them. The tracer is the process's: one test.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use super::*;

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ResourceSpans>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().extend(request.into_inner().resource_spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tokio::test]
async fn spans_come_to_the_collector() {
    let (low, high) = (B256::repeat_byte(0x11), B256::repeat_byte(0xee));
    assert!(!is_on() && sampled(&low).is_none());
    // Nothing is on: this must do nothing, and not wait.
    Span::since("a", "before", SystemTime::now()).begin(SpanPoint::of(&low));
    flush(Duration::from_secs(1)).await;
    assert!(matches!(start("not a url", 1.0), Err(TraceError::Endpoint { .. })));
    for ratio in [0.0, -1.0, 1.1, f64::NAN] {
        assert!(matches!(start("http://127.0.0.1:1", ratio), Err(TraceError::Ratio(_))));
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let collector = Collector::default();
    let server = TraceServiceServer::new(collector.clone());
    let incoming = TcpListenerStream::new(listener);
    tokio::spawn(tonic::transport::Server::builder().add_service(server).serve_with_incoming(incoming));
    start(&url, 0.5).unwrap();
    assert!(is_on() && sampled(&high).is_none());
    let first = sampled(&low).unwrap();
    let other = SpanPoint::of(&high);
    let begun = SystemTime::now() - Duration::from_millis(5);
    Span::since("a", "admit", begun).begin(first);
    Span::since("b", "put", begun)
        .number("height", 7)
        .text("x", "y")
        .links(&[other])
        .error("no")
        .under(&[first, other]);
    flush(Duration::from_secs(10)).await;
    let got = collector.0.lock().unwrap().clone();
    let service = |name: &str| {
        let named =
            |part: &&ResourceSpans| format!("{:?}", part.resource).contains(&format!("StringValue(\"{name}\")"));
        got.iter().filter(named).flat_map(|part| part.scope_spans[0].spans.clone()).collect::<Vec<_>>()
    };
    let [root] = &service("a")[..] else { panic!("{got:?}") };
    assert_eq!((root.trace_id[..] == low[..16], root.span_id[..] == low[16..24]), (true, true));
    assert!(root.parent_span_id.is_empty() && root.end_time_unix_nano >= root.start_time_unix_nano + 4_000_000);
    let [one, two] = &service("b")[..] else { panic!("{got:?}") };
    assert_eq!((&one.trace_id, &one.parent_span_id), (&root.trace_id, &root.span_id));
    assert_eq!(two.trace_id, high[..16]);
    assert_ne!(one.span_id, two.span_id);
    assert_eq!((one.links[0].trace_id.as_slice(), one.attributes.len()), (&high[..16], 2));
    assert_eq!(one.status.as_ref().unwrap().message, "no");
}
