//! All executors on the same transactions.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use alloy_primitives::B256;
use revm::context::{BlockEnv, CfgEnv, TxEnv};
use weft_bench::MapState;
use weft_execution::parallel::Engine;
use weft_execution::raw::{self, Executor, Outcome};

use crate::difference::{Difference, first_difference};

/// Threads that the parallel executor is tried on.
pub const THREADS: [usize; 4] = [1, 2, 4, 8];

thread_local! {
    /// Kept from case to case, as a chain keeps one from block to block. One set a thread that judges.
    static ENGINES: RefCell<[Engine; 4]> = RefCell::new(THREADS.map(Engine::new));
}

/// Executes by all executors: what they agree on. With a `root` the state is the one that this thread's last block
/// left, as [`applied`] said; otherwise it may be any.
pub fn execute(
    state: &MapState,
    root: Option<B256>,
    config: &CfgEnv,
    block: &BlockEnv,
    transactions: &[TxEnv],
) -> Result<Outcome, Difference> {
    let sequential =
        guarded("sequentially", || raw::execute(state, config, block, transactions, Executor::Sequential))?;
    ENGINES.with_borrow_mut(|engines| {
        for (engine, threads) in engines.iter_mut().zip(THREADS) {
            let name = format!("on {threads} threads");
            let parallel = guarded(&name, || raw::execute_on(engine, state, root, config, block, transactions));
            if parallel.is_err() {
                // It may have been left in any state.
                *engine = Engine::new(threads);
            }
            let parallel = parallel?;
            if !parallel.same(&sequential) {
                return Err(Difference::Executors { threads, what: first_difference(&sequential, &parallel) });
            }
        }
        Ok(())
    })?;
    Ok(sequential)
}

/// What this thread has just executed is now part of the state, which has this root.
pub fn applied(root: B256) {
    ENGINES.with_borrow_mut(|engines| engines.iter_mut().for_each(|engine| engine.applied(root)));
}

/// With a panic as one more way to fail.
fn guarded(
    executor: &str,
    run: impl FnOnce() -> Result<Outcome, weft_execution::Missing>,
) -> Result<Outcome, Difference> {
    let executor = || executor.to_owned();
    catch_unwind(AssertUnwindSafe(run))
        .map_err(|panic| Difference::Panicked { executor: executor(), message: message(&*panic) })?
        .map_err(|missing| Difference::Missing { executor: executor(), missing })
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
