//! Calls by who made them and to whom, over a range of blocks: `trace_filter`.
//!
//! There is no index of calls: blocks with transactions are executed once more, in order, until enough was found. So the
//! range is bounded (`rpc.max_block_range`), the time for all of it (`rpc.call_timeout_ms`), and what is found
//! (`rpc.max_trace_bytes`); with `count` an answer ends early, and `after` goes on behind it.

use alloy_eips::BlockNumberOrTag;
use alloy_primitives::Address;
use alloy_rpc_types_trace::filter::{TraceFilter as Wanted, TraceFilterMatcher, TraceFilterMode};
use alloy_rpc_types_trace::parity::{Action, LocalizedTransactionTrace, TraceOutput, TransactionTrace};
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use serde::Deserialize;
use weft_execution::trace::Bounds;

use super::{Context, Inner};
use crate::rpc::error::RpcError;
use crate::rpc::logs::block_range;

/// What a call that was found takes in memory besides its bytes, as estimated.
const CALL_BYTES: usize = 768;

/// `trace_filter`.
#[rpc(server, namespace = "trace")]
pub trait TraceFilter {
    /// The calls that match, in order.
    #[method(name = "filter")]
    async fn filter(&self, filter: Filter) -> Result<Vec<LocalizedTransactionTrace>, RpcError>;
}

/// Which calls.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Filter {
    /// First block; the oldest if not given.
    from_block: Option<BlockNumberOrTag>,
    /// Last block; the newest if not given.
    to_block: Option<BlockNumberOrTag>,
    /// Callers; any if there are none.
    from_address: Option<Vec<Address>>,
    /// Called, made or paid accounts; any if there are none.
    to_address: Option<Vec<Address>>,
    /// Where both are given: both are needed (`intersection`, as in Parity and if not said), or one is enough (`union`).
    #[serde(default)]
    mode: TraceFilterMode,
    /// Matching calls to leave out.
    after: Option<u64>,
    /// Most calls wanted.
    count: Option<u64>,
}

impl Filter {
    fn matcher(&self) -> TraceFilterMatcher {
        let (from, to) = (self.from_address.clone(), self.to_address.clone());
        Wanted::default()
            .mode(self.mode)
            .from_address(from.unwrap_or_default())
            .to_address(to.unwrap_or_default())
            .matcher()
    }
}

/// What was found so far.
struct Found {
    skip: u64,
    count: usize,
    bytes: usize,
    max_bytes: usize,
    calls: Vec<LocalizedTransactionTrace>,
}

impl Found {
    fn is_full(&self) -> bool {
        self.calls.len() >= self.count
    }

    /// Takes calls that match, as long as any are wanted.
    fn take(&mut self, calls: impl Iterator<Item = LocalizedTransactionTrace>) -> Result<(), RpcError> {
        for call in calls {
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            if self.is_full() {
                break;
            }
            self.bytes += CALL_BYTES + bytes(&call.trace);
            if self.bytes > self.max_bytes {
                let what = format!(
                    "what was found in memory, {} calls up to block {}, in bytes: ask with count, or for fewer blocks; it",
                    self.calls.len(),
                    call.block_number.unwrap_or_default()
                );
                return Err(RpcError::Limit { what, limit: self.max_bytes as u64, key: "rpc.max_trace_bytes" });
            }
            self.calls.push(call);
        }
        Ok(())
    }
}

/// Bytes of input and output.
fn bytes(trace: &TransactionTrace) -> usize {
    let input = match &trace.action {
        Action::Call(call) => call.input.len(),
        Action::Create(create) => create.init.len(),
        Action::Selfdestruct(_) | Action::Reward(_) => 0,
    };
    let output = match &trace.result {
        Some(TraceOutput::Call(call)) => call.output.len(),
        Some(TraceOutput::Create(create)) => create.code.len(),
        None => 0,
    };
    input + output
}

impl Inner {
    fn filtered(&self, filter: &Filter, bounds: &Bounds<'_>) -> Result<Vec<LocalizedTransactionTrace>, RpcError> {
        let (from, to) = (filter.from_block.unwrap_or(BlockNumberOrTag::Earliest), filter.to_block.unwrap_or_default());
        let Some(range) = block_range(from, to, &self.backend.heads(), self.config())? else { return Ok(Vec::new()) };
        let matcher = filter.matcher();
        let mut found = Found {
            skip: filter.after.unwrap_or_default(),
            count: filter.count.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX)),
            bytes: 0,
            max_bytes: bounds.max_bytes,
            calls: Vec::new(),
        };
        for number in range {
            if found.is_full() {
                break;
            }
            if (bounds.stop)() {
                let what = format!(
                    "tracing took too long: {} calls found before block {number}; ask with count, or for fewer blocks",
                    found.calls.len()
                );
                return Err(RpcError::too_slow(what));
            }
            // Past the cache, so that a long range does not push other blocks out of it.
            let Some(full) = self.blocks.if_bloom(number, |_| true)? else { break };
            let calls = self.calls(&full, None, bounds)?;
            found.take(calls.into_iter().filter(|call| matcher.matches(&call.trace)))?;
        }
        Ok(found.calls)
    }
}

#[async_trait]
impl TraceFilterServer for Context {
    async fn filter(&self, filter: Filter) -> Result<Vec<LocalizedTransactionTrace>, RpcError> {
        self.trace(move |inner| inner.within_bounds(|bounds| inner.filtered(&filter, bounds))).await
    }
}
