//! One trace a transaction, across sequencer, DA node and settlement, at a collector that speaks OTLP.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, U256};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use weft_e2e::{Cluster, Service, dev_accounts};

/// Spans with their service's name.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(String, Span)>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for part in request.into_inner().resource_spans {
            let attributes = part.resource.unwrap_or_default().attributes;
            let name = attributes.into_iter().find(|attribute| attribute.key == "service.name");
            let Some(Value::StringValue(name)) = name.and_then(|name| name.value?.value) else {
                panic!("no service.name")
            };
            let spans = part.scope_spans.into_iter().flat_map(|scope| scope.spans);
            self.0.lock().unwrap().extend(spans.map(|span| (name.clone(), span)));
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let collector = Self::default();
        let server = TraceServiceServer::new(collector.clone());
        let incoming = TcpListenerStream::new(listener);
        tokio::spawn(tonic::transport::Server::builder().add_service(server).serve_with_incoming(incoming));
        (collector, url)
    }

    fn trace(&self, id: &[u8]) -> Vec<(String, Span)> {
        self.0.lock().unwrap().iter().filter(|(_, span)| span.trace_id == id).cloned().collect()
    }
}

/// What a transaction's trace must have, by service.
const SPANS: [(&str, &str); 8] = [
    ("weft-sequencer", "sequencer.admit"),
    ("weft-sequencer", "sequencer.execute"),
    ("weft-sequencer", "sequencer.durable"),
    ("weft-sequencer", "sequencer.publish"),
    ("weft-da", "da.put"),
    ("weft-sequencer", "sequencer.post"),
    ("weft-settlement", "settlement.sample"),
    ("weft-settlement", "settlement.execute"),
];

#[tokio::test]
async fn a_transaction_is_traced_through_all_services() {
    let (collector, url) = Collector::start().await;
    let mut cluster = Service::ALL
        .into_iter()
        .fold(Cluster::new(), |cluster, service| cluster.option(service, "--otlp-endpoint", &url));
    cluster.start_all().await;
    let mut account = dev_accounts().remove(0);
    let mut hashes = Vec::new();
    for _ in 0..2 {
        let raw = account.transfer(Address::repeat_byte(7), U256::ONE);
        let hash = cluster.rpc().call("eth_sendRawTransaction", json!([raw])).await.unwrap();
        hashes.push(hash.as_str().unwrap().parse::<B256>().unwrap());
    }
    let start = Instant::now();
    for hash in &hashes {
        loop {
            let trace = collector.trace(&hash[..16]);
            let found: BTreeSet<(&str, &str)> =
                trace.iter().map(|(service, span)| (service.as_str(), span.name.as_str())).collect();
            let missing: Vec<_> = SPANS.iter().filter(|span| !found.contains(span)).collect();
            if missing.is_empty() {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "missing {missing:?} in {found:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // One tree: its root is the acceptance, with the ids that follow from the hash.
        let trace = collector.trace(&hash[..16]);
        let mut times = BTreeMap::new();
        for (_, span) in &trace {
            assert!(span.end_time_unix_nano >= span.start_time_unix_nano, "{span:?}");
            if span.name == "sequencer.admit" {
                assert_eq!((span.span_id.as_slice(), span.parent_span_id.is_empty()), (&hash[16..24], true));
            } else {
                assert_eq!(span.parent_span_id, hash[16..24], "{span:?}");
            }
            times.insert(span.name.clone(), span.start_time_unix_nano);
        }
        let in_order = ["sequencer.admit", "sequencer.durable", "sequencer.publish", "settlement.execute"];
        assert!(in_order.map(|name| times[name]).is_sorted(), "{times:?}");
    }
    // The batch's own trace leads to its transactions.
    let all = collector.0.lock().unwrap().clone();
    let linked: BTreeSet<Vec<u8>> =
        all.iter().flat_map(|(_, span)| &span.links).map(|link| link.trace_id.clone()).collect();
    assert!(hashes.iter().all(|hash| linked.contains(&hash[..16])), "{linked:?}");
    let batch = all.iter().find(|(_, span)| !span.links.is_empty()).unwrap().1.trace_id.clone();
    let services: BTreeSet<String> = collector.trace(&batch).into_iter().map(|(service, _)| service).collect();
    assert_eq!(services.len(), 3, "{services:?}");
}

#[tokio::test]
async fn a_dead_collector_disturbs_nobody() {
    let mut cluster = Cluster::new().option(Service::Sequencer, "--otlp-endpoint", "http://127.0.0.1:1");
    cluster.start_all().await;
    let raw = dev_accounts()[0].transfer(Address::repeat_byte(7), U256::ONE);
    let receipt = cluster.rpc().call("eth_sendRawTransactionSync", json!([raw])).await.unwrap();
    assert_eq!(receipt["status"], "0x1");
    let start = Instant::now();
    let dropped = async || {
        let text = reqwest::get(format!("{}/metrics", cluster.http(Service::Sequencer))).await.unwrap().text().await;
        let text = text.unwrap();
        let line = text.lines().find(|line| line.starts_with("weft_trace_spans_dropped_total ")).unwrap().to_owned();
        !line.ends_with(" 0")
    };
    while !dropped().await {
        assert!(start.elapsed() < Duration::from_secs(30), "no span was counted as dropped");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(cluster.process(Service::Sequencer).terminate().success());
}
