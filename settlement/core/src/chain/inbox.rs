//! The inbox: signed transactions and deposits that the sequencer must include before a deadline.

use alloy_primitives::Bytes;
use weft_primitives::inbox::Content;
use weft_primitives::transaction::TransactionError;
use weft_primitives::{InboxItem, Transaction, inbox};

use super::{Chain, Effect, InboxRow};
use crate::log::Event;

/// The item is in the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxReceipt {
    /// Its place in the queue.
    pub index: u64,
    /// When it entered, in milliseconds of log time.
    pub time_ms: u64,
    /// When it must have been included, in milliseconds of log time.
    pub deadline_ms: u64,
    /// From when on anyone may force it, in milliseconds of log time.
    pub force_ms: u64,
    /// Sequence number of its log entry.
    pub log_seq: u64,
}

/// Why a transaction does not enter the inbox.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InboxRefusal {
    /// Not a transaction of this chain.
    #[error("{0}")]
    BadTransaction(#[from] TransactionError),
    /// Too many items wait.
    #[error("{limit} inbox items wait for the sequencer (max_inbox_queue); try again later")]
    Full {
        /// The limit.
        limit: u64,
    },
}

impl InboxRefusal {
    /// The stable reason in UPPER_SNAKE_CASE.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::BadTransaction(_) => "BAD_TRANSACTION",
            Self::Full { .. } => "INBOX_FULL",
        }
    }
}

impl Chain {
    /// Items that the canonical tip has not consumed.
    pub fn inbox_waiting(&self) -> u64 {
        self.head.inbox_len.saturating_sub(self.parent().inbox_cursor)
    }

    /// Puts a signed transaction (EIP-2718 bytes) into the inbox.
    pub fn submit_inbox(
        &mut self,
        now_ms: u64,
        transaction: Bytes,
        out: &mut Vec<Effect>,
    ) -> Result<InboxReceipt, InboxRefusal> {
        let transaction = Transaction::decode(transaction, self.rules.chain_id)?.raw().clone();
        self.queue(now_ms, Content::Transaction(transaction), out)
    }

    /// Puts an item into the inbox, unless that is full.
    pub(super) fn queue(
        &mut self,
        now_ms: u64,
        content: Content,
        out: &mut Vec<Effect>,
    ) -> Result<InboxReceipt, InboxRefusal> {
        let limit = self.limits.max_inbox_queue;
        if self.inbox_waiting() >= limit {
            return Err(InboxRefusal::Full { limit });
        }
        let (index, time_ms) = (self.head.inbox_len, self.log_time(now_ms));
        let item = InboxItem { index, time_ms, content };
        let acc = inbox::accumulate(self.head.inbox_acc, &item);
        let log_seq = self.append(now_ms, Event::Inbox(item.clone()), out);
        self.head.inbox_len += 1;
        self.head.inbox_acc = acc;
        out.push(Effect::Queue(InboxRow { item, acc }));
        let deadline_ms = time_ms.saturating_add(self.rules.inbox_deadline_ms);
        Ok(InboxReceipt { index, time_ms, deadline_ms, force_ms: self.rules.force_ms(time_ms), log_seq })
    }
}
