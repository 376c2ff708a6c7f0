//! What the log says around a commitment.

use weft_execution::verify::LogContext;
use weft_primitives::{BatchHeader, InboxItem};
use weft_settlement::Record;

use crate::store::{MAX_PAGE, Store, StoreError};

/// [`LogContext`], owned.
pub(crate) struct Context {
    inbox: Vec<InboxItem>,
    next_item_ms: Option<u64>,
    anchor_ms: u64,
    posted_ms: u64,
}

impl Context {
    /// From the tables.
    pub(crate) async fn load(store: &dyn Store, record: &Record) -> Result<Self, StoreError> {
        let facts = store.facts(&record.signed).await?;
        Ok(Self {
            inbox: inbox(store, &record.signed.header).await?,
            next_item_ms: facts.first_left_ms,
            anchor_ms: facts.anchor.map_or(0, |anchor| anchor.time_ms),
            posted_ms: record.posted_ms,
        })
    }

    /// As the judge wants it.
    pub(crate) fn log(&self) -> LogContext<'_> {
        LogContext {
            inbox: &self.inbox,
            next_item_ms: self.next_item_ms,
            anchor_ms: self.anchor_ms,
            posted_ms: self.posted_ms,
        }
    }
}

async fn inbox(store: &dyn Store, header: &BatchHeader) -> Result<Vec<InboxItem>, StoreError> {
    let mut items = Vec::new();
    let mut from = header.inbox_from;
    while from < header.inbox_to {
        let wanted = (header.inbox_to - from).min(u64::from(MAX_PAGE));
        let page = store.inbox(from, wanted as u32).await?;
        if page.is_empty() {
            return Err(StoreError::damaged(format!("inbox item {from} is missing")));
        }
        from += page.len() as u64;
        items.extend(page.into_iter().map(|row| row.item));
    }
    Ok(items)
}
