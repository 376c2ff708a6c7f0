//! Clients of test nodes, by either transport.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use weft_light::nodes::NodeReport;
use weft_light::source::{Source, WireSource};
use weft_light::{Client, Config, Judgement, LightError, Limits, OnceTarget, ProgressEvent};

use crate::node::{InMemory, Lies, TestNode};
use crate::server;
use crate::world::{NETWORK, World, signer};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Memory,
    Grpc,
}

pub const BOTH: [Transport; 2] = [Transport::Memory, Transport::Grpc];

pub fn config() -> Config {
    Config {
        trusted: Some(signer().address()),
        network_id: Some(NETWORK),
        limits: Limits {
            request_timeout: Duration::from_secs(2),
            block_timeout: Duration::from_secs(10),
            wait_for_block: Duration::from_secs(3),
            cross_check: Duration::from_secs(1),
            head_check: Duration::from_millis(150),
            recheck: Duration::from_millis(100),
            ..Limits::default()
        },
        ..Config::default()
    }
}

/// For tests in which somebody is waited for in vain.
pub fn impatient() -> Config {
    let limits = Limits {
        request_timeout: Duration::from_millis(300),
        block_timeout: Duration::from_secs(3),
        wait_for_block: Duration::from_millis(600),
        cross_check: Duration::from_millis(300),
        ..config().limits
    };
    Config { limits, ..config() }
}

/// A client of these nodes.
pub async fn client(config: Config, nodes: &[Arc<TestNode>], transport: Transport) -> Client {
    let mut sources: Vec<Arc<dyn Source>> = Vec::new();
    for node in nodes {
        sources.push(match transport {
            Transport::Memory => Arc::new(InMemory(node.clone())),
            Transport::Grpc => Arc::new(WireSource::new(&server::start(node.clone()).await).unwrap()),
        });
    }
    Client::with_sources(config, sources).unwrap()
}

/// What came of judging one height.
pub struct Outcome {
    pub result: Result<Judgement, LightError>,
    pub events: Vec<ProgressEvent>,
    pub nodes: Vec<NodeReport>,
}

impl Outcome {
    pub fn judgement(&self) -> &Judgement {
        self.result.as_ref().unwrap()
    }
}

pub async fn once(client: &Client, target: OnceTarget) -> Outcome {
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = events.clone();
    let result = client.once(target, move |event| seen.lock().unwrap().push(event)).await;
    let events = events.lock().unwrap().clone();
    Outcome { result, events, nodes: client.nodes().reports() }
}

/// Judges the newest block of `world` by nodes with these lies.
pub async fn judge(world: &Arc<World>, lies: &[Lies], transport: Transport) -> Outcome {
    judge_with(config(), world, lies, transport).await
}

pub async fn judge_with(config: Config, world: &Arc<World>, lies: &[Lies], transport: Transport) -> Outcome {
    let node = |(at, lies): (usize, &Lies)| TestNode::new(&format!("node{at}"), world, lies.clone());
    let nodes: Vec<_> = lies.iter().enumerate().map(node).collect();
    once(&client(config, &nodes, transport).await, OnceTarget::Latest).await
}
