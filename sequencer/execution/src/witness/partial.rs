//! A state of which only a witness is known.

use alloy_primitives::{Address, B256, Bytes, U256};
use revm::bytecode::Bytecode;
use weft_primitives::codec::{DecodeError, Reader};
use weft_state::changes::leaf_updates_from;
use weft_state::partial::{self, WitnessError};
use weft_state::{PartialTree, Schedule, StoredAccount, TreeKey, read};

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
    /// Of the bytes of a [`Witness`](super::Witness); demands that the tree hashes to `root`. Codes may be any.
    pub(crate) fn decode(witness: &[u8], root: B256) -> Result<Self, WitnessError> {
        let mut reader = Reader::new(witness);
        let count = reader.uvarint("codes")?;
        let codes = (0..count).map(|_| take_code(&mut reader)).collect::<Result<_, _>>()?;
        let len = reader.remaining();
        let tree = PartialTree::decode(reader.take("tree", len)?, root, Schedule::Parallel)?;
        Ok(Self { tree, codes })
    }
}

fn take_code(reader: &mut Reader<'_>) -> Result<Bytes, DecodeError> {
    let len = usize::try_from(reader.uvarint("code length")?).unwrap_or(usize::MAX);
    if len == 0 {
        // Else a few bytes of input could stand for any number of codes.
        return Err(DecodeError::Invalid { field: "code length", why: "must not be 0" });
    }
    reader.take("code", len).map(Bytes::copy_from_slice)
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
