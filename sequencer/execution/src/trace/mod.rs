//! Blocks and calls executed once more, with what happened in them written down: `debug_trace*` and `trace_*`.
//!
//! The recorders and the shapes are those of revm-inspectors, which other clients answer by too; here is what runs
//! them over our state, and what keeps them within bounds ([`Bounds`]). Deliberately absent: tracers written in
//! JavaScript.

mod bounds;
mod geth;
mod parity;
mod state;
mod watch;

use alloy_primitives::Address;
use revm::context::TxEnv;
use revm::context::result::{EVMError, ResultAndState};
use weft_primitives::{BlockHeader, Deposit, Transaction};

use crate::env;
use crate::overlay::Overlay;
use crate::rules::Rules;
use crate::session::{Session, Waived};
use crate::simulate::{At, Call, Override, SimulateError};
use crate::view::{Missing, StateView};

pub use alloy_rpc_types_trace::geth::{GethDebugTracingOptions, GethTrace};
pub use alloy_rpc_types_trace::parity::{TraceResults, TraceType};
pub use bounds::Bounds;
pub use geth::Geth;
pub use parity::Parity;

use watch::Watch;

/// Why there is no trace.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// A tracer that is not here, or options that it does not have.
    #[error("{0}")]
    Unsupported(String),
    /// More would have been written down than the bound allows.
    #[error("the trace exceeds the limit of {0} bytes")]
    TooLarge(usize),
    /// It took too long.
    #[error("tracing took too long")]
    Stopped,
    /// State is not there.
    #[error("missing {0}")]
    Missing(#[from] Missing),
    /// A transaction of the block cannot be executed: the state is not that of its parent.
    #[error("transaction {at} cannot be executed again: {why}")]
    Diverged {
        /// Its position.
        at: usize,
        /// Why not.
        why: String,
    },
    /// The call cannot be tried.
    #[error(transparent)]
    Call(#[from] SimulateError),
}

/// What is written down of a transaction, and how it is told.
pub(crate) trait Tracer {
    /// What is told.
    type Trace;

    /// What to write down.
    fn watch(&self) -> Result<Watch, TraceError>;

    /// What is told of what was written down; `db` is the state before the transaction.
    fn tell<V: StateView + ?Sized>(
        &self,
        watch: Watch,
        transaction: &TxEnv,
        done: &ResultAndState,
        db: &Overlay<'_, V>,
    ) -> Result<Self::Trace, TraceError>;
}

/// A block to be executed again.
pub struct Block<'a, V: ?Sized> {
    /// Rules.
    pub rules: &'a dyn Rules,
    /// Its header.
    pub header: &'a BlockHeader,
    /// Its transactions.
    pub transactions: &'a [Transaction],
    /// Its deposits, in order, each with the number of transactions before it.
    pub deposits: &'a [(usize, Deposit)],
    /// The state before it.
    pub view: &'a V,
}

impl<V: StateView + ?Sized> Block<'_, V> {
    /// What is told in go-ethereum's shapes of each of its transactions, or of the one at a position.
    pub fn geth(&self, tracer: &Geth, only: Option<usize>, bounds: &Bounds<'_>) -> Result<Vec<GethTrace>, TraceError> {
        self.trace(tracer, only, bounds)
    }

    /// The same in the shapes of Parity.
    pub fn parity(
        &self,
        tracer: &Parity,
        only: Option<usize>,
        bounds: &Bounds<'_>,
    ) -> Result<Vec<TraceResults>, TraceError> {
        self.trace(tracer, only, bounds)
    }

    fn trace<T: Tracer>(
        &self,
        tracer: &T,
        only: Option<usize>,
        bounds: &Bounds<'_>,
    ) -> Result<Vec<T::Trace>, TraceError> {
        let (db, watch) = (Overlay::with_rules(self.view, self.rules.config(self.header).spec), Watch::nothing());
        let mut session = Session::new(self.rules, self.header, db, Waived::default(), bounds.over(watch));
        session.begin(self.rules, self.header)?;
        let (last, mut told) = (only.unwrap_or(usize::MAX), Vec::new());
        for (at, transaction) in self.transactions.iter().enumerate().take_while(|(at, _)| *at <= last) {
            bounds.check_time()?;
            for (_, deposit) in self.deposits.iter().filter(|(before, _)| *before == at) {
                session.db().credit(deposit.to, deposit.amount)?;
            }
            let env = env::transaction(transaction);
            if only.is_some_and(|only| only != at) {
                let done = session.run_unwatched(env).map_err(|error| diverged(at, error))?;
                session.commit(done.state);
                continue;
            }
            session.inspector().watch(tracer.watch()?);
            let done = session.run(env.clone());
            let watch = session.inspector().take()?;
            let done = done.map_err(|error| diverged(at, error))?;
            told.push(tracer.tell(watch, &env, &done, session.db())?);
            session.commit(done.state);
        }
        Ok(told)
    }
}

fn diverged(at: usize, error: EVMError<Missing>) -> TraceError {
    match error {
        EVMError::Database(missing) => missing.into(),
        other => TraceError::Diverged { at, why: other.to_string() },
    }
}

impl<V: StateView + ?Sized> At<'_, V> {
    /// What is told of a call in go-ethereum's shapes.
    pub fn geth(
        &self,
        call: &Call,
        overrides: &[(Address, Override)],
        tracer: &Geth,
        bounds: &Bounds<'_>,
    ) -> Result<GethTrace, TraceError> {
        self.trace(call, overrides, tracer, bounds)
    }

    /// The same in the shapes of Parity.
    pub fn parity(
        &self,
        call: &Call,
        overrides: &[(Address, Override)],
        tracer: &Parity,
        bounds: &Bounds<'_>,
    ) -> Result<TraceResults, TraceError> {
        self.trace(call, overrides, tracer, bounds)
    }

    fn trace<T: Tracer>(
        &self,
        call: &Call,
        overrides: &[(Address, Override)],
        tracer: &T,
        bounds: &Bounds<'_>,
    ) -> Result<T::Trace, TraceError> {
        let gas = self.gas_for(call, overrides)?;
        let mut session = self.session(call, overrides, bounds.over(tracer.watch()?))?;
        let env = call.transaction(self.rules.chain_id(), gas);
        let done = session.run(env.clone());
        let watch = session.inspector().take()?;
        let done = done.map_err(|error| match error {
            EVMError::Database(missing) => TraceError::Missing(missing),
            other => SimulateError::Invalid(other.to_string()).into(),
        })?;
        tracer.tell(watch, &env, &done, session.db())
    }
}
