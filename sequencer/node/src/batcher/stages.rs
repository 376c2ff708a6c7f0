//! How far each batch is, and whether anything may be posted: the one place that moves either.
//!
//! **When nothing is signed.** Until the settlement log was read to its end
//! once since the start: it may hold a commitment of ours that this folder has
//! lost, and a second signature for its place would be equivocation. And never
//! again after a halt (a batch was rejected, the log holds a commitment that
//! this folder does not, posting is frozen by evidence): the reason is stored with the log
//! entry that caused it, admission closes, readiness falls. One halt heals: a
//! key change lifts what evidence has frozen. While settlement takes
//! commitments from another key than ours nothing is signed either; whoever
//! starts with that key's file goes on. And nothing is signed while settlement
//! refuses what was signed because an inbox item is overdue in it: a second
//! signature for its place would be one too many, so it is for a forced batch
//! to take the place; until then admission is closed, because what is confirmed
//! now will be taken back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use weft_primitives::{Address, InboxItem};
use weft_service::Readiness;

use crate::backend::Backend;
use crate::store::{BatchRecord, BatchStage, LogNews, LogState, Rewind, StoreError};

/// Readiness condition: settlement has nothing against what was posted.
const VERDICTS: &str = "settlement_verdicts";

/// Why nothing is posted after an equivocation, until a key change.
pub const FROZEN: &str = "settlement holds two commitments of ours for one place and has frozen posting until the \
                          chain's admin changes the key (weft settlement rotate-key)";

/// Why nothing is posted after a broken promise, until a key change.
pub const BROKEN_PROMISE: &str = "settlement holds a promise of ours about a block and a commitment of ours with \
                                  another, and has frozen posting until the chain's admin changes the key (weft \
                                  settlement rotate-key)";

/// Whether commitments may be signed and posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posting {
    /// What was signed before may be posted; nothing may be signed before the log was read to its end.
    Unknown,
    /// All may.
    Open,
    /// Nothing may: settlement takes commitments from this key, which is not ours.
    Replaced(Address),
    /// What was signed may be posted, nothing else is signed: an inbox item is overdue.
    Late(String),
    /// Nothing may, for this reason.
    Halted(String),
}

/// What a log entry means for this sequencer.
#[derive(Debug, Default)]
pub struct News {
    /// An inbox item.
    pub item: Option<InboxItem>,
    /// A batch's new stage.
    pub moved: Option<(u64, BatchStage)>,
    /// Why nothing may be posted after it.
    pub halt: Option<String>,
    /// The log state's posting key is new.
    pub key_changed: bool,
    /// A forced batch that takes the place of blocks that are here.
    pub rewind: Option<Rewind>,
}

/// Shared by cutter, submitter and follower. Stages only go up.
#[derive(Clone)]
pub struct Stages {
    backend: Backend,
    readiness: Readiness,
    posting: Arc<Mutex<Posting>>,
    /// Told when the submitter may have something to do.
    work: Arc<Notify>,
}

impl Stages {
    /// Over a backend's store. A halt of an earlier run stands.
    pub fn new(backend: Backend, readiness: Readiness) -> Result<Self, StoreError> {
        let store = backend.chain().store();
        let posting = match store.halt()? {
            Some(reason) => Posting::Halted(reason),
            None => unknown(&backend, &store.log_state()?),
        };
        let stages = Self { backend, readiness, posting: Arc::new(Mutex::new(posting)), work: Arc::default() };
        let posting = stages.locked();
        stages.show(&posting)?;
        drop(posting);
        Ok(stages)
    }

    /// Told when the submitter may have something to do.
    pub fn work(&self) -> &Notify {
        &self.work
    }

    /// What the service as a whole waits for.
    pub const fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Whether commitments may be signed and posted.
    pub fn posting(&self) -> Posting {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, Posting> {
        self.posting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Epoch that commitments are signed for.
    pub fn epoch(&self) -> Result<u64, StoreError> {
        Ok(self.backend.chain().store().log_state()?.posting.map_or(0, |posting| posting.epoch))
    }

    /// The settlement log was read to its end.
    pub fn caught_up(&self) {
        let mut posting = self.locked();
        if *posting == Posting::Unknown {
            *posting = Posting::Open;
            self.backend.set_promising(true);
            self.work.notify_one();
        }
    }

    /// Settlement does not take what was signed, because of an inbox item.
    pub fn late(&self, why: &str) -> Result<(), StoreError> {
        let mut posting = self.locked();
        if *posting == Posting::Open {
            *posting = Posting::Late(why.to_owned());
        }
        self.show(&posting)
    }

    /// Stores a new batch.
    pub fn add(&self, record: &BatchRecord, payload: &[u8]) -> Result<(), StoreError> {
        let posting = self.locked();
        self.backend.chain().store().put_batch(record, payload)?;
        self.work.notify_one();
        self.show(&posting)
    }

    /// Stores what the submitter did to a batch; the stage never falls behind what the log has said meanwhile.
    pub fn update(&self, mut record: BatchRecord) -> Result<(), StoreError> {
        let mut posting = self.locked();
        let store = self.backend.chain().store();
        match store.batch(record.header.batch_index)? {
            Some(now) if now.header == record.header => record.stage = record.stage.max(now.stage),
            // Another has taken its place.
            _ => return Ok(()),
        }
        if record.stage >= BatchStage::Posted && matches!(*posting, Posting::Late(_)) {
            *posting = Posting::Open;
        }
        store.update_batch(&record)?;
        self.show(&posting)
    }

    /// Stores a signed commitment before anyone sees it, unless posting was halted meanwhile: false.
    pub fn sign(&self, record: &BatchRecord) -> Result<bool, StoreError> {
        let posting = self.locked();
        if *posting != Posting::Open {
            return Ok(false);
        }
        self.backend.chain().store().update_batch(record)?;
        self.show(&posting)?;
        Ok(true)
    }

    /// Stores a log entry's news, and how far the log was followed. Sets `safe` in `state`.
    pub fn log(&self, state: &mut LogState, news: &News) -> Result<(), StoreError> {
        let mut posting = self.locked();
        let store = self.backend.chain().store();
        let record = match news.moved {
            Some((index, stage)) => store.batch(index)?.map(|now| BatchRecord { stage: stage.max(now.stage), ..now }),
            None => None,
        };
        if let Some(moved) = &record {
            state.safe = self.safe(state, moved)?;
        }
        let (item, halt) = (news.item.as_ref(), news.halt.as_deref());
        let frozen = matches!(&*posting, Posting::Halted(reason) if reason == FROZEN || reason == BROKEN_PROMISE);
        let resumes = news.key_changed && frozen;
        let rewind = news.rewind.as_ref();
        store.put_log(state, &LogNews { item, batch: record.as_ref(), halt, resumes, rewind })?;
        self.backend.chain().settle(state.safe, state.finalized);
        if let Some(reason) = halt {
            tracing::error!("posting is halted: {reason}");
            *posting = Posting::Halted(reason.to_owned());
        }
        if news.key_changed && (frozen || !matches!(&*posting, Posting::Halted(_))) {
            *posting = unknown(&self.backend, state);
        }
        self.show(&posting)?;
        drop(posting);
        if item.is_some() {
            self.backend.work().notify_one();
        }
        Ok(())
    }

    /// The last block of the newest batch whose data is available, as is that of all before it. `moved` is not stored
    /// yet.
    fn safe(&self, state: &LogState, moved: &BatchRecord) -> Result<u64, StoreError> {
        if moved.stage == BatchStage::Rejected {
            let before = moved.header.first_block.saturating_sub(1);
            return Ok(state.safe.min(before).max(state.finalized));
        }
        let mut safe = state.safe.max(state.finalized);
        while let Some(mut next) = self.backend.chain().store().batch_of(safe + 1)? {
            if next.header.batch_index == moved.header.batch_index {
                next.stage = moved.stage;
            }
            if !matches!(next.stage, BatchStage::Available | BatchStage::Finalized) {
                break;
            }
            safe = next.header.last_block;
        }
        Ok(safe)
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

    /// Batches that are not posted.
    pub fn waiting(&self) -> Result<u64, StoreError> {
        let last = self.backend.chain().store().last_batch()?;
        let first = self.first_unposted()?;
        Ok(last.zip(first).map_or(0, |(last, first)| last.header.batch_index + 1 - first.header.batch_index))
    }

    /// Closes admission when posting is halted or too many batches wait, and opens it again; promises are given while
    /// commitments are signed.
    fn show(&self, posting: &Posting) -> Result<(), StoreError> {
        self.backend.set_promising(*posting == Posting::Open);
        let waiting = self.waiting()?;
        metrics::gauge!("weft_sequencer_batches_pending").set(waiting as f64);
        metrics::gauge!("weft_sequencer_posting_halted")
            .set(f64::from(u8::from(matches!(posting, Posting::Halted(_) | Posting::Replaced(_)))));
        let limit = self.backend.limits().batch_max_pending;
        let closed = match posting {
            Posting::Halted(reason) => {
                self.readiness.unset(VERDICTS, reason.clone());
                Some(format!("nothing is posted to settlement any more: {reason}"))
            }
            Posting::Replaced(key) => {
                let reason = format!("settlement takes commitments from {key} now: start with that key's key_file");
                self.readiness.unset(VERDICTS, reason.clone());
                Some(format!("nothing is posted to settlement any more: {reason}"))
            }
            Posting::Late(why) => Some(format!("what would be confirmed now may be taken back: {why}")),
            Posting::Unknown | Posting::Open => {
                self.readiness.set(VERDICTS);
                (waiting >= limit).then(|| {
                    format!(
                        "{waiting} batches wait to be posted (batch.max_pending = {limit}); are data availability and \
                         settlement running?"
                    )
                })
            }
        };
        self.backend.gate().set_backpressure(closed);
        Ok(())
    }
}

/// Before the log was read to its end: whether settlement takes our key's commitments, as far as is known.
fn unknown(backend: &Backend, state: &LogState) -> Posting {
    match state.posting {
        Some(posting) if backend.signer() != Some(posting.address) => Posting::Replaced(posting.address),
        _ => Posting::Unknown,
    }
}
