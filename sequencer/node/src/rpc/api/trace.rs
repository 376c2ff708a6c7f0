//! How transactions went, in the shapes of Parity: `trace_*`, as explorers read them.

use alloy_eips::BlockId;
use alloy_primitives::B256;
use alloy_rpc_types_eth::{Index, TransactionRequest};
use alloy_rpc_types_trace::parity::{
    LocalizedTransactionTrace, TraceResults, TraceResultsWithTransactionHash, TraceType,
};
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use weft_execution::trace::{Bounds, Parity};

use super::debug_trace::no_transaction;
use super::{Context, Inner};
use crate::chain::FullBlock;
use crate::rpc::error::RpcError;

/// `trace_*`. One answer may take `rpc.max_trace_bytes` and `rpc.call_timeout_ms`.
#[rpc(server, namespace = "trace")]
pub trait Trace {
    /// All calls in a block, in order; null if there is no such block.
    #[method(name = "block")]
    async fn block(&self, block: BlockId) -> Result<Option<Vec<LocalizedTransactionTrace>>, RpcError>;

    /// All calls of a transaction, in order; null if it is in no block.
    #[method(name = "transaction")]
    async fn transaction(&self, hash: B256) -> Result<Option<Vec<LocalizedTransactionTrace>>, RpcError>;

    /// One call of a transaction by its place; null if there is none.
    #[method(name = "get")]
    async fn get(&self, hash: B256, place: Vec<Index>) -> Result<Option<LocalizedTransactionTrace>, RpcError>;

    /// What all transactions of a block did: calls, changes of state, steps, as asked for.
    #[method(name = "replayBlockTransactions")]
    async fn replay_block(
        &self,
        block: BlockId,
        types: Vec<TraceType>,
    ) -> Result<Option<Vec<TraceResultsWithTransactionHash>>, RpcError>;

    /// The same of one transaction.
    #[method(name = "replayTransaction")]
    async fn replay_transaction(&self, hash: B256, types: Vec<TraceType>) -> Result<TraceResults, RpcError>;

    /// The same of a call on the state after a block.
    #[method(name = "call")]
    async fn call(
        &self,
        request: TransactionRequest,
        types: Vec<TraceType>,
        block: Option<BlockId>,
    ) -> Result<TraceResults, RpcError>;
}

impl Inner {
    fn replayed(
        &self,
        full: &FullBlock,
        types: impl IntoIterator<Item = TraceType>,
        only: Option<usize>,
        bounds: &Bounds<'_>,
    ) -> Result<Vec<TraceResults>, RpcError> {
        if full.block.body.transactions.is_empty() {
            return Ok(Vec::new());
        }
        let tracer = Parity::new(types);
        self.again(full, |block| Ok(block.parity(&tracer, only, bounds)?))
    }

    /// The calls of all transactions of a block, or of the one at a position.
    pub(super) fn calls(
        &self,
        full: &FullBlock,
        only: Option<usize>,
        bounds: &Bounds<'_>,
    ) -> Result<Vec<LocalizedTransactionTrace>, RpcError> {
        let results = self.replayed(full, [TraceType::Trace], only, bounds)?;
        let (first, block) = (only.unwrap_or_default(), &full.block);
        let placed = block.body.transactions.iter().enumerate().skip(first).zip(results);
        let calls = placed.flat_map(|((position, transaction), result)| {
            let hash = transaction.hash();
            result.trace.into_iter().map(move |trace| LocalizedTransactionTrace {
                trace,
                block_hash: Some(block.hash),
                block_number: Some(block.header.number),
                transaction_hash: Some(hash),
                transaction_position: Some(position as u64),
            })
        });
        Ok(calls.collect())
    }

    fn calls_of(&self, hash: B256) -> Result<Option<Vec<LocalizedTransactionTrace>>, RpcError> {
        let located = self.blocks.of_transaction(&hash)?;
        let Some((full, index)) = located else { return Ok(None) };
        self.within_bounds(|bounds| self.calls(&full, Some(index), bounds)).map(Some)
    }
}

#[async_trait]
impl TraceServer for Context {
    async fn block(&self, block: BlockId) -> Result<Option<Vec<LocalizedTransactionTrace>>, RpcError> {
        let calls = move |inner: &Inner| match inner.full_block(block)? {
            Some(full) => inner.within_bounds(|bounds| inner.calls(&full, None, bounds)).map(Some),
            None => Ok(None),
        };
        self.trace(calls).await
    }

    async fn transaction(&self, hash: B256) -> Result<Option<Vec<LocalizedTransactionTrace>>, RpcError> {
        self.trace(move |inner| inner.calls_of(hash)).await
    }

    async fn get(&self, hash: B256, place: Vec<Index>) -> Result<Option<LocalizedTransactionTrace>, RpcError> {
        let place: Vec<usize> = place.into_iter().map(|index| index.0).collect();
        let calls = self.trace(move |inner| inner.calls_of(hash)).await?;
        Ok(calls.into_iter().flatten().find(|call| call.trace.trace_address == place))
    }

    async fn replay_block(
        &self,
        block: BlockId,
        types: Vec<TraceType>,
    ) -> Result<Option<Vec<TraceResultsWithTransactionHash>>, RpcError> {
        let replay = move |inner: &Inner| {
            let Some(full) = inner.full_block(block)? else { return Ok(None) };
            let hashes = full.block.body.transactions.iter().map(weft_primitives::Transaction::hash);
            let results =
                inner.within_bounds(|bounds| inner.replayed(&full, types, None, bounds))?.into_iter().zip(hashes);
            let named =
                |(full_trace, transaction_hash)| TraceResultsWithTransactionHash { full_trace, transaction_hash };
            Ok(Some(results.map(named).collect()))
        };
        self.trace(replay).await
    }

    async fn replay_transaction(&self, hash: B256, types: Vec<TraceType>) -> Result<TraceResults, RpcError> {
        let replay = move |inner: &Inner| {
            let (full, index) = inner.blocks.of_transaction(&hash)?.ok_or_else(no_transaction)?;
            let results = inner.within_bounds(|bounds| inner.replayed(&full, types, Some(index), bounds))?;
            results.into_iter().next().ok_or_else(no_transaction)
        };
        self.trace(replay).await
    }

    async fn call(
        &self,
        request: TransactionRequest,
        types: Vec<TraceType>,
        block: Option<BlockId>,
    ) -> Result<TraceResults, RpcError> {
        let trial = self.trial(request, block, None, None)?;
        let trace = move |inner: &Inner| {
            let tracer = Parity::new(types);
            let bounded = |bounds: &Bounds<'_>| {
                inner.run(trial, |at, message, state| Ok(at.parity(message, state, &tracer, bounds)?))
            };
            inner.within_bounds(bounded)
        };
        self.trace(trace).await
    }
}
