//! The state tree of the past, by undo records.

use std::collections::BTreeMap;

use weft_execution::World;
use weft_primitives::B256;
use weft_state::partial::PartialError;
use weft_state::{Proof, TreeKey, Undo, Value};

use super::Chain;
use crate::store::StoreError;

/// What leaves were.
type Leaves = BTreeMap<TreeKey, Option<Value>>;

/// Leaves that have changed since, at most, where a proof of an older state is made.
pub const MOST_CHANGED: usize = 4 << 20;

/// Proofs under one state root.
#[derive(Clone, Debug)]
pub struct Proved {
    /// The root.
    pub state_root: B256,
    /// One for each key, in order.
    pub proofs: Vec<Proof>,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// Undo records do not reach so far.
    #[error("the state of block {0} is not kept any longer (history_blocks); `weft node prove` makes it again")]
    TooOld(u64),
    /// The proof would take too much memory.
    #[error("more than {MOST_CHANGED} state leaves have changed since block {0}")]
    TooMuch(u64),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain went another way meanwhile.
    #[error("the chain has been rolled back meanwhile")]
    Moved,
}

impl Chain {
    /// Proofs of these keys in the state after a durable block. Memory goes with what has changed since, not with the
    /// state. If the chain is rolled back meanwhile, the root is another than the block's.
    pub fn prove(&self, number: u64, keys: &[TreeKey]) -> Result<Proved, PastError> {
        let seen = self.newest();
        if seen.saturating_sub(number) > self.history_blocks() + seen.saturating_sub(self.heads().latest) {
            return Err(PastError::TooOld(number));
        }
        let mut old = self.oldest(number + 1, seen, MOST_CHANGED)?.ok_or(PastError::TooOld(number))?;
        // Nothing grows from here on: be quick.
        let world = self.world();
        for later in seen + 1..=self.newest() {
            let undo = self.undo(later)?.ok_or(PastError::Moved)?;
            for (key, value) in &undo.entries {
                old.entry(*key).or_insert(*value);
            }
        }
        if old.len() > MOST_CHANGED {
            return Err(PastError::TooMuch(number));
        }
        if old.is_empty() {
            let proofs = keys.iter().map(|key| world.tree().prove(key)).collect::<Result<_, _>>();
            return Ok(Proved { state_root: world.state_root(), proofs: proofs.map_err(StoreError::from)? });
        }
        let undo = Undo { entries: old.into_iter().collect() };
        let part = world.tree().partial_before(&undo, keys).map_err(|error| match error {
            PartialError::Stored(error) => StoreError::from(error).into(),
            PartialError::Missing(_) | PartialError::Prefix(_) => PastError::Moved,
        })?;
        drop(world);
        let proofs = keys.iter().map(|key| part.prove(key)).collect::<Result<_, _>>();
        Ok(Proved { state_root: part.root(), proofs: proofs.map_err(|_| PastError::Moved)? })
    }

    /// A copy of the state as it was before a durable block. `Ok(None)`: undo records do not reach so far. Takes memory
    /// for the subtrees that differ.
    pub(crate) fn world_before(&self, number: u64) -> Result<Option<World>, StoreError> {
        let (newest, mut world) = self.copy();
        let Some(old) = self.oldest(number, newest, usize::MAX)? else { return Ok(None) };
        world.revert(&Undo { entries: old.into_iter().collect() })?;
        Ok(Some(world))
    }

    /// What the blocks from `first` to `newest` found, or so much of it that it is more than `most`.
    fn oldest(&self, first: u64, newest: u64, most: usize) -> Result<Option<Leaves>, StoreError> {
        let mut old = Leaves::new();
        // The newest first: of a leaf that several blocks changed the oldest value stands.
        for number in (first..=newest).rev() {
            let Some(undo) = self.undo(number)? else { return Ok(None) };
            old.extend(undo.entries.iter().copied());
            if old.len() > most {
                break;
            }
        }
        Ok(Some(old))
    }
}
