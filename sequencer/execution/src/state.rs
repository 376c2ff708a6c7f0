//! Applying a block to a state, whole or partial.

use alloy_primitives::{B256, Bytes};
use weft_state::account::AccountError;
use weft_state::changes::UpdateError;
use weft_state::partial::PartialError;
use weft_state::{PrefixError, StoredError, TreeError, Undo, UpdateBatch};

use crate::changes::Changes;
use crate::view::{Missing, StateView};

/// What applying a block did; all that a store has to write.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// Root of the tree after it.
    pub state_root: B256,
    /// New leaf values, in key order; only those that differ from the old ones.
    pub updates: UpdateBatch,
    /// Takes it back.
    pub undo: Undo,
    /// New code by hash.
    pub codes: Vec<(B256, Bytes)>,
}

/// Why changes cannot become leaves.
///
/// The first two do not happen on a chain whose supply is below 2^128, the last not on a whole state in memory.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// An account does not fit.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// A key does not fit.
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    /// The genesis file puts other code where block hashes are kept.
    #[error("genesis file: the account at 0x0000F90827F1C53a10cb7A02335B175320002935 must have the code of EIP-2935")]
    HistoryContract,
    /// The new root cannot be told.
    #[error("missing {0}")]
    Missing(#[from] Missing),
}

impl From<PartialError> for ApplyError {
    fn from(error: PartialError) -> Self {
        match error {
            PartialError::Missing(missing) => Self::Missing(Missing::Leaf(missing.0)),
            PartialError::Prefix(error) => Self::Prefix(error),
            PartialError::Stored(error) => error.into(),
        }
    }
}

impl From<StoredError> for ApplyError {
    fn from(error: StoredError) -> Self {
        Self::Missing(error.into())
    }
}

impl From<TreeError> for ApplyError {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Prefix(error) => Self::Prefix(error),
            TreeError::Stored(error) => error.into(),
        }
    }
}

impl From<UpdateError> for ApplyError {
    fn from(error: UpdateError) -> Self {
        match error {
            UpdateError::Account(error) => Self::Account(error),
            UpdateError::Stored(error) => error.into(),
        }
    }
}

/// A state that moves from block to block.
pub trait State: StateView {
    /// Root of the state tree.
    fn root(&self) -> B256;
    /// Applies a block's changes. After an error a whole state is as before.
    fn apply(&mut self, changes: Changes) -> Result<Applied, ApplyError>;
}
