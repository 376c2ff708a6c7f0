//! Brings batches to DA and settlement, strictly in order, as often as it takes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use weft_primitives::{B256, BatchHeader, Namespace, SignedBatch, Signer};
use weft_service::backoff::Backoff;
use weft_service::{Readiness, Shutdown};
use weft_wire::{DaClient, RemoteError, SettlementClient};

use super::Stages;
use crate::backend::Backend;
use crate::store::{BatchRecord, BatchStage, StoreError};

/// Waiting after a refusal that more trying does not heal.
const REFUSED_PAUSE: Duration = Duration::from_secs(15);

/// Name of the readiness condition.
pub(super) const POSTING: &str = "posting";

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
}

/// Publishes and posts.
pub struct Submitter {
    backend: Backend,
    stages: Stages,
    signer: Signer,
    da: Arc<dyn Publish>,
    settlement: Arc<dyn Commit>,
    readiness: Readiness,
}

/// Why a step failed.
enum Failure {
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
        readiness: Readiness,
    ) -> Self {
        readiness.set(POSTING);
        Self { backend, stages, signer, da, settlement, readiness }
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
                    None => self.stages.cut().notified().await,
                }
            };
            if shutdown.unless(pause).await.is_none() {
                return Ok(());
            }
        }
    }

    fn failed(&self, service: &'static str, error: &RemoteError, backoff: &mut Backoff) -> Duration {
        metrics::counter!("weft_sequencer_submit_failures_total", "service" => service).increment(1);
        if error.is_retryable() {
            tracing::warn!(service, %error, "cannot submit yet; trying again");
            return backoff.delay();
        }
        tracing::error!(service, %error, "refused; batches wait until an operator has looked into it");
        self.readiness.unset(POSTING, format!("{service} refuses: {error}"));
        REFUSED_PAUSE
    }

    /// Brings the first unposted batch one step further; false if there is none.
    async fn step(&self) -> Result<bool, Failure> {
        let Some(record) = self.stages.first_unposted()? else { return Ok(false) };
        match record.signed.clone() {
            None => self.publish(record).await?,
            Some(signed) => self.post(record, &signed).await?,
        }
        Ok(true)
    }

    async fn publish(&self, record: BatchRecord) -> Result<(), Failure> {
        let store = self.backend.chain().store();
        let index = record.header.batch_index;
        let payload = store.payload(index)?.ok_or(StoreError::Damaged { what: "batch payload" })?;
        let namespace = Namespace::for_chain(record.header.chain_id);
        let published = self.da.publish(namespace, payload.into()).await;
        let published = published.map_err(|error| Failure::Remote("da", error))?;
        let parent_commitment = match index.checked_sub(1) {
            Some(before) => {
                let signed = store.batch(before)?.and_then(|batch| batch.signed);
                signed.ok_or(StoreError::Damaged { what: "commitment before" })?.header.hash()
            }
            None => B256::ZERO,
        };
        let header = BatchHeader {
            parent_commitment,
            da_data_root: published.data_root,
            da_height: published.height,
            ..record.header
        };
        // Stored before anyone sees it: there is never a second signature for this place.
        let signed = header.clone().sign(&self.signer);
        self.stages.update(BatchRecord { stage: BatchStage::Published, header, signed: Some(signed) })?;
        Ok(())
    }

    async fn post(&self, record: BatchRecord, signed: &SignedBatch) -> Result<(), Failure> {
        self.settlement.commit(signed).await.map_err(|error| Failure::Remote("settlement", error))?;
        self.readiness.set(POSTING);
        tracing::info!(batch = record.header.batch_index, da_height = record.header.da_height, "batch posted");
        self.stages.update(BatchRecord { stage: BatchStage::Posted, ..record })?;
        Ok(())
    }
}
