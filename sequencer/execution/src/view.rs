//! Reading state.

use alloy_primitives::{Address, B256, U256};
use revm::bytecode::Bytecode;
use revm::database_interface::DBErrorMarker;
use weft_state::{StoredAccount, TreeKey};

/// Something that the reader does not have, though the state may.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum Missing {
    /// A leaf of the state tree.
    #[error("state leaf {0:?}")]
    Leaf(TreeKey),
    /// Code, by its keccak256 hash.
    #[error("code {0}")]
    Code(B256),
}

impl DBErrorMarker for Missing {}

/// A state to read from.
pub trait StateView {
    /// The account at `address`; `None` if there is none.
    fn account(&self, address: Address) -> Result<Option<StoredAccount>, Missing>;
    /// A storage slot; absent is zero.
    fn storage(&self, address: Address, slot: U256) -> Result<U256, Missing>;
    /// Code by its keccak256 hash.
    fn code(&self, hash: B256) -> Result<Bytecode, Missing>;
}
