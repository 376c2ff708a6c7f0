//! The state that a genesis file describes.
//!
//! Beyond what the file says there is always the history contract of EIP-2935:
//! block hashes are read from its storage, by contracts and by `BLOCKHASH`. On
//! a chain with withdrawals there is their contract too.
//! The beacon root contract (EIP-4788) is an ordinary account here: there is no
//! beacon chain, so nothing is ever written to it.

use alloy_primitives::{B256, Bytes, U256, keccak256};
use weft_primitives::withdrawal::{CODE, CONTRACT};
use weft_primitives::{BlockHeader, ChainConfig};
use weft_state::account::delegation_target;
use weft_state::{Account, AccountChange};

use crate::changes::Changes;
use crate::overlay::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE};
use crate::state::{Applied, ApplyError, State};
use crate::world::World;

/// Length of a delegation indicator (EIP-7702) in bytes.
const DELEGATION_LEN: usize = 23;

impl World {
    /// The state that the genesis file describes, the genesis header, and what a store has to write.
    pub fn genesis(chain: &ChainConfig) -> Result<(Self, BlockHeader, Applied), ApplyError> {
        let alloc = &chain.genesis().alloc;
        let mut changes = Changes::default();
        for (address, account) in alloc {
            let nonce = account.nonce.unwrap_or_default();
            let mut change = created(nonce, account.balance, account.code.as_ref(), &mut changes.codes);
            let slots = account.storage.iter().flatten();
            change.storage = slots.map(|(slot, value)| ((*slot).into(), (*value).into())).collect();
            changes.accounts.push((*address, change));
        }
        match alloc.get(&HISTORY_STORAGE_ADDRESS) {
            Some(account) if account.code.as_ref() == Some(&HISTORY_STORAGE_CODE) => {}
            Some(_) => return Err(ApplyError::HistoryContract),
            None => {
                let change = created(1, U256::ZERO, Some(&HISTORY_STORAGE_CODE), &mut changes.codes);
                changes.accounts.push((HISTORY_STORAGE_ADDRESS, change));
            }
        }
        if chain.params().withdrawals {
            let change = created(1, U256::ZERO, Some(&CODE), &mut changes.codes);
            changes.accounts.push((CONTRACT, change));
        }
        let mut world = Self::default();
        let applied = world.apply(changes)?;
        let header = weft_primitives::header::genesis_header(chain, applied.state_root);
        Ok((world, header, applied))
    }
}

/// An account that was not there before; its code goes to `codes`, or becomes a delegation.
fn created(nonce: u64, balance: U256, code: Option<&Bytes>, codes: &mut Vec<(B256, Bytes)>) -> AccountChange {
    let mut account = Account { nonce, balance, ..Account::default() };
    let mut delegation = None;
    if let Some(code) = code.filter(|code| !code.is_empty()) {
        account.code_hash = keccak256(code);
        account.code_size = code.len() as u32;
        // A leaf may end in zeros, an indicator may not.
        delegation = delegation_target(code).filter(|_| code.len() == DELEGATION_LEN);
        if delegation.is_none() {
            codes.push((account.code_hash, code.clone()));
        }
    }
    AccountChange { info: Some(Some(account)), delegation, ..AccountChange::default() }
}
