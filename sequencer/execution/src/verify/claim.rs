//! What can be judged of a claim without executing anything, and what only after it.

use alloy_primitives::B256;
use weft_primitives::batch::Batch;
use weft_primitives::commitment::VERSION;
use weft_primitives::inbox::accumulate;
use weft_primitives::limits::MAX_TIMESTAMP_DRIFT_S;
use weft_primitives::withdrawal::Summary;

use super::Case;
use super::verdict::{Reason, Stop};
use crate::block::Parent;
use crate::seal::Sealed;

/// The first of these that does not hold.
fn all_hold(checks: &[(bool, &'static str)]) -> Result<(), Stop> {
    checks.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, field)| Err(Stop::mismatch(field)))
}

impl Case<'_> {
    /// The claim must build on the checkpoint, whose state has the root `state_root`.
    pub(super) fn lineage(&self, state_root: B256) -> Result<(), Stop> {
        let (chain, checkpoint, claim) = (self.chain, self.checkpoint, self.claim);
        let header = &checkpoint.block.header;
        all_hold(&[
            (claim.version == VERSION, "version"),
            (claim.chain_id == chain.chain_id(), "chain_id"),
            (claim.config_hash == chain.hash(), "config_hash"),
            (claim.batch_index == checkpoint.next_batch, "batch_index"),
            (claim.parent_commitment == checkpoint.commitment, "parent_commitment"),
            (claim.first_block == header.number + 1, "first_block"),
            (claim.pre_state_root == header.state_root, "pre_state_root"),
            (claim.inbox_from == checkpoint.inbox_cursor, "inbox_from"),
        ])?;
        if state_root != header.state_root {
            return Err(Stop::Undecided(format!("the state with root {}", header.state_root)));
        }
        Ok(())
    }

    /// What the batch says of itself must be what is claimed, and its times in order. Its size was bounded by decoding.
    pub(super) fn structure(&self, batch: &Batch) -> Result<(), Stop> {
        let claim = self.claim;
        let (Some(first), Some(last)) = (batch.blocks.first(), batch.blocks.last()) else {
            return Err(Stop::Invalid(None, Reason::Undecodable("no blocks".to_owned())));
        };
        all_hold(&[
            (batch.chain_id == self.chain.chain_id(), "payload chain_id"),
            (batch.first_block == claim.first_block, "first_block"),
            (claim.first_block.checked_add(batch.blocks.len() as u64 - 1) == Some(claim.last_block), "last_block"),
            (batch.inbox_from == claim.inbox_from, "inbox_from"),
            (first.timestamp == claim.first_timestamp, "first_timestamp"),
            (last.timestamp == claim.last_timestamp, "last_timestamp"),
        ])?;
        let latest_s = self.log.posted_ms / 1_000 + MAX_TIMESTAMP_DRIFT_S;
        let mut before = self.checkpoint.block.header.timestamp;
        for (number, block) in (claim.first_block..).zip(&batch.blocks) {
            if block.timestamp < before || block.timestamp > latest_s {
                return Err(Stop::Invalid(Some(number), Reason::BadTimestamp));
            }
            before = block.timestamp;
        }
        Ok(())
    }

    /// The batch must consume the inbox in order, and all that is overdue. Returns the accumulator after it.
    pub(super) fn inbox(&self, batch: &Batch) -> Result<B256, Stop> {
        let (claim, log) = (self.claim, self.log);
        let consumed: u64 = batch.blocks.iter().map(|block| u64::from(block.inbox_count)).sum();
        if claim.inbox_from.checked_add(consumed) != Some(claim.inbox_to) {
            return Err(Stop::mismatch("inbox_to"));
        }
        let indices = log.inbox.iter().map(|item| item.index);
        if !indices.eq(claim.inbox_from..claim.inbox_to) {
            return Err(Stop::Undecided(format!("inbox items {} to {}", claim.inbox_from, claim.inbox_to)));
        }
        let acc = log.inbox.iter().fold(self.checkpoint.inbox_acc, accumulate);
        if acc != claim.inbox_acc {
            return Err(Stop::mismatch("inbox_acc"));
        }
        self.deadlines()?;
        Ok(acc)
    }

    /// As of the post no item may be left out that was overdue then. An anchor would be the sequencer's own choice.
    fn deadlines(&self) -> Result<(), Stop> {
        let (log, limit_ms) = (self.log, self.chain.params().inbox_deadline_ms);
        if log.next_item_ms.is_some_and(|entered_ms| entered_ms.saturating_add(limit_ms) <= log.posted_ms) {
            return Err(Stop::Invalid(None, Reason::ForcedInclusion));
        }
        Ok(())
    }

    /// What came out of executing the blocks must be what is claimed.
    pub(super) fn outcome(&self, blocks: &[Sealed], last: &Parent) -> Result<(), Stop> {
        let tx_count: u64 = blocks.iter().map(|block| block.body.transactions.len() as u64).sum();
        let gas_used: u64 = blocks.iter().map(|block| block.header.gas_used).sum();
        let withdrawals = blocks.last().map_or(Summary::default(), |block| block.withdrawals);
        all_hold(&[
            (self.claim.last_block_hash == last.hash, "last_block_hash"),
            (self.claim.post_state_root == last.header.state_root, "post_state_root"),
            (self.claim.tx_count == tx_count, "tx_count"),
            (self.claim.gas_used == gas_used, "gas_used"),
            (self.claim.withdrawals_root == withdrawals.root, "withdrawals_root"),
            (self.claim.withdrawals_count == withdrawals.count, "withdrawals_count"),
        ])
    }
}
