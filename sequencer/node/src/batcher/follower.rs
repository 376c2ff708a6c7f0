//! Follows the settlement log: inbox items for the producer, stages for batches, `safe` and `finalized`.
//!
//! The log's hash chain must go on from the last entry that was seen; another
//! log is not followed, and readiness says so.

use futures::StreamExt;
use weft_primitives::B256;
use weft_service::Shutdown;
use weft_service::backoff::Backoff;
use weft_settlement::{Event, ForcedBatch, LogEntry};
use weft_wire::{RemoteError, SettlementClient};

use super::Stages;
use super::stages::{BROKEN_PROMISE, FROZEN, News};
use crate::backend::Backend;
use crate::store::{BatchStage, LogState, PostingKey, Rewind, StoreError};

/// Readiness condition: settlement's log goes on from what was seen of it.
const LOG: &str = "settlement_log";

/// Keeps up with the log.
pub struct Follower {
    backend: Backend,
    stages: Stages,
    client: SettlementClient,
}

/// Why following ended.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A forced batch takes the place of blocks that are here: the chain has to be opened again, behind it.
    #[error("a forced batch takes the place of blocks that were never posted")]
    Rewind,
}

/// Why following stopped for the moment.
enum Interruption {
    Rewind,
    Store(StoreError),
    Remote(RemoteError),
    Foreign(String),
}

impl From<StoreError> for Interruption {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<RemoteError> for Interruption {
    fn from(error: RemoteError) -> Self {
        Self::Remote(error)
    }
}

impl Follower {
    /// Follows the service that `client` calls.
    pub fn new(backend: Backend, stages: Stages, client: SettlementClient) -> Self {
        Self { backend, stages, client }
    }

    /// Follows until shutdown.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), FollowError> {
        let mut backoff = Backoff::default();
        loop {
            match shutdown.unless(self.follow(&mut backoff)).await {
                None | Some(Ok(())) => return Ok(()),
                Some(Err(Interruption::Store(error))) => return Err(error.into()),
                Some(Err(Interruption::Rewind)) => return Err(FollowError::Rewind),
                Some(Err(Interruption::Remote(error))) => tracing::debug!(%error, "settlement log interrupted"),
                Some(Err(Interruption::Foreign(why))) => self.foreign(why),
            }
            if shutdown.unless(tokio::time::sleep(backoff.delay())).await.is_none() {
                return Ok(());
            }
        }
    }

    /// Says it once; it is looked at again and again.
    fn foreign(&self, why: String) {
        let readiness = self.stages.readiness();
        if readiness.missing().get(LOG) != Some(&why) {
            tracing::error!("{why}");
            readiness.unset(LOG, why);
        }
    }

    async fn follow(&self, backoff: &mut Backoff) -> Result<(), Interruption> {
        let mut state = self.backend.chain().store().log_state()?;
        let end = self.client.tip().await?.log;
        check_end(&state, end).map_err(Interruption::Foreign)?;
        self.read_until(&state, end.0);
        let mut log = self.client.subscribe_signed_log(state.seq + 1).await?;
        while let Some(entry) = log.next().await {
            let (entry, signature) = entry?;
            check_link(&state, &entry).map_err(Interruption::Foreign)?;
            self.backend.chain().store().keep_log_entry(&entry, signature)?;
            if self.take(&mut state, &entry)? {
                return Err(Interruption::Rewind);
            }
            self.read_until(&state, end.0);
            backoff.reset();
        }
        Err(RemoteError::protocol("the log stream ended").into())
    }

    fn read_until(&self, state: &LogState, end: u64) {
        self.stages.readiness().set(LOG);
        if state.seq >= end {
            self.stages.caught_up();
        }
    }

    /// Takes in one entry that follows the ones before; whether blocks have to be taken back now.
    pub(super) fn take(&self, state: &mut LogState, entry: &LogEntry) -> Result<bool, StoreError> {
        state.seq = entry.seq;
        state.hash = entry.hash();
        state.time_ms = entry.time_ms;
        let news = self.news(state, &entry.event)?;
        self.stages.log(state, &news)?;
        Ok(news.rewind.is_some())
    }

    /// What an entry means for this sequencer.
    fn news(&self, state: &mut LogState, event: &Event) -> Result<News, StoreError> {
        let mut news = News::default();
        match event {
            Event::Inbox(item) => {
                state.inbox_len = item.index + 1;
                news.item = Some(item.clone());
            }
            Event::Posted(signed) => {
                let index = signed.header.batch_index;
                news.moved = self.ours(index, signed.header.hash(), BatchStage::Posted)?;
                let ours = signed.signer().is_ok_and(|signer| self.backend.signer() == Some(signer));
                if news.moved.is_none() && ours {
                    news.halt = Some(self.lost(index)?);
                }
            }
            Event::Availability(verdict) if verdict.available => {
                news.moved = self.ours(verdict.batch_index, verdict.commitment, BatchStage::Available)?;
            }
            Event::Finalized(finalized) => {
                news.moved = self.ours(finalized.batch_index, finalized.commitment, BatchStage::Finalized)?;
                if let Some((index, _)) = news.moved {
                    state.finalized = state.finalized.max(self.last_block(index)?);
                }
            }
            Event::Rejected(rejected) => {
                news.moved = self.ours(rejected.batch_index, rejected.commitment, BatchStage::Rejected)?;
                news.halt = news.moved.map(|(index, _)| {
                    format!("settlement rejected batch {index} ({}): an operator has to look", rejected.reason)
                });
            }
            Event::Equivocation(_) => news.halt = Some(FROZEN.to_owned()),
            Event::BrokenPromise(_) => news.halt = Some(BROKEN_PROMISE.to_owned()),
            Event::KeyChange(signed) => {
                state.posting = Some(PostingKey { address: signed.change.new_key, epoch: signed.change.epoch });
                news.key_changed = true;
            }
            Event::Forced(forced) => self.forced(forced, &mut news)?,
            Event::Availability(_)
            | Event::Verdict(_)
            | Event::Challenge(_)
            | Event::ChallengeOutcome(_)
            | Event::SignedVerdict(_)
            | Event::Funding(_)
            | Event::Claim(_) => {}
        }
        Ok(news)
    }

    /// A forced batch builds on what we have posted, or this folder does not have that.
    fn forced(&self, forced: &ForcedBatch, news: &mut News) -> Result<(), StoreError> {
        let (header, store) = (&forced.header, self.backend.chain().store());
        news.moved = self.ours(header.batch_index, header.hash(), BatchStage::Available)?;
        if news.moved.is_some() {
            return Ok(());
        }
        let before = match header.batch_index.checked_sub(1) {
            Some(index) => store.batch(index)?.and_then(|batch| batch.signed).map(|signed| signed.header.hash()),
            None => Some(B256::ZERO),
        };
        let parent = header.first_block.checked_sub(1).map(|number| store.block(number)).transpose()?.flatten();
        let fits = parent.is_some_and(|parent| parent.header.state_root == header.pre_state_root);
        if fits && before == Some(header.parent_commitment) {
            news.rewind = Some(Rewind { forced: forced.clone() });
        } else {
            news.halt = Some(self.lost(header.batch_index)?);
        }
        Ok(())
    }

    /// What to say of a commitment with our signature that this folder does not have.
    fn lost(&self, index: u64) -> Result<String, StoreError> {
        let here = match self.backend.chain().store().last_batch()? {
            Some(last) => format!("its newest batch is {}", last.header.batch_index),
            None => "it has no batch".to_owned(),
        };
        Ok(format!(
            "settlement has a commitment for batch {index} signed with this sequencer's key that the data folder does \
             not have ({here}): the folder was lost, or restored from an older copy, while settlement could not be asked; \
             use the folder that signed it, or start again: what settlement has is derived, unless other blocks stand here"
        ))
    }

    /// The move, if the log speaks of the batch that we have.
    fn ours(&self, index: u64, commitment: B256, stage: BatchStage) -> Result<Option<(u64, BatchStage)>, StoreError> {
        let signed = self.backend.batch(index)?.and_then(|batch| batch.signed);
        Ok(signed.filter(|signed| signed.header.hash() == commitment).map(|_| (index, stage)))
    }

    fn last_block(&self, index: u64) -> Result<u64, StoreError> {
        Ok(self.backend.batch(index)?.map_or(0, |batch| batch.header.last_block))
    }
}

const REPLACED: &str = "is this another settlement service, or was its database replaced?";

/// The log must reach at least as far as it was seen, with the same entries.
fn check_end(state: &LogState, (seq, hash): (u64, B256)) -> Result<(), String> {
    if seq < state.seq {
        return Err(format!(
            "settlement's log ends at entry {seq}, but entry {} was seen before: {REPLACED}",
            state.seq
        ));
    }
    if seq == state.seq && seq > 0 && hash != state.hash {
        return Err(format!("settlement's log entry {seq} is not the one that was seen before: {REPLACED}"));
    }
    Ok(())
}

/// Each entry must name the one before.
fn check_link(state: &LogState, entry: &LogEntry) -> Result<(), String> {
    if entry.seq == state.seq + 1 && entry.prev_hash == state.hash {
        return Ok(());
    }
    let (got, seen) = (entry.seq, state.seq);
    Err(format!("settlement's log entry {got} does not follow entry {seen} that was seen before: {REPLACED}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_log_is_followed() {
        let seen = LogState { seq: 3, hash: B256::repeat_byte(3), ..LogState::default() };
        assert!(check_end(&seen, (2, B256::repeat_byte(2))).is_err());
        assert!(check_end(&seen, (3, B256::repeat_byte(9))).is_err());
        assert!(check_end(&seen, (3, seen.hash)).is_ok() && check_end(&seen, (4, B256::ZERO)).is_ok());
        assert!(check_end(&LogState::default(), (0, B256::repeat_byte(1))).is_ok());
        let event = Event::Finalized(weft_settlement::Finalized { batch_index: 0, commitment: B256::ZERO });
        let entry = |seq, prev_hash| LogEntry { seq, prev_hash, time_ms: 1, event: event.clone() };
        assert!(check_link(&seen, &entry(4, seen.hash)).is_ok());
        assert!(check_link(&seen, &entry(5, seen.hash)).is_err());
        assert!(check_link(&seen, &entry(4, B256::ZERO)).is_err());
    }
}
