//! Forced batches: when the sequencer has left out an inbox item for too long, anyone may go on without it.
//!
//! What such a batch is follows from the log (`weft_execution::forced`), so
//! nobody signs it, and its data is in the log already. Here is judged what
//! needs no execution. It comes only on a final tip, so that it never falls with
//! another. In mode `verified` settlement makes it on its own state, and from
//! the moment at which one is due nothing else is taken as the next batch, so
//! that nobody who posts can keep it from coming. In mode `optimistic` it has no
//! state; it makes the batch on a witness that anyone may bring, so that no false
//! one enters the log, and what the sequencer posts is taken until one has come,
//! if it includes what is overdue. Its window passes as that of any other.

use std::sync::Arc;

use weft_primitives::limits::MAX_BLOCK_INBOX_ITEMS;
use weft_primitives::{B256, BatchHeader};

use super::lineage::withdrawals_grow;
use super::post::{PostFacts, PostReceipt};
use super::{Chain, Effect, Record, Status};
use crate::log::{Event, ForcedBatch};

/// Why a forced batch is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForceRefusal {
    /// The inbox is empty.
    #[error("no inbox item waits: there is nothing to force")]
    NothingWaits,
    /// The sequencer may still come.
    #[error(
        "the oldest inbox item is forced at {due_ms} ms of the log, it is {now_ms} ms: the sequencer has until then"
    )]
    NotDue {
        /// In milliseconds of log time.
        due_ms: u64,
        /// Log time.
        now_ms: u64,
    },
    /// Commitments before it are not judged yet.
    #[error("{0} commitments wait for their verdict; a forced batch comes after them: try again later")]
    NotFinal(usize),
    /// The log has moved on since the batch was built.
    #[error("the log has moved on; try again")]
    Moved,
    /// Not what follows from the log.
    #[error("the forced batch's {0} is not what follows from the log")]
    Mismatch(&'static str),
}

impl ForceRefusal {
    /// The stable reason in UPPER_SNAKE_CASE.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NothingWaits => "NOTHING_WAITS",
            Self::NotDue { .. } => "NOT_DUE",
            Self::NotFinal(_) => "NOT_FINAL",
            Self::Moved => "MOVED",
            Self::Mismatch(_) => "MISMATCH",
        }
    }
}

impl Chain {
    /// Whether a forced batch may come now, given when the oldest waiting item has entered.
    pub fn may_force(&self, now_ms: u64, oldest_ms: Option<u64>) -> Result<(), ForceRefusal> {
        let oldest_ms = oldest_ms.ok_or(ForceRefusal::NothingWaits)?;
        let (due_ms, now_ms) = (self.rules.force_ms(oldest_ms), self.log_time(now_ms));
        if now_ms < due_ms {
            return Err(ForceRefusal::NotDue { due_ms, now_ms });
        }
        if !self.pending.is_empty() {
            return Err(ForceRefusal::NotFinal(self.pending.len()));
        }
        Ok(())
    }

    /// Appends a forced batch as the new tip. Idempotent: the same again yields the first receipt.
    pub fn force(
        &mut self,
        now_ms: u64,
        header: &BatchHeader,
        facts: &PostFacts,
        out: &mut Vec<Effect>,
    ) -> Result<PostReceipt, ForceRefusal> {
        let commitment = header.hash();
        if let Some((log_seq, status)) = facts.known {
            return Ok(PostReceipt { commitment, log_seq, duplicate: true, status });
        }
        self.may_force(now_ms, facts.oldest_ms)?;
        if (header.anchor_seq, header.anchor_hash) != (self.head.log_seq, self.head.log_hash) {
            return Err(ForceRefusal::Moved);
        }
        self.follows(header, facts).map_err(ForceRefusal::Mismatch)?;
        let forced = ForcedBatch { header: header.clone(), inbox_len: self.head.inbox_len };
        let log_seq = self.append(now_ms, Event::Forced(Box::new(forced)), out);
        // Its data is the log.
        let status = Status::Available;
        let record = Record {
            signed: header.clone().forced(),
            commitment,
            status,
            log_seq,
            posted_ms: self.head.log_time_ms,
            available_ms: Some(self.head.log_time_ms),
            finalized_ms: None,
            votes: Vec::new(),
            rejection: None,
            generation: self.head.generation,
        };
        self.pending.push_back(Arc::new(record.clone()));
        self.update_tip();
        out.push(Effect::Save(Box::new(record)));
        Ok(PostReceipt { commitment, log_seq, duplicate: false, status })
    }

    /// All that needs no execution.
    fn follows(&self, header: &BatchHeader, facts: &PostFacts) -> Result<(), &'static str> {
        let (rules, head, parent) = (&self.rules, &self.head, self.parent());
        let timestamp = parent.timestamp.max(head.log_time_ms / 1_000);
        let most = head.inbox_len.min(parent.inbox_cursor.saturating_add(MAX_BLOCK_INBOX_ITEMS as u64));
        let next_block = parent.block.checked_add(1);
        let checks = [
            (header.version == weft_primitives::commitment::VERSION, "version"),
            (header.chain_id == rules.chain_id, "chain_id"),
            (header.config_hash == rules.config_hash, "config_hash"),
            (header.batch_index == parent.next_index, "batch_index"),
            (header.parent_commitment == parent.commitment, "parent_commitment"),
            (Some(header.first_block) == next_block, "first_block"),
            (Some(header.last_block) == next_block, "last_block"),
            (header.first_timestamp == timestamp, "first_timestamp"),
            (header.last_timestamp == timestamp, "last_timestamp"),
            (header.pre_state_root == parent.state_root, "pre_state_root"),
            (header.da_data_root == B256::ZERO, "da_data_root"),
            (header.payload_hash == B256::ZERO, "payload_hash"),
            (header.payload_len == 0, "payload_len"),
            (header.da_height == 0, "da_height"),
            (header.inbox_from == parent.inbox_cursor, "inbox_from"),
            (header.inbox_to > header.inbox_from && header.inbox_to <= most, "inbox_to"),
            (facts.inbox_acc == Some(header.inbox_acc), "inbox_acc"),
            (withdrawals_grow(header, &parent), "withdrawals_root"),
            (header.leader_epoch == head.epoch, "leader_epoch"),
            (header.tx_count <= header.inbox_to - header.inbox_from.min(header.inbox_to), "tx_count"),
        ];
        checks.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, field)| Err(field))
    }
}
