//! One thread's means of executing transactions: ahead of their time, or when their time has come.

use std::panic::{AssertUnwindSafe, catch_unwind};

use alloy_primitives::{Address, KECCAK256_EMPTY, U256};
use revm::context::{BlockEnv, CfgEnv, Transaction as _, TxEnv};
use revm::primitives::hardfork::SpecId;
use revm::state::{Account, EvmState};

use super::candidate::{Candidate, TRANSFER_GAS, Transfer, most};
use super::database::{Sender, WorkerDb};
use super::evm::WorkerEvm;
use super::memory::Memory;
use super::outcome::Outcome;
use super::value::{AccountRead, AccountWrite, Delta, Need, NewCode};
use crate::executed::Executed;
use crate::raw::refusal;
use crate::skip::SkipReason;
use crate::view::{Missing, StateView};

/// Lives as long as the block.
pub(super) struct Worker<'a, V: StateView + ?Sized> {
    evm: WorkerEvm<'a, V>,
    config: CfgEnv,
    block: BlockEnv,
}

impl<'a, V: StateView + ?Sized> Worker<'a, V> {
    pub(super) fn new(memory: &'a Memory<'a, V>, config: &CfgEnv, block: &BlockEnv) -> Self {
        let evm = WorkerEvm::new(memory, config.clone(), block.clone());
        Self { evm, config: config.clone(), block: block.clone() }
    }

    fn db(&mut self) -> &mut WorkerDb<'a, V> {
        self.evm.db()
    }

    /// Executes a transaction ahead of its time, on what is there now. Where it comes to nothing the outcome has no
    /// result; nothing that goes wrong here means anything.
    pub(super) fn ahead(&mut self, at: u32, candidate: &impl Candidate, outcome: &mut Outcome) {
        outcome.clear();
        let caught = catch_unwind(AssertUnwindSafe(|| {
            if let Some(transfer) = Transfer::of(candidate, &self.config, &self.block)
                && matches!(self.transfer(at, &transfer, true, outcome), Ok(true) | Err(_))
            {
                return;
            }
            // A failure of either kind leaves the outcome without a result.
            let _ = self.run(at, candidate, true, outcome);
        }));
        if caught.is_err() {
            outcome.clear();
            // revm may have been left in any state.
            let memory = self.db().memory;
            self.evm = WorkerEvm::new(memory, self.config.clone(), self.block.clone());
        }
    }

    /// Executes a transaction with all before it committed.
    pub(super) fn now(
        &mut self,
        at: u32,
        candidate: &impl Candidate,
        outcome: &mut Outcome,
    ) -> Result<Result<(), SkipReason>, Missing> {
        outcome.clear();
        if let Some(transfer) = Transfer::of(candidate, &self.config, &self.block)
            && self.transfer(at, &transfer, false, outcome)?
        {
            return Ok(Ok(()));
        }
        self.run(at, candidate, false, outcome)
    }

    /// A payment; false if it is none after all, because of what the accounts are, or if it cannot be made.
    fn transfer(&mut self, at: u32, transfer: &Transfer, ahead: bool, outcome: &mut Outcome) -> Result<bool, Missing> {
        let Transfer { sender, to, .. } = *transfer;
        let db = self.db();
        let (from, to) = (db.number(sender.address), db.number(to));
        let seen = ahead.then_some(at);
        let payer = db.memory.read_account(from, seen)?.0;
        let may_send = payer.code_hash == KECCAK256_EMPTY || payer.delegation.is_some();
        let can_pay = payer.balance >= transfer.most && (ahead || payer.nonce == sender.nonce);
        if !may_send || !can_pay {
            return Ok(false);
        }
        // Ahead of its time the hint will do: what matters of the recipient is checked when the time has come.
        if !(ahead && db.memory.is_bare(to)) {
            let payee = db.memory.read_account(to, seen)?.0;
            let fits = payee.balance.checked_add(transfer.value).is_some();
            if payee.code_hash != KECCAK256_EMPTY || !fits {
                return Ok(false);
            }
        }
        if ahead {
            let read = |cell, code_hash, least| AccountRead {
                cell,
                code_hash,
                balance: U256::ZERO,
                need: Need::AtLeast(least),
                nonce: sender.nonce,
                nonce_matters: cell == from,
                presence: None,
            };
            outcome.account_reads.push(read(from, payer.code_hash, transfer.most));
            outcome.account_reads.push(read(to, KECCAK256_EMPTY, U256::ZERO));
        }
        let (delta, nonce) = (Delta::debit(transfer.cost), Some(sender.nonce + 1));
        outcome.accounts.push((from, AccountWrite::Changed { created: false, delta, nonce, code: None }));
        outcome.accounts.push((to, AccountWrite::paid(Delta::credit(transfer.value))));
        outcome.fee = Some(transfer.fee);
        outcome.executed = Some(Executed { success: true, gas_used: TRANSFER_GAS, logs: Vec::new() });
        Ok(true)
    }

    fn run(
        &mut self,
        at: u32,
        candidate: &impl Candidate,
        ahead: bool,
        outcome: &mut Outcome,
    ) -> Result<Result<(), SkipReason>, Missing> {
        let transaction = candidate.env();
        let (address, nonce) = candidate.sender();
        let nonces_matter = transaction.kind.is_create() || !transaction.authorization_list.is_empty();
        let price = coinbase_price(&transaction, &self.config, &self.block);
        let most = most(&transaction);
        self.db().begin(at, ahead.then_some(Sender { address, nonce }), nonces_matter);
        let (result, state) = self.evm.execute(transaction);
        let executed: Executed = match result {
            Ok(result) => result.into(),
            Err(error) => return refusal(error).map(Err),
        };
        if ahead {
            self.reads(address, most, outcome);
        }
        outcome.fee = Some(U256::from(price) * U256::from(executed.gas_used));
        outcome.executed = Some(executed);
        self.writes(state, outcome);
        Ok(Ok(()))
    }

    fn reads(&mut self, sender: Address, most: U256, outcome: &mut Outcome) {
        let db = self.db();
        if let Some(read) = db.read_of(sender)
            && let Need::AtLeast(least) = &mut read.need
        {
            *least = (*least).max(most);
        }
        if db.nonces_matter {
            db.account_reads.iter_mut().for_each(|read| read.nonce_matters = true);
        }
        std::mem::swap(&mut db.account_reads, &mut outcome.account_reads);
        std::mem::swap(&mut db.slot_reads, &mut outcome.slot_reads);
    }

    fn writes(&mut self, state: EvmState, outcome: &mut Outcome) {
        let beneficiary = self.block.beneficiary;
        for (address, account) in state {
            if !account.is_touched() {
                continue;
            }
            let number = self.db().number(address);
            if account.is_selfdestructed() {
                outcome.accounts.push((number, AccountWrite::Destroyed));
                if address == beneficiary {
                    outcome.fee = None;
                }
                continue;
            }
            for (slot, value) in account.changed_storage_slots() {
                let slot = self.db().slot_number(number, *slot);
                outcome.slots.push((slot, value.present_value()));
            }
            if let Some(write) = write_of(account, outcome) {
                outcome.accounts.push((number, write));
            }
        }
    }
}

/// What was done to a touched account that is still there; `None` if it is as before.
fn write_of(mut account: Account, outcome: &mut Outcome) -> Option<AccountWrite> {
    let created = account.is_created();
    let before = account.original_info_mut();
    let (balance, nonce, code_hash) = (before.balance, before.nonce, before.code_hash);
    let info = account.info;
    let same = info.balance == balance && info.nonce == nonce && info.code_hash == code_hash;
    // A touched empty account is removed.
    if same && !created && !info.is_empty() {
        return None;
    }
    let code = info.code.filter(|_| info.code_hash != code_hash);
    if let Some(code) = &code
        && created
        && info.code_hash != KECCAK256_EMPTY
        && !code.is_eip7702()
    {
        outcome.codes.push((info.code_hash, code.clone()));
    }
    Some(AccountWrite::Changed {
        created,
        delta: Delta::between(balance, info.balance),
        nonce: (info.nonce != nonce).then_some(info.nonce),
        code: code.map(|code| {
            let size = if info.code_hash == KECCAK256_EMPTY { 0 } else { code.len() as u32 };
            Box::new(NewCode { hash: info.code_hash, size, delegation: code.is_eip7702().then_some(code) })
        }),
    })
}

/// Wei a gas that the beneficiary gets: since EIP-1559 the base fee is burnt.
fn coinbase_price(transaction: &TxEnv, config: &CfgEnv, block: &BlockEnv) -> u128 {
    let base_fee = u128::from(block.basefee);
    let price = transaction.effective_gas_price(base_fee);
    if config.spec.is_enabled_in(SpecId::LONDON) { price.saturating_sub(base_fee) } else { price }
}
