//! Running one call on revm with the rules waived that only bind signed transactions.

use alloy_primitives::{Address, TxKind, U256, keccak256};
use revm::context::TxEnv;
use revm::context::either::Either;
use revm::context::result::{EVMError, ExecutionResult};
use revm::handler::ExecuteEvm;

use super::{At, Call, Ending, Outcome, Override, SimulateError};
use crate::codes::analyse;
use crate::env;
use crate::overlay::Overlay;
use crate::view::{Missing, StateView};

impl<V: StateView + ?Sized> At<'_, V> {
    /// Tries a call.
    pub fn call(&self, call: &Call, overrides: &[(Address, Override)]) -> Result<Outcome, SimulateError> {
        let gas = match call.gas {
            Some(gas) => gas.min(self.gas_cap),
            None => self.gas_cap.min(self.affordable(call, overrides)?),
        };
        self.run(call, overrides, gas)
    }

    /// Gas that the sender can pay for at the price that the call names, beside the value.
    pub(super) fn affordable(&self, call: &Call, overrides: &[(Address, Override)]) -> Result<u64, SimulateError> {
        let Some(price) = call.gas_price.filter(|price| *price > 0) else { return Ok(u64::MAX) };
        let sender = call.from.unwrap_or_default();
        let pretended = overrides.iter().rev().find(|(address, _)| *address == sender);
        let balance = match pretended.and_then(|(_, change)| change.balance) {
            Some(balance) => balance,
            None => self.view.account(sender)?.map_or(U256::ZERO, |stored| stored.account.balance),
        };
        let left = balance
            .checked_sub(call.value)
            .ok_or_else(|| SimulateError::Invalid("insufficient funds for gas * price + value".to_owned()))?;
        Ok((left / U256::from(price)).saturating_to())
    }

    pub(super) fn run(
        &self,
        call: &Call,
        overrides: &[(Address, Override)],
        gas: u64,
    ) -> Result<Outcome, SimulateError> {
        let mut config = env::config(self.chain, self.header.timestamp);
        // A call that names no price pays none. What it sends it must have all the same.
        config.disable_base_fee = call.gas_price.is_none_or(|price| price == 0);
        config.disable_block_gas_limit = true;
        config.disable_nonce_check = true;
        config.disable_eip3607 = true;
        config.tx_gas_limit_cap = Some(u64::MAX);
        let mut db = Overlay::new(self.view);
        apply_overrides(&mut db, overrides)?;
        let mut evm = env::evm(db, config, env::block_of(self.header));
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
                info.code = Some(analyse(code.clone()));
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
