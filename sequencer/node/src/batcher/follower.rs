//! Follows the settlement log: inbox items for the producer, stages for batches, `safe` and `finalized`.

use futures::StreamExt;
use weft_service::backoff::Backoff;
use weft_service::{Readiness, Shutdown};
use weft_settlement::{Event, LogEntry};
use weft_wire::{RemoteError, SettlementClient};

use super::Stages;
use super::submitter::POSTING;
use crate::backend::Backend;
use crate::store::{BatchStage, LogState, StoreError};

/// Keeps up with the log.
pub struct Follower {
    backend: Backend,
    stages: Stages,
    client: SettlementClient,
    readiness: Readiness,
}

/// Why following stopped for the moment.
enum Interruption {
    Store(StoreError),
    Remote(RemoteError),
}

impl Follower {
    /// Follows the service that `client` calls.
    pub fn new(backend: Backend, stages: Stages, client: SettlementClient, readiness: Readiness) -> Self {
        Self { backend, stages, client, readiness }
    }

    /// Follows until shutdown. An error is the store's.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), StoreError> {
        let mut backoff = Backoff::default();
        loop {
            match shutdown.unless(self.follow(&mut backoff)).await {
                None => return Ok(()),
                Some(Interruption::Store(error)) => return Err(error),
                Some(Interruption::Remote(error)) => tracing::debug!(%error, "settlement log interrupted"),
            }
            if shutdown.unless(tokio::time::sleep(backoff.delay())).await.is_none() {
                return Ok(());
            }
        }
    }

    async fn follow(&self, backoff: &mut Backoff) -> Interruption {
        let mut state = match self.backend.chain().store().log_state() {
            Ok(state) => state,
            Err(error) => return Interruption::Store(error),
        };
        let mut log = match self.client.subscribe_log(state.seq + 1).await {
            Ok(log) => log,
            Err(error) => return Interruption::Remote(error),
        };
        while let Some(entry) = log.next().await {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return Interruption::Remote(error),
            };
            if entry.seq != state.seq + 1 || entry.prev_hash != state.hash {
                let message = format!(
                    "settlement's log entry {} does not follow entry {} that was seen before: \
                     is this another settlement service, or was its database replaced?",
                    entry.seq, state.seq
                );
                tracing::error!("{message}");
                self.readiness.unset(POSTING, message.clone());
                return Interruption::Remote(RemoteError::protocol(message));
            }
            if let Err(error) = self.take(&mut state, &entry) {
                return Interruption::Store(error);
            }
            backoff.reset();
        }
        Interruption::Remote(RemoteError::protocol("the log stream ended"))
    }

    /// Takes in one entry that follows the ones before.
    pub(super) fn take(&self, state: &mut LogState, entry: &LogEntry) -> Result<(), StoreError> {
        state.seq = entry.seq;
        state.hash = entry.hash();
        state.time_ms = entry.time_ms;
        let mut item = None;
        let mut moved = None;
        match &entry.event {
            Event::Inbox(new) => {
                state.inbox_len = new.index + 1;
                item = Some(new);
            }
            Event::Posted(signed) => {
                moved = self.ours(signed.header.batch_index, signed.header.hash(), BatchStage::Posted)?
            }
            Event::Availability(verdict) if verdict.available => {
                moved = self.ours(verdict.batch_index, verdict.commitment, BatchStage::Available)?;
                if let Some((index, _)) = moved {
                    state.safe = state.safe.max(self.last_block(index)?);
                }
            }
            Event::Finalized(finalized) => {
                moved = self.ours(finalized.batch_index, finalized.commitment, BatchStage::Finalized)?;
                if let Some((index, _)) = moved {
                    state.finalized = state.finalized.max(self.last_block(index)?);
                    state.safe = state.safe.max(state.finalized);
                }
            }
            Event::Rejected(rejected) => {
                moved = self.ours(rejected.batch_index, rejected.commitment, BatchStage::Rejected)?;
                if moved.is_some() {
                    let message = format!("settlement rejected batch {}: {}", rejected.batch_index, rejected.reason);
                    tracing::error!("{message}");
                    self.readiness.unset(POSTING, message);
                }
            }
            Event::Equivocation(_) => {
                tracing::error!("settlement holds two commitments of ours for one place; posting is frozen");
                self.readiness.unset(POSTING, "posting is frozen because of equivocation");
            }
            Event::Availability(_) | Event::Verdict(_) => {}
        }
        self.stages.log(state, item, moved)
    }

    /// The move, if the log speaks of the batch that we have.
    fn ours(
        &self,
        index: u64,
        commitment: weft_primitives::B256,
        stage: BatchStage,
    ) -> Result<Option<(u64, BatchStage)>, StoreError> {
        let signed = self.backend.batch(index)?.and_then(|batch| batch.signed);
        Ok(signed.filter(|signed| signed.header.hash() == commitment).map(|_| (index, stage)))
    }

    fn last_block(&self, index: u64) -> Result<u64, StoreError> {
        Ok(self.backend.batch(index)?.map_or(0, |batch| batch.header.last_block))
    }
}
