//! What a block has changed so far, over the state before it: revm's database.
//!
//! One flat map of accounts, written after each transaction: on small
//! transactions this costs half of what a journal of the whole block does. What
//! comes out is one [`AccountChange`] an account, in address order.

use alloy_primitives::map::{AddressMap, B256Map, U256Map};
use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256};
use revm::bytecode::Bytecode;
use revm::primitives::hardfork::SpecId;
use revm::state::{Account as EvmAccount, AccountInfo};
use revm::{Database, DatabaseCommit};
use weft_state::{Account, AccountChange, StoredAccount};

use crate::changes::Changes;
use crate::view::{Missing, StateView};

/// Slots of the ring of block hashes (EIP-2935).
pub(crate) const HISTORY_SERVE_WINDOW: u64 = 8_191;

pub(crate) use alloy_eips::eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE};

#[derive(Clone, Debug, Default)]
struct Entry {
    /// `None`: there is no account.
    info: Option<AccountInfo>,
    /// Length of the code; revm does not keep it while the code is not loaded.
    code_size: u32,
    info_changed: bool,
    /// Storage of before the block does not show through.
    wiped: bool,
    /// Value, and whether the block wrote it.
    storage: U256Map<(U256, bool)>,
}

/// Reads through to a view, keeps what it has read and what was written.
pub(crate) struct Overlay<'a, V: ?Sized> {
    view: &'a V,
    /// Before EIP-161 a touched empty account stays.
    keep_empty: bool,
    accounts: AddressMap<Entry>,
    codes: B256Map<Bytecode>,
}

impl<V: ?Sized> Clone for Overlay<'_, V> {
    fn clone(&self) -> Self {
        let Self { view, keep_empty, accounts, codes } = self;
        Self { view, keep_empty: *keep_empty, accounts: accounts.clone(), codes: codes.clone() }
    }
}

impl<'a, V: StateView + ?Sized> Overlay<'a, V> {
    pub(crate) fn new(view: &'a V) -> Self {
        Self { view, keep_empty: false, accounts: AddressMap::default(), codes: B256Map::default() }
    }

    /// By the rules of a fork, which may be older than any that Weft's chains have.
    pub(crate) fn with_rules(view: &'a V, spec: SpecId) -> Self {
        Self { keep_empty: !spec.is_enabled_in(SpecId::SPURIOUS_DRAGON), ..Self::new(view) }
    }

    fn entry(&mut self, address: Address) -> Result<&mut Entry, Missing> {
        use alloy_primitives::map::Entry as Slot;
        match self.accounts.entry(address) {
            Slot::Occupied(occupied) => Ok(occupied.into_mut()),
            Slot::Vacant(vacant) => {
                let stored = self.view.account(address)?;
                let code_size = stored.map_or(0, |stored| stored.account.code_size);
                Ok(vacant.insert(Entry { info: stored.map(info_of), code_size, ..Entry::default() }))
            }
        }
    }

    /// Writes a slot outside of any transaction.
    pub(crate) fn set_storage(&mut self, address: Address, slot: U256, value: U256) -> Result<(), Missing> {
        self.entry(address)?.storage.insert(slot, (value, true));
        Ok(())
    }

    /// Overwrites an account outside of any transaction.
    pub(crate) fn edit_info(&mut self, address: Address, edit: impl FnOnce(&mut AccountInfo)) -> Result<(), Missing> {
        let entry = self.entry(address)?;
        edit(entry.info.get_or_insert_default());
        entry.info_changed = true;
        Ok(())
    }

    /// Gives an account other code outside of any transaction.
    pub(crate) fn set_code(&mut self, address: Address, code: Bytecode) -> Result<(), Missing> {
        let entry = self.entry(address)?;
        let info = entry.info.get_or_insert_default();
        info.code_hash = if code.is_empty() { KECCAK256_EMPTY } else { code.hash_slow() };
        entry.code_size = code.len() as u32;
        entry.info_changed = true;
        let hash = info.code_hash;
        info.code = Some(code.clone());
        if hash != KECCAK256_EMPTY && !code.is_eip7702() {
            self.codes.insert(hash, code);
        }
        Ok(())
    }

    /// Adds to an account's balance outside of any transaction; the new balance. `None`: nothing to add, or more than
    /// the state can hold, and nothing is done.
    pub(crate) fn credit(&mut self, address: Address, amount: u128) -> Result<Option<U256>, Missing> {
        let entry = self.entry(address)?;
        let before = entry.info.as_ref().map_or(U256::ZERO, |info| info.balance);
        let after = u128::try_from(before).ok().and_then(|before| before.checked_add(amount));
        let Some(after) = after.map(U256::from).filter(|after| *after != before) else { return Ok(None) };
        entry.info.get_or_insert_default().balance = after;
        entry.info_changed = true;
        Ok(Some(after))
    }

    /// Forgets the storage of before, for a caller that brings its own.
    pub(crate) fn replace_storage(&mut self, address: Address) -> Result<(), Missing> {
        let entry = self.entry(address)?;
        entry.wiped = true;
        entry.storage.clear();
        Ok(())
    }

    /// An account as it is now, without keeping it.
    pub(crate) fn account_now(&self, address: Address) -> Result<Option<AccountInfo>, Missing> {
        match self.accounts.get(&address) {
            Some(entry) => Ok(entry.info.clone()),
            None => Ok(self.view.account(address)?.map(info_of)),
        }
    }

    /// A slot as it is now, without keeping it.
    pub(crate) fn storage_now(&self, address: Address, slot: U256) -> Result<U256, Missing> {
        match self.accounts.get(&address) {
            Some(entry) => match entry.storage.get(&slot) {
                Some((value, _)) => Ok(*value),
                None if entry.wiped => Ok(U256::ZERO),
                None => self.view.storage(address, slot),
            },
            None => self.view.storage(address, slot),
        }
    }

    /// Code by its hash, of before or new.
    pub(crate) fn code_now(&self, hash: B256) -> Result<Bytecode, Missing> {
        match self.codes.get(&hash) {
            Some(code) => Ok(code.clone()),
            None if hash == KECCAK256_EMPTY || hash.is_zero() => Ok(Bytecode::default()),
            None => self.view.code(hash),
        }
    }

    /// The state underneath.
    pub(crate) const fn view(&self) -> &'a V {
        self.view
    }

    pub(crate) fn into_changes(self) -> Changes {
        let mut accounts: Vec<(Address, AccountChange)> =
            self.accounts.into_iter().filter_map(|(address, entry)| Some((address, change_of(entry)?))).collect();
        accounts.sort_unstable_by_key(|(address, _)| *address);
        Changes::new(accounts, self.codes)
    }

    fn commit_one(&mut self, address: Address, account: EvmAccount) {
        if !account.is_touched() {
            return;
        }
        let keep_empty = self.keep_empty;
        let entry = self.accounts.entry(address).or_default();
        if account.is_selfdestructed() {
            *entry = Entry { info_changed: true, wiped: true, ..Entry::default() };
            return;
        }
        if account.is_created() {
            entry.wiped = true;
            entry.storage.clear();
        }
        if let Some(code) = &account.info.code {
            entry.code_size = code.len() as u32;
            // Delegations are leaves of the tree, not code of their own.
            if account.info.code_hash != KECCAK256_EMPTY && !code.is_eip7702() && account.is_created() {
                self.codes.insert(account.info.code_hash, code.clone());
            }
        }
        let written = account.changed_storage_slots().map(|(slot, value)| (*slot, (value.present_value(), true)));
        entry.storage.extend(written);
        // A touched empty account is removed (EIP-161).
        let info = (keep_empty || !account.info.is_empty()).then_some(account.info);
        // Most accounts that a call touches stay as they are.
        entry.info_changed |= info != entry.info;
        if info.is_none() && entry.info.is_some() {
            entry.wiped = true;
            entry.storage.clear();
        }
        entry.info = info;
    }
}

pub(crate) fn info_of(stored: StoredAccount) -> AccountInfo {
    AccountInfo {
        balance: stored.account.balance,
        nonce: stored.account.nonce,
        code_hash: stored.account.code_hash,
        code: stored.delegation.map(Bytecode::new_eip7702),
        ..AccountInfo::default()
    }
}

fn account_of(info: &AccountInfo, code_size: u32) -> Account {
    Account {
        nonce: info.nonce,
        balance: info.balance,
        code_hash: info.code_hash,
        code_size: if info.code_hash == KECCAK256_EMPTY { 0 } else { code_size },
    }
}

fn change_of(entry: Entry) -> Option<AccountChange> {
    let mut storage: Vec<(U256, U256)> =
        entry.storage.into_iter().filter_map(|(slot, (value, written))| written.then_some((slot, value))).collect();
    if !entry.info_changed && !entry.wiped && storage.is_empty() {
        return None;
    }
    storage.sort_unstable_by_key(|(slot, _)| *slot);
    let delegation = entry.info.as_ref().and_then(|info| info.code.as_ref()?.eip7702_address());
    let info = entry.info_changed.then(|| entry.info.map(|info| account_of(&info, entry.code_size)));
    Some(AccountChange { info, delegation, storage, wipe_storage: entry.wiped })
}

impl<V: StateView + ?Sized> Database for Overlay<'_, V> {
    type Error = Missing;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Missing> {
        Ok(self.entry(address)?.info.clone())
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, Missing> {
        self.code_now(code_hash)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Missing> {
        let view = self.view;
        let entry = self.entry(address)?;
        if let Some((value, _)) = entry.storage.get(&slot) {
            return Ok(*value);
        }
        let value = if entry.wiped { U256::ZERO } else { view.storage(address, slot)? };
        entry.storage.insert(slot, (value, false));
        Ok(value)
    }

    /// From the ring in state, so that a stateless verifier can answer too. revm asks for the last 256 only.
    fn block_hash(&mut self, number: u64) -> Result<B256, Missing> {
        let slot = U256::from(number % HISTORY_SERVE_WINDOW);
        self.storage(HISTORY_STORAGE_ADDRESS, slot).map(B256::from)
    }
}

impl<V: StateView + ?Sized> DatabaseCommit for Overlay<'_, V> {
    fn commit(&mut self, changes: AddressMap<EvmAccount>) {
        for (address, account) in changes {
            self.commit_one(address, account);
        }
    }
}
