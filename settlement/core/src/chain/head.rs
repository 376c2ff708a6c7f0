//! The small state of a chain: what one row of a table holds, and how a [`Chain`] is built again from it.

use std::sync::Arc;

use alloy_primitives::{Address, B256};

use super::{Chain, Limits, Record, Rules, Status, Totals};

/// Heads of log, inbox and chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Sequence number of the newest log entry; 0 while there is none.
    pub log_seq: u64,
    /// Its hash; zero while there is none.
    pub log_hash: B256,
    /// Its time in milliseconds.
    pub log_time_ms: u64,
    /// Index and hash of the newest canonical commitment.
    pub tip: Option<(u64, B256)>,
    /// Index of the newest final commitment.
    pub finalized_index: Option<u64>,
    /// Highest epoch that was ever accepted.
    pub epoch: u64,
    /// Rejections so far.
    pub generation: u64,
    /// Whether posting is frozen because of equivocation or a broken promise.
    pub frozen: bool,
    /// Whose commitments are taken, if that ever changed.
    pub posting_key: Option<Address>,
    /// Items in the inbox since the beginning.
    pub inbox_len: u64,
    /// Inbox accumulator over all items.
    pub inbox_acc: B256,
    /// Accounts, deposits and claims, summed.
    pub bridge: Totals,
}

/// The stored parts of a chain contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored settlement state is damaged: {0}")]
pub struct RestoreError(pub &'static str);

impl Chain {
    /// The chain as it was persisted: its head, the newest final commitment, and the canonical ones after it, ascending.
    pub fn restore(
        rules: Rules,
        limits: Limits,
        head: Head,
        finalized: Option<Record>,
        pending: Vec<Record>,
    ) -> Result<Self, RestoreError> {
        let chain = Self { rules, limits, head, finalized, pending: pending.into_iter().map(Arc::new).collect() };
        chain.check()?;
        Ok(chain)
    }

    fn check(&self) -> Result<(), RestoreError> {
        let wrong = |what| Err(RestoreError(what));
        if self.finalized.as_ref().is_some_and(|record| record.status != Status::Finalized) {
            return wrong("the newest final commitment is not final");
        }
        if self.finalized.as_ref().map(|record| record.signed.header.batch_index) != self.head.finalized_index {
            return wrong("the newest final commitment is missing");
        }
        let mut parent = self.final_parent();
        for record in &self.pending {
            if record.status.is_terminal() {
                return wrong("a pending commitment has a terminal status");
            }
            if record.signed.header.parent_commitment != parent.commitment
                || record.signed.header.batch_index != parent.next_index
            {
                return wrong("pending commitments are not a chain");
            }
            parent = super::Parent::of(record);
        }
        if self.tip().map(|record| (record.signed.header.batch_index, record.commitment)) != self.head.tip {
            return wrong("the tip is missing");
        }
        Ok(())
    }
}
