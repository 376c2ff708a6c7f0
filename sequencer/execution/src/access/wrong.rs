//! Why a list is not the block's.

use alloy_eip7928::{BlockAccessListGasError, BlockAccessListValidationError};
use alloy_primitives::{Address, U256};

use crate::view::Missing;

/// Why a list is not that of the block it came with. Transactions are counted from 0, those before them not included.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongList {
    /// Nothing may be listed like this: order, or something twice.
    #[error(transparent)]
    Malformed(#[from] BlockAccessListValidationError),
    /// No block with this gas limit touches so much.
    #[error(transparent)]
    TooLarge(#[from] BlockAccessListGasError),
    /// Before Cancun accounts may be destroyed with all their storage, which no list can tell.
    #[error("by these rules no list tells all")]
    Rules,
    /// What was done before the transactions is listed otherwise.
    #[error("what came before the transactions is listed otherwise")]
    Before,
    /// What is listed leads to where the state is not known. It may not be known without the list either.
    #[error("the list leads to missing {0}")]
    Missing(#[from] Missing),
    /// A transaction touches an account that is not listed.
    #[error("transaction {at} touches account {address}, which is not listed")]
    Account {
        /// The transaction.
        at: usize,
        /// The account.
        address: Address,
    },
    /// A transaction looks at a slot that is not listed.
    #[error("transaction {at} looks at slot {slot:#x} of {address}, which is not listed")]
    Slot {
        /// The transaction.
        at: usize,
        /// The account.
        address: Address,
        /// The slot.
        slot: U256,
    },
    /// A transaction leaves something else behind.
    #[error("transaction {at} does not do what is listed")]
    Differs {
        /// The transaction.
        at: usize,
    },
    /// A transaction cannot be executed on what is listed before it.
    #[error("transaction {at} cannot be executed on what is listed before it")]
    Impossible {
        /// The transaction.
        at: usize,
    },
    /// Something is listed that no transaction touches or does.
    #[error("more is listed than the transactions do")]
    TooMuch,
    /// An account was created where there was storage; whether that was seen later, a list cannot tell.
    #[error("account {address} was created where there was storage")]
    Storage {
        /// The account.
        address: Address,
    },
}
