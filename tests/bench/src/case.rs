//! One block, executed by plain revm and by ours in turn.

use alloy_primitives::B256;
use revm::context::{BlockEnv, CfgEnv, TxEnv};
use weft_execution::parallel::Engine;
use weft_execution::raw::{Executor, execute, execute_on};

use crate::exec::ExecError;
use crate::map_state::MapState;
use crate::revm_plain;
use crate::time::{median, timed};
use crate::workload::Workload;

/// What every row is compared with.
pub(crate) const BASELINE: &str = "revm, sequential, receipts kept";

/// One block, as both executors take it.
pub(crate) struct Case<'a> {
    pub(crate) name: String,
    pub(crate) state: &'a MapState,
    pub(crate) config: &'a CfgEnv,
    pub(crate) block: &'a BlockEnv,
    pub(crate) transactions: &'a [TxEnv],
}

/// Medians in ms.
#[derive(Clone, Debug)]
pub(crate) struct Medians {
    /// Plain revm's.
    pub(crate) plain: f64,
    /// Ours, for each number of threads.
    pub(crate) ours: Vec<f64>,
}

impl<'a> Case<'a> {
    pub(crate) fn of(load: &'a Workload) -> Self {
        Self {
            name: load.name.to_owned(),
            state: &load.state,
            config: &load.config,
            block: &load.block,
            transactions: &load.transactions,
        }
    }

    fn different(&self) -> ExecError {
        ExecError::Different(self.name.clone())
    }

    /// Both executors must agree before anything is timed.
    fn check(&self, threads: &[usize]) -> Result<(), ExecError> {
        let run = |executor| execute(self.state, self.config, self.block, self.transactions, executor);
        let oracle = run(Executor::Sequential).map_err(|_| self.different())?;
        for threads in threads {
            let ours = run(Executor::Parallel(*threads)).map_err(|_| self.different())?;
            if !oracle.same(&ours) {
                return Err(self.different());
            }
        }
        let mut db = revm_plain::load(self.state);
        let plain = revm_plain::execute(&mut db, self.config, self.block, self.transactions);
        let ours = oracle.results.iter().map(|result| result.as_ref().ok().map(|executed| executed.gas_used));
        if !plain.iter().map(|kept| kept.as_ref().map(|kept| kept.gas_used)).eq(ours) {
            return Err(self.different());
        }
        Ok(())
    }

    /// Plain revm and ours on so many threads, in turn, so many times.
    pub(crate) fn measure(&self, threads: &[usize], rounds: usize) -> Result<Medians, ExecError> {
        self.check(threads)?;
        let db = revm_plain::load(self.state);
        let mut plain = Vec::new();
        let mut ours = vec![Vec::new(); threads.len()];
        // As in a sequencer: an engine that has executed blocks before.
        let mut engines: Vec<Engine> = threads.iter().map(|threads| Engine::new(*threads)).collect();
        // The first round warms up.
        for _ in 0..=rounds.max(1) {
            let mut db = db.clone();
            plain.push(timed(|| revm_plain::execute(&mut db, self.config, self.block, self.transactions)));
            for (engine, times) in engines.iter_mut().zip(&mut ours) {
                self.warm(engine)?;
                times.push(timed(|| self.execute(engine)));
            }
        }
        Ok(Medians { plain: median(&plain), ours: ours.iter().map(|times| median(times)).collect() })
    }

    /// The block cut into as many parts as there are threads, each executed by plain revm on a state of its own, receipts
    /// dropped: no legal execution, but what the machine can do. In ms.
    pub(crate) fn ceiling(&self, threads: usize, rounds: usize) -> f64 {
        let db = revm_plain::load(self.state);
        let part = self.transactions.len().div_ceil(threads).max(1);
        let mut times = Vec::new();
        for _ in 0..=rounds.max(1) {
            let mut databases = vec![db.clone(); threads];
            times.push(timed(|| {
                std::thread::scope(|scope| {
                    for (db, part) in databases.iter_mut().zip(self.transactions.chunks(part)) {
                        scope.spawn(|| revm_plain::execute_only(db, self.config, self.block, part));
                    }
                });
            }));
        }
        median(&times)
    }

    /// Bytes of memory that an engine holds when it has executed the block, a transaction.
    pub(crate) fn memory(&self, threads: usize) -> f64 {
        let mut engine = Engine::new(threads);
        drop(self.execute(&mut engine));
        engine.bytes() as f64 / self.transactions.len().max(1) as f64
    }

    /// As revm's database holds the whole state before it starts.
    fn warm(&self, engine: &mut Engine) -> Result<(), ExecError> {
        let accounts = self.state.accounts().map(|(address, _)| address);
        let slots = self.state.slots().map(|(address, slot, _)| (address, slot));
        let expected = self.transactions.len();
        engine.warm(self.state, B256::ZERO, accounts, slots, expected).map_err(|_| self.different())
    }

    fn execute(&self, engine: &mut Engine) -> Option<weft_execution::raw::Outcome> {
        let (config, block, transactions) = (self.config, self.block, self.transactions);
        execute_on(engine, self.state, Some(B256::ZERO), config, block, transactions).ok()
    }
}
