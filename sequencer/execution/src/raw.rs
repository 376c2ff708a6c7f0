//! Transactions by the rules of any Ethereum fork, outside of Weft's blocks: for conformance tests, real blocks of
//! other chains and benchmarks.
//!
//! The same executors as for Weft's own blocks. Deliberately absent: what a fork
//! does before and after a block's transactions, and the block's gas limit as a
//! sum (a single transaction may not ask for more than it).

use alloy_primitives::{Address, B256, Bytes};
use revm::context::result::EVMError;
use revm::context::{BlockEnv, CfgEnv};
use revm::handler::SystemCallCommitEvm;

use crate::access::{AccountChanges, BlockAccessList, Builder, ByList, Prior, WrongList, by_list, transact};
pub use crate::changes::Changes;
use crate::env;
use crate::executed::Executed;
use crate::overlay::Overlay;
use crate::parallel::{self, Admission, Candidate, Engine, Finished, Setting, Sink, Stats};
use crate::skip::SkipReason;
use crate::view::{Missing, StateView};

/// How to execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executor {
    /// One after the other by revm alone: the oracle.
    Sequential,
    /// By the parallel executor on so many threads; at least one.
    Parallel(usize),
}

/// What transactions did.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Of each transaction, in order.
    pub results: Vec<Result<Executed, SkipReason>>,
    /// Of all together.
    pub changes: Changes,
    /// How the parallel executor went about it.
    pub stats: Stats,
}

impl Outcome {
    /// Whether the results are the same, whatever it took to get them.
    pub fn same(&self, other: &Self) -> bool {
        self.results == other.results && self.changes == other.changes
    }
}

/// Executes transactions in order on the state `view`; one that cannot be executed is left out.
pub fn execute<V: StateView + ?Sized, C: Candidate>(
    view: &V,
    config: &CfgEnv,
    block: &BlockEnv,
    transactions: &[C],
    executor: Executor,
) -> Result<Outcome, Missing> {
    match executor {
        Executor::Sequential => sequential(view, config, block, transactions, None),
        Executor::Parallel(threads) => {
            let mut engine = Engine::new(threads).without_head_start();
            execute_on(&mut engine, view, None, config, block, transactions)
        }
    }
}

/// [`execute`], and what was touched. Transactions are numbered without those that are left out.
pub fn execute_listing<V: StateView + ?Sized, C: Candidate>(
    view: &V,
    config: &CfgEnv,
    block: &BlockEnv,
    transactions: &[C],
    executor: Executor,
) -> Result<(Outcome, BlockAccessList), Missing> {
    match executor {
        Executor::Sequential => {
            let mut list = Builder::default();
            let outcome = sequential(view, config, block, transactions, Some(&mut list))?;
            Ok((outcome, list.finish()))
        }
        Executor::Parallel(threads) => {
            let mut engine = Engine::new(threads).without_head_start();
            execute_listing_on(&mut engine, view, None, config, block, transactions)
        }
    }
}

/// [`execute`] by an engine that is kept from block to block; `state_root` is that of the state `view`.
pub fn execute_on<V: StateView + ?Sized, C: Candidate>(
    engine: &mut Engine,
    view: &V,
    state_root: Option<B256>,
    config: &CfgEnv,
    block: &BlockEnv,
    transactions: &[C],
) -> Result<Outcome, Missing> {
    let before = Changes::default();
    let setting = Setting { view, state_root, config, block, before: &before };
    Ok(run(engine, &setting, transactions, None)?.0)
}

/// [`execute_listing`] by an engine that is kept; see [`execute_on`].
pub fn execute_listing_on<V: StateView + ?Sized, C: Candidate>(
    engine: &mut Engine,
    view: &V,
    state_root: Option<B256>,
    config: &CfgEnv,
    block: &BlockEnv,
    transactions: &[C],
) -> Result<(Outcome, BlockAccessList), Missing> {
    let before = Changes::default();
    let setting = Setting { view, state_root, config, block, before: &before };
    let (outcome, list) = run(engine, &setting, transactions, Some(Builder::default()))?;
    Ok((outcome, list.unwrap_or_default().finish()))
}

/// Executes transactions by their block's list, each on its own; they all have to be executable. Where the list is not
/// the block's, the block is executed without it, with the same outcome as ever; and why the list is wrong.
pub fn execute_by_list<V: StateView + ?Sized, C: Candidate>(
    view: &V,
    config: &CfgEnv,
    block: &BlockEnv,
    transactions: &[C],
    list: &[AccountChanges],
    threads: usize,
) -> Result<(Outcome, Result<(), WrongList>), Missing> {
    let mut engine = Engine::new(threads).without_head_start();
    execute_by_list_on(&mut engine, view, None, config, block, transactions, list)
}

/// [`execute_by_list`] by an engine that is kept; see [`execute_on`].
pub fn execute_by_list_on<V: StateView + ?Sized, C: Candidate>(
    engine: &mut Engine,
    view: &V,
    state_root: Option<B256>,
    config: &CfgEnv,
    block: &BlockEnv,
    transactions: &[C],
    list: &[AccountChanges],
) -> Result<(Outcome, Result<(), WrongList>), Missing> {
    let before = Changes::default();
    let setting = Setting { view, state_root, config, block, before: &before };
    match by_list(engine, &setting, &Prior::nothing(), transactions, list) {
        Ok(ByList { results, changes, stats }) => {
            let results = results.into_iter().map(Ok).collect();
            Ok((Outcome { results, changes, stats }, Ok(())))
        }
        Err(wrong) => Ok((run(engine, &setting, transactions, None)?.0, Err(wrong))),
    }
}

fn run<V: StateView + ?Sized, C: Candidate>(
    engine: &mut Engine,
    setting: &Setting<'_, V>,
    transactions: &[C],
    list: Option<Builder>,
) -> Result<(Outcome, Option<Builder>), Missing> {
    let kept = Keep(Vec::with_capacity(transactions.len()));
    let Finished { changes, sink, stats, list } = parallel::run(engine, setting, transactions, kept, list)?;
    Ok((Outcome { results: sink.0, changes, stats }, list))
}

fn sequential<V: StateView + ?Sized, C: Candidate>(
    view: &V,
    config: &CfgEnv,
    block: &BlockEnv,
    transactions: &[C],
    mut list: Option<&mut Builder>,
) -> Result<Outcome, Missing> {
    let mut evm = env::evm(Overlay::with_rules(view, config.spec), config.clone(), block.clone());
    let mut results = Vec::with_capacity(transactions.len());
    for transaction in transactions {
        results.push(match transact(&mut evm, transaction.env(), list.as_deref_mut()) {
            Ok(result) => Ok(result.into()),
            Err(error) => Err(refusal(error)?),
        });
    }
    let changes = evm.ctx.journaled_state.database.into_changes();
    Ok(Outcome { results, changes, stats: Stats::default() })
}

/// A call that the protocol itself makes, before or after a block's transactions (EIP-4788, 2935, 7002, 7251).
pub fn system_call<V: StateView + ?Sized>(
    view: &V,
    config: &CfgEnv,
    block: &BlockEnv,
    contract: Address,
    data: Bytes,
) -> Result<Changes, Missing> {
    let mut evm = env::evm(Overlay::with_rules(view, config.spec), config.clone(), block.clone());
    match evm.system_call_commit(contract, data) {
        Ok(_) => {}
        Err(error) => drop(refusal(error)?),
    }
    Ok(evm.ctx.journaled_state.database.into_changes())
}

/// Why a transaction was not executed, unless that is for want of state.
pub(crate) fn refusal(error: EVMError<Missing>) -> Result<SkipReason, Missing> {
    match error {
        EVMError::Transaction(error) => Ok(SkipReason::of(error)),
        EVMError::Database(missing) => Err(missing),
        other => Ok(SkipReason::Invalid(other.to_string())),
    }
}

/// Keeps all results.
struct Keep(Vec<Result<Executed, SkipReason>>);

impl Sink for Keep {
    fn admit(&mut self, _: usize) -> Admission {
        Admission::Execute
    }

    fn include(&mut self, _: usize, executed: Executed) {
        self.0.push(Ok(executed));
    }

    fn skip(&mut self, _: usize, reason: SkipReason) -> Admission {
        self.0.push(Err(reason));
        Admission::Skip
    }
}
