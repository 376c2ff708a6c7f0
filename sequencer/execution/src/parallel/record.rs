//! Writes down what committed transactions touch, for the block's access list.
//!
//! Where a place stands is looked up before a transaction is committed and again
//! after its fee: whether the transaction was executed ahead of its time, in
//! turn, or paid without the EVM, the list says the same.

use alloy_primitives::{B256, Bytes, U256};
use revm::bytecode::Bytecode;

use super::memory::{Memory, Place};
use super::outcome::Outcome;
use super::value::Value;
use crate::access::Builder;
use crate::view::{Missing, StateView};

/// Kept by the committer. Told of each transaction first before, then after it is committed.
#[derive(Debug)]
pub(super) struct Record {
    list: Builder,
    /// Accounts that the transaction touches, as they were before it.
    before: Vec<(u32, Before)>,
}

/// An account before a transaction.
#[derive(Clone, Copy, Debug)]
struct Before {
    balance: U256,
    nonce: u64,
    code_hash: B256,
}

impl Record {
    pub(super) fn new(list: Builder) -> Self {
        Self { list, before: Vec::new() }
    }

    pub(super) fn into_list(self) -> Builder {
        self.list
    }

    /// A transaction is about to be committed.
    pub(super) fn before<V: StateView + ?Sized>(
        &mut self,
        memory: &Memory<'_, V>,
        outcome: &Outcome,
    ) -> Result<(), Missing> {
        self.before.clear();
        for place in &outcome.touched {
            if let Place::Account(number) = place {
                self.see(memory, *number)?;
            }
        }
        Ok(())
    }

    /// A payment between these is about to be made, if it is one.
    pub(super) fn before_payment<V: StateView + ?Sized>(
        &mut self,
        memory: &Memory<'_, V>,
        parties: Option<[u32; 2]>,
    ) -> Result<(), Missing> {
        self.before.clear();
        parties.into_iter().flatten().try_for_each(|number| self.see(memory, number))
    }

    /// The beneficiary is about to be paid for the transaction. All else that the transaction touches was seen.
    pub(super) fn before_reward<V: StateView + ?Sized>(
        &mut self,
        memory: &Memory<'_, V>,
        beneficiary: u32,
    ) -> Result<(), Missing> {
        let seen = self.before.iter().any(|(number, _)| *number == beneficiary);
        if seen { Ok(()) } else { self.see(memory, beneficiary) }
    }

    fn see<V: StateView + ?Sized>(&mut self, memory: &Memory<'_, V>, number: u32) -> Result<(), Missing> {
        let look = |value: &Value| Before { balance: value.balance, nonce: value.nonce, code_hash: value.code_hash() };
        self.before.push((number, memory.committed(number, look)?));
        Ok(())
    }

    /// A payment was made, and its fee paid.
    pub(super) fn after_payment<V: StateView + ?Sized>(&mut self, memory: &Memory<'_, V>) -> Result<(), Missing> {
        self.list.next();
        for (number, before) in self.before.drain(..) {
            let after = memory.committed(number, Value::clone)?;
            let mut account = self.list.account(memory.address(number));
            if after.balance != before.balance {
                account.balance(after.balance);
            }
            if after.nonce != before.nonce {
                account.nonce(after.nonce);
            }
            if after.code_hash() != before.code_hash {
                account.code(code_of(memory, &after)?);
            }
        }
        Ok(())
    }

    /// A transaction was committed, and its fee paid.
    pub(super) fn after<V: StateView + ?Sized>(
        &mut self,
        memory: &Memory<'_, V>,
        outcome: &Outcome,
    ) -> Result<(), Missing> {
        self.after_payment(memory)?;
        for place in &outcome.touched {
            if let Place::Slot(number) = place {
                let (owner, slot) = memory.owner_and_slot(*number);
                self.list.account(memory.address(owner)).read(slot);
            }
        }
        for (number, value) in &outcome.slots {
            let (owner, slot) = memory.owner_and_slot(*number);
            self.list.account(memory.address(owner)).write(slot, *value);
        }
        Ok(())
    }
}

fn code_of<V: StateView + ?Sized>(memory: &Memory<'_, V>, account: &Value) -> Result<Bytes, Missing> {
    match account.delegation() {
        Some(delegation) => Ok(delegation.original_bytes()),
        None => memory.code(account.code_hash()).as_ref().map(Bytecode::original_bytes).map_err(|missing| *missing),
    }
}
