//! How transactions went, in go-ethereum's shapes: `debug_trace*`.

use std::time::Instant;

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::B256;
use alloy_rpc_types_eth::TransactionRequest;
use alloy_rpc_types_trace::geth::{GethDebugTracingCallOptions, GethDebugTracingOptions, GethTrace, TraceResult};
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use weft_execution::StateView;
use weft_execution::trace::{Block, Bounds, Geth};
use weft_primitives::Deposit;
use weft_primitives::inbox::Content;

use super::{Context, Inner};
use crate::chain::FullBlock;
use crate::rpc::error::RpcError;
use crate::store::StoredBlock;

/// `debug_trace*`. Tracers: struct logs, `callTracer`, `flatCallTracer`, `prestateTracer`, `4byteTracer`, `noopTracer`.
/// One trace may take `rpc.max_trace_bytes` and `rpc.call_timeout_ms`.
#[rpc(server, namespace = "debug")]
pub trait DebugTrace {
    /// How a transaction in a block went.
    #[method(name = "traceTransaction")]
    async fn trace_transaction(
        &self,
        hash: B256,
        options: Option<GethDebugTracingOptions>,
    ) -> Result<GethTrace, RpcError>;

    /// How all transactions of a block went.
    #[method(name = "traceBlockByNumber")]
    async fn trace_block_by_number(
        &self,
        number: BlockNumberOrTag,
        options: Option<GethDebugTracingOptions>,
    ) -> Result<Vec<TraceResult>, RpcError>;

    /// The same by the block's hash.
    #[method(name = "traceBlockByHash")]
    async fn trace_block_by_hash(
        &self,
        hash: B256,
        options: Option<GethDebugTracingOptions>,
    ) -> Result<Vec<TraceResult>, RpcError>;

    /// How a call would go on the state after a block.
    #[method(name = "traceCall")]
    async fn trace_call(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        options: Option<GethDebugTracingCallOptions>,
    ) -> Result<GethTrace, RpcError>;
}

impl Inner {
    /// Executes a block once more.
    pub(super) fn again<T>(
        &self,
        full: &FullBlock,
        trace: impl FnOnce(&Block<'_, dyn StateView + '_>) -> Result<T, RpcError>,
    ) -> Result<T, RpcError> {
        let header = &full.block.header;
        let parent = header.number.checked_sub(1);
        let parent = parent.ok_or_else(|| RpcError::Refused("genesis is not traceable".to_owned()))?;
        let rules = self.backend.dialect().rules();
        let deposits = self.deposits(full)?;
        self.backend.with_state(parent, |view, _| {
            let (transactions, deposits) = (&full.block.body.transactions[..], &deposits[..]);
            trace(&Block { rules, header, transactions, deposits, view })
        })?
    }

    /// A block's deposits, each with the number of transactions before it.
    fn deposits(&self, full: &FullBlock) -> Result<Vec<(usize, Deposit)>, RpcError> {
        let StoredBlock { body, inbox_cursor, .. } = &full.block;
        let first = inbox_cursor.saturating_sub(u64::from(body.inbox_count));
        let (mut deposits, mut before) = (Vec::new(), 0);
        let items = self.backend.chain().store().inbox(first, body.inbox_count as usize);
        for item in items.map_err(RpcError::internal)? {
            match item.content {
                Content::Deposit(deposit) => deposits.push((before, deposit)),
                // One that was not valid in its turn is not in the block.
                Content::Transaction(raw) => {
                    let next = body.transactions[..body.inbox_included as usize].get(before);
                    before += usize::from(next.is_some_and(|next| *next.raw() == raw));
                }
            }
        }
        Ok(deposits)
    }

    /// Bounds for one answer that is begun now.
    pub(super) fn within_bounds<T>(&self, trace: impl FnOnce(&Bounds<'_>) -> T) -> T {
        let deadline = self.deadline();
        trace(&Bounds { max_bytes: self.config().max_trace_bytes, stop: &|| Instant::now() >= deadline })
    }

    fn trace_block(
        &self,
        block: BlockId,
        options: Option<GethDebugTracingOptions>,
    ) -> Result<Vec<TraceResult>, RpcError> {
        let full = self.full_block(block)?.ok_or_else(|| not_found(block))?;
        let tracer = Geth::new(&options.unwrap_or_default())?;
        let again = |bounds: &Bounds<'_>| self.again(&full, |block| Ok(block.geth(&tracer, None, bounds)?));
        let traces = self.within_bounds(again)?;
        let hashes = full.block.body.transactions.iter().map(|transaction| Some(transaction.hash()));
        Ok(traces.into_iter().zip(hashes).map(|(result, tx_hash)| TraceResult::Success { result, tx_hash }).collect())
    }

    fn trace_transaction(&self, hash: B256, options: Option<GethDebugTracingOptions>) -> Result<GethTrace, RpcError> {
        let (full, index) = self.blocks.of_transaction(&hash)?.ok_or_else(no_transaction)?;
        let tracer = Geth::new(&options.unwrap_or_default())?;
        let again = |bounds: &Bounds<'_>| self.again(&full, |block| Ok(block.geth(&tracer, Some(index), bounds)?));
        let traces = self.within_bounds(again)?;
        traces.into_iter().next().ok_or_else(no_transaction)
    }
}

fn not_found(block: BlockId) -> RpcError {
    match block {
        BlockId::Hash(hash) => RpcError::Refused(format!("block {} not found", hash.block_hash)),
        BlockId::Number(number) => RpcError::Refused(format!("block {number} not found")),
    }
}

/// A transaction that is in no block.
pub(super) fn no_transaction() -> RpcError {
    RpcError::Refused("transaction not found".to_owned())
}

#[async_trait]
impl DebugTraceServer for Context {
    async fn trace_transaction(
        &self,
        hash: B256,
        options: Option<GethDebugTracingOptions>,
    ) -> Result<GethTrace, RpcError> {
        self.trace(move |inner| inner.trace_transaction(hash, options)).await
    }

    async fn trace_block_by_number(
        &self,
        number: BlockNumberOrTag,
        options: Option<GethDebugTracingOptions>,
    ) -> Result<Vec<TraceResult>, RpcError> {
        self.trace(move |inner| inner.trace_block(number.into(), options)).await
    }

    async fn trace_block_by_hash(
        &self,
        hash: B256,
        options: Option<GethDebugTracingOptions>,
    ) -> Result<Vec<TraceResult>, RpcError> {
        self.trace(move |inner| inner.trace_block(hash.into(), options)).await
    }

    async fn trace_call(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        options: Option<GethDebugTracingCallOptions>,
    ) -> Result<GethTrace, RpcError> {
        let options = options.unwrap_or_default();
        if options.tx_index.is_some() {
            return Err(RpcError::params("txIndex is not supported: calls are traced on the state after the block"));
        }
        let tracer = Geth::new(&options.tracing_options)?;
        let trial = self.trial(request, block, options.state_overrides, options.block_overrides)?;
        let trace = move |inner: &Inner| {
            let bounded = |bounds: &Bounds<'_>| {
                inner.run(trial, |at, message, state| Ok(at.geth(message, state, &tracer, bounds)?))
            };
            inner.within_bounds(bounded)
        };
        self.trace(trace).await
    }
}
