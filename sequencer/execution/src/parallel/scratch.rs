//! What a worker remembers, from transaction to transaction and from block to block.

use std::sync::{Mutex, PoisonError};

use alloy_primitives::map::B256Map;
use alloy_primitives::{Address, B256, U256};
use revm::bytecode::Bytecode;

use super::hashes::Hashes;
use super::numbers::Numbers;
use super::value::Value;
use crate::codes::own;

/// Accounts that a worker remembers.
const KNOWN: usize = 64;

/// Contracts whose code a worker keeps, at most: some 30 KB each.
const MOST_CODES: usize = 1_024;

/// An account as everyone finds it until it changes.
#[derive(Clone, Debug)]
struct Known {
    number: u32,
    changes: u32,
    value: Value,
}

/// One worker's.
#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) accounts: Numbers<Address>,
    pub(super) slots: Numbers<(u32, U256)>,
    pub(super) hashes: Hashes,
    known: Box<[Option<Known>]>,
    /// The worker's own: see [`own`].
    codes: B256Map<Bytecode>,
    pub(super) no_code: Bytecode,
}

impl Scratch {
    fn new() -> Self {
        Self {
            accounts: Numbers::new(),
            slots: Numbers::new(),
            hashes: Hashes::new(),
            known: vec![None; KNOWN].into(),
            codes: B256Map::default(),
            no_code: own(&Bytecode::default()),
        }
    }

    /// An account that has not changed since it was remembered; `changes` tells.
    #[inline]
    pub(super) fn known(&self, number: u32, changes: u32) -> Option<&Value> {
        let known = self.known[number as usize % KNOWN].as_ref()?;
        (known.number == number && known.changes == changes).then_some(&known.value)
    }

    /// Remembers an account as everyone finds it as long as it has changed so often.
    pub(super) fn remember(&mut self, number: u32, changes: u32, value: Value) {
        self.known[number as usize % KNOWN] = Some(Known { number, changes, value });
    }

    /// Code by its hash; `find` gets it the first time.
    pub(super) fn code<E>(&mut self, hash: B256, find: impl FnOnce() -> Result<Bytecode, E>) -> Result<Bytecode, E> {
        if let Some(code) = self.codes.get(&hash) {
            return Ok(code.clone());
        }
        let code = own(&find()?);
        if self.codes.len() >= MOST_CODES {
            self.codes.clear();
        }
        self.codes.insert(hash, code.clone());
        Ok(code)
    }
}

/// Those of workers that are between two blocks.
#[derive(Debug, Default)]
pub(super) struct Scratches {
    free: Mutex<Vec<Scratch>>,
    /// Of the places whose numbers are remembered.
    generation: u32,
}

impl Scratches {
    /// Before a block; numbers of another generation mean nothing.
    pub(super) fn begin(&mut self, generation: u32) {
        if std::mem::replace(&mut self.generation, generation) != generation {
            self.free.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    pub(super) fn take(&self) -> Scratch {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_else(Scratch::new)
    }

    pub(super) fn give_back(&self, scratch: Scratch) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
    }
}
