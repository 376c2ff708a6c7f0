//! Execution by list: every transaction on its own, in any order.
//!
//! Each finds the state before the block with what the list says was changed
//! before it, and must do just what the list says it does. If all do, then by
//! induction each has found what it would have found in turn, and the list is
//! the only one that is right. At the first sign of anything else nothing of
//! this counts, and the block is to be executed without the list.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use alloy_eip7928::{AccountChanges, BlockAccessListGasError, ITEM_COST, total_bal_items, validate_block_access_list};
use alloy_primitives::map::B256Map;
use revm::bytecode::Bytecode;
use revm::context::result::EVMError;
use revm::context::{BlockEnv, CfgEnv, Context};
use revm::handler::{ExecuteEvm, MainBuilder, MainContext, MainnetContext, MainnetEvm};
use revm::primitives::hardfork::SpecId;

use super::builder::Builder;
use super::check::Found;
use super::database::{ListDb, Unread};
use super::join::{fates, join};
use super::plan::Plan;
use super::wrong::WrongList;
use crate::changes::Changes;
use crate::codes::analyse;
use crate::executed::Executed;
use crate::parallel::{Candidate, Engine, Setting, Stats};
use crate::view::StateView;

/// Transactions that a thread claims at once, at most.
const MOST_AT_ONCE: usize = 16;

/// Claims that a thread makes in a block, at least, so that all end at about the same time.
const CLAIMS_PER_THREAD: usize = 32;

/// What came of it.
pub(crate) struct ByList {
    /// Of each transaction, in order.
    pub(crate) results: Vec<Executed>,
    /// Of all together, and of what was done before them.
    pub(crate) changes: Changes,
    pub(crate) stats: Stats,
}

/// What was done before the transactions, on the state of the setting.
pub(crate) struct Prior {
    /// The list of that alone.
    list: Vec<AccountChanges>,
    /// The highest index in it.
    index: u64,
}

impl Prior {
    /// What was written down so far.
    pub(crate) fn new(list: Builder) -> Self {
        let index = list.index().get();
        Self { list: list.finish(), index }
    }

    /// Nothing.
    pub(crate) fn nothing() -> Self {
        Self { list: Vec::new(), index: 0 }
    }
}

/// Executes transactions by the block's list. They all have to be executable; `prior` is what the setting's changes
/// before them touch.
///
/// Why the list is wrong does not depend on the number of threads.
pub(crate) fn by_list<V: StateView + ?Sized, C: Candidate>(
    engine: &mut Engine,
    setting: &Setting<'_, V>,
    prior: &Prior,
    transactions: &[C],
    list: &[AccountChanges],
) -> Result<ByList, WrongList> {
    let start = Instant::now();
    engine.leave();
    validate(setting, prior, transactions.len(), list)?;
    let plan = Plan::new(list);
    let mut before = Found::default();
    if !before.begins_with(&plan, prior.index, &prior.list) {
        return Err(WrongList::Before);
    }
    let run = Run::new(setting, &plan, prior.index, transactions, engine.threads());
    engine.on_each(|| run.work());
    let Run { wrong, done, .. } = run;
    if let Some((_, wrong)) = wrong.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(wrong);
    }
    let (parts, busy) = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut stats = Stats { threads: parts.len(), ahead: transactions.len() as u32, busy, ..Stats::default() };
    let done = before.changes + parts.iter().map(|part| part.changes).sum::<usize>();
    if done != plan.count() || !plan.is_used_up() {
        return Err(WrongList::TooMuch);
    }
    let (results, changes) = together(&plan, setting, prior.index, parts, engine.threads())?;
    stats.wall = start.elapsed();
    Ok(ByList { results, changes, stats })
}

/// Whether it may be a list of this block, before anything is executed.
fn validate<V: ?Sized>(
    setting: &Setting<'_, V>,
    prior: &Prior,
    transactions: usize,
    list: &[AccountChanges],
) -> Result<(), WrongList> {
    if !setting.config.spec.is_enabled_in(SpecId::CANCUN) {
        return Err(WrongList::Rules);
    }
    let (items, gas_limit) = (total_bal_items(list), setting.block.gas_limit);
    if items > gas_limit / ITEM_COST as u64 {
        return Err(BlockAccessListGasError::new(items, gas_limit).into());
    }
    Ok(validate_block_access_list(list, prior.index as usize + transactions)?)
}

/// Results and changes, of a list that is right.
fn together<V: StateView + ?Sized>(
    plan: &Plan<'_>,
    setting: &Setting<'_, V>,
    begun: u64,
    parts: Vec<Found>,
    threads: usize,
) -> Result<(Vec<Executed>, Changes), WrongList> {
    let before = setting.before;
    let mut codes: B256Map<Bytecode> = before.codes.iter().map(|(hash, code)| (*hash, analyse(code.clone()))).collect();
    let (mut results, mut wipes) = (Vec::new(), Vec::new());
    for part in parts {
        results.extend(part.results);
        wipes.extend(part.wipes);
        codes.extend(part.codes);
    }
    results.sort_unstable_by_key(|(at, _)| *at);
    let fates = fates(wipes);
    let created = fates.iter().map(|(number, fate)| (*number, fate.first));
    let wiped = before.accounts.iter().filter(|(_, change)| change.wipe_storage);
    let wiped = wiped.filter_map(|(address, _)| Some((plan.number(address)?, begun)));
    let seen = created.chain(wiped).filter(|(number, index)| plan.account(*number).saw_old_after(*index));
    if let Some(address) = seen.map(|(number, _)| plan.account(number).listed.address).min() {
        return Err(WrongList::Storage { address });
    }
    let accounts = join(plan, begun, &before.accounts, &fates, setting.view, threads)?;
    Ok((results.into_iter().map(|(_, executed)| executed).collect(), Changes::new(accounts, codes)))
}

/// What all threads share.
struct Run<'a, V: ?Sized, C> {
    setting: &'a Setting<'a, V>,
    plan: &'a Plan<'a>,
    /// Of the first transaction.
    first: u64,
    transactions: &'a [C],
    at_once: usize,
    next: AtomicUsize,
    /// The first transaction that shows the list to be wrong; those after it need not be executed.
    end: AtomicUsize,
    wrong: Mutex<Option<(usize, WrongList)>>,
    done: Mutex<(Vec<Found>, Duration)>,
}

type Evm<'a, V> = MainnetEvm<MainnetContext<ListDb<'a, V>>>;

impl<'a, V: StateView + ?Sized, C: Candidate> Run<'a, V, C> {
    fn new(setting: &'a Setting<'a, V>, plan: &'a Plan<'a>, begun: u64, transactions: &'a [C], threads: usize) -> Self {
        Self {
            setting,
            plan,
            first: begun + 1,
            transactions,
            at_once: (transactions.len() / (threads * CLAIMS_PER_THREAD)).clamp(1, MOST_AT_ONCE),
            next: AtomicUsize::new(0),
            end: AtomicUsize::new(transactions.len()),
            wrong: Mutex::default(),
            done: Mutex::default(),
        }
    }

    /// What every thread does until all transactions are claimed. They are in order: so of those that show the list to
    /// be wrong, the first is always executed.
    fn work(&self) {
        let start = Instant::now();
        let (mut evm, mut found) = (self.evm(), Found::default());
        loop {
            let claimed = self.next.fetch_add(self.at_once, Ordering::Relaxed);
            let end = (claimed + self.at_once).min(self.end.load(Ordering::Relaxed));
            if claimed >= end {
                break;
            }
            for at in claimed..end {
                let caught = catch_unwind(AssertUnwindSafe(|| self.execute(&mut evm, at, &mut found)));
                // Where sums are listed that there cannot be, anything may happen.
                let result = caught.unwrap_or(Err(WrongList::Impossible { at }));
                if let Err(wrong) = result {
                    self.is_wrong(at, wrong);
                    break;
                }
            }
        }
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.0.push(found);
        done.1 += start.elapsed();
    }

    fn evm(&self) -> Evm<'a, V> {
        let Setting { view, config, block, .. } = *self.setting;
        let (config, block): (CfgEnv, BlockEnv) = (config.clone(), block.clone());
        let db = ListDb::new(self.plan, view);
        Context::mainnet().with_db(db).with_cfg(config).with_block(block).build_mainnet()
    }

    fn execute(&self, evm: &mut Evm<'a, V>, at: usize, found: &mut Found) -> Result<(), WrongList> {
        let index = self.first + at as u64;
        evm.ctx.journaled_state.database.index = index;
        let mut done = evm.transact(self.transactions[at].env()).map_err(|error| match error {
            EVMError::Database(Unread::Missing(missing)) => missing.into(),
            EVMError::Database(Unread::Account(address)) => WrongList::Account { at, address },
            EVMError::Database(Unread::Slot(address, slot)) => WrongList::Slot { at, address, slot },
            _ => WrongList::Impossible { at },
        })?;
        if !found.agrees(self.plan, index, &mut done.state) {
            return Err(WrongList::Differs { at });
        }
        found.results.push((at, done.result.into()));
        Ok(())
    }

    fn is_wrong(&self, at: usize, wrong: WrongList) {
        self.end.fetch_min(at, Ordering::Relaxed);
        let mut first = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if first.as_ref().is_none_or(|(other, _)| at < *other) {
            *first = Some((at, wrong));
        }
    }
}
