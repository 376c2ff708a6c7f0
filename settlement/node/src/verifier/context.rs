//! What the log says around a commitment.

use weft_execution::forced::ForcedContext;
use weft_execution::verify::LogContext;
use weft_primitives::limits::MAX_BLOCK_INBOX_ITEMS;
use weft_primitives::{BatchHeader, InboxItem};
use weft_settlement::{Event, Record};

use crate::store::{MAX_PAGE, Store, StoreError};

/// [`LogContext`], owned.
pub(crate) struct Context {
    inbox: Vec<InboxItem>,
    next_item_ms: Option<u64>,
    posted_ms: u64,
}

impl Context {
    /// From the tables.
    pub(crate) async fn load(store: &dyn Store, record: &Record) -> Result<Self, StoreError> {
        let (facts, header) = (store.facts(&record.signed).await?, &record.signed.header);
        Ok(Self {
            inbox: inbox(store, header.inbox_from, header.inbox_to).await?,
            next_item_ms: facts.first_left_ms,
            posted_ms: record.posted_ms,
        })
    }

    /// As the judge wants it.
    pub(crate) fn log(&self) -> LogContext<'_> {
        LogContext { inbox: &self.inbox, next_item_ms: self.next_item_ms, posted_ms: self.posted_ms }
    }
}

/// [`ForcedContext`], owned, of a forced batch that is in the log.
pub(crate) struct ForcedRecord {
    waiting: Vec<InboxItem>,
    anchor_ms: u64,
}

impl ForcedRecord {
    /// From the tables.
    pub(crate) async fn load(store: &dyn Store, record: &Record) -> Result<Self, StoreError> {
        let entries = store.entries(record.log_seq, 1).await?;
        let Some(Event::Forced(forced)) = entries.into_iter().next().map(|entry| entry.event) else {
            return Err(StoreError::damaged(format!("log entry {} is no forced batch", record.log_seq)));
        };
        let facts = store.facts(&record.signed).await?;
        let anchor = facts.anchor.ok_or_else(|| StoreError::damaged("a forced batch without an anchor"))?;
        let waiting = waiting(store, record.signed.header.inbox_from, forced.inbox_len).await?;
        Ok(Self { waiting, anchor_ms: anchor.time_ms })
    }

    /// As the judge wants it; what the log's rules have seen to is taken from the claim.
    pub(crate) fn log(&self, claim: &BatchHeader) -> ForcedContext<'_> {
        let anchor = (claim.anchor_seq, claim.anchor_hash, self.anchor_ms);
        ForcedContext { waiting: &self.waiting, anchor, leader_epoch: claim.leader_epoch }
    }
}

/// What waits from `from` on in an inbox of `len` items, as far as one block may take it.
pub(crate) async fn waiting(store: &dyn Store, from: u64, len: u64) -> Result<Vec<InboxItem>, StoreError> {
    inbox(store, from, len.min(from.saturating_add(MAX_BLOCK_INBOX_ITEMS as u64))).await
}

async fn inbox(store: &dyn Store, mut from: u64, to: u64) -> Result<Vec<InboxItem>, StoreError> {
    let mut items = Vec::new();
    while from < to {
        let wanted = (to - from).min(u64::from(MAX_PAGE));
        let page = store.inbox(from, wanted as u32).await?;
        if page.is_empty() {
            return Err(StoreError::damaged(format!("inbox item {from} is missing")));
        }
        from += page.len() as u64;
        items.extend(page.into_iter().map(|row| row.item));
    }
    Ok(items)
}
