//! The methods, a file a subject.
//!
//! Each is three moves: parameters to Weft's types, a question to the backend, the answer to Ethereum's shapes. What
//! reads the disk or runs the EVM goes to bounded workers ([`Context::read`], [`Context::simulate`]).

mod access;
mod account;
mod block;
mod bridge;
mod call;
mod config;
mod debug;
mod debug_trace;
mod development;
mod fee;
mod filter;
mod node;
mod proof;
mod simulate;
mod state;
mod stats;
mod submit;
mod subscribe;
mod trace;
mod trace_filter;
mod transaction;
mod txpool;
mod weft;

use std::sync::{Arc, Mutex};

use alloy_eips::BlockId;
use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::Methods;

use super::blocking::Workers;
use super::blocks::Blocks;
use super::error::RpcError;
use super::filters::Filters;
use super::logs::resolve;
use crate::backend::{Backend, StateError};
use crate::config::RpcConfig;

/// Reads of disk or state that run at once.
const MAX_READS: usize = 64;

/// What all methods share. Cheap to clone.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

/// See [`Context`].
pub struct Inner {
    backend: Backend,
    blocks: Blocks,
    filters: Filters,
    reads: Workers,
    calls: Workers,
    traces: Workers,
    /// The suggested tip, and the block after which it was computed.
    tip: Mutex<Option<(u64, u128)>>,
}

impl Context {
    /// Over a backend.
    pub fn new(backend: Backend) -> Self {
        let config = backend.rpc_config();
        Self(Arc::new(Inner {
            filters: Filters::new(config.max_filters),
            reads: Workers::new(MAX_READS),
            calls: Workers::new(config.max_calls),
            traces: Workers::new(config.max_traces),
            tip: Mutex::new(None),
            blocks: Blocks::new(backend.clone()),
            backend,
        }))
    }

    /// Reads blocks.
    pub fn blocks(&self) -> &Blocks {
        &self.0.blocks
    }

    /// Does something that reads disk or state.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, RpcError> + Send + 'static,
    ) -> Result<T, RpcError> {
        let inner = self.0.clone();
        self.0.reads.run(move || work(&inner)).await
    }

    /// Does something that runs the EVM.
    async fn simulate<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, RpcError> + Send + 'static,
    ) -> Result<T, RpcError> {
        let inner = self.0.clone();
        self.0.calls.run(move || work(&inner)).await
    }

    /// Does something that writes down what the EVM does.
    async fn trace<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, RpcError> + Send + 'static,
    ) -> Result<T, RpcError> {
        let inner = self.0.clone();
        self.0.traces.run(move || work(&inner)).await
    }
}

impl std::ops::Deref for Context {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    fn config(&self) -> &RpcConfig {
        self.backend.rpc_config()
    }

    /// The number of a block; the newest if none is named. `None` if the hash is unknown; the number may be too high.
    fn number(&self, id: Option<BlockId>) -> Result<Option<u64>, RpcError> {
        match id.unwrap_or_default() {
            BlockId::Number(tag) => Ok(Some(resolve(tag, &self.backend.heads()))),
            BlockId::Hash(hash) => self.backend.block_number(&hash.block_hash).map_err(RpcError::internal),
        }
    }

    /// The number of a block whose state is asked for.
    fn state_number(&self, id: Option<BlockId>) -> Result<u64, RpcError> {
        self.number(id)?.ok_or(RpcError::NoBlock)
    }
}

impl From<StateError> for RpcError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::NoBlock(_) => Self::NoBlock,
            StateError::TooOld { number, kept } => Self::NoHistory { number, kept },
            StateError::Store(_) | StateError::Missing(_) => Self::internal(error),
        }
    }
}

/// All methods.
pub fn methods(context: &Context) -> Result<Methods, RegisterMethodError> {
    let mut methods = Methods::new();
    methods.merge(node::NodeServer::into_rpc(context.clone()))?;
    methods.merge(node::EthNodeServer::into_rpc(context.clone()))?;
    methods.merge(block::BlockServer::into_rpc(context.clone()))?;
    methods.merge(access::AccessServer::into_rpc(context.clone()))?;
    methods.merge(transaction::TransactionServer::into_rpc(context.clone()))?;
    methods.merge(state::StateServer::into_rpc(context.clone()))?;
    methods.merge(call::CallServer::into_rpc(context.clone()))?;
    methods.merge(simulate::SimulateServer::into_rpc(context.clone()))?;
    methods.merge(config::ConfigServer::into_rpc(context.clone()))?;
    methods.merge(fee::FeeServer::into_rpc(context.clone()))?;
    methods.merge(submit::SubmitServer::into_rpc(context.clone()))?;
    methods.merge(filter::FilterServer::into_rpc(context.clone()))?;
    methods.merge(subscribe::module(context.clone())?)?;
    methods.merge(txpool::TxPoolServer::into_rpc(context.clone()))?;
    methods.merge(debug::DebugServer::into_rpc(context.clone()))?;
    methods.merge(debug_trace::DebugTraceServer::into_rpc(context.clone()))?;
    methods.merge(trace::TraceServer::into_rpc(context.clone()))?;
    methods.merge(trace_filter::TraceFilterServer::into_rpc(context.clone()))?;
    methods.merge(weft::WeftServer::into_rpc(context.clone()))?;
    methods.merge(bridge::BridgeServer::into_rpc(context.clone()))?;
    methods.merge(proof::ProveServer::into_rpc(context.clone()))?;
    methods.merge(account::AccountServer::into_rpc(context.clone()))?;
    methods.merge(stats::ExecutionServer::into_rpc(context.clone()))?;
    if let Some(own) = &context.config().development {
        let server = development::Unlocked::new(context.clone(), own);
        methods.merge(development::DevelopmentServer::into_rpc(server))?;
    }
    Ok(methods)
}
