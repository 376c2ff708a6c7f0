//! The imported chain behind a sequencer's own JSON-RPC server.

use std::net::SocketAddr;
use std::sync::Arc;

use alloy_genesis::Genesis;
use serde_json::Value;
use tokio::net::TcpListener;
use weft_execution::Changes;
use weft_primitives::{ChainConfig, Signer};
use weft_sequencer::backend::Backend;
use weft_sequencer::chain::Chain;
use weft_sequencer::dialect::Dialect;
use weft_sequencer::store::{ChainStore, MemoryKv};
use weft_sequencer::{Config, Limits, PoolLimits, RpcConfig, rpc};
use weft_service::Shutdown;

use super::dialect::Ethereum;
use super::import::Import;
use crate::difference::{Difference, same_hash};

/// A server that answers.
pub struct Server {
    address: SocketAddr,
    client: reqwest::Client,
    shutdown: Shutdown,
    task: tokio::task::JoinHandle<Result<(), rpc::ServeError>>,
}

fn unreadable(why: impl std::fmt::Display) -> Difference {
    Difference::Unreadable(why.to_string())
}

impl Server {
    /// Imports the chain of a genesis file and its blocks, and serves it.
    pub async fn start(genesis: &str, blocks: &[u8]) -> Result<Self, Difference> {
        let backend = backend(genesis, blocks)?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(unreadable)?;
        let address = listener.local_addr().map_err(unreadable)?;
        let shutdown = Shutdown::new();
        let task = tokio::spawn(rpc::serve(backend, listener, shutdown.clone()));
        Ok(Self { address, client: reqwest::Client::new(), shutdown, task })
    }

    /// Asks.
    pub async fn ask(&self, question: &Value) -> Result<Value, Difference> {
        let asked = self.client.post(format!("http://{}", self.address)).json(question).send().await;
        asked.map_err(unreadable)?.json().await.map_err(unreadable)
    }

    /// Ends it.
    pub async fn stop(self) -> Result<(), Difference> {
        self.shutdown.trigger();
        self.task.await.map_err(unreadable)?.map_err(unreadable)
    }
}

fn backend(genesis: &str, blocks: &[u8]) -> Result<Backend, Difference> {
    let theirs: Genesis = serde_json::from_str(genesis).map_err(unreadable)?;
    let store = ChainStore::new(Arc::new(MemoryKv::default()));
    let (rules, world, beside) = Import::genesis(&theirs, store.clone())?.all(blocks)?.finish();
    let chain_config = config_of(genesis)?;
    let config = Config {
        data_dir: "/".into(),
        chain: chain_config.clone(),
        signer: Signer::from_bytes([9; 32]).map_err(unreadable)?,
        da_url: "http://127.0.0.1:1".to_owned(),
        settlement_url: "http://127.0.0.1:1".to_owned(),
        limits: Limits { store_min_free_bytes: 0, ..Limits::default() },
        mempool: PoolLimits::default(),
        rpc: RpcConfig::default(),
    };
    let chain = Chain::over(chain_config, store, world, &config.limits).map_err(unreadable)?;
    // The recorded answers are of a chain whose newest block is final.
    let latest = chain.heads().latest;
    chain.settle(latest, latest);
    let dialect = Ethereum::new(rules, beside);
    let root = dialect.root_after(latest, &Changes::default()).unwrap_or_default();
    same_hash("state root without changes", root, chain.tip().parent.header.state_root)?;
    Backend::speaking(Arc::new(dialect), Arc::new(chain), &config).map_err(unreadable)
}

/// What the pool goes by: the rules of the newest block, as a chain of ours has them from the start.
fn config_of(genesis: &str) -> Result<ChainConfig, Difference> {
    let mut genesis: Value = serde_json::from_str(genesis).map_err(unreadable)?;
    let config = genesis.get_mut("config").and_then(Value::as_object_mut).ok_or_else(|| unreadable("no config"))?;
    for time in ["pragueTime", "osakaTime"] {
        config.insert(time.to_owned(), 0.into());
    }
    config.insert("weft".to_owned(), serde_json::json!({ "minBaseFeePerGas": 0 }));
    ChainConfig::from_json(&genesis.to_string()).map_err(unreadable)
}
