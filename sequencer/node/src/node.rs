//! A node that follows: derives the chain from settlement and DA, and serves what it has verified.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use tokio::sync::watch;
use weft_primitives::Namespace;
use weft_service::backoff::Backoff;
use weft_service::{Readiness, Shutdown, catalogue, http};
use weft_settlement::Terms;
use weft_wire::{DaClient, SequencerClient, SettlementClient};

use crate::backend::Backend;
use crate::chain::Chain;
use crate::config::NodeConfig;
use crate::derive::{DeriveError, Deriver, LogReader, LogView, Progress, rules, terms};
use crate::metrics::{NODE_METRICS, RPC_METRICS, STATE_METRICS};
use crate::promises::Watcher;
use crate::run::{Listeners, RunError, serve};
use crate::store::{ChainStore, RocksKv};

/// Readiness condition: all that settlement had when it was last asked is derived.
const DERIVED: &str = "derived";

/// Readiness condition: this node and settlement's log agree.
const AGREEMENT: &str = "agreement";

/// Runs a follower until shutdown, or until a part of it fails. `progress` tells how far it is.
///
/// Where this node and the log do not agree, deriving ends, and what was verified before is served on, not ready.
pub async fn follow(
    config: NodeConfig,
    listeners: Listeners,
    progress: watch::Sender<Progress>,
    shutdown: Shutdown,
) -> Result<(), RunError> {
    catalogue::announce(NODE_METRICS);
    catalogue::announce(STATE_METRICS);
    catalogue::announce(RPC_METRICS);
    metrics::gauge!("weft_node_disagreement").set(0.0);
    metrics::gauge!("weft_node_broken_promises").set(0.0);
    metrics::gauge!("weft_node_promises_waiting").set(0.0);
    let readiness = Readiness::new(&[DERIVED]);
    let limits = config.limits;
    let store = ChainStore::new(Arc::new(RocksKv::open(&config.data_dir)?)).index_accounts(limits.index_accounts)?;
    let chain = Arc::new(Chain::open(config.chain.clone(), store, &limits)?);
    let sequencer = config.sequencer_url.as_deref().map(SequencerClient::new).transpose()?;
    let backend = Backend::following(chain.clone(), &config, sequencer.clone(), progress.subscribe());
    let settlement = SettlementClient::new(&config.settlement_url)?.for_chain(config.chain.chain_id());
    let da = DaClient::new(&config.da_url)?;
    tracing::info!(chain = backend.config().chain_id(), latest = backend.heads().latest, "following");
    let stop = shutdown.child();
    let broken = Arc::new(AtomicU64::new(0));
    let watched = sequencer.map(|sequencer| (sequencer, broken.clone()));
    let deriving = derive(&config, chain, (da, settlement, watched), readiness.clone(), progress, stop.clone());
    let status = (readiness, status(backend.clone(), broken));
    Box::pin(serve(&backend, listeners, "node", status, &stop, deriving)).await
}

async fn derive(
    config: &NodeConfig,
    chain: Arc<Chain>,
    (da, settlement, watched): (DaClient, SettlementClient, Option<(SequencerClient, Arc<AtomicU64>)>),
    readiness: Readiness,
    progress: watch::Sender<Progress>,
    stop: Shutdown,
) -> Result<(), RunError> {
    let Some(mut terms) = stop.unless(ask(&settlement)).await else { return Ok(()) };
    match config.sequencer {
        Some(address) => terms.sequencer = address,
        None => {
            let address = terms.sequencer;
            tracing::warn!(%address, "following commitments of the key that settlement names (--sequencer-address)");
        }
    }
    let view = LogView::new(rules(chain.config(), terms)?);
    let watcher = watched.map(|(sequencer, broken)| {
        Watcher::new(chain.clone(), view.clone(), sequencer, settlement.clone(), config.evidence_dir.clone(), broken)
    });
    let watching = async {
        match watcher {
            Some(watcher) => watcher.run(stop.clone()).await,
            None => Ok(()),
        }
    };
    let seen = chain.store().log_state()?;
    let kept = Some(chain.clone());
    let reader = LogReader { client: settlement, view: view.clone(), seen, readiness: readiness.clone(), kept };
    let deriver = Deriver::new(chain, view, Arc::new(da), progress)?;
    let said = readiness.clone();
    let caught_up = move || said.set(DERIVED);
    let all = async { tokio::try_join!(reader.run(stop.clone()), deriver.run(stop.clone(), caught_up), watching) };
    match Box::pin(all).await {
        Ok(_) => Ok(()),
        Err(error @ (DeriveError::Disagreement(_) | DeriveError::Log(_))) => {
            metrics::gauge!("weft_node_disagreement").set(1.0);
            tracing::error!("{error}");
            readiness.unset(AGREEMENT, error.to_string());
            // What was verified before goes on being served; the figures tell the rest.
            stop.wait().await;
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// The terms of the chain's settlement.
async fn ask(settlement: &SettlementClient) -> Terms {
    let mut backoff = Backoff::default();
    loop {
        match settlement.info().await.and_then(|info| terms(&info)) {
            Ok(terms) => return terms,
            Err(error) if error.is_retryable() => tracing::debug!(%error, "settlement"),
            Err(error) => tracing::warn!(%error, "settlement"),
        }
        tokio::time::sleep(backoff.delay()).await;
    }
}

fn status(backend: Backend, broken: Arc<AtomicU64>) -> http::Status {
    Arc::new(move || {
        let heads = backend.heads();
        let left = backend.catching_up().map(|progress| progress.batches_left);
        json!({
            "version": weft_service::VERSION,
            "chain id": backend.config().chain_id(),
            "latest block": heads.latest,
            "safe block": heads.safe,
            "finalized block": heads.finalized,
            "batches to catch up": left.unwrap_or_default(),
            "rollbacks": backend.chain().rollbacks(),
            "namespace on DA": Namespace::for_chain(backend.config().chain_id()).to_string(),
            "broken promises": broken.load(Ordering::Relaxed),
        })
    })
}
