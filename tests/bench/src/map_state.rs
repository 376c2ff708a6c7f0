//! A state in hash maps: the simplest thing that execution can read from.

use alloy_primitives::map::{AddressMap, B256Map, HashMap, U256Map};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, address, keccak256};
use revm::bytecode::Bytecode;
use weft_execution::{Changes, Missing, StateView};
use weft_state::{Account, StoredAccount};

/// Slots of the ring of block hashes (EIP-2935).
const HISTORY_SERVE_WINDOW: u64 = 8_191;

/// Where that ring is.
const HISTORY_STORAGE_ADDRESS: Address = address!("0000F90827F1C53a10cb7A02335B175320002935");

/// Accounts, storage and code. An account may be there and empty, as before EIP-161.
#[derive(Clone, Debug, Default)]
pub struct MapState {
    accounts: AddressMap<StoredAccount>,
    storage: HashMap<(Address, U256), U256>,
    codes: B256Map<Bytecode>,
    /// By slot of the ring: block number and hash.
    block_hashes: U256Map<(u64, B256)>,
}

impl MapState {
    /// Puts an account there, with its code and storage.
    pub fn insert(
        &mut self,
        address: Address,
        nonce: u64,
        balance: U256,
        code: &Bytes,
        storage: impl IntoIterator<Item = (U256, U256)>,
    ) {
        let mut account = Account { nonce, balance, ..Account::default() };
        let mut delegation = None;
        if !code.is_empty() {
            account.code_hash = keccak256(code);
            account.code_size = code.len() as u32;
            let analysed = analyse(code.clone());
            delegation = analysed.eip7702_address();
            self.codes.insert(account.code_hash, analysed);
        }
        self.accounts.insert(address, StoredAccount { account, delegation });
        let slots = storage.into_iter().filter(|(_, value)| !value.is_zero());
        self.storage.extend(slots.map(|(slot, value)| ((address, slot), value)));
    }

    /// What `BLOCKHASH` answers for a block.
    pub fn insert_block_hash(&mut self, number: u64, hash: B256) {
        self.block_hashes.insert(U256::from(number % HISTORY_SERVE_WINDOW), (number, hash));
    }

    /// Does what transactions did.
    pub fn apply(&mut self, changes: &Changes) {
        for (hash, code) in &changes.codes {
            self.codes.insert(*hash, analyse(code.clone()));
        }
        for (address, change) in &changes.accounts {
            if change.wipe_storage {
                self.storage.retain(|(owner, _), _| owner != address);
            }
            match change.info {
                Some(Some(account)) => {
                    self.accounts.insert(*address, StoredAccount { account, delegation: change.delegation });
                }
                Some(None) => {
                    self.accounts.remove(address);
                }
                None => {}
            }
            for (slot, value) in &change.storage {
                if value.is_zero() {
                    self.storage.remove(&(*address, *slot));
                } else {
                    self.storage.insert((*address, *slot), *value);
                }
            }
        }
    }

    /// All accounts.
    pub fn accounts(&self) -> impl Iterator<Item = (Address, &Account)> {
        self.accounts.iter().map(|(address, stored)| (*address, &stored.account))
    }

    /// What `BLOCKHASH` answers, by block number.
    pub fn block_hashes(&self) -> impl Iterator<Item = (u64, B256)> {
        self.block_hashes.values().copied()
    }

    /// All slots that are not zero.
    pub fn slots(&self) -> impl Iterator<Item = (Address, U256, U256)> {
        self.storage.iter().map(|((address, slot), value)| (*address, *slot, *value))
    }
}

/// Jump table and padding of any bytes.
fn analyse(code: Bytes) -> Bytecode {
    Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code))
}

impl StateView for MapState {
    fn account(&self, address: Address) -> Result<Option<StoredAccount>, Missing> {
        Ok(self.accounts.get(&address).copied())
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, Missing> {
        match self.storage.get(&(address, slot)) {
            Some(value) => Ok(*value),
            None if address == HISTORY_STORAGE_ADDRESS => {
                Ok(self.block_hashes.get(&slot).map_or(U256::ZERO, |(_, hash)| (*hash).into()))
            }
            None => Ok(U256::ZERO),
        }
    }

    fn code(&self, hash: B256) -> Result<Bytecode, Missing> {
        if hash == KECCAK256_EMPTY {
            return Ok(Bytecode::default());
        }
        self.codes.get(&hash).cloned().ok_or(Missing::Code(hash))
    }
}
