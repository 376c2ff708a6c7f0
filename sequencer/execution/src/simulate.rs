//! Calls that change nothing: `eth_call` and gas estimates.

use alloy_eips::eip2930::AccessList;
use alloy_eips::eip7702::SignedAuthorization;
use alloy_primitives::{Address, B256, Bytes, Log, TxKind, U256, keccak256};
use revm::bytecode::Bytecode;
use revm::context::TxEnv;
use revm::context::either::Either;
use revm::context::result::{EVMError, ExecutionResult};
use revm::handler::ExecuteEvm;
use weft_primitives::{BlockHeader, ChainConfig};

use crate::block::evm;
use crate::env;
use crate::overlay::Overlay;
use crate::view::{Missing, StateView};

/// Gas of a transaction that does nothing.
const MIN_GAS: u64 = 21_000;

/// Estimates within this share of the true value are good enough, as in go-ethereum.
const ESTIMATE_TOLERANCE: f64 = 0.015;

/// A message to be tried out.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Sender; the zero address when absent.
    pub from: Option<Address>,
    /// Recipient; a creation when absent.
    pub to: Option<Address>,
    /// Gas limit; as much as the cap allows when absent.
    pub gas: Option<u64>,
    /// Wei a gas, also `maxFeePerGas`; when absent the sender pays nothing for gas.
    pub gas_price: Option<u128>,
    /// `maxPriorityFeePerGas`.
    pub priority_fee: Option<u128>,
    /// Wei.
    pub value: U256,
    /// Call data, or init code.
    pub data: Bytes,
    /// EIP-2930.
    pub access_list: AccessList,
    /// EIP-7702.
    pub authorizations: Vec<SignedAuthorization>,
}

/// State to pretend for one account.
#[derive(Clone, Debug, Default)]
pub struct Override {
    /// In wei.
    pub balance: Option<U256>,
    /// Nonce.
    pub nonce: Option<u64>,
    /// Code.
    pub code: Option<Bytes>,
    /// The whole storage.
    pub state: Option<Vec<(B256, B256)>>,
    /// Some slots of the storage.
    pub state_diff: Vec<(B256, B256)>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this output.
    Success(Bytes),
    /// Reverted with this data.
    Revert(Bytes),
    /// Out of gas, invalid opcode and the like.
    Halt(String),
}

/// What a call would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// Gas used.
    pub gas_used: u64,
    /// Events.
    pub logs: Vec<Log>,
}

/// Why a call cannot be tried.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SimulateError {
    /// State is not there.
    #[error("missing {0}")]
    Missing(#[from] Missing),
    /// The call breaks a rule that simulation does not waive.
    #[error("{0}")]
    Invalid(String),
}

/// Why gas cannot be estimated.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EstimateError {
    /// It reverts at any gas.
    #[error("execution reverted")]
    Revert(Bytes),
    /// It halts at any gas.
    #[error("{0}")]
    Halt(String),
    /// It needs more gas than there is.
    #[error("gas required exceeds allowance ({0})")]
    Allowance(u64),
    /// It cannot be tried.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
}

/// Where calls are tried: a block and the state after it.
#[derive(Clone, Copy)]
pub struct At<'a, V: ?Sized> {
    /// Rules.
    pub chain: &'a ChainConfig,
    /// The block whose number, time and base fee the call sees.
    pub header: &'a BlockHeader,
    /// The state.
    pub view: &'a V,
    /// Most gas for one call.
    pub gas_cap: u64,
}

impl<V: StateView + ?Sized> At<'_, V> {
    /// Tries a call.
    pub fn call(&self, call: &Call, overrides: &[(Address, Override)]) -> Result<Outcome, SimulateError> {
        let gas = call.gas.unwrap_or(self.gas_cap).min(self.gas_cap);
        self.run(call, overrides, gas)
    }

    /// The least gas, within 1.5 %, with which the call succeeds.
    pub fn estimate(&self, call: &Call, overrides: &[(Address, Override)]) -> Result<u64, EstimateError> {
        let mut high = call.gas.filter(|gas| *gas >= MIN_GAS).unwrap_or(self.gas_cap).min(self.gas_cap);
        // A transaction above the protocol's cap could never be sent (EIP-7825).
        if self.chain.fork_at(self.header.timestamp) >= weft_primitives::chain::Fork::Osaka {
            high = high.min(alloy_eips::eip7825::MAX_TX_GAS_LIMIT_OSAKA);
        }
        high = high.min(self.affordable(call)?);
        let outcome = self.run(call, overrides, high)?;
        match outcome.ending {
            Ending::Revert(data) => return Err(EstimateError::Revert(data)),
            Ending::Halt(reason) if reason.contains("OutOfGas") => return Err(EstimateError::Allowance(high)),
            Ending::Halt(reason) => return Err(EstimateError::Halt(reason)),
            Ending::Success(_) => {}
        }
        let mut low = outcome.gas_used.saturating_sub(1);
        // Refunds come last and calls get 63/64 of what is left, so the limit lies above the gas used: mostly here.
        let likely = (outcome.gas_used + 2_300).saturating_mul(64) / 63;
        if likely < high {
            if self.succeeds(call, overrides, likely)? { high = likely } else { low = likely }
        }
        while low + 1 < high {
            if ((high - low) as f64) < high as f64 * ESTIMATE_TOLERANCE && low > MIN_GAS {
                break;
            }
            let middle = low.midpoint(high).min(low.saturating_mul(2).max(MIN_GAS));
            let middle = middle.clamp(low + 1, high - 1);
            if self.succeeds(call, overrides, middle)? { high = middle } else { low = middle }
        }
        Ok(high)
    }

    /// Gas that the sender can pay for at the price that the call names.
    fn affordable(&self, call: &Call) -> Result<u64, EstimateError> {
        let Some(price) = call.gas_price.filter(|price| *price > 0) else { return Ok(u64::MAX) };
        let account = self.view.account(call.from.unwrap_or_default()).map_err(SimulateError::from)?;
        let balance = account.map_or(U256::ZERO, |stored| stored.account.balance);
        let left = balance
            .checked_sub(call.value)
            .ok_or_else(|| SimulateError::Invalid("insufficient funds for gas * price + value".to_owned()))?;
        Ok((left / U256::from(price)).saturating_to())
    }

    fn succeeds(&self, call: &Call, overrides: &[(Address, Override)], gas: u64) -> Result<bool, SimulateError> {
        match self.run(call, overrides, gas) {
            Ok(outcome) => Ok(matches!(outcome.ending, Ending::Success(_))),
            // Below the intrinsic gas.
            Err(SimulateError::Invalid(_)) => Ok(false),
            Err(missing) => Err(missing),
        }
    }

    fn run(&self, call: &Call, overrides: &[(Address, Override)], gas: u64) -> Result<Outcome, SimulateError> {
        let mut config = env::config(self.chain, self.header.timestamp);
        config.disable_balance_check = call.gas_price.is_none_or(|price| price == 0);
        config.disable_base_fee = config.disable_balance_check;
        config.disable_block_gas_limit = true;
        config.disable_nonce_check = true;
        config.disable_eip3607 = true;
        config.tx_gas_limit_cap = Some(u64::MAX);
        let mut db = Overlay::new(self.view);
        apply_overrides(&mut db, overrides)?;
        let mut evm = evm(db, config, env::block_of(self.header));
        match evm.transact_one(self.transaction(call, gas)) {
            Ok(result) => Ok(outcome(result)),
            Err(EVMError::Database(missing)) => Err(missing.into()),
            Err(EVMError::Transaction(error)) => Err(SimulateError::Invalid(error.to_string())),
            Err(other) => Err(SimulateError::Invalid(other.to_string())),
        }
    }

    fn transaction(&self, call: &Call, gas_limit: u64) -> TxEnv {
        let tx_type = match (call.authorizations.is_empty(), call.priority_fee.is_some(), call.access_list.is_empty()) {
            (false, ..) => 4,
            (true, true, _) => 2,
            (true, false, false) => 1,
            (true, false, true) => 0,
        };
        TxEnv {
            tx_type,
            caller: call.from.unwrap_or_default(),
            gas_limit,
            gas_price: call.gas_price.unwrap_or_default(),
            gas_priority_fee: (tx_type >= 2).then(|| call.priority_fee.unwrap_or_default()),
            kind: call.to.map_or(TxKind::Create, TxKind::Call),
            value: call.value,
            data: call.data.clone(),
            chain_id: Some(self.chain.chain_id()),
            access_list: call.access_list.clone(),
            authorization_list: call.authorizations.iter().cloned().map(Either::Left).collect(),
            ..TxEnv::default()
        }
    }
}

fn outcome(result: ExecutionResult) -> Outcome {
    let gas_used = result.tx_gas_used();
    let (ending, logs) = match result {
        ExecutionResult::Success { output, logs, .. } => (Ending::Success(output.into_data()), logs),
        ExecutionResult::Revert { output, .. } => (Ending::Revert(output), Vec::new()),
        ExecutionResult::Halt { reason, .. } => (Ending::Halt(format!("{reason:?}")), Vec::new()),
    };
    Outcome { ending, gas_used, logs }
}

fn apply_overrides<V: StateView + ?Sized>(
    db: &mut Overlay<'_, V>,
    overrides: &[(Address, Override)],
) -> Result<(), Missing> {
    for (address, change) in overrides {
        db.edit_info(*address, |info| {
            info.balance = change.balance.unwrap_or(info.balance);
            info.nonce = change.nonce.unwrap_or(info.nonce);
            if let Some(code) = &change.code {
                info.code_hash = keccak256(code);
                info.code = Some(Bytecode::new_raw(code.clone()));
            }
        })?;
        if change.state.is_some() {
            db.replace_storage(*address)?;
        }
        for (slot, value) in change.state.iter().flatten().chain(&change.state_diff) {
            db.set_storage(*address, (*slot).into(), (*value).into())?;
        }
    }
    Ok(())
}
