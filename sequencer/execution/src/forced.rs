//! Forced batches: one block of inbox items alone, which follows from the log.
//!
//! When an item was left out for too long, anyone may have settlement append
//! such a batch. Nothing in it is anyone's choice: it consumes the items that
//! waited, as many as a block takes, at the time of the log entry that it is
//! anchored to; so nobody signs it, and it needs no data but the log's. Who
//! builds one ([`build`]) and who judges one ([`verify_forced`]) do the same.

use weft_primitives::inbox::accumulate;
use weft_primitives::limits::MAX_BLOCK_INBOX_ITEMS;
use weft_primitives::{B256, BatchHeader, ChainConfig, InboxItem};

use crate::block::{BlockBuilder, Parent};
use crate::seal::Sealed;
use crate::state::{ApplyError, State};
use crate::verify::{Checkpoint, Reason, Valid, Verdict};
use crate::view::Missing;
use crate::witness::{PartialWorld, Recorder, Witness};
use crate::world::World;

/// What the log says around a forced batch.
#[derive(Clone, Copy, Debug)]
pub struct ForcedContext<'a> {
    /// The items that waited when it was appended, in order from the checkpoint's cursor on; the first
    /// [`MAX_BLOCK_INBOX_ITEMS`] suffice.
    pub waiting: &'a [InboxItem],
    /// The log entry before it: sequence number, hash, and time in milliseconds.
    pub anchor: (u64, B256, u64),
    /// The highest epoch that the log has accepted.
    pub leader_epoch: u64,
}

/// A forced batch as it must be.
#[derive(Clone, Debug)]
pub struct Forced {
    /// What it claims.
    pub header: BatchHeader,
    /// Its block.
    pub block: Sealed,
    /// Where the next batch must start.
    pub checkpoint: Checkpoint,
}

/// Why there is no forced batch.
#[derive(Debug, thiserror::Error)]
pub enum ForcedError {
    /// Nothing waits.
    #[error("no inbox item waits")]
    NothingWaits,
    /// The items are not those that follow the checkpoint.
    #[error("missing inbox item {0}")]
    NoItem(u64),
    /// The witness is none of this state.
    #[error("witness: {0}")]
    Witness(String),
    /// A part of the state is not there.
    #[error("missing {0}")]
    Missing(#[from] Missing),
    /// The state cannot hold what the block did.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

/// Builds the forced batch on top of `checkpoint`; `state` is then the one after it, after an error as before.
pub fn build(
    chain: &ChainConfig,
    checkpoint: &Checkpoint,
    log: &ForcedContext<'_>,
    state: &mut (impl State + Send),
) -> Result<Forced, ForcedError> {
    let waiting = log.waiting.get(..MAX_BLOCK_INBOX_ITEMS).unwrap_or(log.waiting);
    if waiting.is_empty() {
        return Err(ForcedError::NothingWaits);
    }
    if let Some((index, _)) = (checkpoint.inbox_cursor..).zip(waiting).find(|(index, item)| *index != item.index) {
        return Err(ForcedError::NoItem(index));
    }
    let parent = &checkpoint.block;
    let (anchor_seq, anchor_hash, anchor_ms) = log.anchor;
    let timestamp = parent.header.timestamp.max(anchor_ms / 1_000);
    let mut builder = BlockBuilder::new(chain, parent, timestamp, &*state)?;
    let consumed = builder.inbox(waiting)?;
    let block = builder.finish().seal_on(chain, parent, state)?;
    let inbox_acc = waiting[..consumed].iter().fold(checkpoint.inbox_acc, accumulate);
    let header = BatchHeader {
        version: weft_primitives::commitment::VERSION,
        chain_id: chain.chain_id(),
        config_hash: chain.hash(),
        batch_index: checkpoint.next_batch,
        parent_commitment: checkpoint.commitment,
        first_block: block.header.number,
        last_block: block.header.number,
        last_block_hash: block.hash,
        first_timestamp: timestamp,
        last_timestamp: timestamp,
        pre_state_root: parent.header.state_root,
        post_state_root: block.header.state_root,
        inbox_from: checkpoint.inbox_cursor,
        inbox_to: checkpoint.inbox_cursor + consumed as u64,
        inbox_acc,
        withdrawals_root: block.withdrawals.root,
        withdrawals_count: block.withdrawals.count,
        anchor_seq,
        anchor_hash,
        leader_epoch: log.leader_epoch,
        tx_count: block.body.transactions.len() as u64,
        gas_used: block.header.gas_used,
        // Nothing is published.
        da_data_root: B256::ZERO,
        payload_hash: B256::ZERO,
        payload_len: 0,
        da_height: 0,
    };
    let checkpoint = Checkpoint {
        next_batch: header.batch_index + 1,
        commitment: header.hash(),
        block: Parent { header: block.header.clone(), hash: block.hash },
        inbox_cursor: header.inbox_to,
        inbox_acc,
    };
    Ok(Forced { header, block, checkpoint })
}

/// What [`build`] makes, by someone who knows no more of the state than its root.
pub fn build_stateless(
    chain: &ChainConfig,
    checkpoint: &Checkpoint,
    log: &ForcedContext<'_>,
    witness: &[u8],
) -> Result<BatchHeader, ForcedError> {
    let decoded = PartialWorld::decode(witness, checkpoint.block.header.state_root);
    let mut state = decoded.map_err(|error| ForcedError::Witness(error.to_string()))?;
    build(chain, checkpoint, log, &mut state).map(|forced| forced.header)
}

/// Judges a forced batch that the log holds, on top of `checkpoint`, whose state is `world`; as
/// [`verify`](crate::verify::verify) does another. `log` but for the items is as the claim says: that it is so, the
/// log's own rules have seen to.
pub fn verify_forced(
    chain: &ChainConfig,
    checkpoint: &Checkpoint,
    claim: &BatchHeader,
    log: &ForcedContext<'_>,
    world: &mut World,
) -> Verdict {
    let (verdict, applied) = verify_forced_on(chain, checkpoint, claim, log, world);
    match applied.iter().try_for_each(|block| world.revert(&block.applied.undo)) {
        Ok(()) => verdict,
        Err(error) => Missing::from(error).into(),
    }
}

/// [`verify_forced`] on any state. Also the block by which the state has moved though the verdict is not Valid, if it
/// has: the caller takes it back.
pub fn verify_forced_on(
    chain: &ChainConfig,
    checkpoint: &Checkpoint,
    claim: &BatchHeader,
    log: &ForcedContext<'_>,
    state: &mut (impl State + Send),
) -> (Verdict, Option<Sealed>) {
    let root = checkpoint.block.header.state_root;
    if state.root() != root {
        return (Verdict::Undecided { missing: format!("the state with root {root}") }, None);
    }
    match build(chain, checkpoint, log, state) {
        Ok(Forced { header, block, checkpoint }) if header == *claim => {
            (Verdict::Valid(Box::new(Valid { checkpoint, blocks: vec![block] })), None)
        }
        Ok(Forced { block, .. }) => {
            let reason = Reason::Mismatch("content");
            (Verdict::Invalid { block: Some(block.header.number), reason }, Some(block))
        }
        Err(error) => (Verdict::Undecided { missing: error.to_string() }, None),
    }
}

/// [`verify_forced`] by someone who knows no more of the state than its root; as
/// [`verify_stateless`](crate::verify::verify_stateless) does another.
pub fn verify_forced_stateless(
    chain: &ChainConfig,
    checkpoint: &Checkpoint,
    claim: &BatchHeader,
    log: &ForcedContext<'_>,
    witness: &[u8],
) -> Verdict {
    match PartialWorld::decode(witness, checkpoint.block.header.state_root) {
        Ok(mut state) => verify_forced_on(chain, checkpoint, claim, log, &mut state).0,
        Err(error) => Verdict::Undecided { missing: error.to_string() },
    }
}

/// [`verify_forced`], and the witness with which [`verify_forced_stateless`] comes to the same verdict, be it Valid or
/// Invalid. `world` is afterwards as before, whatever the verdict.
pub fn record_forced(
    chain: &ChainConfig,
    checkpoint: &Checkpoint,
    claim: &BatchHeader,
    log: &ForcedContext<'_>,
    world: &mut World,
) -> (Verdict, Witness) {
    let mut recorder = Recorder::new(world);
    let (verdict, applied) = verify_forced_on(chain, checkpoint, claim, log, &mut recorder);
    let recording = recorder.finish();
    let valid = if let Verdict::Valid(valid) = &verdict { valid.blocks.first() } else { None };
    match recording.take_back(world, valid.or(applied.as_ref()).into_iter()) {
        Ok(witness) => (verdict, witness),
        Err(missing) => (missing.into(), Witness::default()),
    }
}
