//! One thread's means of executing transactions: ahead of their time, or when their time has come.

use std::panic::{AssertUnwindSafe, catch_unwind};

use alloy_primitives::{Address, KECCAK256_EMPTY, U256};
use revm::context::{BlockEnv, CfgEnv, Transaction as _, TxEnv};
use revm::primitives::hardfork::SpecId;
use revm::state::{Account, EvmState};

use super::candidate::{Candidate, Transfer, most};
use super::cell::Hint;
use super::changed::Changed;
use super::database::{Sender, WorkerDb};
use super::evm::WorkerEvm;
use super::memory::{Memory, Place};
use super::outcome::{Effects, Gave, Outcome};
use super::scratch::Scratches;
use super::value::{AccountWrite, Code, Delta, Need};
use crate::executed::Executed;
use crate::raw::refusal;
use crate::skip::SkipReason;
use crate::view::{Missing, StateView};

/// Payments that are looked at when there was need for it.
const HELPS: u32 = 32;

/// Lives as long as the block.
pub(super) struct Worker<'a, V: StateView + ?Sized> {
    memory: &'a Memory<'a, V>,
    /// As long as nothing was executed: payments do not need revm, and making it takes longer than some blocks.
    db: Option<WorkerDb<'a, V>>,
    evm: Option<WorkerEvm<'a, V>>,
    scratches: &'a Scratches,
    config: CfgEnv,
    block: BlockEnv,
    /// All that transactions load is written down.
    records: bool,
    /// What [`Memory::wanted`] was, and how many more payments to look at since then.
    wanted: u32,
    helps: u32,
}

impl<'a, V: StateView + ?Sized> Worker<'a, V> {
    pub(super) fn new(
        memory: &'a Memory<'a, V>,
        scratches: &'a Scratches,
        (config, block): (&CfgEnv, &BlockEnv),
        records: bool,
    ) -> Self {
        let (config, block) = (config.clone(), block.clone());
        Self { memory, db: None, evm: None, scratches, config, block, records, wanted: 0, helps: 0 }
    }

    /// The block is done: what was remembered is for the next.
    pub(super) fn ends(self) {
        if let Some(db) = self.evm.map(WorkerEvm::into_db).or(self.db) {
            self.scratches.give_back(db.scratch);
        }
    }

    fn db(&mut self) -> &mut WorkerDb<'a, V> {
        let (memory, scratches) = (self.memory, self.scratches);
        match &mut self.evm {
            Some(evm) => evm.db(),
            None => self.db.get_or_insert_with(|| WorkerDb::new(memory, scratches.take())),
        }
    }

    fn evm(&mut self) -> &mut WorkerEvm<'a, V> {
        let Self { memory, db, evm, scratches, config, block, .. } = self;
        evm.get_or_insert_with(|| {
            let db = db.take().unwrap_or_else(|| WorkerDb::new(memory, scratches.take()));
            WorkerEvm::new(db, config.clone(), block.clone())
        })
    }

    /// Looks up what is known of some transactions beforehand, all together: so the processor waits for memory once,
    /// not for each.
    pub(super) fn expect<'c, C: Candidate + 'c>(&mut self, candidates: impl Iterator<Item = &'c C>) {
        let db = self.db();
        // Looked at together as well: to keep each by itself the processor would wait for it.
        let mut all = 0;
        for candidate in candidates {
            for address in [Some(candidate.sender().0), candidate.to()].into_iter().flatten() {
                let number = db.number(address);
                all ^= db.memory.account_changes(number);
            }
        }
        std::hint::black_box(all);
    }

    /// Whether this is a payment that is better left to the committer. Its accounts are not touched, unless the
    /// committer had to do lately what can be done here: read them from the state, or see that it is no payment.
    pub(super) fn leaves(&mut self, candidate: &impl Candidate) -> bool {
        let Some(transfer) = Transfer::of(candidate, &self.config, &self.block) else { return false };
        let memory = self.memory;
        let wanted = memory.wanted.count();
        if std::mem::replace(&mut self.wanted, wanted) != wanted {
            self.helps = HELPS;
        }
        if self.helps == 0 {
            return true;
        }
        self.helps -= 1;
        let db = self.db();
        let numbers = [transfer.sender.address, transfer.to].map(|address| db.number(address));
        for number in numbers {
            if memory.hint(number) == Hint::Unknown {
                self.helps = HELPS;
                if memory.committed(number, |_| ()).is_err() {
                    // Whoever needs it is told.
                    return true;
                }
            }
        }
        memory.hint(numbers[1]) != Hint::Coded
    }

    /// Executes a transaction ahead of its time, on what is there now. Where it comes to nothing the outcome has no
    /// result; nothing that goes wrong here means anything.
    pub(super) fn ahead(&mut self, at: u32, candidate: &impl Candidate, outcome: &mut Outcome) {
        outcome.clear();
        let caught = catch_unwind(AssertUnwindSafe(|| {
            // A failure of either kind leaves the outcome without a result.
            if let Ok(Ok((mut gave, state))) = self.run(at, candidate, true) {
                self.reads(outcome);
                if self.writes(state, &mut gave, outcome).is_ok() {
                    outcome.sort();
                    outcome.gave = Some(gave);
                }
            }
        }));
        if caught.is_err() {
            outcome.clear();
            // revm may have been left in any state.
            self.evm = None;
        }
    }

    /// [`Worker::ahead`], but given up as soon as somebody else has done it; then false.
    pub(super) fn race(&mut self, at: u32, candidate: &impl Candidate, outcome: &mut Outcome) -> bool {
        self.evm().races(true);
        self.ahead(at, candidate, outcome);
        self.evm().races(false);
        !self.memory.window.is_late(at)
    }

    /// Executes a transaction with all before it committed, and gives what it did away.
    pub(super) fn now(
        &mut self,
        at: u32,
        candidate: &impl Candidate,
        effects: &mut impl Effects,
    ) -> Result<Result<Gave, SkipReason>, Missing> {
        match self.run(at, candidate, false)? {
            Ok((mut gave, state)) => {
                self.writes(state, &mut gave, effects)?;
                Ok(Ok(gave))
            }
            Err(reason) => Ok(Err(reason)),
        }
    }

    /// Has it watched whether transactions depend on what the block has changed before them.
    pub(super) fn watches(&mut self, watches: bool) {
        self.db().watches = watches;
    }

    /// Whether the last transaction did, so far as was seen.
    pub(super) fn depended(&mut self) -> bool {
        self.db().depends
    }

    /// Makes a payment, with all before it committed, and says what the beneficiary gets for it. `None`: it is none
    /// after all, or cannot be made.
    pub(super) fn pay(&mut self, candidate: &impl Candidate, changed: &mut Changed) -> Result<Option<U256>, Missing> {
        let Some(transfer) = Transfer::of(candidate, &self.config, &self.block) else { return Ok(None) };
        let db = self.db();
        let numbers = (db.number(transfer.sender.address), db.number(transfer.to));
        let paid = db.memory.pay(&transfer, numbers, changed)?;
        Ok(paid.then_some(transfer.fee))
    }

    /// The numbers of payer and payee, if this may be a payment.
    pub(super) fn parties(&mut self, candidate: &impl Candidate) -> Option<[u32; 2]> {
        let transfer = Transfer::of(candidate, &self.config, &self.block)?;
        let db = self.db();
        Some([transfer.sender.address, transfer.to].map(|address| db.number(address)))
    }

    fn run(
        &mut self,
        at: u32,
        candidate: &impl Candidate,
        ahead: bool,
    ) -> Result<Result<(Gave, EvmState), SkipReason>, Missing> {
        let transaction = candidate.env();
        let (address, nonce) = candidate.sender();
        let nonces_matter = transaction.kind.is_create() || !transaction.authorization_list.is_empty();
        let price = coinbase_price(&transaction, &self.config, &self.block);
        self.db().begin(at, ahead.then_some(Sender { address, nonce }), nonces_matter);
        let (result, state) = self.evm().execute(transaction);
        let executed: Executed = match result {
            Ok(result) => result.into(),
            Err(error) => return refusal(error.map_db_err(|missing| *missing)).map(Err),
        };
        let fee = Some(U256::from(price) * U256::from(executed.gas_used));
        Ok(Ok((Gave { executed, fee }, state)))
    }

    fn reads(&mut self, outcome: &mut Outcome) {
        let transaction = self.evm().transaction();
        let (sender, most) = (transaction.caller, most(transaction));
        let db = self.db();
        if let Some(read) = db.read_of(sender)
            && let Need::AtLeast(least) = &mut read.need
        {
            *least = (*least).max(most);
        }
        if db.nonces_matter {
            db.account_reads.iter_mut().for_each(|read| read.nonce_matters = true);
        }
        db.account_reads.take(&mut outcome.account_reads);
        std::mem::swap(&mut db.slot_reads, &mut outcome.slot_reads);
    }

    fn writes(&mut self, mut state: EvmState, gave: &mut Gave, effects: &mut impl Effects) -> Result<(), Missing> {
        let beneficiary = self.block.beneficiary;
        for (address, account) in &mut state {
            if self.records {
                self.touches(*address, account, effects);
            }
            if !account.is_touched() {
                continue;
            }
            // Known since it was read, unless there was nothing to read.
            let known = account.info.account_id.map(|id| id.get() as u32);
            let number = known.unwrap_or_else(|| self.db().number(*address));
            if account.is_selfdestructed() {
                effects.account(number, AccountWrite::Destroyed)?;
                if *address == beneficiary {
                    gave.fee = None;
                }
                continue;
            }
            if let Some(write) = write_of(account, effects) {
                effects.account(number, write)?;
            }
            for (slot, value) in account.changed_storage_slots() {
                effects.slot(self.db().slot_number(number, *slot), value.present_value());
            }
        }
        self.evm().recycle(state);
        Ok(())
    }

    fn touches(&mut self, address: Address, account: &Account, effects: &mut impl Effects) {
        let db = self.db();
        let number = db.number(address);
        effects.touched(Place::Account(number));
        account.storage.keys().for_each(|slot| effects.touched(Place::Slot(db.slot_number(number, *slot))));
    }
}

/// What was done to a touched account that is still there; `None` if it is as before.
fn write_of(account: &mut Account, effects: &mut impl Effects) -> Option<AccountWrite> {
    let created = account.is_created();
    // To ask for the original of one that was not there would be to make one.
    let (balance, nonce, code_hash) = if account.is_loaded_as_not_existing() {
        (U256::ZERO, 0, KECCAK256_EMPTY)
    } else {
        let before = account.original_info_mut();
        (before.balance, before.nonce, before.code_hash)
    };
    let info = &mut account.info;
    let recoded = info.code_hash != code_hash;
    let same = info.balance == balance && info.nonce == nonce && !recoded;
    // A touched empty account is removed.
    if same && !created && !info.is_empty() {
        return None;
    }
    let code = if recoded { info.code.take() } else { None };
    if let Some(code) = &code
        && created
        && info.code_hash != KECCAK256_EMPTY
        && !code.is_eip7702()
    {
        effects.code(info.code_hash, code.clone());
    }
    Some(AccountWrite::Changed {
        created,
        delta: Delta::between(balance, info.balance),
        nonce: (info.nonce != nonce).then_some(info.nonce),
        code: code.map(|code| {
            let size = if info.code_hash == KECCAK256_EMPTY { 0 } else { code.len() as u32 };
            Box::new(Code { hash: info.code_hash, size, delegation: code.is_eip7702().then_some(code) })
        }),
    })
}

/// Wei a gas that the beneficiary gets: since EIP-1559 the base fee is burnt.
fn coinbase_price(transaction: &TxEnv, config: &CfgEnv, block: &BlockEnv) -> u128 {
    let base_fee = u128::from(block.basefee);
    let price = transaction.effective_gas_price(base_fee);
    if config.spec.is_enabled_in(SpecId::LONDON) { price.saturating_sub(base_fee) } else { price }
}
