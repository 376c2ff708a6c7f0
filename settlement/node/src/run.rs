//! The whole service: store, engine, verifier, gRPC and HTTP, started and stopped together.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tonic::service::Routes;
use weft_execution::block::Parent as Block;
use weft_execution::verify::Checkpoint;
use weft_execution::world::ApplyError;
use weft_execution::{STF_VERSION, World};
use weft_primitives::ChainConfig;
use weft_service::clock::SystemClock;
use weft_service::{Readiness, Shutdown, grpc, http, telemetry};
use weft_settlement::{Parent, Rules};
use weft_wire::client::EndpointError;
use weft_wire::pb::settlement::v1::settlement_server::SettlementServer;
use weft_wire::{DaClient, FILE_DESCRIPTOR_SET};

use crate::config::Config;
use crate::engine::{Engine, EngineHandle, STORE_READY};
use crate::grpc::{SERVICE, SettlementService};
use crate::store::{Genesis, PostgresStore, SqliteStore, StateWrite, Store, StoreError};
use crate::verifier::{DaSource, Verifier};

/// Where a service listens.
#[derive(Debug)]
pub struct Listeners {
    /// gRPC.
    pub grpc: TcpListener,
    /// Metrics, health, page.
    pub http: TcpListener,
}

/// Why a service ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store failed.
    #[error("settlement: {0}")]
    Store(#[from] StoreError),
    /// The genesis file's state does not fit the state tree.
    #[error("settlement: genesis state: {0}")]
    Genesis(#[from] ApplyError),
    /// The DA node's URL cannot be used.
    #[error("settlement: da_url: {0}")]
    DaUrl(#[from] EndpointError),
    /// A server failed.
    #[error("settlement: {0}")]
    Grpc(#[from] grpc::GrpcError),
    /// A server failed.
    #[error("settlement HTTP: {0}")]
    Http(std::io::Error),
    /// A part of the service panicked.
    #[error("settlement: a part of it panicked; see the log")]
    Panicked,
}

/// A running service.
#[derive(Debug)]
pub struct Handle {
    /// Where gRPC listens.
    pub grpc: SocketAddr,
    /// Where HTTP listens.
    pub http: SocketAddr,
    /// Ends when the service does.
    pub task: JoinHandle<Result<(), RunError>>,
}

/// Starts a service in a task of its own.
pub fn start(config: Config, listeners: Listeners, shutdown: Shutdown) -> std::io::Result<Handle> {
    let (grpc, http) = (listeners.grpc.local_addr()?, listeners.http.local_addr()?);
    Ok(Handle { grpc, http, task: tokio::spawn(run(config, listeners, shutdown)) })
}

/// Runs a service until shutdown, or until a part of it fails.
pub async fn run(config: Config, listeners: Listeners, shutdown: Shutdown) -> Result<(), RunError> {
    telemetry::metrics();
    let readiness = Readiness::new(&[STORE_READY]);
    let (rules, genesis) = rules(&config)?;
    let store = connect(&config).await?;
    store.open(&genesis).await?;
    let (engine, handle) = Engine::new(
        rules,
        config.limits.machine(),
        config.limits.max_waiting_requests,
        store.clone(),
        Arc::new(SystemClock),
        readiness.clone(),
    )
    .await?;
    let da = DaSource { client: DaClient::new(&config.da_url)?, signer: config.da_signer, target: config.target };
    let verifier = Verifier::new(Arc::new(config.chain.clone()), handle.clone(), store.clone(), da);
    readiness.set(STORE_READY);
    let kind = if config.database_url.is_some() { "PostgreSQL" } else { "SQLite" };
    tracing::info!(chain_id = rules.chain_id, sequencer = %rules.sequencer, store = kind, "settlement is ready");

    let service = SettlementService {
        engine: handle.clone(),
        store,
        da_signer: config.da_signer,
        subscribers: Arc::new(Semaphore::new(config.limits.max_subscribers)),
        max_subscribers: config.limits.max_subscribers,
    };
    let server = SettlementServer::new(service).max_decoding_message_size(config.limits.max_message_bytes);
    let router = http::router("settlement", readiness, status(&config, handle));
    let stop = shutdown.child();
    let mut parts = JoinSet::new();
    let grpc = grpc::serve(listeners.grpc, Routes::new(server), FILE_DESCRIPTOR_SET, SERVICE, stop.clone());
    let http = http::serve(listeners.http, router, stop.clone());
    let (engine, verifier) = (engine.run(stop.clone()), verifier.run(stop.clone()));
    parts.spawn(async { grpc.await.map_err(RunError::from) });
    parts.spawn(async { http.await.map_err(RunError::Http) });
    parts.spawn(async { engine.await.map_err(RunError::from) });
    parts.spawn(async { verifier.await.map_err(RunError::from) });
    ended(parts, &stop).await
}

/// When one part ends, all end; the first failure counts.
async fn ended(mut parts: JoinSet<Result<(), RunError>>, stop: &Shutdown) -> Result<(), RunError> {
    let mut outcome = Ok(());
    while let Some(part) = parts.join_next().await {
        stop.trigger();
        outcome = outcome.and(part.unwrap_or(Err(RunError::Panicked)));
    }
    outcome
}

async fn connect(config: &Config) -> Result<Arc<dyn Store>, RunError> {
    let chain_id = config.chain.chain_id();
    Ok(match &config.database_url {
        Some(url) => Arc::new(PostgresStore::connect(url, chain_id).await?),
        None => Arc::new(SqliteStore::connect(&config.data_dir, chain_id).await?),
    })
}

/// The rules of the chain, and what its tables begin with.
pub(crate) fn rules(config: &Config) -> Result<(Rules, Genesis), RunError> {
    let chain: &ChainConfig = &config.chain;
    let (_, header, applied) = World::genesis(chain)?;
    let block = Block::new(header);
    let rules = Rules {
        chain_id: chain.chain_id(),
        config_hash: chain.hash(),
        sequencer: config.sequencer,
        genesis: Parent::genesis(block.hash, block.header.state_root, block.header.timestamp),
        stf_version: STF_VERSION,
        availability_deadline_ms: config.availability_deadline_ms,
    };
    let state = StateWrite {
        checkpoint: Checkpoint::genesis(block),
        leaves: applied.updates.entries().to_vec(),
        codes: applied.codes,
    };
    Ok((rules, Genesis { config_hash: chain.hash(), state }))
}

/// What the page for people shows.
fn status(config: &Config, engine: EngineHandle) -> http::Status {
    let (sequencer, da_url) = (config.sequencer, config.da_url.clone());
    let store = if config.database_url.is_some() { "PostgreSQL" } else { "SQLite" };
    Arc::new(move || {
        let chain = engine.chain();
        let head = chain.head();
        json!({
            "version": weft_service::VERSION,
            "chain id": chain.rules().chain_id,
            "mode": "verified",
            "sequencer": sequencer,
            "DA node": da_url,
            "store": store,
            "log entries": head.log_seq,
            "newest commitment": head.tip.map(|(index, _)| index),
            "newest final commitment": head.finalized_index,
            "final block": chain.final_parent().block,
            "available block": chain.available_block(),
            "commitments waiting": chain.pending().count(),
            "inbox items": head.inbox_len,
            "inbox items waiting": chain.inbox_waiting(),
            "rejections": head.generation,
            "posting frozen": head.frozen,
        })
    })
}
