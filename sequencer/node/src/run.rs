//! The whole sequencer, started and stopped together.

use std::sync::Arc;

use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::service::Routes;
use weft_primitives::{Bytes, Namespace, Signer};
use weft_service::clock::SystemClock;
use weft_service::{Readiness, Shutdown, catalogue, grpc, http};
use weft_wire::client::EndpointError;
use weft_wire::pb::sequencer::v1::sequencer_server::SequencerServer;
use weft_wire::pb::settlement::v1::log_mirror_server::LogMirrorServer;
use weft_wire::{DaClient, FILE_DESCRIPTOR_SET, MAX_MESSAGE_BYTES, SettlementClient};

use crate::backend::Backend;
use crate::batcher::{CutError, Cutter, FollowError, Follower, Stages, Submitter};
use crate::chain::{self, Chain, ChainError};
use crate::config::{Config, ConfigError};
use crate::derive::{self, DeriveError, Progress};
use crate::grpc::{SERVICE, SequencerService};
use crate::metrics::{METRICS, RPC_METRICS, STATE_METRICS};
use crate::mirror::MirrorService;
use crate::producer::{Producer, ProducerError};
use crate::store::{ChainStore, RocksKv, StoreError};
use crate::{accounts, requeue, rpc};

/// Where a sequencer listens.
#[derive(Debug)]
pub struct Listeners {
    /// gRPC.
    pub grpc: TcpListener,
    /// Ethereum JSON-RPC, HTTP and WebSocket.
    pub rpc: TcpListener,
    /// Metrics, health, page.
    pub http: TcpListener,
}

impl Listeners {
    /// The same sockets once more, for a round of the sequencer that ends before they do.
    fn again(&self) -> std::io::Result<Self> {
        let again = |listener: &TcpListener| {
            let socket = std::os::fd::AsFd::as_fd(listener).try_clone_to_owned()?;
            TcpListener::from_std(std::net::TcpListener::from(socket))
        };
        Ok(Self { grpc: again(&self.grpc)?, rpc: again(&self.rpc)?, http: again(&self.http)? })
    }
}

/// Why a sequencer ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration cannot work.
    #[error("sequencer configuration: {0}")]
    Config(#[from] ConfigError),
    /// The store failed.
    #[error("sequencer: {0}")]
    Store(#[from] StoreError),
    /// The chain cannot be opened.
    #[error("sequencer: {0}")]
    Chain(#[from] ChainError),
    /// Production failed.
    #[error("sequencer: block production: {0}")]
    Producer(#[from] ProducerError),
    /// No batch can be made.
    #[error("sequencer: batches: {0}")]
    Cut(#[from] CutError),
    /// A URL of the configuration is none.
    #[error("sequencer: {0}")]
    Endpoint(#[from] EndpointError),
    /// A server failed.
    #[error("sequencer: {0}")]
    Grpc(#[from] grpc::GrpcError),
    /// A server failed.
    #[error("sequencer HTTP: {0}")]
    Http(std::io::Error),
    /// A server failed.
    #[error("sequencer JSON-RPC: {0}")]
    Rpc(#[from] rpc::ServeError),
    /// The chain cannot be derived.
    #[error(transparent)]
    Derive(#[from] DeriveError),
    /// A forced batch takes the place of blocks that are here.
    #[error("sequencer: {0}")]
    Follow(#[from] FollowError),
    /// A socket cannot be used again.
    #[error("sequencer: listening: {0}")]
    Listen(std::io::Error),
    /// The system gives no thread.
    #[error("sequencer: admission cannot start: {0}")]
    Admission(std::io::Error),
    /// The system gives no threads.
    #[error("sequencer: block production cannot start: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A part panicked.
    #[error("sequencer: a part of it panicked; see the log")]
    Panicked,
}

/// Runs a sequencer until shutdown, or until a part of it fails. If settlement has more of the chain than its folder,
/// that is derived first; `progress` tells how far it is.
///
/// When a forced batch has taken the place of blocks, everything ends and begins again behind it, on the same sockets:
/// so nothing of what is taken back is left in any part.
pub async fn run(
    config: Config,
    listeners: Listeners,
    progress: watch::Sender<Progress>,
    shutdown: Shutdown,
) -> Result<(), RunError> {
    config.check()?;
    catalogue::announce(METRICS);
    catalogue::announce(STATE_METRICS);
    catalogue::announce(RPC_METRICS);
    let store = ChainStore::new(Arc::new(RocksKv::open(&config.data_dir)?));
    let store = store.index_accounts(config.limits.index_accounts)?;
    let mut waiting = Vec::new();
    loop {
        let listeners = listeners.again().map_err(RunError::Listen)?;
        match Box::pin(round(&config, &store, listeners, progress.clone(), &mut waiting, &shutdown)).await {
            Err(RunError::Follow(FollowError::Rewind)) if !shutdown.is_triggered() => {
                tracing::warn!("a forced batch takes the place of blocks that were never posted; going on behind it");
            }
            ended => return ended,
        }
    }
}

/// One round. `waiting` are transactions for the pool, in the end those that are still in it.
async fn round(
    config: &Config,
    store: &ChainStore,
    listeners: Listeners,
    progress: watch::Sender<Progress>,
    waiting: &mut Vec<Bytes>,
    shutdown: &Shutdown,
) -> Result<(), RunError> {
    let readiness = Readiness::new(&["store"]);
    let limits = config.limits;
    if let Some(blocks) = chain::rewind(&config.chain, store, limits.state_memory)? {
        metrics::counter!("weft_sequencer_rewinds_total").increment(1);
        tracing::warn!(blocks, "blocks were taken back");
    }
    let store = store.clone();
    let chain = Chain::open(config.chain.clone(), store, &limits)?;
    let backend = Backend::new(Arc::new(chain), config).map_err(RunError::Admission)?;
    backend.gate().set_backpressure(Some("it is starting".to_owned()));
    // The posting key also signs the puts, for namespaces that take them from certain keys alone.
    let da = DaClient::new(&config.da_url)?.with_signer(config.signer.clone());
    let settlement = SettlementClient::new(&config.settlement_url)?.for_chain(config.chain.chain_id());
    let stop = shutdown.child();
    let queued = std::mem::take(waiting);
    let (signer, ready) = (config.signer.clone(), readiness.clone());
    // On the heap: it holds all parts at once, and is passed through many hands on a stack of 8 MiB.
    let working = Box::pin(work(&backend, signer, (da, settlement), ready, progress, queued, stop.clone()));
    let status = (readiness, status(backend.clone()));
    let ended = Box::pin(serve(&backend, listeners, "sequencer", status, &stop, working)).await;
    waiting.extend(backend.pool().iter().map(|(transaction, _)| transaction.raw().clone()));
    ended
}

/// Serves a chain by gRPC, JSON-RPC and HTTP beside `work`, under the name `name`. Whatever ends first takes the others
/// along; each ends by itself once stopping is asked for.
pub(crate) async fn serve(
    backend: &Backend,
    listeners: Listeners,
    name: &'static str,
    (readiness, status): (Readiness, http::Status),
    stop: &Shutdown,
    work: impl Future<Output = Result<(), RunError>>,
) -> Result<(), RunError> {
    let server =
        SequencerServer::new(SequencerService::new(backend.clone())).max_decoding_message_size(MAX_MESSAGE_BYTES);
    let router = http::router(name, readiness, status);
    let results = tokio::join!(
        ending(stop, work),
        ending(stop, async {
            let mirror = LogMirrorServer::new(MirrorService::new(backend.chain().clone()));
            let routes = Routes::new(server).add_service(mirror);
            Ok(grpc::serve(listeners.grpc, routes, FILE_DESCRIPTOR_SET, SERVICE, stop.clone()).await?)
        }),
        ending(stop, async { Ok(rpc::serve(backend.clone(), listeners.rpc, stop.clone()).await?) }),
        ending(stop, async { http::serve(listeners.http, router, stop.clone()).await.map_err(RunError::Http) }),
        ending(stop, async { Ok(accounts::fill(backend.chain().clone(), stop.clone()).await?) }),
    );
    let (work, grpc, rpc, http, accounts) = results;
    // A defect of any other part counts more than a forced batch.
    grpc.and(rpc).and(http).and(accounts).and(work)
}

/// All but serving: first what settlement has and this folder does not, then production.
async fn work(
    backend: &Backend,
    signer: Signer,
    (da, settlement): (DaClient, SettlementClient),
    readiness: Readiness,
    progress: watch::Sender<Progress>,
    waiting: Vec<Bytes>,
    stop: Shutdown,
) -> Result<(), RunError> {
    let payloads = Arc::new(da.clone());
    Box::pin(derive::catch_up(backend.chain(), &settlement, payloads, &readiness, progress, &stop)).await?;
    if stop.is_triggered() {
        return Ok(());
    }
    // Opens admission, unless something stands against it.
    let stages = Stages::new(backend.clone(), readiness.clone())?;
    let cutter = Cutter::new(backend.clone(), stages.clone())?;
    let (da, commits) = (Arc::new(da), Arc::new(settlement.clone()));
    let submitter = Submitter::new(backend.clone(), stages.clone(), signer, da, commits);
    let follower = Follower::new(backend.clone(), stages, settlement);
    // No promise was made to those who wait, but they need not send again. What is refused now was so before.
    drop(backend.submit_all(waiting).await);
    let producer = produce(backend.clone(), stop.clone());
    readiness.set("store");
    tracing::info!(chain = backend.config().chain_id(), latest = backend.heads().latest, "sequencer is ready");
    let results = tokio::join!(
        ending(&stop, producer),
        ending(&stop, async { cutter.run(stop.clone()).await.map_err(RunError::from) }),
        ending(&stop, async { submitter.run(stop.clone()).await.map_err(RunError::from) }),
        ending(&stop, async { follower.run(stop.clone()).await.map_err(RunError::from) }),
        ending(&stop, async { requeue::run(backend.clone(), stop.clone()).await.map_err(RunError::from) }),
    );
    let (producer, cutter, submitter, follower, requeue) = results;
    producer.and(cutter).and(submitter).and(requeue).and(follower)
}

/// Whatever ends first takes the others along.
async fn ending(stop: &Shutdown, part: impl Future<Output = Result<(), RunError>>) -> Result<(), RunError> {
    let result = part.await;
    stop.trigger();
    result
}

/// Runs the producer on threads of its own: what it does in parallel waits for no other work of this process.
async fn produce(backend: Backend, stop: Shutdown) -> Result<(), RunError> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    let threads = rayon::ThreadPoolBuilder::new()
        .thread_name(|n| format!("produce-{n}"))
        // The sender is dropped on the way: that is told below.
        .panic_handler(|_| ())
        .build()?;
    threads.spawn(move || {
        let result = Producer::new(backend, Arc::new(SystemClock)).run(&runtime, &stop);
        // The receiver is gone only if the whole service is.
        let _ = sender.send(result);
    });
    match receiver.await {
        Ok(result) => Ok(result?),
        Err(_) => Err(RunError::Panicked),
    }
}

fn status(backend: Backend) -> http::Status {
    Arc::new(move || {
        let heads = backend.heads();
        json!({
            "version": weft_service::VERSION,
            "chain id": backend.config().chain_id(),
            "latest block": heads.latest,
            "safe block": heads.safe,
            "finalized block": heads.finalized,
            "transactions in the pool": backend.pool().len(),
            "sequencer": backend.signer(),
            "namespace on DA": Namespace::for_chain(backend.config().chain_id()).to_string(),
        })
    })
}
