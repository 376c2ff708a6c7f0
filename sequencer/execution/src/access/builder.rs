//! A list in the making.

use alloy_eip7928::{
    AccountChanges, BalanceChange, BlockAccessIndex, BlockAccessList, CodeChange, NonceChange, SlotChanges,
    StorageChange,
};
use alloy_primitives::map::{AddressMap, U256Map};
use alloy_primitives::{Address, Bytes, U256};
use revm::context::TxEnv;
use revm::context::result::{EVMError, ExecutionResult};
use revm::handler::{ExecuteCommitEvm, ExecuteEvm};
use revm::state::EvmState;

use super::effect::Effect;
use crate::env::Evm;
use crate::view::{Missing, StateView};

/// What was touched so far. Transactions enter in the order of the block.
#[derive(Clone, Debug, Default)]
pub(crate) struct Builder {
    /// Of the newest transaction; what comes before all has 0.
    index: BlockAccessIndex,
    accounts: AddressMap<Entry>,
}

/// An account that was touched.
#[derive(Clone, Debug, Default)]
struct Entry {
    /// Those that never changed have no changes.
    slots: U256Map<Vec<StorageChange>>,
    balances: Vec<BalanceChange>,
    nonces: Vec<NonceChange>,
    codes: Vec<CodeChange>,
}

/// An account that the newest transaction touches.
pub(crate) struct Touched<'b> {
    index: BlockAccessIndex,
    entry: &'b mut Entry,
}

impl Builder {
    /// Of the newest transaction.
    pub(super) fn index(&self) -> BlockAccessIndex {
        self.index
    }

    /// The next transaction is part of the block.
    pub(crate) fn next(&mut self) {
        self.index.increment();
    }

    /// It touches an account.
    pub(crate) fn account(&mut self, address: Address) -> Touched<'_> {
        Touched { index: self.index, entry: self.accounts.entry(address).or_default() }
    }

    /// The next transaction is part of the block, and left this state behind.
    fn transaction(&mut self, state: &mut EvmState) {
        self.next();
        for (address, account) in state {
            let effect = Effect::of(account);
            let mut touched = self.account(*address);
            if let Some(balance) = effect.balance {
                touched.balance(balance);
            }
            if let Some(nonce) = effect.nonce {
                touched.nonce(nonce);
            }
            if let Some(code) = effect.code {
                touched.code(code.original_bytes());
            }
            for (slot, value) in &account.storage {
                match Effect::written(account, value) {
                    Some(value) => touched.write(*slot, value),
                    None => touched.read(*slot),
                }
            }
        }
    }

    /// The list, in order.
    pub(crate) fn finish(self) -> BlockAccessList {
        let mut list: BlockAccessList =
            self.accounts.into_iter().map(|(address, entry)| entry.finish(address)).collect();
        list.sort_unstable_by_key(|account| account.address);
        list
    }
}

impl Entry {
    fn finish(self, address: Address) -> AccountChanges {
        let Self { slots, balances, nonces, codes } = self;
        let (mut reads, mut writes) = (Vec::new(), Vec::new());
        for (slot, changes) in slots {
            match changes.is_empty() {
                true => reads.push(slot),
                false => writes.push(SlotChanges { slot, changes }),
            }
        }
        reads.sort_unstable();
        writes.sort_unstable_by_key(|changes| changes.slot);
        AccountChanges {
            address,
            storage_changes: writes,
            storage_reads: reads,
            balance_changes: balances,
            nonce_changes: nonces,
            code_changes: codes,
        }
    }
}

impl Touched<'_> {
    /// It holds so much now, which is not what it held before.
    pub(crate) fn balance(&mut self, balance: U256) {
        self.entry.balances.push(BalanceChange::new(self.index, balance));
    }

    /// It has another nonce now.
    pub(crate) fn nonce(&mut self, nonce: u64) {
        self.entry.nonces.push(NonceChange::new(self.index, nonce));
    }

    /// It has other code now.
    pub(crate) fn code(&mut self, code: Bytes) {
        self.entry.codes.push(CodeChange::new(self.index, code));
    }

    /// A slot of it was looked at.
    pub(crate) fn read(&mut self, slot: U256) {
        self.entry.slots.entry(slot).or_default();
    }

    /// A slot of it holds something else now.
    pub(crate) fn write(&mut self, slot: U256, value: U256) {
        self.entry.slots.entry(slot).or_default().push(StorageChange::new(self.index, value));
    }
}

/// Executes a transaction and commits it; `list` is told what it touches.
pub(crate) fn transact<V: StateView + ?Sized>(
    evm: &mut Evm<'_, V>,
    transaction: TxEnv,
    list: Option<&mut Builder>,
) -> Result<ExecutionResult, EVMError<Missing>> {
    let Some(list) = list else { return evm.transact_commit(transaction) };
    let mut done = evm.transact(transaction)?;
    list.transaction(&mut done.state);
    evm.commit(done.state);
    Ok(done.result)
}
