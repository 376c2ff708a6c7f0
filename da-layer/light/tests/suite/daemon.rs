//! The daemon: catching up, following, healing, and what it serves.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use weft_light::{Config, LightError};
use weft_service::Shutdown;

use crate::node::{Lies, TestNode};
use crate::setup::{BOTH, Transport, client, config};
use crate::world::{MIDDLE, SMALL, World};

struct Daemon {
    url: String,
    shutdown: Shutdown,
    task: JoinHandle<Result<(), LightError>>,
}

impl Daemon {
    async fn start(config: Config, nodes: &[Arc<TestNode>], transport: Transport) -> Self {
        let client = client(config, nodes, transport).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        let task = tokio::spawn(async move { client.serve(listener, stop).await });
        Self { url, shutdown, task }
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn status(&self) -> Value {
        serde_json::from_str(&self.get("/status").await.1).unwrap()
    }

    /// Waits until the status has it so.
    async fn wait(&self, what: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..800 {
            let status = self.status().await;
            if what(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("not in time: {}", self.status().await);
    }

    async fn stop(self) {
        self.shutdown.trigger();
        tokio::time::timeout(Duration::from_secs(5), self.task).await.unwrap().unwrap().unwrap();
    }
}

#[tokio::test]
async fn catches_up_and_follows() {
    for transport in BOTH {
        let world = World::honest(&[SMALL, MIDDLE, SMALL, MIDDLE, SMALL, MIDDLE]);
        let nodes = ["one", "two"].map(|name| TestNode::new(name, &world, Lies::default()));
        let daemon = Daemon::start(config(), &nodes, transport).await;
        daemon.wait(|status| status["judged_height"] == 6).await;
        world.publish(MIDDLE);
        world.publish(SMALL);
        let status = daemon.wait(|status| status["judged_height"] == 8).await;
        assert_eq!((&status["available"], &status["open"], &status["wrong"]), (&8.into(), &0.into(), &0.into()));
        assert_eq!((&status["overall"], &status["header_height"]), (&"all available".into(), &8.into()));
        assert!(status["lowest_confidence"].as_f64().unwrap() >= 0.99999);
        assert_eq!(status["recent"][0]["height"], 8);

        assert_eq!(daemon.get("/health/ready").await.0, 200);
        assert!(daemon.get("/metrics").await.1.contains("weft_light_judged_height"));
        assert!(daemon.get("/").await.1.contains("Weft light client"));
        let all: Vec<Value> = serde_json::from_str(&daemon.get("/judgements?last=3").await.1).unwrap();
        assert_eq!(all.iter().map(|one| one["height"].as_u64().unwrap()).collect::<Vec<_>>(), [8, 7, 6]);
        let one: Value = serde_json::from_str(&daemon.get("/judgements/2").await.1).unwrap();
        assert_eq!((&one["verdict"], &one["samples"]), (&"available".into(), &25.into()));
        assert_eq!(daemon.get("/judgements/9").await.0, 404);
        daemon.stop().await;
    }
}

#[tokio::test]
async fn a_withheld_block_is_reported_and_healed() {
    for transport in BOTH {
        let world = World::honest(&[MIDDLE]);
        let node = TestNode::new("one", &world, Lies { serve_permille: Some(100), ..Lies::default() });
        let daemon = Daemon::start(config(), std::slice::from_ref(&node), transport).await;
        let status = daemon.wait(|status| status["open"] == 1).await;
        assert_eq!(status["recent"][0]["verdict"], "unavailable");
        node.set_lies(Lies::default());
        daemon.wait(|status| status["available"] == 1 && status["open"] == 0).await;
        daemon.stop().await;
    }
}

#[tokio::test]
async fn a_contradiction_makes_it_not_ready() {
    for transport in BOTH {
        let world = World::honest(&[SMALL, SMALL]);
        let node = TestNode::new("one", &world, Lies::default());
        let daemon = Daemon::start(config(), std::slice::from_ref(&node), transport).await;
        daemon.wait(|status| status["judged_height"] == 2).await;
        assert_eq!(daemon.get("/health/ready").await.0, 200);
        // The signer shows another header of a height that was judged.
        let theirs = world.equivocation(2);
        node.set_lies(Lies { headers: [(2, theirs)].into(), ..Lies::default() });
        let status = daemon.wait(|status| !status["chain_fault"].is_null()).await;
        assert!(status["chain_fault"].as_str().unwrap().contains(&theirs.header.hash().to_string()));
        let (code, text) = daemon.get("/health/ready").await;
        assert!(code == 503 && text.contains("contradicts itself"), "{text}");
        daemon.stop().await;
    }
}

#[tokio::test]
async fn waits_for_its_nodes() {
    let nobody = Config { network_id: None, da_urls: vec!["http://127.0.0.1:1".to_owned()], ..config() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let shutdown = Shutdown::new();
    let task = tokio::spawn(weft_light::run(nobody, listener, shutdown.clone()));
    let daemon = Daemon { url, shutdown, task };
    let (code, text) = daemon.get("/health/ready").await;
    assert!(code == 503 && text.contains("trust"), "{text}");
    daemon.stop().await;
}
