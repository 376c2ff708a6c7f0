//! The judge: is what a commitment claims about a batch true?
//!
//! One function for settlement, follower and the command line, over a whole
//! state ([`verify`]) or over a witness ([`verify_stateless`]). It takes no
//! input that is not derived or checked: the payload is bound by its hash, the
//! inbox by its accumulator, block environments follow from the parent, a
//! witness by the state root. A verdict other than Valid leaves the state
//! exactly as it was.
//!
//! What needs no state can be done ahead, elsewhere: [`prepare`] decodes a payload
//! and recovers its senders, [`verify_on`] does the rest, on any [`State`].
//!
//! Not judged, because only the settlement log can: the signature, that no
//! forced batch had to come first, and that `anchor_seq`, `anchor_hash`, `leader_epoch`, `da_height` and `da_data_root`
//! name what is there. What the log says comes in as [`LogContext`] and is
//! believed.

mod claim;
mod prepared;
mod verdict;

use weft_primitives::batch::{Batch, BatchBlock};
use weft_primitives::{BatchHeader, ChainConfig, InboxItem};

use crate::block::{BlockBuilder, Parent};
use crate::parallel::Engine;
use crate::recover::{Recovered, Recovery};
use crate::seal::Sealed;
use crate::state::ApplyError;
use crate::view::Missing;
use crate::witness::{PartialWorld, Recorder, Witness};
use crate::world::World;

pub use crate::state::State;
pub use prepared::{Prepared, prepare};
use verdict::Stop;
pub use verdict::{Checkpoint, Reason, Valid, Verdict};

/// What the settlement log says around a commitment.
#[derive(Clone, Debug, Default)]
pub struct LogContext<'a> {
    /// The inbox items `inbox_from..inbox_to` of the claim, in order.
    pub inbox: &'a [InboxItem],
    /// When the item at `inbox_to` entered the inbox, if there is one.
    pub next_item_ms: Option<u64>,
    /// When the commitment was posted.
    pub posted_ms: u64,
}

/// Everything that is judged, and by what; all but the state.
struct Case<'a> {
    chain: &'a ChainConfig,
    checkpoint: &'a Checkpoint,
    claim: &'a BatchHeader,
    log: &'a LogContext<'a>,
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
    let prepared = Prepared::decoded(claim, payload);
    let (verdict, applied) = verify_on(chain, checkpoint, claim, prepared, log, world, &mut Engine::on_all_threads());
    take_back(world, &applied).map_or_else(Verdict::from, |()| verdict)
}

/// [`verify`] of what was [`prepare`]d for this claim, on any state, by an engine that may be kept for the next batch.
///
/// Also the blocks by which the state has moved though the verdict is not Valid: the caller takes them back, the last
/// one first.
pub fn verify_on(
    chain: &ChainConfig,
    checkpoint: &Checkpoint,
    claim: &BatchHeader,
    prepared: Prepared,
    log: &LogContext<'_>,
    state: &mut (impl State + Send),
    engine: &mut Engine,
) -> (Verdict, Vec<Sealed>) {
    let mut blocks = Vec::new();
    match (Case { chain, checkpoint, claim, log }).judge(prepared, state, engine, &mut blocks) {
        Ok(checkpoint) => (Verdict::Valid(Box::new(Valid { checkpoint, blocks })), Vec::new()),
        Err(stop) => (stop.into(), blocks),
    }
}

/// [`verify`] by someone who knows no more of the state than its root: the rest is in `witness`.
///
/// A witness that does not decode, is of another state or too small makes the verdict Undecided, never Invalid.
pub fn verify_stateless(
    chain: &ChainConfig,
    checkpoint: &Checkpoint,
    claim: &BatchHeader,
    payload: &[u8],
    log: &LogContext<'_>,
    witness: &[u8],
) -> Verdict {
    let mut state = match PartialWorld::decode(witness, checkpoint.block.header.state_root) {
        Ok(state) => state,
        Err(error) => return Verdict::Undecided { missing: error.to_string() },
    };
    let prepared = Prepared::decoded(claim, payload);
    verify_on(chain, checkpoint, claim, prepared, log, &mut state, &mut Engine::on_all_threads()).0
}

/// [`verify`], and the witness with which [`verify_stateless`] comes to the same verdict, be it Valid or Invalid.
///
/// `world` is afterwards as before, whatever the verdict. Without leaves that its store cannot read the verdict is
/// Undecided, and there is no witness.
pub fn verify_recording(
    chain: &ChainConfig,
    checkpoint: &Checkpoint,
    claim: &BatchHeader,
    payload: &[u8],
    log: &LogContext<'_>,
    world: &mut World,
) -> (Verdict, Witness) {
    record(chain, checkpoint, claim, Prepared::decoded(claim, payload), log, world)
}

/// [`verify_recording`] of what is at hand already.
pub fn record(
    chain: &ChainConfig,
    checkpoint: &Checkpoint,
    claim: &BatchHeader,
    prepared: Prepared,
    log: &LogContext<'_>,
    world: &mut World,
) -> (Verdict, Witness) {
    let mut blocks = Vec::new();
    let mut recorder = Recorder::new(world);
    // On one thread nothing is read in vain, and the witness is as small as it can be.
    let judged =
        (Case { chain, checkpoint, claim, log }).judge(prepared, &mut recorder, &mut Engine::new(1), &mut blocks);
    let witness = match recorder.finish().take_back(world, blocks.iter()) {
        Ok(witness) => witness,
        Err(missing) => return (missing.into(), Witness::default()),
    };
    let verdict = match judged {
        Ok(checkpoint) => Verdict::Valid(Box::new(Valid { checkpoint, blocks })),
        Err(stop) => stop.into(),
    };
    (verdict, witness)
}

fn take_back(world: &mut World, blocks: &[Sealed]) -> Result<(), Missing> {
    Ok(blocks.iter().rev().try_for_each(|block| world.revert(&block.applied.undo))?)
}

impl Case<'_> {
    /// Executes everything. `blocks` are those that were applied to the state, whatever is returned.
    fn judge(
        &self,
        prepared: Prepared,
        state: &mut (impl State + Send),
        engine: &mut Engine,
        blocks: &mut Vec<Sealed>,
    ) -> Result<Checkpoint, Stop> {
        self.lineage(state.root())?;
        let Prepared { batch, recovered } = prepared;
        let batch = batch?;
        self.structure(&batch)?;
        let inbox_acc = self.inbox(&batch)?;
        let last = self.execute(&batch, recovered, state, engine, blocks)?;
        self.outcome(blocks, &last)?;
        Ok(Checkpoint {
            next_batch: self.claim.batch_index + 1,
            commitment: self.claim.hash(),
            block: last,
            inbox_cursor: self.claim.inbox_to,
            inbox_acc,
        })
    }

    fn execute(
        &self,
        batch: &Batch,
        recovered: Recovered,
        state: &mut (impl State + Send),
        engine: &mut Engine,
        blocks: &mut Vec<Sealed>,
    ) -> Result<Parent, Stop> {
        let raw = batch.blocks.iter().flat_map(|block| block.transactions.iter().cloned());
        let mut recovery = Recovery::ahead(recovered, raw, self.chain.chain_id());
        let mut parent = self.checkpoint.block.clone();
        let mut inbox = self.log.inbox;
        for block in &batch.blocks {
            let (items, rest) = inbox.split_at_checked(block.inbox_count as usize).unwrap_or((inbox, &[]));
            inbox = rest;
            let number = parent.header.number + 1;
            let sealed =
                self.block(block, items, &parent, &mut recovery, engine, state).map_err(|halt| halt.at(number))?;
            engine.applied(sealed.header.state_root);
            parent = Parent { header: sealed.header.clone(), hash: sealed.hash };
            blocks.push(sealed);
        }
        Ok(parent)
    }

    fn block<I: Iterator<Item = alloy_primitives::Bytes>>(
        &self,
        block: &BatchBlock,
        items: &[InboxItem],
        parent: &Parent,
        recovery: &mut Recovery<I>,
        engine: &mut Engine,
        state: &mut (impl State + Send),
    ) -> Result<Sealed, Halt> {
        let mut builder = BlockBuilder::new(self.chain, parent, block.timestamp, &*state)?;
        if builder.inbox(items)? != block.inbox_count as usize {
            return Err(Halt::Invalid(Reason::Limits("inbox items in a block, or gas for them,")));
        }
        let mut transactions = Vec::with_capacity(block.transactions.len());
        let mut undecodable = None;
        for recovered in recovery.by_ref().take(block.transactions.len()) {
            match recovered {
                Ok(transaction) => transactions.push(transaction),
                Err(error) => {
                    undecodable = Some(error);
                    break;
                }
            }
        }
        // What comes before the one that does not decode may be wrong too, and then decides.
        let decoded = transactions.len();
        let built = builder.replay(transactions, engine)?;
        let built = built.map_err(|(index, reason)| Halt::transaction(index, &reason))?;
        if let Some(error) = undecodable {
            return Err(Halt::transaction(decoded, &error));
        }
        built.seal_on(self.chain, parent, state).map_err(|error| match error {
            ApplyError::Missing(missing) => missing.into(),
            _ => Halt::Invalid(Reason::Limits("wei in an account")),
        })
    }
}

/// Why a block cannot be executed.
enum Halt {
    Invalid(Reason),
    Missing(Missing),
}

impl From<Missing> for Halt {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

impl Halt {
    fn transaction(index: usize, why: &dyn std::error::Error) -> Self {
        Self::Invalid(Reason::Transaction { index, why: why.to_string() })
    }

    fn at(self, number: u64) -> Stop {
        match self {
            Self::Invalid(reason) => Stop::Invalid(Some(number), reason),
            Self::Missing(missing) => Stop::Undecided(missing.to_string()),
        }
    }
}
