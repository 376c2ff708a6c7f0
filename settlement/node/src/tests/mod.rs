//! The whole service over real gRPC, with a DA node and a sequencer made for the tests.
#![allow(clippy::unwrap_used)]

mod challenger;
mod challenges;
mod da;
mod figures;
mod finality;
mod forced;
mod keys;
mod mirrors;
mod refusals;
mod rejections;
mod rollup;
mod several;
mod shared;
mod verifiers;

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use weft_service::Shutdown;
use weft_settlement::Status;
use weft_wire::SettlementClient;
use weft_wire::convert::CommitmentView;

use crate::{ChainSettings, Config, Handle, Listeners, start};

/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running service and a client of it.
struct Service {
    client: SettlementClient,
    handle: Handle,
    shutdown: Shutdown,
}

async fn listeners() -> Listeners {
    let bind = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    Listeners { grpc: bind().await, http: bind().await }
}

/// The configuration for a rollup whose DA node is at `da_url`.
fn config(folder: &Path, da_url: &str) -> Config {
    Config::new(folder.to_owned(), settings(da_url))
}

/// The same of its only chain.
fn settings(da_url: &str) -> ChainSettings {
    let mut settings = ChainSettings::new(rollup::chain(), rollup::sequencer().address(), da::signer().address());
    da_url.clone_into(&mut settings.da_url);
    settings
}

impl Service {
    async fn start(config: Config) -> Self {
        let service = Self::start_any(config).await;
        service.wait(async || service.client.info().await.ok()).await;
        service
    }

    /// With any number of chains.
    async fn start_any(config: Config) -> Self {
        let shutdown = Shutdown::new();
        let handle = start(config, listeners().await, shutdown.clone()).unwrap();
        let client = SettlementClient::new(&format!("http://{}", handle.grpc)).unwrap();
        let service = Self { client, handle, shutdown };
        service.wait(async || (service.get_if_up("/health/ready").await == Some(200)).then_some(())).await;
        service
    }

    async fn get_if_up(&self, path: &str) -> Option<u16> {
        let answer = reqwest::get(format!("http://{}{path}", self.handle.http)).await.ok()?;
        Some(answer.status().as_u16())
    }

    async fn stop(self) {
        self.shutdown.trigger();
        self.handle.task.await.unwrap().unwrap();
    }

    /// Asks again and again until there is an answer.
    async fn wait<T>(&self, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(answer) = ask().await {
                return answer;
            }
            assert!(!self.handle.task.is_finished(), "the service has ended");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it did not happen");
    }

    /// Waits until a commitment has a state.
    async fn until(&self, commitment: weft_primitives::B256, status: Status) -> CommitmentView {
        self.wait(async || {
            let view = self.client.commitment_by_hash(commitment).await.unwrap();
            (view.status == status).then_some(view)
        })
        .await
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("http://{}{path}", self.handle.http)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}
