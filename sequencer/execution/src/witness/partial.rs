//! A state of which only a witness is known.

use alloy_primitives::{Address, B256, U256};
use revm::bytecode::Bytecode;
use weft_state::changes::leaf_updates_from;
use weft_state::partial::{self, WitnessError};
use weft_state::{PartialTree, Schedule, StoredAccount, TreeKey, read};

use super::Witness;
use crate::changes::Changes;
use crate::codes::Codes;
use crate::state::{Applied, ApplyError, State};
use crate::view::{Missing, StateView};

/// Answers what the witness reveals; all else is [`Missing`].
#[derive(Debug)]
pub(crate) struct PartialWorld {
    tree: PartialTree,
    codes: Codes,
}

impl PartialWorld {
    pub(crate) fn decode(witness: &[u8], root: B256) -> Result<Self, WitnessError> {
        let Witness { tree, codes } = Witness::decode(witness, root)?;
        Ok(Self { tree, codes: codes.into_iter().collect() })
    }
}

fn missing(partial::Missing(key): partial::Missing) -> Missing {
    Missing::Leaf(key)
}

impl State for PartialWorld {
    fn root(&self) -> B256 {
        self.tree.root()
    }

    fn apply(&mut self, changes: Changes) -> Result<Applied, ApplyError> {
        let accounts = changes.accounts.iter().map(|(address, change)| (*address, change));
        let list = |prefix: &TreeKey| self.tree.keys_with_prefix(prefix).map_err(missing).map_err(ApplyError::from);
        let updates = leaf_updates_from(accounts, list)?;
        let undo = self.tree.apply(&updates, Schedule::Parallel)?;
        changes.codes.iter().for_each(|(hash, code)| self.codes.insert(*hash, code));
        let updates = updates.effective(&undo);
        Ok(Applied { state_root: self.tree.root(), updates, undo, codes: changes.codes })
    }
}

impl StateView for PartialWorld {
    fn account(&self, address: Address) -> Result<Option<StoredAccount>, Missing> {
        read::account(address, |key| self.tree.get(key).map_err(missing))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, Missing> {
        read::storage(address, slot, |key| self.tree.get(key).map_err(missing))
    }

    fn code(&self, hash: B256) -> Result<Bytecode, Missing> {
        self.codes.get(hash)
    }
}
