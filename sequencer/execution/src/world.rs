//! A whole state in memory: the tree, and the code that it commits to.

use alloy_primitives::map::{B256Map, HashMap};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use revm::bytecode::Bytecode;
use weft_primitives::{BlockHeader, ChainConfig};
use weft_state::account::AccountError;
use weft_state::changes::leaf_updates;
use weft_state::tree::PrefixError;
use weft_state::{Account, AccountChange, Schedule, StoredAccount, Tree, TreeKey, Undo, UpdateBatch, Value, read};

use crate::overlay::{Changes, HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE};
use crate::view::{Missing, StateView};

/// State after some block.
#[derive(Clone, Debug, Default)]
pub struct World {
    tree: Tree,
    codes: B256Map<Bytecode>,
}

/// What applying a block did; all that a store has to write.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// Root of the tree after it.
    pub state_root: B256,
    /// New leaf values, in key order.
    pub updates: UpdateBatch,
    /// Takes it back.
    pub undo: Undo,
    /// New code by hash.
    pub codes: Vec<(B256, Bytes)>,
}

/// Why changes cannot become leaves. Neither happens on a chain whose supply is below 2^128.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// An account does not fit.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// A key does not fit.
    #[error(transparent)]
    Prefix(#[from] PrefixError),
}

impl World {
    /// The state that the genesis file describes, and the genesis header.
    ///
    /// The history contract of EIP-2935 is always there: block hashes are read from its storage.
    pub fn genesis(chain: &ChainConfig) -> Result<(Self, BlockHeader, Applied), ApplyError> {
        let mut accounts: Vec<(Address, AccountChange)> = Vec::new();
        let mut codes = vec![(keccak256(&HISTORY_STORAGE_CODE), HISTORY_STORAGE_CODE.clone())];
        let history = Account {
            nonce: 1,
            code_hash: codes[0].0,
            code_size: HISTORY_STORAGE_CODE.len() as u32,
            ..Account::default()
        };
        for (address, genesis) in &chain.genesis().alloc {
            let code = genesis.code.clone().unwrap_or_default();
            let mut account =
                Account { nonce: genesis.nonce.unwrap_or_default(), balance: genesis.balance, ..Account::default() };
            if !code.is_empty() {
                account.code_hash = keccak256(&code);
                account.code_size = code.len() as u32;
                codes.push((account.code_hash, code));
            }
            let storage = genesis.storage.iter().flatten().map(|(slot, value)| ((*slot).into(), (*value).into()));
            let storage = storage.collect();
            accounts.push((*address, AccountChange { info: Some(Some(account)), storage, ..AccountChange::default() }));
        }
        if !chain.genesis().alloc.contains_key(&HISTORY_STORAGE_ADDRESS) {
            let change = AccountChange { info: Some(Some(history)), ..AccountChange::default() };
            accounts.push((HISTORY_STORAGE_ADDRESS, change));
        }
        let mut world = Self::default();
        let applied = world.apply(Changes { accounts, codes })?;
        let header = weft_primitives::header::genesis_header(chain, applied.state_root);
        Ok((world, header, applied))
    }

    /// From what a store holds.
    pub fn load(
        leaves: impl IntoIterator<Item = (TreeKey, Value)>,
        codes: impl IntoIterator<Item = Bytes>,
    ) -> Result<Self, PrefixError> {
        let tree = Tree::from_leaves(leaves, Schedule::Parallel)?;
        let codes = codes.into_iter().map(|code| (keccak256(&code), Bytecode::new_raw(code))).collect();
        Ok(Self { tree, codes })
    }

    /// Root of the state tree.
    pub fn state_root(&self) -> B256 {
        self.tree.root()
    }

    /// The state tree.
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(crate) fn apply(&mut self, changes: Changes) -> Result<Applied, ApplyError> {
        let accounts = changes.accounts.iter().map(|(address, change)| (*address, change));
        let updates = leaf_updates(&self.tree, accounts)?;
        let undo = self.tree.apply(&updates, Schedule::Parallel)?;
        for (hash, code) in &changes.codes {
            self.codes.entry(*hash).or_insert_with(|| Bytecode::new_raw(code.clone()));
        }
        Ok(Applied { state_root: self.tree.root(), updates, undo, codes: changes.codes })
    }

    /// Takes a block back. Code stays: it is only found by a hash that the state no longer names.
    pub fn revert(&mut self, undo: &Undo) {
        self.tree.revert(undo, Schedule::Parallel);
    }

    /// The state as it was before the blocks of these undo records, the newest first.
    pub fn past<'a>(&'a self, undos: impl IntoIterator<Item = &'a Undo>) -> Past<'a> {
        let mut old = HashMap::default();
        for undo in undos {
            old.extend(undo.entries.iter().copied());
        }
        Past { world: self, old }
    }
}

impl StateView for World {
    fn account(&self, address: Address) -> Result<Option<StoredAccount>, Missing> {
        read::account(address, |key| Ok(self.tree.get(key)))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, Missing> {
        read::storage(address, slot, |key| Ok(self.tree.get(key)))
    }

    fn code(&self, hash: B256) -> Result<Bytecode, Missing> {
        if hash == KECCAK256_EMPTY {
            return Ok(Bytecode::default());
        }
        self.codes.get(&hash).cloned().ok_or(Missing::Code(hash))
    }
}

/// A state of the past: the present one with newer changes taken back on the fly.
#[derive(Clone, Debug)]
pub struct Past<'a> {
    world: &'a World,
    old: HashMap<TreeKey, Option<Value>>,
}

impl Past<'_> {
    fn leaf(&self, key: &TreeKey) -> Result<Option<Value>, Missing> {
        Ok(self.old.get(key).copied().unwrap_or_else(|| self.world.tree.get(key)))
    }
}

impl StateView for Past<'_> {
    fn account(&self, address: Address) -> Result<Option<StoredAccount>, Missing> {
        read::account(address, |key| self.leaf(key))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, Missing> {
        read::storage(address, slot, |key| self.leaf(key))
    }

    fn code(&self, hash: B256) -> Result<Bytecode, Missing> {
        self.world.code(hash)
    }
}
