//! A light client put together: nodes, memory, judge; and what all ways of running it share.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use weft_da::BlobProof;
use weft_service::Shutdown;
use weft_service::backoff::Backoff;

use crate::blob::{self, BlobError, BlobVerdict, RestoredBlob};
use crate::config::Config;
use crate::daemon::{self, Listeners};
use crate::error::LightError;
use crate::judge::{Judge, Judgement};
use crate::nodes::Nodes;
use crate::once::{self, OnceTarget};
use crate::progress::{Progress, ProgressEvent};
use crate::source::{Source, WireSource};
use crate::status::Board;
use crate::store::Store;
use crate::trust;
use crate::until::{self, Summary};
use weft_verdict::chain::{Chain, Fork};
use weft_verdict::{Anchor, BlobClaim, TrustSource, Wishes};

/// Pause between two questions to nodes that do not answer.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// A light client. One at a time uses a `data_dir`. Cheap to clone; clones are the same client.
#[derive(Clone)]
pub struct Client {
    pub(crate) config: Config,
    pub(crate) nodes: Nodes,
    pub(crate) store: Arc<Store>,
    pub(crate) judge: Judge,
    pub(crate) board: Arc<Board>,
    /// Bounds what is done with blobs for others.
    pub(crate) blob_calls: Arc<Semaphore>,
}

impl Client {
    /// A client of the nodes at `config.da_urls`. Nothing is asked of them yet.
    pub fn connect(config: Config) -> Result<Self, LightError> {
        config.check()?;
        let source = |url: &String| WireSource::new(url).map(|source| Arc::new(source) as Arc<dyn Source>);
        let sources = config.da_urls.iter().map(source).collect::<Result<_, _>>()?;
        Self::with_sources(config, sources)
    }

    /// A client of other sources; `config.da_urls` only names them.
    pub fn with_sources(config: Config, sources: Vec<Arc<dyn Source>>) -> Result<Self, LightError> {
        config.check()?;
        let nodes = Nodes::new(sources);
        let store = Arc::new(Store::open(config.data_dir.as_deref(), &config.limits)?);
        let judge = Judge::new(nodes.clone(), config.target, config.limits.clone());
        let board = Arc::new(Board::default());
        board.header(store.through().map_or(0, |header| header.header.height));
        let blob_calls = Arc::new(Semaphore::new(config.limits.max_blob_calls));
        Ok(Self { config, nodes, store, judge, board, blob_calls })
    }

    /// Judges one height.
    pub async fn once(
        &self,
        target: OnceTarget,
        progress: impl Fn(ProgressEvent) + Send + Sync + 'static,
    ) -> Result<Judgement, LightError> {
        once::once(self, target, Arc::new(progress)).await
    }

    /// Judges every height up to `height` that has not been judged before; those that were not available once more.
    pub async fn until(
        &self,
        height: u64,
        progress: impl Fn(ProgressEvent) + Send + Sync + 'static,
    ) -> Result<Summary, LightError> {
        until::until(self, height, Arc::new(progress)).await
    }

    /// Whether a blob is where it is said to be, and what this client holds of its block. Without a proof the nodes are
    /// asked for one; if none gives one and the height is known, the block's index is read from its rows.
    pub async fn verify_blob(&self, claim: BlobClaim, proof: Option<BlobProof>) -> Result<BlobVerdict, BlobError> {
        let _permit = self.blob_call()?;
        blob::verify(self, claim, proof).await
    }

    /// A blob's bytes, from rows that verify; no node is trusted for them.
    pub async fn get_blob(
        &self,
        claim: BlobClaim,
        progress: impl Fn(ProgressEvent) + Send + Sync + 'static,
    ) -> Result<RestoredBlob, BlobError> {
        let _permit = self.blob_call()?;
        blob::get(self, claim, Arc::new(progress)).await
    }

    fn blob_call(&self) -> Result<SemaphorePermit<'_>, BlobError> {
        self.blob_calls.try_acquire().map_err(|_| BlobError::Busy { limit: self.config.limits.max_blob_calls })
    }

    /// Follows and judges until `shutdown`, and serves gRPC and HTTP.
    pub async fn serve(&self, listeners: Listeners, shutdown: Shutdown) -> Result<(), LightError> {
        Box::pin(daemon::serve(self, listeners, shutdown)).await
    }

    /// What it remembers.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The nodes and their records.
    pub const fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// Whom to trust: from the configuration, from `data_dir`, or from the nodes. Waits for these until `deadline`.
    pub(crate) async fn settle(&self, deadline: Option<Instant>, progress: &Progress) -> Result<Anchor, LightError> {
        let kept = self.store.anchor();
        let wishes = Wishes { address: self.config.trusted, network_id: self.config.network_id, kept };
        let started = Instant::now();
        let mut backoff = Backoff::new(RETRY_PAUSE.0, RETRY_PAUSE.1);
        let anchor = loop {
            if let Some(anchor) = wishes.settled()? {
                break anchor;
            }
            if let Some(anchor) = trust::ask(&self.nodes, &wishes, self.config.limits.request_timeout).await? {
                break anchor;
            }
            let waited = started.elapsed();
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(LightError::NoNode { waited, nodes: self.nodes.faults_in_words() });
            }
            progress(ProgressEvent::Waiting { left_ms: left_ms(deadline) });
            tokio::time::sleep(backoff.delay()).await;
        };
        if anchor.source == TrustSource::FirstUse && kept.is_none() {
            let Anchor { address, network_id, .. } = anchor;
            let kept = self.store.is_durable();
            tracing::warn!(%address, network_id, kept, "TRUST ON FIRST USE: no --da-address is set, so the signer that the nodes name is trusted from now on");
            progress(ProgressEvent::TrustedOnFirstUse { address, network_id, kept });
        }
        self.store.set_anchor(anchor)?;
        Ok(anchor)
    }

    /// The chain as far as all of it is judged.
    pub(crate) fn chain(&self, anchor: &Anchor) -> Chain {
        Chain::new(anchor.address, anchor.network_id, self.store.through())
    }

    /// Keeps the proof and makes the error.
    pub(crate) fn fork(&self, fork: Box<Fork>) -> LightError {
        let evidence = match self.store.keep_fork(&fork) {
            Ok(path) => path,
            Err(error) => return error.into(),
        };
        let error = LightError::Fork { fork, evidence };
        tracing::error!(%error, "CHAIN FAULT");
        self.board.chain_fault(error.to_string());
        error
    }
}

/// Milliseconds until `deadline`.
pub(crate) fn left_ms(deadline: Option<Instant>) -> u64 {
    deadline.map_or(u64::MAX, |deadline| deadline.saturating_duration_since(Instant::now()).as_millis() as u64)
}
