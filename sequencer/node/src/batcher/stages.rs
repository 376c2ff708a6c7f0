//! How far each batch is: the one place that moves a batch from stage to stage.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use weft_primitives::InboxItem;

use crate::backend::Backend;
use crate::store::{BatchRecord, BatchStage, LogState, StoreError};

/// Shared by cutter, submitter and follower. Stages only go up.
#[derive(Clone)]
pub struct Stages {
    backend: Backend,
    lock: Arc<Mutex<()>>,
    /// Told when there is a new batch to publish.
    cut: Arc<Notify>,
}

impl Stages {
    /// Over a backend's store.
    pub fn new(backend: Backend) -> Self {
        Self { backend, lock: Arc::default(), cut: Arc::default() }
    }

    /// Told when there is a new batch to publish.
    pub fn cut(&self) -> &Notify {
        &self.cut
    }

    fn locked(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a new batch.
    pub fn add(&self, record: &BatchRecord, payload: &[u8]) -> Result<(), StoreError> {
        let guard = self.locked();
        self.backend.chain().store().put_batch(record, payload)?;
        drop(guard);
        self.cut.notify_one();
        self.measure()
    }

    /// Stores what the submitter did to a batch; the stage never falls behind what the log has said meanwhile.
    pub fn update(&self, mut record: BatchRecord) -> Result<(), StoreError> {
        let guard = self.locked();
        let store = self.backend.chain().store();
        if let Some(now) = store.batch(record.header.batch_index)? {
            record.stage = record.stage.max(now.stage);
        }
        store.update_batch(&record)?;
        drop(guard);
        self.measure()
    }

    /// Stores a log entry's news: how far the log was followed, an inbox item, a batch's new stage.
    pub fn log(
        &self,
        state: &LogState,
        item: Option<&InboxItem>,
        moved: Option<(u64, BatchStage)>,
    ) -> Result<(), StoreError> {
        let guard = self.locked();
        let store = self.backend.chain().store();
        let record = match moved {
            Some((index, stage)) => store.batch(index)?.map(|now| BatchRecord { stage: stage.max(now.stage), ..now }),
            None => None,
        };
        store.put_log(state, item, record.as_ref())?;
        drop(guard);
        self.backend.chain().settle(state.safe, state.finalized);
        if item.is_some() {
            self.backend.work().notify_one();
        }
        self.measure()
    }

    /// The first batch that is not posted.
    pub fn first_unposted(&self) -> Result<Option<BatchRecord>, StoreError> {
        let store = self.backend.chain().store();
        let Some(last) = store.last_batch()? else { return Ok(None) };
        let mut found = None;
        let mut index = last.header.batch_index;
        // Stages fall along the chain of batches, so the search goes back no further than it must.
        loop {
            match store.batch(index)? {
                Some(record) if record.stage < BatchStage::Posted => found = Some(record),
                _ => return Ok(found),
            }
            match index.checked_sub(1) {
                Some(before) => index = before,
                None => return Ok(found),
            }
        }
    }

    /// Closes admission when too many batches wait, and opens it again.
    fn measure(&self) -> Result<(), StoreError> {
        let last = self.backend.chain().store().last_batch()?;
        let first = self.first_unposted()?;
        let waiting = match (&last, &first) {
            (Some(last), Some(first)) => last.header.batch_index + 1 - first.header.batch_index,
            _ => 0,
        };
        metrics::gauge!("weft_sequencer_batches_pending").set(waiting as f64);
        let limit = self.backend.limits().batch_max_pending;
        self.backend.set_backpressure((waiting >= limit).then(|| {
            format!("{waiting} batches wait to be posted (batch.max_pending = {limit}); are data availability and settlement running?")
        }));
        Ok(())
    }
}
