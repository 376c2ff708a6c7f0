//! The state machine of one chain's settlement.
//!
//! ```text
//! post ──────────────────────────────► POSTED
//! POSTED    ── data sampled ─────────► AVAILABLE
//! POSTED    ── data not there ───────► REJECTED
//! AVAILABLE ── re-execution agrees ──► VERIFIED
//! AVAILABLE ── re-execution differs ─► REJECTED
//! VERIFIED  ── all before it final ──► FINALIZED
//! force ─────────────────────────────► AVAILABLE
//! ```
//!
//! In mode `optimistic` only what is challenged is re-executed, and AVAILABLE
//! or VERIFIED becomes FINALIZED once all before it are final and its window
//! has passed. Where the chain has independent verifiers, enough of them must
//! have agreed too.
//!
//! A rejection takes the tip back to the commitment before; every commitment
//! after the rejected one becomes ORPHANED, and so the inbox cursor, which is
//! the tip's, goes back too. FINALIZED, REJECTED and ORPHANED are terminal.
//!
//! Each operation decides first and changes nothing when it refuses; what it
//! does is told as [`Effect`]s, to be persisted in one transaction before
//! anyone hears of it. Memory is bounded: only the commitments that are not
//! yet final are held, and of the final ones the newest.

mod bridge;
mod challenge;
mod finality;
mod forced;
mod head;
mod history;
mod inbox;
mod key;
mod lineage;
mod post;
mod promise;
mod recent;
mod record;
mod replay;
mod rules;
mod terms;
#[cfg(test)]
mod tests;
mod verdict;
mod vote;

use std::collections::VecDeque;
use std::sync::Arc;

use alloy_primitives::B256;

pub use bridge::{Account, BridgeRefusal, ClaimFacts, Claimed, Credited, Totals};
pub use challenge::ChallengeRefusal;
pub use forced::ForceRefusal;
pub use head::{Head, RestoreError};
pub use history::History;
pub use inbox::{InboxReceipt, InboxRefusal};
pub use key::{KeyReceipt, KeyRefusal, MAX_EPOCH_STEP};
pub use lineage::LineageRefusal;
pub use post::{Anchor, PostFacts, PostReceipt, PostRefusal};
pub use promise::{PromiseFacts, PromiseReceipt, PromiseRefusal};
pub use recent::Recent;
pub use record::{InboxRow, Parent, Record, Rejection, Status};
pub use replay::{Replay, ReplayError, ReplayFault};
pub use rules::{Limits, Rules};
pub use terms::{MAX_VERIFIERS, Mode, Terms, TermsError};
pub use verdict::{Judgement, Sampled, VerdictRefusal};
pub use vote::{Vote, VoteReceipt, VoteRefusal};

use crate::log::{Event, LogEntry};

/// What is to be persisted, in this order, all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A new log entry.
    Append(LogEntry),
    /// A commitment is new or has changed.
    Save(Box<Record>),
    /// An inbox item is new.
    Queue(InboxRow),
    /// An account is new or has changed.
    Account(Account),
    /// A withdrawal was paid.
    Claimed(Claimed),
}

/// The state of one chain's settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    rules: Rules,
    limits: Limits,
    head: Head,
    /// The newest final commitment.
    finalized: Option<Record>,
    /// Canonical commitments after it, ascending; shared, because each decision is made on a copy of the chain.
    pending: VecDeque<Arc<Record>>,
}

impl Chain {
    /// A chain whose log is empty.
    pub fn new(rules: Rules, limits: Limits) -> Self {
        Self { rules, limits, head: Head::default(), finalized: None, pending: VecDeque::new() }
    }

    /// The rules it follows.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Heads of log, inbox and chain.
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// The newest canonical commitment.
    pub fn tip(&self) -> Option<&Record> {
        self.pending.back().map(|record| &**record).or(self.finalized.as_ref())
    }

    /// The newest final commitment.
    pub const fn finalized(&self) -> Option<&Record> {
        self.finalized.as_ref()
    }

    /// Canonical commitments that are not final yet, ascending.
    pub fn pending(&self) -> impl Iterator<Item = &Record> {
        self.pending.iter().map(|record| &**record)
    }

    /// What the next commitment must build on.
    pub fn parent(&self) -> Parent {
        self.tip().map_or(self.rules.genesis, Parent::of)
    }

    /// What the oldest pending commitment was built on: the state that is final.
    pub fn final_parent(&self) -> Parent {
        self.finalized.as_ref().map_or(self.rules.genesis, Parent::of)
    }

    /// A commitment that waits for finality, with the canonical one before it; that is `None` at genesis.
    pub fn pending_with_parent(&self, commitment: B256) -> Option<(&Record, Option<&Record>)> {
        let at = self.position(commitment)?;
        let parent = at
            .checked_sub(1)
            .map_or(self.finalized.as_ref(), |before| self.pending.get(before).map(|record| &**record));
        Some((&*self.pending[at], parent))
    }

    /// Last block of the newest commitment such that its data and that of all before it are available.
    pub fn available_block(&self) -> u64 {
        let available = self.pending.iter().take_while(|record| record.status != Status::Posted).last();
        available.map_or(self.final_parent().block, |record| record.signed.header.last_block)
    }

    /// Time as the log sees it: never before its newest entry, whatever the clock says.
    fn log_time(&self, now_ms: u64) -> u64 {
        now_ms.max(self.head.log_time_ms)
    }

    /// Appends an entry; returns its sequence number.
    fn append(&mut self, now_ms: u64, event: Event, out: &mut Vec<Effect>) -> u64 {
        let entry = LogEntry {
            seq: self.head.log_seq + 1,
            prev_hash: self.head.log_hash,
            time_ms: self.log_time(now_ms),
            event,
        };
        self.head.log_seq = entry.seq;
        self.head.log_hash = entry.hash();
        self.head.log_time_ms = entry.time_ms;
        out.push(Effect::Append(entry));
        self.head.log_seq
    }

    /// Writes the tip into the head.
    fn update_tip(&mut self) {
        self.head.tip = self.tip().map(|record| (record.signed.header.batch_index, record.commitment));
        self.head.finalized_index = self.finalized.as_ref().map(|record| record.signed.header.batch_index);
    }

    fn position(&self, commitment: B256) -> Option<usize> {
        self.pending.iter().position(|record| record.commitment == commitment)
    }
}
