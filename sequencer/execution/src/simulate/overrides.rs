//! State to pretend, as go-ethereum and the specification of `eth_simulateV1` have it.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, Bytes, U256};

use crate::codes::analyse;
use crate::overlay::Overlay;
use crate::precompiles::Precompiles;
use crate::view::{Missing, StateView};

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
    /// Where the precompiled contract of this address is instead.
    pub move_precompile_to: Option<Address>,
}

/// Why precompiled contracts cannot be moved so.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum OverrideError {
    /// There is none to move.
    #[error("account {0} is not a precompile")]
    NotPrecompile(Address),
    /// The place is taken by another override.
    #[error("account {0} is already overridden")]
    Taken(Address),
    /// A precompiled contract was moved to an account that is to be changed too.
    #[error("account {0} has already been overridden by a precompile")]
    Moved(Address),
}

/// The first thing that is wrong with overrides: what [`apply`] says besides [`Missing`].
pub(super) enum ApplyError {
    Missing(Missing),
    Override(OverrideError),
}

impl From<Missing> for ApplyError {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

/// Pretends, in the order of addresses.
pub(super) fn apply<V: StateView + ?Sized>(
    db: &mut Overlay<'_, V>,
    precompiles: &mut Precompiles,
    overrides: &[(Address, Override)],
) -> Result<(), ApplyError> {
    let mut sorted: Vec<&(Address, Override)> = overrides.iter().collect();
    sorted.sort_by_key(|(address, _)| *address);
    let mut moved = BTreeSet::new();
    for (address, change) in &sorted {
        if moved.contains(address) {
            return Err(ApplyError::Override(OverrideError::Moved(*address)));
        }
        if let Some(to) = change.move_precompile_to {
            if !precompiles.has(address) {
                return Err(ApplyError::Override(OverrideError::NotPrecompile(*address)));
            }
            if sorted.iter().any(|(other, _)| *other == to) {
                return Err(ApplyError::Override(OverrideError::Taken(to)));
            }
            precompiles.rename(address, to);
            moved.insert(to);
        }
        precompiles.remove(address);
        pretend(db, *address, change)?;
    }
    Ok(())
}

fn pretend<V: StateView + ?Sized>(db: &mut Overlay<'_, V>, address: Address, change: &Override) -> Result<(), Missing> {
    if change.balance.is_some() || change.nonce.is_some() {
        db.edit_info(address, |info| {
            info.balance = change.balance.unwrap_or(info.balance);
            info.nonce = change.nonce.unwrap_or(info.nonce);
        })?;
    }
    if let Some(code) = &change.code {
        db.set_code(address, analyse(code.clone()))?;
    }
    if change.state.is_some() {
        db.replace_storage(address)?;
    }
    for (slot, value) in change.state.iter().flatten().chain(&change.state_diff) {
        db.set_storage(address, (*slot).into(), (*value).into())?;
    }
    Ok(())
}
