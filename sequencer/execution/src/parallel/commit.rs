//! What a transaction does becomes part of the block while it is looked through: of one that was executed with all
//! before it committed, where nobody asks what it was.

use alloy_primitives::map::B256Map;
use alloy_primitives::{B256, U256};
use revm::bytecode::Bytecode;

use super::changed::Changed;
use super::memory::{Memory, Place};
use super::outcome::Effects;
use super::value::AccountWrite;
use crate::view::{Missing, StateView};

/// Of the transaction at `at`.
pub(super) struct Commit<'c, 'a, V: ?Sized> {
    pub(super) memory: &'a Memory<'a, V>,
    pub(super) changed: &'c mut Changed,
    pub(super) codes: &'c mut B256Map<Bytecode>,
    pub(super) at: u32,
}

impl<V: StateView + ?Sized> Effects for Commit<'_, '_, V> {
    fn touched(&mut self, _: Place) {}

    fn code(&mut self, hash: B256, code: Bytecode) {
        self.memory.add_codes(&[(hash, code.clone())]);
        self.codes.insert(hash, code);
    }

    fn account(&mut self, number: u32, write: AccountWrite) -> Result<(), Missing> {
        self.memory.change(number, Some(self.at), &write, self.changed)
    }

    fn slot(&mut self, number: u32, value: U256) {
        self.memory.write(number, Some(self.at), value, self.changed);
    }
}
