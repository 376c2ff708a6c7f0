//! Noting what of a whole state is touched while blocks are executed on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy_primitives::{Address, B256, Bytes, U256};
use revm::bytecode::Bytecode;
use weft_state::changes::leaf_updates_from;
use weft_state::{Access, StoredAccount, TreeKey, Undo, Value, read};

use super::Witness;
use crate::changes::Changes;
use crate::seal::Sealed;
use crate::state::{Applied, ApplyError, State};
use crate::view::{Missing, StateView};
use crate::world::World;

/// What was touched.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    access: Access,
    codes: BTreeMap<B256, Bytes>,
    /// Came with the blocks themselves.
    new_codes: BTreeSet<B256>,
}

/// A whole state that notes what is asked of it.
#[derive(Debug)]
pub(crate) struct Recorder<'a> {
    world: &'a mut World,
    recording: Mutex<Recording>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(world: &'a mut World) -> Self {
        Self { world, recording: Mutex::default() }
    }

    pub(crate) fn finish(self) -> Recording {
        self.recording.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn recording(&self) -> MutexGuard<'_, Recording> {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leaf(&self, key: &TreeKey) -> Result<Option<Value>, Missing> {
        self.recording().access.read(*key);
        Ok(self.world.tree().get(key)?)
    }
}

impl Recording {
    /// Takes the blocks back, which are all that `world` has moved by; what was touched of it as it was before them.
    pub(crate) fn take_back<'a>(
        self,
        world: &mut World,
        blocks: impl DoubleEndedIterator<Item = &'a Sealed>,
    ) -> Result<Witness, Missing> {
        let undo = Undo::joined(blocks.rev().map(|block| &block.applied.undo));
        Ok(Witness { tree: world.revert_with_witness(&undo, &self.access)?, codes: self.codes.into_values().collect() })
    }
}

impl State for Recorder<'_> {
    fn root(&self) -> B256 {
        self.world.root()
    }

    fn apply(&mut self, changes: Changes) -> Result<Applied, ApplyError> {
        let recording = self.recording.get_mut().unwrap_or_else(PoisonError::into_inner);
        let accounts = changes.accounts.iter().map(|(address, change)| (*address, change));
        let tree = self.world.tree();
        let updates = leaf_updates_from(accounts, |prefix| -> Result<_, ApplyError> {
            recording.access.list(*prefix);
            Ok(tree.with_prefix(prefix)?.into_iter().map(|(key, _)| key).collect())
        })?;
        updates.entries().iter().for_each(|(key, _)| recording.access.read(*key));
        recording.new_codes.extend(changes.codes.iter().map(|(hash, _)| *hash));
        let applied = self.world.apply(changes)?;
        // Most leaves written as absent were so before: only what truly goes needs its neighbours revealed.
        recording.access.update(&applied.updates);
        Ok(applied)
    }
}

impl StateView for Recorder<'_> {
    fn account(&self, address: Address) -> Result<Option<StoredAccount>, Missing> {
        read::account(address, |key| self.leaf(key))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, Missing> {
        read::storage(address, slot, |key| self.leaf(key))
    }

    fn code(&self, hash: B256) -> Result<Bytecode, Missing> {
        let code = self.world.code(hash)?;
        let mut recording = self.recording();
        if !code.is_empty() && !recording.new_codes.contains(&hash) {
            recording.codes.entry(hash).or_insert_with(|| code.original_bytes());
        }
        Ok(code)
    }
}
