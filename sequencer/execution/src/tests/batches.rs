//! Batches for tests: what a sequencer would publish and claim about blocks that it made.

use alloy_primitives::B256;
use weft_primitives::batch::{Batch, BatchBlock, Level};
use weft_primitives::inbox::accumulate;
use weft_primitives::{BatchHeader, InboxItem};

use super::*;
use crate::verify::{Checkpoint, LogContext, Verdict, verify, verify_recording, verify_stateless};
use crate::witness::Witness;

/// A batch with everything that judging it takes, but the state.
#[derive(Clone)]
pub(crate) struct Published {
    pub(crate) chain: ChainConfig,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) claim: BatchHeader,
    pub(crate) payload: Vec<u8>,
    pub(crate) inbox: Vec<InboxItem>,
}

/// The true claim about `blocks`, which consume all of `inbox`.
pub(crate) fn publish(
    chain: &ChainConfig,
    checkpoint: &Checkpoint,
    blocks: &[Sealed],
    inbox: &[InboxItem],
) -> Published {
    let (first, last) = (&blocks[0].header, &blocks[blocks.len() - 1].header);
    let batch = Batch {
        chain_id: chain.chain_id(),
        first_block: first.number,
        inbox_from: checkpoint.inbox_cursor,
        blocks: blocks.iter().map(batch_block).collect(),
    };
    let payload = batch.encode(Level::FASTEST).unwrap();
    let claim = BatchHeader {
        version: 1,
        chain_id: chain.chain_id(),
        config_hash: chain.hash(),
        batch_index: checkpoint.next_batch,
        parent_commitment: checkpoint.commitment,
        first_block: first.number,
        last_block: last.number,
        last_block_hash: last.hash_slow(),
        first_timestamp: first.timestamp,
        last_timestamp: last.timestamp,
        pre_state_root: checkpoint.block.header.state_root,
        post_state_root: last.state_root,
        inbox_from: checkpoint.inbox_cursor,
        inbox_to: checkpoint.inbox_cursor + inbox.len() as u64,
        inbox_acc: inbox.iter().fold(checkpoint.inbox_acc, accumulate),
        withdrawals_root: blocks[blocks.len() - 1].withdrawals.root,
        withdrawals_count: blocks[blocks.len() - 1].withdrawals.count,
        tx_count: blocks.iter().map(|block| block.body.transactions.len() as u64).sum(),
        gas_used: blocks.iter().map(|block| block.header.gas_used).sum(),
        ..BatchHeader::default()
    };
    let published = Published {
        chain: chain.clone(),
        checkpoint: checkpoint.clone(),
        claim,
        payload: Vec::new(),
        inbox: inbox.to_vec(),
    };
    published.over(payload)
}

fn batch_block(block: &Sealed) -> BatchBlock {
    BatchBlock {
        timestamp: block.header.timestamp,
        inbox_count: block.body.inbox_count,
        transactions: block.body.sequenced().iter().map(|transaction| transaction.raw().clone()).collect(),
    }
}

impl Published {
    /// The same claim over another payload.
    pub(crate) fn over(&self, payload: Vec<u8>) -> Self {
        let mut other = self.clone();
        other.claim.payload_hash = B256::from(*blake3::hash(&payload).as_bytes());
        other.claim.payload_len = payload.len() as u64;
        Self { payload, ..other }
    }

    /// Another claim over the same payload.
    pub(crate) fn claiming(&self, edit: impl FnOnce(&mut BatchHeader)) -> Self {
        let mut other = self.clone();
        edit(&mut other.claim);
        other
    }

    pub(crate) fn log(&self) -> LogContext<'_> {
        LogContext { inbox: &self.inbox, posted_ms: 200_000, next_item_ms: None }
    }

    /// Whatever the verdict but Valid, `world` must be as before, to the leaf.
    pub(crate) fn judge_in(&self, log: &LogContext<'_>, world: &mut World) -> Verdict {
        let before = leaves(world);
        let verdict = verify(&self.chain, &self.checkpoint, &self.claim, &self.payload, log, world);
        if !matches!(verdict, Verdict::Valid(_)) {
            assert_eq!(leaves(world), before, "the state must be as before");
            assert_eq!(world.state_root(), self.checkpoint.block.header.state_root);
        }
        verdict
    }

    pub(crate) fn judge(&self, world: &mut World) -> Verdict {
        self.judge_in(&self.log(), world)
    }

    pub(crate) fn record(&self, world: &mut World) -> (Verdict, Witness) {
        let before = leaves(world);
        let judged = verify_recording(&self.chain, &self.checkpoint, &self.claim, &self.payload, &self.log(), world);
        assert_eq!(leaves(world), before, "the state must be as before");
        judged
    }

    pub(crate) fn judge_stateless(&self, witness: &[u8]) -> Verdict {
        verify_stateless(&self.chain, &self.checkpoint, &self.claim, &self.payload, &self.log(), witness)
    }
}

/// What two verdicts must have in common to be the same.
pub(crate) fn digest(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Valid(valid) => {
            let blocks: Vec<_> = valid.blocks.iter().map(|block| (block.hash, &block.receipts)).collect();
            format!("valid {:?} {blocks:?}", valid.checkpoint.block.hash)
        }
        Verdict::Invalid { block, reason } => format!("invalid {block:?} {reason:?}"),
        Verdict::Undecided { missing } => format!("undecided {missing}"),
    }
}
