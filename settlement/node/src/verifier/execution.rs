//! Is what a commitment claims true? By running its batch again on a state of our own.
//!
//! The state is in memory and in the database; both are at the newest commitment
//! that was verified. It moves in memory when a batch is found valid, in the database
//! in the transaction that records the verdict. If that fails, the state in
//! memory is dropped and loaded again.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use weft_execution::forced::{ForcedContext, ForcedError, build, verify_forced};
use weft_execution::verify::{Checkpoint, Valid, Verdict, verify};
use weft_execution::{Missing, World};
use weft_primitives::{BatchHeader, ChainConfig};
use weft_settlement::{Chain, Parent, Record, RejectReason};

use super::Wait;
use super::context::{Context, ForcedRecord, waiting};
use crate::store::{StateWrite, Store, StoreError};

/// A decided judgement.
pub(crate) enum Outcome {
    /// Every claim holds; this is the state after it.
    Valid(Box<StateWrite>),
    /// Some claim does not.
    Invalid { reason: RejectReason, block: Option<u64>, words: String },
}

/// The state at the newest commitment that was verified.
struct State {
    world: World,
    checkpoint: Checkpoint,
}

/// Runs batches on a state of its own.
pub(crate) struct Executor {
    chain: Arc<ChainConfig>,
    store: Arc<dyn Store>,
    state: Option<State>,
}

/// What a judgement takes beside the claim: a payload and what the log says around it, or, of a forced batch, what the
/// log says alone.
pub(crate) enum Subject {
    Posted(Bytes, Context),
    Forced(ForcedRecord),
}

impl Executor {
    pub(crate) fn new(chain: Arc<ChainConfig>, store: Arc<dyn Store>) -> Self {
        Self { chain, store, state: None }
    }

    /// Drops the state in memory; the next judgement loads it.
    pub(super) fn forget(&mut self) {
        self.state = None;
    }

    /// Judges `record`, which builds on the verified `parent`; a forced batch has no payload. When it is valid, the
    /// state in memory is the one after it.
    pub(crate) async fn judge(
        &mut self,
        parent: &Parent,
        record: &Record,
        payload: Option<Bytes>,
    ) -> Result<Outcome, Wait> {
        let subject = match payload {
            Some(payload) => Subject::Posted(payload, Context::load(&*self.store, record).await?),
            None => Subject::Forced(ForcedRecord::load(&*self.store, record).await?),
        };
        let state = self.state_at(parent).await?;
        let (chain, claim) = (self.chain.clone(), record.signed.header.clone());
        let judged = tokio::task::spawn_blocking(move || run(&chain, &claim, &subject, state)).await;
        let (state, verdict) = judged.map_err(|error| Wait::Undecided(format!("a judgement: {error}")))?;
        self.state = Some(state);
        match verdict {
            Verdict::Valid(valid) => Ok(Outcome::Valid(Box::new(state_write(*valid)))),
            Verdict::Invalid { block, reason } => {
                let words = reason.to_string();
                let reason = reason.code().parse().map_err(|_| Wait::Undecided(format!("a name for: {words}")))?;
                Ok(Outcome::Invalid { reason, block, words })
            }
            Verdict::Undecided { missing } => Err(Wait::Undecided(missing)),
        }
    }

    /// Takes the state out of its place, loading it first if it is not the one wanted.
    async fn state_at(&mut self, parent: &Parent) -> Result<State, Wait> {
        let fits = |state: &State| state.checkpoint.commitment == parent.commitment;
        if let Some(state) = self.state.take().filter(fits) {
            return Ok(state);
        }
        let state = load(&*self.store).await?;
        if fits(&state) { Ok(state) } else { Err(Wait::Undecided("a newer view of the log".to_owned())) }
    }

    /// The forced batch that would be next after `view`, whose tip is final. The state stays as it is.
    pub(super) async fn build_forced(&mut self, view: &Chain) -> Result<BatchHeader, Wait> {
        let (parent, head) = (view.final_parent(), view.head().clone());
        let waiting = waiting(&*self.store, parent.inbox_cursor, head.inbox_len).await?;
        let state = self.state_at(&parent).await?;
        let chain = self.chain.clone();
        let built = tokio::task::spawn_blocking(move || {
            let State { mut world, checkpoint } = state;
            let anchor = (head.log_seq, head.log_hash, head.log_time_ms);
            let log = ForcedContext { waiting: &waiting, anchor, leader_epoch: head.epoch };
            let built = build(&chain, &checkpoint, &log, &mut world).and_then(|forced| {
                world.revert(&forced.block.applied.undo).map_err(Missing::from)?;
                Ok(forced.header)
            });
            (State { world, checkpoint }, built)
        });
        let (state, built) = built.await.map_err(|error| Wait::Undecided(format!("a forced batch: {error}")))?;
        self.state = Some(state);
        built.map_err(|error: ForcedError| Wait::Undecided(error.to_string()))
    }
}

/// The state as the database has it, checked against its own root.
async fn load(store: &dyn Store) -> Result<State, StoreError> {
    let loaded = store.verifier_state().await?;
    let checkpoint = loaded.checkpoint;
    let built = tokio::task::spawn_blocking(move || World::load(loaded.leaves, loaded.codes)).await;
    let world = built.map_err(StoreError::damaged)?.map_err(StoreError::damaged)?;
    let (found, expected) = (world.state_root(), checkpoint.block.header.state_root);
    if found != expected {
        let why = format!("state leaves give the root {found}, the checkpoint says {expected}");
        return Err(StoreError::Damaged(why));
    }
    tracing::info!(block = checkpoint.block.header.number, root = %found, leaves = world.tree().len(), "state loaded");
    Ok(State { world, checkpoint })
}

fn run(chain: &ChainConfig, claim: &BatchHeader, subject: &Subject, mut state: State) -> (State, Verdict) {
    let verdict = match subject {
        Subject::Posted(payload, context) => {
            verify(chain, &state.checkpoint, claim, payload, &context.log(), &mut state.world)
        }
        Subject::Forced(record) => verify_forced(chain, &state.checkpoint, claim, &record.log(claim), &mut state.world),
    };
    if let Verdict::Valid(valid) = &verdict {
        state.checkpoint = valid.checkpoint.clone();
    }
    (state, verdict)
}

/// What the batch's blocks changed, each leaf once.
fn state_write(valid: Valid) -> StateWrite {
    let mut leaves = BTreeMap::new();
    let mut codes = BTreeMap::new();
    for block in valid.blocks {
        leaves.extend(block.applied.updates.entries().iter().copied());
        codes.extend(block.applied.codes);
    }
    let leaves = leaves.into_iter().collect();
    StateWrite { checkpoint: valid.checkpoint, leaves, codes: codes.into_iter().collect() }
}
