//! Why a transaction is not executed.

use revm::context::result::InvalidTransaction;

/// Why a transaction was not executed. It had no effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// Its nonce was used before.
    #[error("nonce too low: transaction has {transaction}, account has {state}")]
    NonceTooLow {
        /// In the transaction.
        transaction: u64,
        /// Of the account.
        state: u64,
    },
    /// An earlier nonce is missing.
    #[error("nonce too high: transaction has {transaction}, account has {state}")]
    NonceTooHigh {
        /// In the transaction.
        transaction: u64,
        /// Of the account.
        state: u64,
    },
    /// The sender cannot pay.
    #[error("insufficient funds for gas * price + value")]
    InsufficientFunds,
    /// The fee cap is below the base fee.
    #[error("max fee per gas less than block base fee")]
    FeeBelowBaseFee,
    /// The block has not enough gas left; a later one may.
    #[error("the block has {left} gas left, the transaction asks for {wanted}")]
    BlockFull {
        /// Gas left in the block.
        left: u64,
        /// Its gas limit.
        wanted: u64,
    },
    /// No block has so much gas for one transaction (EIP-7825, or the block gas limit).
    #[error("the transaction asks for {wanted} gas, the most for one is {cap}")]
    GasAboveCap {
        /// [`crate::max_transaction_gas`].
        cap: u64,
        /// Its gas limit.
        wanted: u64,
    },
    /// Its gas limit does not pay for its own bytes.
    #[error("intrinsic gas too low: the transaction asks for {wanted} gas, it needs at least {needed}")]
    IntrinsicGas {
        /// [`crate::intrinsic_gas`].
        needed: u64,
        /// Its gas limit.
        wanted: u64,
    },
    /// The sender is a contract (EIP-3607).
    #[error("sender is not an externally owned account")]
    SenderHasCode,
    /// It can never be executed.
    #[error("{0}")]
    Invalid(String),
}

impl SkipReason {
    pub(crate) fn of(error: InvalidTransaction) -> Self {
        match error {
            InvalidTransaction::NonceTooLow { tx, state } => Self::NonceTooLow { transaction: tx, state },
            InvalidTransaction::NonceTooHigh { tx, state } => Self::NonceTooHigh { transaction: tx, state },
            InvalidTransaction::LackOfFundForMaxFee { .. } => Self::InsufficientFunds,
            InvalidTransaction::GasPriceLessThanBasefee => Self::FeeBelowBaseFee,
            InvalidTransaction::CallGasCostMoreThanGasLimit { initial_gas: needed, gas_limit: wanted }
            | InvalidTransaction::GasFloorMoreThanGasLimit { gas_floor: needed, gas_limit: wanted } => {
                Self::IntrinsicGas { needed, wanted }
            }
            InvalidTransaction::RejectCallerWithCode => Self::SenderHasCode,
            other => Self::Invalid(other.to_string()),
        }
    }

    /// Whether the transaction may be executable in a later block.
    pub const fn may_heal(&self) -> bool {
        matches!(self, Self::NonceTooHigh { .. } | Self::BlockFull { .. } | Self::FeeBelowBaseFee)
    }
}
