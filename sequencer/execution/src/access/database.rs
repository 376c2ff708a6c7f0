//! The state that a transaction finds, by the list: revm's database.

use alloy_primitives::map::B256Map;
use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256};
use revm::Database;
use revm::bytecode::Bytecode;
use revm::database_interface::DBErrorMarker;
use revm::state::{AccountId, AccountInfo};

use super::plan::Plan;
use crate::codes::own;
use crate::overlay::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS, info_of};
use crate::view::{Missing, StateView};

/// Why something cannot be told.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error("account {0} is not listed")]
    Account(Address),
    #[error("slot {1} of {0} is not listed")]
    Slot(Address, U256),
}

impl DBErrorMarker for Unread {}

/// One thread's way to the state before the block and the list.
pub(super) struct ListDb<'a, V: ?Sized> {
    plan: &'a Plan<'a>,
    view: &'a V,
    /// Of the transaction that is executed.
    pub(super) index: u64,
    /// This thread's own: see [`own`].
    codes: B256Map<Bytecode>,
    no_code: Bytecode,
}

impl<'a, V: StateView + ?Sized> ListDb<'a, V> {
    pub(super) fn new(plan: &'a Plan<'a>, view: &'a V) -> Self {
        Self { plan, view, index: 0, codes: B256Map::default(), no_code: own(&Bytecode::default()) }
    }

    fn slot_of(&self, number: u32, slot: U256) -> Result<Option<U256>, Missing> {
        let account = self.plan.account(number);
        let Some((place, changes)) = account.slot(slot) else { return Ok(None) };
        account.find(place, changes, slot, self.index, self.view).map(Some)
    }
}

impl<V: StateView + ?Sized> Database for ListDb<'_, V> {
    type Error = Unread;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Unread> {
        let number = self.plan.number(&address).ok_or(Unread::Account(address))?;
        let found = self.plan.find(self.plan.account(number), self.index, self.view)?;
        Ok(found.map(|found| {
            let mut info = info_of(found);
            info.account_id = AccountId::new(number as usize);
            if info.code_hash == KECCAK256_EMPTY {
                info.code = Some(self.no_code.clone());
            }
            info
        }))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Unread> {
        if let Some(code) = self.codes.get(&hash) {
            return Ok(code.clone());
        }
        if hash == KECCAK256_EMPTY || hash.is_zero() {
            return Ok(self.no_code.clone());
        }
        let code = match self.plan.code(&hash) {
            Some(code) => own(code),
            None => own(&self.view.code(hash)?),
        };
        self.codes.insert(hash, code.clone());
        Ok(code)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Unread> {
        let number = self.plan.number(&address).ok_or(Unread::Account(address))?;
        self.slot_of(number, slot)?.ok_or(Unread::Slot(address, slot))
    }

    fn storage_by_account_id(&mut self, address: Address, account: AccountId, slot: U256) -> Result<U256, Unread> {
        self.slot_of(account.get() as u32, slot)?.ok_or(Unread::Slot(address, slot))
    }

    /// From the ring in state. That is no access to the state for Ethereum: what is not listed has not changed, or the
    /// list is wrong where it did.
    fn block_hash(&mut self, number: u64) -> Result<B256, Unread> {
        let slot = U256::from(number % HISTORY_SERVE_WINDOW);
        let listed = self.plan.number(&HISTORY_STORAGE_ADDRESS).map(|number| self.slot_of(number, slot)).transpose()?;
        let value = match listed.flatten() {
            Some(value) => value,
            None => self.view.storage(HISTORY_STORAGE_ADDRESS, slot)?,
        };
        Ok(value.into())
    }
}
