//! Rules that depend on the transaction and the chain's configuration alone.

use alloy_consensus::Transaction as _;
use weft_execution::{intrinsic_gas, max_transaction_gas};
use weft_primitives::{ChainConfig, Transaction};

use crate::config::PoolLimits;
use crate::mempool::PoolError;

/// Whether a transaction could be in a block at some time from `timestamp` on.
pub(super) fn check(
    transaction: &Transaction,
    chain: &ChainConfig,
    limits: &PoolLimits,
    timestamp: u64,
) -> Result<(), PoolError> {
    let envelope = transaction.envelope();
    if !limits.allow_unprotected && !transaction.is_replay_protected() {
        return Err(PoolError::Unprotected);
    }
    let (fee, tip) = (envelope.max_fee_per_gas(), envelope.max_priority_fee_per_gas().unwrap_or_default());
    if tip > fee {
        return Err(PoolError::TipAboveFeeCap);
    }
    let floor = chain.params().min_base_fee_per_gas;
    if fee < u128::from(floor) {
        return Err(PoolError::FeeTooLow { got: fee, floor });
    }
    let (got, limit) = (envelope.gas_limit(), max_transaction_gas(chain, timestamp));
    if got > limit {
        return Err(PoolError::GasLimit { got, limit });
    }
    let needed = intrinsic_gas(chain, timestamp, transaction);
    if got < needed {
        return Err(PoolError::IntrinsicGas { got, needed });
    }
    Ok(())
}
