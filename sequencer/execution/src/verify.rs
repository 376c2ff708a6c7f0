//! The judge: is what a commitment claims about a batch true?
//!
//! One function for settlement, follower and the command line. It takes no
//! input that is not derived or checked: the payload is bound by its hash, the
//! inbox by its accumulator, block environments follow from the parent. A
//! verdict other than Valid leaves the state exactly as it was.

use alloy_primitives::B256;
use weft_primitives::batch::Batch;
use weft_primitives::inbox::accumulate;
use weft_primitives::limits::{INBOX_DEADLINE_MS, MAX_BLOCK_INBOX_ITEMS, MAX_TIMESTAMP_DRIFT_S};
use weft_primitives::{BatchHeader, ChainConfig, InboxItem};

use crate::block::{BlockBuilder, Parent, Sealed};
use crate::recover::recover_all;
use crate::world::World;

/// The end of what is known to be true: the point on which the next batch must build.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Index that the next batch must have.
    pub next_batch: u64,
    /// Hash of the last commitment; zero at genesis.
    pub commitment: B256,
    /// The last block.
    pub block: Parent,
    /// First inbox item not consumed.
    pub inbox_cursor: u64,
    /// Accumulator over the consumed ones.
    pub inbox_acc: B256,
}

impl Checkpoint {
    /// Nothing but the genesis block.
    pub fn genesis(block: Parent) -> Self {
        Self { next_batch: 0, commitment: B256::ZERO, block, inbox_cursor: 0, inbox_acc: B256::ZERO }
    }
}

/// What the settlement log says around a commitment.
#[derive(Clone, Debug, Default)]
pub struct LogContext<'a> {
    /// The inbox items `inbox_from..inbox_to` of the claim, in order.
    pub inbox: &'a [InboxItem],
    /// When the item at `inbox_to` entered the inbox, if there is one.
    pub next_item_ms: Option<u64>,
    /// Time of the log entry that the claim is anchored to; 0 if it is anchored to nothing.
    pub anchor_ms: u64,
    /// When the commitment was posted.
    pub posted_ms: u64,
}

/// Why a claim is false. The code of each is stable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The payload is no batch.
    #[error("the payload does not decode: {0}")]
    Undecodable(String),
    /// A field of the claim differs from what follows from parent, payload and inbox.
    #[error("the commitment's {0} is wrong")]
    Mismatch(&'static str),
    /// Block times go back, or lie in the future of the log.
    #[error("block times are out of order or ahead of the settlement log")]
    BadTimestamp,
    /// More of something than the protocol allows.
    #[error("more {0} than the protocol allows")]
    Limits(&'static str),
    /// An overdue inbox item was left out.
    #[error("an inbox item is overdue and not included")]
    ForcedInclusion,
    /// A transaction cannot be executed where it stands.
    #[error("transaction {index} cannot be executed: {why}")]
    Transaction {
        /// Position among the sequencer's transactions of the block.
        index: usize,
        /// Why.
        why: String,
    },
}

impl Reason {
    /// Stable name for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Undecodable(_) => "UNDECODABLE",
            Self::Mismatch(_) => "INVALID_STF",
            Self::BadTimestamp => "BAD_TIMESTAMP",
            Self::Limits(_) => "LIMITS",
            Self::ForcedInclusion => "FORCED_INCLUSION",
            Self::Transaction { .. } => "INVALID_TRANSACTION",
        }
    }
}

/// A judgement.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Every claim is true; the state is now that after the batch.
    Valid(Box<Valid>),
    /// Some claim is false.
    Invalid {
        /// The block in which it shows, if it is one.
        block: Option<u64>,
        /// What is false.
        reason: Reason,
    },
    /// It cannot be told, because something is missing.
    Undecided {
        /// What.
        missing: String,
    },
}

/// A batch found valid.
#[derive(Clone, Debug)]
pub struct Valid {
    /// Where the next batch must start.
    pub checkpoint: Checkpoint,
    /// The batch's blocks.
    pub blocks: Vec<Sealed>,
}

/// Everything but Valid, on the way out.
enum Stop {
    Invalid(Option<u64>, Reason),
    Undecided(String),
}

impl Stop {
    const fn mismatch(field: &'static str) -> Self {
        Self::Invalid(None, Reason::Mismatch(field))
    }
}

/// Judges `claim` over `payload`, on top of `checkpoint`, whose state is `world`.
pub fn verify(
    chain: &ChainConfig,
    checkpoint: &Checkpoint,
    claim: &BatchHeader,
    payload: &[u8],
    log: &LogContext<'_>,
    world: &mut World,
) -> Verdict {
    let mut blocks = Vec::new();
    match judge(chain, checkpoint, claim, payload, log, world, &mut blocks) {
        Ok(checkpoint) => Verdict::Valid(Box::new(Valid { checkpoint, blocks })),
        Err(stop) => {
            blocks.iter().rev().for_each(|block| world.revert(&block.applied.undo));
            match stop {
                Stop::Invalid(block, reason) => Verdict::Invalid { block, reason },
                Stop::Undecided(missing) => Verdict::Undecided { missing },
            }
        }
    }
}

fn judge(
    chain: &ChainConfig,
    checkpoint: &Checkpoint,
    claim: &BatchHeader,
    payload: &[u8],
    log: &LogContext<'_>,
    world: &mut World,
    blocks: &mut Vec<Sealed>,
) -> Result<Checkpoint, Stop> {
    lineage(chain, checkpoint, claim, world)?;
    if B256::from(*blake3::hash(payload).as_bytes()) != claim.payload_hash || payload.len() as u64 != claim.payload_len
    {
        return Err(Stop::Undecided(format!("the payload with hash {}", claim.payload_hash)));
    }
    let batch = Batch::decode(payload).map_err(|error| Stop::Invalid(None, Reason::Undecodable(error.to_string())))?;
    structure(chain, checkpoint, claim, &batch, log)?;
    let inbox_acc = inbox(checkpoint, claim, &batch, log)?;

    let mut parent = checkpoint.block.clone();
    let mut items = log.inbox.iter();
    for block in &batch.blocks {
        let number = parent.header.number + 1;
        let invalid = |reason| Stop::Invalid(Some(number), reason);
        let unreadable = |missing: crate::Missing| Stop::Undecided(missing.to_string());
        let transactions = recover_all(&block.transactions, chain.chain_id())
            .map_err(|(index, error)| invalid(Reason::Transaction { index, why: error.to_string() }))?;
        let mut builder = BlockBuilder::new(chain, &parent, block.timestamp, &*world).map_err(unreadable)?;
        for item in items.by_ref().take(block.inbox_count as usize) {
            builder.inbox_item(item).map_err(unreadable)?;
        }
        for (index, transaction) in transactions.into_iter().enumerate() {
            builder
                .transaction(transaction)
                .map_err(unreadable)?
                .map_err(|reason| invalid(Reason::Transaction { index, why: reason.to_string() }))?;
        }
        let built = builder.finish();
        let sealed = built
            .seal(chain, &parent, world)
            .map_err(|error| invalid(Reason::Transaction { index: 0, why: error.to_string() }))?;
        parent = Parent { header: sealed.header.clone(), hash: sealed.hash };
        blocks.push(sealed);
    }
    outcome(claim, blocks, &parent)?;
    Ok(Checkpoint {
        next_batch: claim.batch_index + 1,
        commitment: claim.hash(),
        block: parent,
        inbox_cursor: claim.inbox_to,
        inbox_acc,
    })
}

/// The claim must build on the checkpoint.
fn lineage(chain: &ChainConfig, checkpoint: &Checkpoint, claim: &BatchHeader, world: &World) -> Result<(), Stop> {
    let header = &checkpoint.block.header;
    let checks = [
        (claim.chain_id == chain.chain_id(), "chain_id"),
        (claim.config_hash == chain.hash(), "config_hash"),
        (claim.batch_index == checkpoint.next_batch, "batch_index"),
        (claim.parent_commitment == checkpoint.commitment, "parent_commitment"),
        (claim.first_block == header.number + 1, "first_block"),
        (claim.pre_state_root == header.state_root, "pre_state_root"),
        (claim.inbox_from == checkpoint.inbox_cursor, "inbox_from"),
        (claim.withdrawals_root.is_zero(), "withdrawals_root"),
        (claim.withdrawals_count == 0, "withdrawals_count"),
    ];
    if let Some((_, field)) = checks.iter().find(|(holds, _)| !holds) {
        return Err(Stop::mismatch(field));
    }
    if world.state_root() != header.state_root {
        return Err(Stop::Undecided(format!("the state with root {}", header.state_root)));
    }
    Ok(())
}

/// What the batch says of itself must be what is claimed, and its times in order.
fn structure(
    chain: &ChainConfig,
    checkpoint: &Checkpoint,
    claim: &BatchHeader,
    batch: &Batch,
    log: &LogContext<'_>,
) -> Result<(), Stop> {
    let (Some(first), Some(last)) = (batch.blocks.first(), batch.blocks.last()) else {
        return Err(Stop::Invalid(None, Reason::Undecodable("no blocks".to_owned())));
    };
    let checks = [
        (batch.chain_id == chain.chain_id(), "payload chain_id"),
        (batch.first_block == claim.first_block, "first_block"),
        (claim.first_block.checked_add(batch.blocks.len() as u64 - 1) == Some(claim.last_block), "last_block"),
        (batch.inbox_from == claim.inbox_from, "inbox_from"),
        (first.timestamp == claim.first_timestamp, "first_timestamp"),
        (last.timestamp == claim.last_timestamp, "last_timestamp"),
    ];
    if let Some((_, field)) = checks.iter().find(|(holds, _)| !holds) {
        return Err(Stop::mismatch(field));
    }
    let latest_s = log.posted_ms / 1_000 + MAX_TIMESTAMP_DRIFT_S;
    let mut before = checkpoint.block.header.timestamp;
    for (number, block) in (claim.first_block..).zip(&batch.blocks) {
        if block.timestamp < before || block.timestamp > latest_s {
            return Err(Stop::Invalid(Some(number), Reason::BadTimestamp));
        }
        if block.inbox_count as usize > MAX_BLOCK_INBOX_ITEMS {
            return Err(Stop::Invalid(Some(number), Reason::Limits("inbox items in a block")));
        }
        before = block.timestamp;
    }
    Ok(())
}

/// The batch must consume the inbox in order, and all that is overdue. Returns the accumulator after it.
fn inbox(checkpoint: &Checkpoint, claim: &BatchHeader, batch: &Batch, log: &LogContext<'_>) -> Result<B256, Stop> {
    let consumed: u64 = batch.blocks.iter().map(|block| u64::from(block.inbox_count)).sum();
    if claim.inbox_from.checked_add(consumed) != Some(claim.inbox_to) {
        return Err(Stop::mismatch("inbox_to"));
    }
    let indices = log.inbox.iter().map(|item| item.index);
    if !indices.eq(claim.inbox_from..claim.inbox_to) {
        return Err(Stop::Undecided(format!("inbox items {} to {}", claim.inbox_from, claim.inbox_to)));
    }
    let acc = log.inbox.iter().fold(checkpoint.inbox_acc, accumulate);
    if acc != claim.inbox_acc {
        return Err(Stop::mismatch("inbox_acc"));
    }
    let overdue = log.next_item_ms.is_some_and(|time| time.saturating_add(INBOX_DEADLINE_MS) <= log.anchor_ms);
    if overdue {
        return Err(Stop::Invalid(None, Reason::ForcedInclusion));
    }
    Ok(acc)
}

fn outcome(claim: &BatchHeader, blocks: &[Sealed], last: &Parent) -> Result<(), Stop> {
    let tx_count: u64 = blocks.iter().map(|block| block.body.transactions.len() as u64).sum();
    let gas_used: u64 = blocks.iter().map(|block| block.header.gas_used).sum();
    let checks = [
        (claim.last_block_hash == last.hash, "last_block_hash"),
        (claim.post_state_root == last.header.state_root, "post_state_root"),
        (claim.tx_count == tx_count, "tx_count"),
        (claim.gas_used == gas_used, "gas_used"),
    ];
    match checks.iter().find(|(holds, _)| !holds) {
        Some((_, field)) => Err(Stop::mismatch(field)),
        None => Ok(()),
    }
}
