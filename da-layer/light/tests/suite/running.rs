//! A daemon that runs, and what it serves.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use weft_light::{Client, Config, LightError, Listeners};
use weft_service::Shutdown;
use weft_wire::LightClient;

use crate::node::TestNode;
use crate::setup::{Transport, client};

pub struct Daemon {
    pub url: String,
    pub grpc_url: String,
    shutdown: Shutdown,
    task: JoinHandle<Result<(), LightError>>,
}

impl Daemon {
    pub async fn start(config: Config, nodes: &[Arc<TestNode>], transport: Transport) -> Self {
        Self::of(client(config, nodes, transport).await).await
    }

    pub async fn of(client: Client) -> Self {
        let listener = || TcpListener::bind("127.0.0.1:0");
        let listeners = Listeners { grpc: listener().await.unwrap(), http: listener().await.unwrap() };
        let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let (url, grpc_url) = (url(&listeners.http), url(&listeners.grpc));
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        let task = tokio::spawn(async move { client.serve(listeners, stop).await });
        Self { url, grpc_url, shutdown, task }
    }

    pub fn light(&self) -> LightClient {
        LightClient::new(&self.grpc_url).unwrap()
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    pub async fn status(&self) -> Value {
        serde_json::from_str(&self.get("/status").await.1).unwrap()
    }

    /// Waits until the status has it so.
    pub async fn wait(&self, what: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..800 {
            let status = self.status().await;
            if what(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("not in time: {}", self.status().await);
    }

    pub async fn stop(self) {
        self.shutdown.trigger();
        tokio::time::timeout(Duration::from_secs(5), self.task).await.unwrap().unwrap().unwrap();
    }
}
