//! What executing one transaction gave, before anyone knows whether it counts.

use alloy_primitives::{B256, U256};
use revm::bytecode::Bytecode;

use super::memory::Place;
use super::value::{AccountRead, AccountWrite};
use crate::executed::Executed;
use crate::view::Missing;

/// Where what a transaction did goes.
pub(super) trait Effects {
    /// All that was loaded, if anyone asked.
    fn touched(&mut self, place: Place);
    /// New code by hash, delegations apart.
    fn code(&mut self, hash: B256, code: Bytecode);
    /// To an account, before what was written to its slots.
    fn account(&mut self, number: u32, write: AccountWrite) -> Result<(), Missing>;
    /// To a slot.
    fn slot(&mut self, number: u32, value: U256);
}

/// What a slot was found to hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlotRead {
    pub(super) cell: u32,
    pub(super) value: U256,
}

/// What a transaction gave, apart from the state.
#[derive(Debug)]
pub(super) struct Gave {
    pub(super) executed: Executed,
    /// For the block's beneficiary; `None` if the transaction destroyed it.
    pub(super) fee: Option<U256>,
}

/// Reads, writes and result. Reused: its vectors keep their room.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) account_reads: Vec<AccountRead>,
    pub(super) slot_reads: Vec<SlotRead>,
    /// By number of the account, in order once [`Outcome::sort`] was called.
    pub(super) accounts: Vec<(u32, AccountWrite)>,
    /// By number of the slot, likewise.
    pub(super) slots: Vec<(u32, U256)>,
    /// All that was loaded, if anyone asked.
    pub(super) touched: Vec<Place>,
    /// New code by hash, delegations apart.
    pub(super) codes: Vec<(B256, Bytecode)>,
    /// `None` where it came to nothing: it has to be executed again once all before it are committed.
    pub(super) gave: Option<Gave>,
}

impl Effects for Outcome {
    fn touched(&mut self, place: Place) {
        self.touched.push(place);
    }

    fn code(&mut self, hash: B256, code: Bytecode) {
        self.codes.push((hash, code));
    }

    fn account(&mut self, number: u32, write: AccountWrite) -> Result<(), Missing> {
        self.accounts.push((number, write));
        Ok(())
    }

    fn slot(&mut self, number: u32, value: U256) {
        self.slots.push((number, value));
    }
}

impl Outcome {
    pub(super) fn clear(&mut self) {
        self.account_reads.clear();
        self.slot_reads.clear();
        self.accounts.clear();
        self.slots.clear();
        self.touched.clear();
        self.codes.clear();
        self.gave = None;
    }

    /// Puts what is written in order, so that others find it.
    pub(super) fn sort(&mut self) {
        self.accounts.sort_unstable_by_key(|(number, _)| *number);
        self.slots.sort_unstable_by_key(|(number, _)| *number);
    }

    /// What it does to an account.
    pub(super) fn write(&self, number: u32) -> Option<&AccountWrite> {
        let at = self.accounts.binary_search_by_key(&number, |(other, _)| *other).ok()?;
        Some(&self.accounts[at].1)
    }

    /// What it writes to a slot.
    pub(super) fn written(&self, number: u32) -> Option<U256> {
        let at = self.slots.binary_search_by_key(&number, |(other, _)| *other).ok()?;
        Some(self.slots[at].1)
    }
}
