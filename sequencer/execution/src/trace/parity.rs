//! Traces in the shapes of Parity (OpenEthereum): `trace_*`.

use alloy_primitives::map::HashSet;
use alloy_rpc_types_trace::parity::{TraceResults, TraceType};
use revm::context::TxEnv;
use revm::context::result::ResultAndState;
use revm_inspectors::tracing::TracingInspectorConfig;

use super::state::Before;
use super::watch::Watch;
use super::{TraceError, Tracer};
use crate::overlay::Overlay;
use crate::view::StateView;

/// What is wanted: calls, what changed in the state, steps.
#[derive(Clone, Debug)]
pub struct Parity(HashSet<TraceType>);

impl Parity {
    /// Of these types.
    pub fn new(types: impl IntoIterator<Item = TraceType>) -> Self {
        Self(types.into_iter().collect())
    }
}

impl Tracer for Parity {
    type Trace = TraceResults;

    fn watch(&self) -> Result<Watch, TraceError> {
        Ok(Watch::recording(TracingInspectorConfig::from_parity_config(&self.0)))
    }

    fn tell<V: StateView + ?Sized>(
        &self,
        watch: Watch,
        _: &TxEnv,
        done: &ResultAndState,
        db: &Overlay<'_, V>,
    ) -> Result<TraceResults, TraceError> {
        let recorder = watch.recorder().with_transaction_gas_used(done.result.tx_gas_used());
        let told = recorder.into_parity_builder().into_trace_results_with_state(done, &self.0, Before(db))?;
        Ok(told)
    }
}
