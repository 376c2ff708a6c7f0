//! The whole service: database, chains, gRPC and HTTP, started and stopped together.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tonic::service::Routes;
use weft_execution::world::ApplyError;
use weft_service::{Readiness, Shutdown, catalogue, grpc, http};
use weft_settlement::TermsError;
use weft_wire::FILE_DESCRIPTOR_SET;
use weft_wire::client::EndpointError;
use weft_wire::pb::settlement::v1::settlement_server::SettlementServer;

use crate::chains::{Chains, Served};
use crate::config::Config;
use crate::engine::STORE_READY;
use crate::grpc::{SERVICE, SettlementService};
use crate::metrics::METRICS;
use crate::pages;
use crate::store::{Database, StoreError};

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
    /// The chain's terms make no sense.
    #[error("settlement: {0}")]
    Terms(#[from] TermsError),
    /// A chain is configured twice.
    #[error("settlement: chain {0} is configured twice")]
    SameChain(u64),
    /// Whose log is it?
    #[error("settlement: mirrors are named, but no log key (log_key_file): nothing they have could be known as ours")]
    NoLogKey,
    /// Nothing to do.
    #[error("settlement: no chain is configured")]
    NoChain,
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

/// Runs a service until shutdown, or until a part that all chains need fails, or the last chain does.
pub async fn run(config: Config, listeners: Listeners, shutdown: Shutdown) -> Result<(), RunError> {
    catalogue::announce(METRICS);
    check(&config)?;
    let readiness = Readiness::new(&[STORE_READY]);
    let database = Database::connect(&config).await?;
    let (chains, running) = Chains::open(&config, &database, &readiness).await?;
    readiness.set(STORE_READY);
    let kind = if config.database_url.is_some() { "PostgreSQL" } else { "SQLite" };
    tracing::info!(chains = config.chains.len(), store = kind, "settlement is ready");

    let service = SettlementService { chains: chains.clone() };
    let server = SettlementServer::new(service).max_decoding_message_size(config.limits.max_message_bytes);
    let router = http::router("settlement", readiness, status(kind, chains.clone())).merge(pages::router(chains));
    let stop = shutdown.child();
    let mut parts = JoinSet::new();
    let grpc = grpc::serve(listeners.grpc, Routes::new(server), FILE_DESCRIPTOR_SET, SERVICE, stop.clone());
    let http = http::serve(listeners.http, router, stop.clone());
    let running = running.run(stop.clone());
    parts.spawn(async { grpc.await.map_err(RunError::from) });
    parts.spawn(async { http.await.map_err(RunError::Http) });
    parts.spawn(running);
    ended(parts, &stop).await
}

/// Each chain once, and at least one.
fn check(config: &Config) -> Result<(), RunError> {
    let mut ids: Vec<u64> = config.chains.iter().map(|settings| settings.chain.chain_id()).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(RunError::SameChain(pair[0])),
        None if ids.is_empty() => Err(RunError::NoChain),
        None => Ok(()),
    }
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

/// What the page for people shows: of the only chain line by line, of several a line each.
fn status(store: &'static str, chains: Arc<Chains>) -> http::Status {
    Arc::new(move || {
        let mut page = serde_json::Map::new();
        page.insert("version".to_owned(), json!(weft_service::VERSION));
        page.insert("store".to_owned(), json!(store));
        let several = chains.ids().count() > 1;
        for (id, served) in chains.each() {
            let figures = match served {
                Ok(served) => figures(served),
                Err(why) => json!({ "chain id": id, "failed": why }),
            };
            match figures {
                Value::Object(figures) if !several => page.extend(figures),
                figures => drop(page.insert(format!("chain {id}"), figures)),
            }
        }
        Value::Object(page)
    })
}

fn figures(served: &Served) -> Value {
    let chain = served.engine.chain();
    let (head, terms) = (chain.head(), &chain.rules().terms);
    json!({
        "chain id": chain.rules().chain_id,
        "mode": terms.mode.as_str(),
        "challenge window (ms)": terms.mode.window_ms(),
        "verifiers": terms.verifiers,
        "verifiers needed": terms.verifiers_needed,
        "sequencer": chain.posting_key(),
        "epoch": head.epoch,
        "DA node": served.da_url,
        "log entries": head.log_seq,
        "newest commitment": head.tip.map(|(index, _)| index),
        "newest final commitment": head.finalized_index,
        "final block": chain.final_parent().block,
        "available block": chain.available_block(),
        "commitments waiting": chain.pending().count(),
        "inbox items": head.inbox_len,
        "inbox items waiting": chain.inbox_waiting(),
        "wei in escrow": head.bridge.escrow.to_string(),
        "rejections": head.generation,
        "posting frozen": head.frozen,
    })
}
