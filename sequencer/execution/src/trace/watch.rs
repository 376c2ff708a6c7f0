//! What is written down of a transaction: nothing, or what revm-inspectors' recorder is told to.

use alloy_primitives::{Address, Log, U256};
use revm::Inspector;
use revm::context_interface::{ContextTr, JournalTr};
use revm::inspector::JournalExt;
use revm::interpreter::{CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter};
use revm_inspectors::tracing::{TraceLimitBehavior, TraceLimits, TracingInspector, TracingInspectorConfig};

/// A recorder, if there is one.
#[derive(Debug)]
pub(crate) struct Watch(Option<Box<TracingInspector>>);

impl Watch {
    pub(super) const fn nothing() -> Self {
        Self(None)
    }

    pub(super) fn recording(config: TracingInspectorConfig) -> Self {
        Self(Some(Box::new(TracingInspector::new(config))))
    }

    /// Copies of memory and call data take at most so many bytes.
    pub(super) fn within(self, bytes: usize) -> Self {
        let limits = TraceLimits::default().set_max_recorded_bytes(Some(bytes)).set_behavior(TraceLimitBehavior::Halt);
        Self(self.0.map(|recorder| Box::new(recorder.with_limits(limits))))
    }

    pub(super) fn recorder(self) -> TracingInspector {
        self.0.map(|recorder| *recorder).unwrap_or_default()
    }

    pub(super) fn keeps_steps(&self) -> bool {
        self.0.as_ref().is_some_and(|recorder| recorder.config().record_steps)
    }

    pub(super) fn recorded_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |recorder| recorder.recorded_bytes())
    }

    pub(super) fn is_cut(&self) -> bool {
        self.0.as_ref().is_some_and(|recorder| recorder.limit_exceeded())
    }
}

impl<C: ContextTr<Journal: JournalTr + JournalExt>> Inspector<C> for Watch {
    fn initialize_interp(&mut self, interp: &mut Interpreter, context: &mut C) {
        if let Some(recorder) = &mut self.0 {
            recorder.initialize_interp(interp, context);
        }
    }

    fn step(&mut self, interp: &mut Interpreter, context: &mut C) {
        if let Some(recorder) = &mut self.0 {
            recorder.step(interp, context);
        }
    }

    fn step_end(&mut self, interp: &mut Interpreter, context: &mut C) {
        if let Some(recorder) = &mut self.0 {
            recorder.step_end(interp, context);
        }
    }

    fn log(&mut self, context: &mut C, log: Log) {
        if let Some(recorder) = &mut self.0 {
            Inspector::<C>::log(&mut **recorder, context, log);
        }
    }

    fn call(&mut self, context: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.0.as_mut().and_then(|recorder| recorder.call(context, inputs))
    }

    fn call_end(&mut self, context: &mut C, inputs: &CallInputs, outcome: &mut CallOutcome) {
        if let Some(recorder) = &mut self.0 {
            recorder.call_end(context, inputs, outcome);
        }
    }

    fn create(&mut self, context: &mut C, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.0.as_mut().and_then(|recorder| recorder.create(context, inputs))
    }

    fn create_end(&mut self, context: &mut C, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        if let Some(recorder) = &mut self.0 {
            recorder.create_end(context, inputs, outcome);
        }
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        if let Some(recorder) = &mut self.0 {
            <TracingInspector as Inspector<C>>::selfdestruct(recorder, contract, target, value);
        }
    }
}
