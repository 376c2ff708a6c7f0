//! Traces in go-ethereum's shapes: struct logs, `callTracer`, `flatCallTracer`, `prestateTracer`, `4byteTracer`,
//! `noopTracer`.

use std::collections::BTreeMap;

use alloy_primitives::hex;
use alloy_rpc_types_trace::geth::{
    CallConfig, FlatCallConfig, FourByteFrame, GethDebugBuiltInTracerType as BuiltIn, GethDebugTracerType,
    GethDebugTracingOptions, GethDefaultTracingOptions, GethTrace, NoopFrame, PreStateConfig,
};
use revm::context::TxEnv;
use revm::context::result::ResultAndState;
use revm_inspectors::tracing::{TracingInspector, TracingInspectorConfig};

use super::state::Before;
use super::watch::Watch;
use super::{TraceError, Tracer};
use crate::overlay::Overlay;
use crate::view::StateView;

/// A tracer of go-ethereum's, with its options.
#[derive(Clone, Debug)]
pub struct Geth(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Steps(GethDefaultTracingOptions),
    Calls(CallConfig),
    FlatCalls(FlatCallConfig),
    State(PreStateConfig),
    FourByte,
    Nothing,
}

impl Geth {
    /// The tracer that these options name.
    pub fn new(options: &GethDebugTracingOptions) -> Result<Self, TraceError> {
        let config = options.tracer_config.clone();
        fn bad(error: impl std::fmt::Display) -> TraceError {
            TraceError::Unsupported(format!("tracerConfig: {error}"))
        }
        let kind = match &options.tracer {
            None => Kind::Steps(options.config),
            Some(GethDebugTracerType::BuiltInTracer(tracer)) => match tracer {
                BuiltIn::CallTracer => Kind::Calls(config.into_call_config().map_err(bad)?),
                BuiltIn::FlatCallTracer => Kind::FlatCalls(config.into_flat_call_config().map_err(bad)?),
                BuiltIn::PreStateTracer => Kind::State(config.into_pre_state_config().map_err(bad)?),
                BuiltIn::FourByteTracer => Kind::FourByte,
                BuiltIn::NoopTracer => Kind::Nothing,
                other => return Err(TraceError::Unsupported(format!("tracer {other:?} is not supported"))),
            },
            Some(GethDebugTracerType::JsTracer(_)) => {
                let why = "tracers in JavaScript are not supported: callTracer, flatCallTracer, prestateTracer, \
                           4byteTracer, noopTracer and struct logs are";
                return Err(TraceError::Unsupported(why.to_owned()));
            }
        };
        Ok(Self(kind))
    }
}

impl Tracer for Geth {
    type Trace = GethTrace;

    fn watch(&self) -> Result<Watch, TraceError> {
        Ok(Watch::recording(match &self.0 {
            Kind::Steps(options) => TracingInspectorConfig::from_geth_config(options),
            Kind::Calls(config) => TracingInspectorConfig::from_geth_call_config(config),
            Kind::FlatCalls(config) => TracingInspectorConfig::from_flat_call_config(config),
            Kind::State(config) => TracingInspectorConfig::from_geth_prestate_config(config),
            Kind::FourByte => TracingInspectorConfig::from_geth_call_config(&CallConfig::default()),
            Kind::Nothing => return Ok(Watch::nothing()),
        }))
    }

    fn tell<V: StateView + ?Sized>(
        &self,
        watch: Watch,
        transaction: &TxEnv,
        done: &ResultAndState,
        db: &Overlay<'_, V>,
    ) -> Result<GethTrace, TraceError> {
        let mut recorder = watch.recorder();
        recorder.set_transaction_gas_limit(transaction.gas_limit);
        let gas_used = done.result.tx_gas_used();
        Ok(match &self.0 {
            Kind::Steps(options) => {
                let output = done.result.output().cloned().unwrap_or_default();
                recorder.into_geth_builder().geth_traces(gas_used, output, *options).into()
            }
            Kind::Calls(config) => recorder.into_geth_builder().geth_call_traces(*config, gas_used).into(),
            Kind::FlatCalls(_) => {
                let parity = recorder.with_transaction_gas_used(gas_used).into_parity_builder();
                GethTrace::FlatCallTracer(parity.into_localized_transaction_traces(Default::default()))
            }
            Kind::State(config) => recorder.into_geth_builder().geth_prestate_traces(done, config, Before(db))?.into(),
            Kind::FourByte => GethTrace::FourByteTracer(FourByteFrame(four_bytes(&recorder))),
            Kind::Nothing => GethTrace::NoopTracer(NoopFrame::default()),
        })
    }
}

/// How often each selector was called, by selector and length of the arguments.
fn four_bytes(recorder: &TracingInspector) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for node in recorder.traces().nodes() {
        let trace = &node.trace;
        if trace.kind.is_any_create() || trace.maybe_precompile == Some(true) {
            continue;
        }
        if let Some((selector, arguments)) = trace.data.split_first_chunk::<4>() {
            *counts.entry(format!("0x{}-{}", hex::encode(selector), arguments.len())).or_default() += 1;
        }
    }
    counts
}
