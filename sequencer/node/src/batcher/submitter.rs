//! Brings batches to DA and settlement, strictly in order, as often as it takes.
//!
//! When it may sign and post is decided in [`super::stages`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use weft_primitives::{B256, BatchHeader, Namespace, SignedBatch, Signer};
use weft_service::backoff::Backoff;
use weft_service::{Shutdown, trace};
use weft_wire::{DaClient, RemoteError, SettlementClient};

use super::stages::{Posting, Stages};
use crate::backend::Backend;
use crate::store::{BatchRecord, BatchStage, StoreError};
use crate::traces::{PUBLISH, TracedBatch};

/// Waiting after a refusal that more trying does not heal.
const REFUSED_PAUSE: Duration = Duration::from_secs(15);

/// Longest wait that a service may ask for.
const MAX_ASKED_PAUSE: Duration = Duration::from_secs(60);

/// Readiness condition: DA and settlement refuse nothing for good.
const POSTING: &str = "posting";

/// Where a payload was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// DA height.
    pub height: u64,
    /// Data root of that block.
    pub data_root: B256,
}

/// The DA layer, as the submitter needs it.
pub trait Publish: Send + Sync + 'static {
    /// Stores a payload; returns once it is durable, with the place proven.
    fn publish(&self, namespace: Namespace, payload: Bytes) -> BoxFuture<'_, Result<Published, RemoteError>>;
}

/// Settlement, as the submitter needs it.
pub trait Commit: Send + Sync + 'static {
    /// Posts a commitment.
    fn commit<'a>(&'a self, signed: &'a SignedBatch) -> BoxFuture<'a, Result<(), RemoteError>>;

    /// Asks for the forced batch that is due.
    fn force(&self) -> BoxFuture<'_, Result<(), RemoteError>>;
}

impl Publish for DaClient {
    fn publish(&self, namespace: Namespace, payload: Bytes) -> BoxFuture<'_, Result<Published, RemoteError>> {
        Box::pin(async move {
            let put = self.put_blob(namespace, payload.clone()).await?;
            let header = put.blob.header.header;
            let proven = put.blob.proof.verify(&header).map_err(|fault| RemoteError::protocol(fault.to_string()))?;
            proven.check(&payload).map_err(|fault| RemoteError::protocol(fault.to_string()))?;
            Ok(Published { height: header.height, data_root: header.data_root() })
        })
    }
}

impl Commit for SettlementClient {
    fn commit<'a>(&'a self, signed: &'a SignedBatch) -> BoxFuture<'a, Result<(), RemoteError>> {
        Box::pin(async move { self.post(signed).await.map(drop) })
    }

    fn force(&self) -> BoxFuture<'_, Result<(), RemoteError>> {
        Box::pin(async move { self.force_batch().await.map(drop) })
    }
}

/// Publishes and posts.
pub struct Submitter {
    backend: Backend,
    stages: Stages,
    signer: Signer,
    da: Arc<dyn Publish>,
    settlement: Arc<dyn Commit>,
}

/// Why a step failed.
pub(super) enum Failure {
    Store(StoreError),
    Remote(&'static str, RemoteError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Submitter {
    /// For a backend's batches.
    pub fn new(
        backend: Backend,
        stages: Stages,
        signer: Signer,
        da: Arc<dyn Publish>,
        settlement: Arc<dyn Commit>,
    ) -> Self {
        stages.readiness().set(POSTING);
        Self { backend, stages, signer, da, settlement }
    }

    /// Submits until shutdown. An error is the store's.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), StoreError> {
        let mut backoff = Backoff::default();
        loop {
            let wait = match shutdown.unless(self.step()).await {
                None => return Ok(()),
                Some(Ok(true)) => {
                    backoff.reset();
                    continue;
                }
                Some(Ok(false)) => None,
                Some(Err(Failure::Store(error))) => return Err(error),
                Some(Err(Failure::Remote(service, error))) => Some(self.failed(service, &error, &mut backoff)),
            };
            let pause = async {
                match wait {
                    Some(delay) => tokio::time::sleep(delay).await,
                    None => self.stages.work().notified().await,
                }
            };
            if shutdown.unless(pause).await.is_none() {
                return Ok(());
            }
        }
    }

    fn failed(&self, service: &'static str, error: &RemoteError, backoff: &mut Backoff) -> Duration {
        metrics::counter!("weft_sequencer_submit_failures_total", "service" => service).increment(1);
        if error.is_retryable() || is_late(error) {
            tracing::warn!(service, %error, "cannot submit yet; trying again");
            return backoff.delay().max(error.retry_after.unwrap_or_default().min(MAX_ASKED_PAUSE));
        }
        tracing::error!(service, %error, "refused; batches wait until an operator has looked into it");
        self.stages.readiness().unset(POSTING, format!("{service} refuses: {error}"));
        REFUSED_PAUSE
    }

    /// Brings the first unposted batch one step further; false if there is nothing to do until told.
    pub(super) async fn step(&self) -> Result<bool, Failure> {
        let posting = self.stages.posting();
        if matches!(posting, Posting::Halted(_) | Posting::Replaced(_)) {
            return Ok(false);
        }
        let stages = self.stages.clone();
        let next = blocking(move || -> Result<_, StoreError> { Ok((stages.first_unposted()?, stages.epoch()?)) });
        let (Some(record), epoch) = next.await? else { return Ok(false) };
        match record.signed.clone() {
            // What was signed for an epoch before a key change is not in the log and cannot come in any more.
            Some(signed) if signed.header.leader_epoch >= epoch => self.post(record, &signed).await,
            _ if posting == Posting::Open => self.publish(record, epoch).await,
            _ => Ok(false),
        }
    }

    /// What was signed cannot be posted any more, and nothing else may be signed for its place. As soon as a forced
    /// batch is due it is asked for; the log then tells to go on behind it.
    async fn late(&self, error: &RemoteError) -> Result<(), Failure> {
        let (stages, why) = (self.stages.clone(), error.message.clone());
        blocking(move || stages.late(&why)).await?;
        if error.reason == "FORCED_DUE"
            && let Err(error) = self.settlement.force().await
        {
            tracing::warn!(%error, "no forced batch yet; trying again");
        }
        Ok(())
    }

    async fn publish(&self, record: BatchRecord, leader_epoch: u64) -> Result<bool, Failure> {
        let (chain, index) = (self.backend.chain().clone(), record.header.batch_index);
        let (payload, parent_commitment) = blocking(move || -> Result<_, StoreError> {
            let store = chain.store();
            let payload = store.payload(index)?.ok_or(StoreError::Damaged { what: "batch payload" })?;
            let Some(before) = index.checked_sub(1) else { return Ok((payload, B256::ZERO)) };
            let signed = store.batch(before)?.and_then(|batch| batch.signed);
            let signed = signed.ok_or(StoreError::Damaged { what: "commitment before" })?;
            Ok((payload, signed.header.hash()))
        })
        .await?;
        let namespace = Namespace::for_chain(record.header.chain_id);
        let traced = self.traced(&record.header).await?;
        let publish = self.da.publish(namespace, payload.into());
        let published = traced.around(PUBLISH, publish).await;
        let published = published.map_err(|error| Failure::Remote("da", error))?;
        let header = BatchHeader {
            parent_commitment,
            da_data_root: published.data_root,
            da_height: published.height,
            leader_epoch,
            ..record.header
        };
        // Stored before anyone sees it: there is never a second signature for this place in one epoch.
        let signed = header.clone().sign(&self.signer);
        let record = BatchRecord { stage: BatchStage::Published, header, signed: Some(signed) };
        let stages = self.stages.clone();
        Ok(blocking(move || stages.sign(&record)).await?)
    }

    /// The traces of a batch; none if it has no transaction that is traced.
    async fn traced(&self, header: &BatchHeader) -> Result<TracedBatch, StoreError> {
        if !trace::is_on() {
            return Ok(TracedBatch::default());
        }
        let (chain, header) = (self.backend.chain().clone(), header.clone());
        blocking(move || TracedBatch::load(chain.store(), &header)).await
    }

    async fn post(&self, record: BatchRecord, signed: &SignedBatch) -> Result<bool, Failure> {
        let traced = self.traced(&record.header).await?;
        if let Err(error) = traced.around("sequencer.post", self.settlement.commit(signed)).await {
            if is_late(&error) {
                self.late(&error).await?;
            }
            return Err(Failure::Remote("settlement", error));
        }
        self.stages.readiness().set(POSTING);
        tracing::info!(batch = record.header.batch_index, da_height = record.header.da_height, "batch posted");
        let stages = self.stages.clone();
        blocking(move || stages.update(BatchRecord { stage: BatchStage::Posted, ..record })).await?;
        Ok(true)
    }
}

/// Whether settlement does not take a commitment because of an inbox item that waits for too long.
fn is_late(error: &RemoteError) -> bool {
    matches!(error.reason.as_str(), "INBOX_OVERDUE" | "FORCED_DUE")
}

/// Runs work that waits for the disk off the threads that serve sockets.
pub(crate) async fn blocking<T: Send + 'static, E: Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // A panic there is one here; the runtime cancels such work only as it ends itself.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
