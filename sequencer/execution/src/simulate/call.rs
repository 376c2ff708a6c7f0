//! Running one call on revm with the rules waived that only bind signed transactions.

use alloy_primitives::{Address, TxKind, U256};
use revm::context::TxEnv;
use revm::context::either::Either;
use revm::context::result::{EVMError, ExecutionResult};
use revm::inspector::NoOpInspector;

use super::overrides::{self, ApplyError};
use super::{At, Call, Ending, Outcome, Override, SimulateError};
use crate::overlay::Overlay;
use crate::session::{Session, SessionContext, Waived};
use crate::view::StateView;

impl<V: StateView + ?Sized> At<'_, V> {
    /// Tries a call.
    pub fn call(&self, call: &Call, overrides: &[(Address, Override)]) -> Result<Outcome, SimulateError> {
        let gas = self.gas_for(call, overrides)?;
        self.run(call, overrides, gas)
    }

    /// The gas of a call: what it asks for, or what its sender can pay, but never above the cap.
    pub(crate) fn gas_for(&self, call: &Call, overrides: &[(Address, Override)]) -> Result<u64, SimulateError> {
        Ok(match call.gas {
            Some(gas) => gas.min(self.gas_cap),
            None => self.gas_cap.min(self.affordable(call, overrides)?),
        })
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
        let mut session = self.session(call, overrides, NoOpInspector)?;
        match session.run_unwatched(call.transaction(self.rules.chain_id(), gas)) {
            Ok(done) => Ok(outcome(done.result)),
            Err(error) => Err(refused(error)),
        }
    }

    /// Where a call is run, what is to be pretended included.
    pub(crate) fn session<'a, I: revm::Inspector<SessionContext<'a, V>>>(
        &'a self,
        call: &Call,
        overrides: &[(Address, Override)],
        inspector: I,
    ) -> Result<Session<'a, V, I>, SimulateError> {
        // A call that names no price pays none. What it sends it must have all the same.
        let free = call.gas_price.is_none_or(|price| price == 0);
        let waived = Waived { base_fee: free, nonce: true, limits: true };
        let mut session = Session::new(self.rules, self.header, Overlay::new(self.view), waived, inspector);
        if call.blob_hashes.is_empty() || call.max_fee_per_blob_gas.is_none_or(|price| price == 0) {
            session.price_blobs(0);
        }
        let (db, precompiles) = session.db_and_precompiles();
        overrides::apply(db, precompiles, overrides)?;
        Ok(session)
    }
}

impl From<ApplyError> for SimulateError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Missing(missing) => Self::Missing(missing),
            ApplyError::Override(error) => Self::Override(error),
        }
    }
}

impl Call {
    /// As revm takes it.
    pub(crate) fn transaction(&self, chain_id: u64, gas_limit: u64) -> TxEnv {
        let tx_type = match self {
            Self { authorizations, .. } if !authorizations.is_empty() => 4,
            Self { blob_hashes, .. } if !blob_hashes.is_empty() => 3,
            Self { legacy: false, priority_fee: Some(_), .. } => 2,
            Self { access_list, .. } => u8::from(!access_list.is_empty()),
        };
        TxEnv {
            tx_type,
            caller: self.from.unwrap_or_default(),
            gas_limit,
            gas_price: self.gas_price.unwrap_or_default(),
            gas_priority_fee: (tx_type >= 2).then(|| self.priority_fee.unwrap_or_default()),
            kind: self.to.map_or(TxKind::Create, TxKind::Call),
            value: self.value,
            data: self.data.clone(),
            nonce: self.nonce.unwrap_or_default(),
            chain_id: Some(chain_id),
            access_list: self.access_list.clone(),
            authorization_list: self.authorizations.iter().cloned().map(Either::Left).collect(),
            blob_hashes: self.blob_hashes.clone(),
            max_fee_per_blob_gas: self.max_fee_per_blob_gas.unwrap_or_default(),
        }
    }
}

pub(super) fn refused(error: EVMError<crate::view::Missing>) -> SimulateError {
    match error {
        EVMError::Database(missing) => missing.into(),
        EVMError::Transaction(error) => SimulateError::Invalid(error.to_string()),
        other => SimulateError::Invalid(other.to_string()),
    }
}

fn outcome(result: ExecutionResult) -> Outcome {
    let gas_used = result.tx_gas_used();
    let (ending, logs) = ending(result);
    Outcome { ending, gas_used, logs }
}

pub(super) fn ending(result: ExecutionResult) -> (Ending, Vec<alloy_primitives::Log>) {
    match result {
        ExecutionResult::Success { output, logs, .. } => (Ending::Success(output.into_data()), logs),
        ExecutionResult::Revert { output, .. } => (Ending::Revert(output), Vec::new()),
        ExecutionResult::Halt { reason, .. } => (Ending::Halt(format!("{reason:?}")), Vec::new()),
    }
}
