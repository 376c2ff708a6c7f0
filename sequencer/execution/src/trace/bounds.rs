//! Bounds of memory and time for a trace.
//!
//! A transaction may take a million steps with a stack of a thousand words each, so what is written down is counted,
//! and execution ends where it becomes too much. The core knows no clock: whether it has taken too long it asks.

use alloy_primitives::{Address, Log, U256};
use revm::Inspector;
use revm::context_interface::context::ContextError;
use revm::context_interface::{ContextTr, JournalTr};
use revm::inspector::JournalExt;
use revm::interpreter::{CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter};

use super::TraceError;
use super::watch::Watch;

/// Steps between two questions whether it takes too long.
const STEPS_PER_QUESTION: u32 = 1_024;

/// What a step takes in memory besides its stack, in bytes.
const STEP_BYTES: usize = 320;

/// What a call takes besides its input, in bytes.
const CALL_BYTES: usize = 768;

/// Length of a word on the stack.
const WORD: usize = 32;

/// Bounds of one answer.
#[derive(Clone, Copy)]
pub struct Bounds<'a> {
    /// Bytes written down at most, as estimated.
    pub max_bytes: usize,
    /// Whether it has taken too long.
    pub stop: &'a dyn Fn() -> bool,
}

impl<'a> Bounds<'a> {
    pub(super) fn check_time(&self) -> Result<(), TraceError> {
        if (self.stop)() { Err(TraceError::Stopped) } else { Ok(()) }
    }

    pub(super) fn over(&self, watch: Watch) -> Bounded<'a> {
        Bounded { watch, bounds: *self, used: 0, until_question: STEPS_PER_QUESTION, broken: None }
    }
}

/// Which bound was broken.
#[derive(Clone, Copy, Debug)]
enum Broken {
    Memory,
    Time,
}

/// Watches within bounds. What it has written down counts as long as the answer is not complete.
pub(crate) struct Bounded<'a> {
    watch: Watch,
    bounds: Bounds<'a>,
    used: usize,
    until_question: u32,
    broken: Option<Broken>,
}

impl Bounded<'_> {
    /// Watches the next transaction.
    pub(super) fn watch(&mut self, watch: Watch) {
        self.watch = watch.within(self.bounds.max_bytes.saturating_sub(self.used));
    }

    /// What was written down.
    pub(super) fn take(&mut self) -> Result<Watch, TraceError> {
        let watch = std::mem::replace(&mut self.watch, Watch::nothing());
        self.used += watch.recorded_bytes();
        match self.broken {
            Some(Broken::Time) => Err(TraceError::Stopped),
            Some(Broken::Memory) => Err(TraceError::TooLarge(self.bounds.max_bytes)),
            None if watch.is_cut() => Err(TraceError::TooLarge(self.bounds.max_bytes)),
            None => Ok(watch),
        }
    }

    fn spend(&mut self, bytes: usize) -> bool {
        self.used = self.used.saturating_add(bytes);
        if self.used > self.bounds.max_bytes {
            self.broken = Some(Broken::Memory);
        }
        self.broken.is_none()
    }

    fn is_late(&mut self) -> bool {
        self.until_question -= 1;
        if self.until_question == 0 {
            self.until_question = STEPS_PER_QUESTION;
            if (self.bounds.stop)() {
                self.broken = Some(Broken::Time);
            }
        }
        self.broken.is_some()
    }
}

fn end<C: ContextTr>(context: &mut C) {
    if context.error().is_ok() {
        *context.error() = Err(ContextError::Custom("a bound of tracing is broken".to_owned()));
    }
}

impl<C: ContextTr<Journal: JournalTr + JournalExt>> Inspector<C> for Bounded<'_> {
    fn initialize_interp(&mut self, interp: &mut Interpreter, context: &mut C) {
        self.watch.initialize_interp(interp, context);
    }

    fn step(&mut self, interp: &mut Interpreter, context: &mut C) {
        let bytes = if self.watch.keeps_steps() { STEP_BYTES + WORD * interp.stack.len() } else { 0 };
        if self.is_late() || !self.spend(bytes) {
            end(context);
            return interp.halt_fatal();
        }
        self.watch.step(interp, context);
    }

    fn step_end(&mut self, interp: &mut Interpreter, context: &mut C) {
        self.watch.step_end(interp, context);
    }

    fn log(&mut self, context: &mut C, log: Log) {
        self.watch.log(context, log);
    }

    fn call(&mut self, context: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        if !self.spend(CALL_BYTES) {
            end(context);
        }
        self.watch.call(context, inputs)
    }

    fn call_end(&mut self, context: &mut C, inputs: &CallInputs, outcome: &mut CallOutcome) {
        self.watch.call_end(context, inputs, outcome);
    }

    fn create(&mut self, context: &mut C, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        if !self.spend(CALL_BYTES) {
            end(context);
        }
        self.watch.create(context, inputs)
    }

    fn create_end(&mut self, context: &mut C, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        self.watch.create_end(context, inputs, outcome);
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        <Watch as Inspector<C>>::selfdestruct(&mut self.watch, contract, target, value);
    }
}
