//! Reading state.
//!
//! A reader that does not hold everything (a witness) says [`Missing`] where it
//! cannot tell; an absent account or slot is an answer, not a gap.

use alloy_primitives::{Address, B256, U256};
use revm::bytecode::Bytecode;
use revm::database_interface::DBErrorMarker;
use weft_state::{StoredAccount, StoredError, TreeKey};

/// Something that the reader does not have, though the state may.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum Missing {
    /// A leaf of the state tree, or all that begin with this.
    #[error("state leaf {0:?}")]
    Leaf(TreeKey),
    /// Leaves that are not in memory, and cannot be had from the store.
    #[error(transparent)]
    Stored(#[from] StoredError),
    /// Code, by its keccak256 hash.
    #[error("code {0}")]
    Code(B256),
    /// The state after this block: it was there, and is not kept any longer.
    #[error("state of block {0}")]
    Past(u64),
}

impl DBErrorMarker for Missing {}

/// A state to read from, by several threads at once.
///
/// There is no way to ask for a block hash: the last 8,191 are in the state
/// itself, in the storage of the history contract (EIP-2935), and `BLOCKHASH`
/// is answered from there.
pub trait StateView: Sync {
    /// The account at `address`; `None` if there is none.
    fn account(&self, address: Address) -> Result<Option<StoredAccount>, Missing>;
    /// A storage slot; absent is zero.
    fn storage(&self, address: Address, slot: U256) -> Result<U256, Missing>;
    /// Code by its keccak256 hash.
    fn code(&self, hash: B256) -> Result<Bytecode, Missing>;
}
