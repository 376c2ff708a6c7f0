//! What the files of Ethereum's tests have in common.

use std::collections::BTreeMap;
use std::path::Path;

use alloy_primitives::{Address, Bytes, U256};
use serde::Deserialize;
use weft_bench::MapState;

use crate::difference::Difference;

/// An account before a case.
#[derive(Clone, Debug, Deserialize)]
pub struct PreAccount {
    /// In wei.
    pub balance: U256,
    nonce: U256,
    code: Bytes,
    storage: BTreeMap<U256, U256>,
}

/// All accounts before a case.
pub type Pre = BTreeMap<Address, PreAccount>;

/// The state that they make.
pub fn state_of(pre: &Pre) -> MapState {
    let mut state = MapState::default();
    for (address, account) in pre {
        let storage = account.storage.iter().map(|(slot, value)| (*slot, *value));
        state.insert(*address, account.nonce.saturating_to(), account.balance, &account.code, storage);
    }
    state
}

/// The cases in a file by name, in order.
pub fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<BTreeMap<String, T>, Difference> {
    let unreadable = |why: String| Difference::Unreadable(why);
    let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))
}
