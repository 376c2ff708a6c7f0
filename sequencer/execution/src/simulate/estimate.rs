//! Gas estimates: a search for the least gas limit with which a call succeeds.
//!
//! Go-ethereum's search, for wallets rely on its answers: try all that is
//! allowed, then the gas used plus what the 63/64 rule (EIP-150) and a call's
//! stipend hold back, then halve.

use alloy_primitives::Address;
use revm::context_interface::Cfg;

use super::{At, Call, Ending, EstimateError, Override, SimulateError};
use crate::view::StateView;

/// Gas of a transaction that does nothing.
const MIN_GAS: u64 = 21_000;

/// What a call with value lends the callee.
const CALL_STIPEND: u64 = 2_300;

/// Estimates within this share of the true value are good enough, as in go-ethereum: 1.5 %.
const TOLERANCE: (u64, u64) = (15, 1_000);

impl<V: StateView + ?Sized> At<'_, V> {
    /// The least gas, within 1.5 %, with which the call succeeds.
    pub fn estimate(&self, call: &Call, overrides: &[(Address, Override)]) -> Result<u64, EstimateError> {
        let mut high = self.highest(call, overrides)?;
        let gas_used = self.attempt(call, overrides, high)?;
        let mut low = gas_used.saturating_sub(1);
        // Refunds come last and calls get 63/64 of what is left, so the limit lies above the gas used: mostly here.
        let likely = gas_used.saturating_add(CALL_STIPEND).saturating_mul(64) / 63;
        if likely < high {
            if self.succeeds(call, overrides, likely)? { high = likely } else { low = likely }
        }
        while low + 1 < high {
            let close = (high - low).saturating_mul(TOLERANCE.1) < high.saturating_mul(TOLERANCE.0);
            if close && low > MIN_GAS {
                break;
            }
            let middle = low.midpoint(high).min(low.saturating_mul(2).max(MIN_GAS));
            let middle = middle.clamp(low + 1, high - 1);
            if self.succeeds(call, overrides, middle)? { high = middle } else { low = middle }
        }
        Ok(high)
    }

    /// The most gas that a transaction of this sender could have.
    fn highest(&self, call: &Call, overrides: &[(Address, Override)]) -> Result<u64, EstimateError> {
        let asked = call.gas.filter(|gas| *gas >= MIN_GAS).unwrap_or(self.gas_cap).min(self.gas_cap);
        // A transaction above the protocol's cap could never be sent (EIP-7825).
        let allowed = asked.min(self.rules.config(self.header).tx_gas_limit_cap());
        Ok(allowed.min(self.affordable(call, overrides)?))
    }

    /// Gas used with all the gas there is.
    fn attempt(&self, call: &Call, overrides: &[(Address, Override)], high: u64) -> Result<u64, EstimateError> {
        if high < MIN_GAS {
            return Err(EstimateError::Allowance(high));
        }
        let outcome = self.run(call, overrides, high)?;
        match outcome.ending {
            Ending::Success(_) => Ok(outcome.gas_used),
            Ending::Revert(data) => Err(EstimateError::Revert(data)),
            Ending::Halt(reason) if reason.starts_with("OutOfGas") => Err(EstimateError::Allowance(high)),
            Ending::Halt(reason) => Err(EstimateError::Halt(reason)),
        }
    }

    fn succeeds(&self, call: &Call, overrides: &[(Address, Override)], gas: u64) -> Result<bool, SimulateError> {
        match self.run(call, overrides, gas) {
            Ok(outcome) => Ok(matches!(outcome.ending, Ending::Success(_))),
            // Below the intrinsic gas: nothing else can be wrong, as more gas did work.
            Err(SimulateError::Invalid(_)) => Ok(false),
            Err(other) => Err(other),
        }
    }
}
