//! What executing one transaction gave, before anyone knows whether it counts.

use alloy_primitives::{B256, U256};
use revm::bytecode::Bytecode;

use super::value::{AccountRead, AccountWrite};
use crate::executed::Executed;

/// What a slot was found to hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlotRead {
    pub(super) cell: u32,
    pub(super) value: U256,
}

/// Reads, writes and result. Reused: its vectors keep their room.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) account_reads: Vec<AccountRead>,
    pub(super) slot_reads: Vec<SlotRead>,
    pub(super) accounts: Vec<(u32, AccountWrite)>,
    pub(super) slots: Vec<(u32, U256)>,
    /// New code by hash, delegations apart.
    pub(super) codes: Vec<(B256, Bytecode)>,
    /// For the block's beneficiary; `None` if the transaction destroyed it.
    pub(super) fee: Option<U256>,
    /// `None` where it came to nothing: it has to be executed again once all before it are committed.
    pub(super) executed: Option<Executed>,
}

impl Outcome {
    pub(super) fn clear(&mut self) {
        self.account_reads.clear();
        self.slot_reads.clear();
        self.accounts.clear();
        self.slots.clear();
        self.codes.clear();
        self.fee = None;
        self.executed = None;
    }
}
