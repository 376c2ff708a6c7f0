//! Witnesses of batches that were executed here: what of the state before a batch is needed to execute it again.
//!
//! The batch is executed once more, from its stored blocks, on a copy of the state that is taken back to before it by
//! undo records. So a witness can be had for as far back as those reach, and nothing has to be kept for it. The copy
//! takes memory for the subtrees of the state that differ, all of them if the batch is old.

use weft_execution::Parent;
use weft_execution::forced::{ForcedContext, record_forced};
use weft_execution::verify::{Checkpoint, LogContext, Prepared, Verdict, record};
use weft_primitives::batch::{Batch, BatchBlock};
use weft_primitives::{B256, BatchHeader, BlockHeader, Transaction};

use crate::chain::Chain;
use crate::store::{StoreError, StoredBlock};

/// A witness with what it begins from.
#[derive(Clone, Debug)]
pub struct BatchWitness {
    /// Hash of the batch's commitment.
    pub commitment: B256,
    /// The block before the batch.
    pub parent: BlockHeader,
    /// For `weft_execution::verify::verify_stateless`.
    pub bytes: Vec<u8>,
}

/// Why there is no witness.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// No such batch, or none that is signed.
    #[error("batch {0} does not exist, or its commitment is not signed yet")]
    NoBatch(u64),
    /// Undo records do not reach so far.
    #[error("batch {index} is too old: this node keeps the undo records of the last {kept} blocks (history_blocks)")]
    TooOld {
        /// The batch.
        index: u64,
        /// Undo records kept.
        kept: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored does not give what was stored with it.
    #[error("the batch cannot be executed again from what is stored: {0}")]
    Damaged(String),
}

/// Makes the witness of a batch. Takes as long as executing it on one thread, and taking back what came after.
pub fn make(chain: &Chain, index: u64) -> Result<BatchWitness, WitnessError> {
    let store = chain.store();
    let signed = store.batch(index)?.and_then(|batch| batch.signed).ok_or(WitnessError::NoBatch(index))?;
    let claim = &signed.header;
    let too_old = || WitnessError::TooOld { index, kept: chain.history_blocks() };
    // A chain that began with a snapshot has no older blocks.
    let before = store.block(claim.first_block - 1)?.ok_or_else(too_old)?;
    let mut world = chain.world_before(claim.first_block)?.ok_or_else(too_old)?;
    let inbox = store.inbox(claim.inbox_from, (claim.inbox_to - claim.inbox_from) as usize)?;
    let inbox_from = before.inbox_cursor;
    let checkpoint = Checkpoint {
        next_batch: index,
        commitment: claim.parent_commitment,
        inbox_cursor: before.inbox_cursor,
        inbox_acc: before.inbox_acc,
        block: Parent { header: before.header, hash: before.hash },
    };
    // What the log says of times was judged before, and has nothing to do with the state.
    let recorded = if signed.is_forced() {
        let anchor = (claim.anchor_seq, claim.anchor_hash, claim.first_timestamp.saturating_mul(1_000));
        let log = ForcedContext { waiting: &inbox, anchor, leader_epoch: claim.leader_epoch };
        record_forced(chain.config(), &checkpoint, claim, &log, &mut world)
    } else {
        let (batch, transactions) = batch(chain, claim, inbox_from)?;
        let log = LogContext { inbox: &inbox, posted_ms: u64::MAX, ..LogContext::default() };
        record(chain.config(), &checkpoint, claim, Prepared::known(batch, transactions), &log, &mut world)
    };
    match recorded {
        (Verdict::Valid(_), witness) => {
            Ok(BatchWitness { commitment: claim.hash(), parent: checkpoint.block.header, bytes: witness.encode() })
        }
        (other, _) => Err(WitnessError::Damaged(format!("{other:?}"))),
    }
}

/// The batch as it was before it was encoded, and its transactions with their senders.
fn batch(chain: &Chain, claim: &BatchHeader, inbox_from: u64) -> Result<(Batch, Vec<Transaction>), WitnessError> {
    let mut transactions = Vec::new();
    let mut blocks = Vec::new();
    for number in claim.first_block..=claim.last_block {
        let StoredBlock { header, body, .. } =
            chain.store().block(number)?.ok_or(StoreError::Damaged { what: "block" })?;
        transactions.extend_from_slice(body.sequenced());
        blocks.push(BatchBlock {
            timestamp: header.timestamp,
            inbox_count: body.inbox_count,
            transactions: body.sequenced().iter().map(|transaction| transaction.raw().clone()).collect(),
        });
    }
    Ok((Batch { chain_id: claim.chain_id, first_block: claim.first_block, inbox_from, blocks }, transactions))
}
