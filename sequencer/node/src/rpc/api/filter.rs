//! Events, and filters that are polled.

use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;

use alloy_primitives::{B256, U64};
use alloy_rpc_types_eth::Filter as LogFilter;
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast::error::TryRecvError;

use super::{Context, Inner};
use crate::rpc::convert::RpcLog;
use crate::rpc::error::RpcError;
use crate::rpc::filters::{Kind, Polled};
use crate::rpc::logs;

/// What a filter found since it was last asked.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Changes {
    /// Of blocks or transactions.
    Hashes(Vec<B256>),
    /// Events.
    Logs(Vec<RpcLog>),
}

/// A page of events.
#[derive(Clone, Debug, Serialize)]
pub struct Page {
    logs: Vec<RpcLog>,
    /// To be asked with for the next page; absent after the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<U64>,
}

/// `eth_getLogs` and filters.
#[rpc(server, namespace = "eth")]
pub trait Filter {
    /// All events that match, within the limits of one query.
    #[method(name = "getLogs")]
    async fn logs(&self, filter: LogFilter) -> Result<Vec<RpcLog>, RpcError>;

    /// Events that match, page by page over any range: the filter may have the `cursor` that came with the last page.
    #[method(name = "getLogsWithCursor")]
    async fn logs_with_cursor(&self, filter: Value) -> Result<Page, RpcError>;

    /// A filter on new events; its name.
    #[method(name = "newFilter")]
    fn new_filter(&self, filter: LogFilter) -> Result<String, RpcError>;

    /// A filter on new blocks; its name.
    #[method(name = "newBlockFilter")]
    fn new_block_filter(&self) -> Result<String, RpcError>;

    /// A filter on transactions accepted into the pool; its name.
    #[method(name = "newPendingTransactionFilter")]
    fn new_pending_transaction_filter(&self) -> Result<String, RpcError>;

    /// What is new since the last time. After a full page there may be more: ask again.
    #[method(name = "getFilterChanges")]
    async fn filter_changes(&self, id: String) -> Result<Changes, RpcError>;

    /// All events that a filter on events matches, as `eth_getLogs`.
    #[method(name = "getFilterLogs")]
    async fn filter_logs(&self, id: String) -> Result<Vec<RpcLog>, RpcError>;

    /// Forgets a filter; whether it was there.
    #[method(name = "uninstallFilter")]
    fn uninstall_filter(&self, id: String) -> Result<bool, RpcError>;
}

impl Inner {
    fn changes(&self, id: &str) -> Result<Changes, RpcError> {
        let filter = self.filters.get(id, Instant::now())?;
        let mut filter: MutexGuard<'_, Polled> = filter.lock().unwrap_or_else(PoisonError::into_inner);
        let filter = &mut *filter;
        let heads = self.backend.heads();
        match &mut filter.kind {
            Kind::Blocks => {
                let hashes = self.block_hashes(filter.next, heads.latest)?;
                filter.next += hashes.len() as u64;
                Ok(Changes::Hashes(hashes))
            }
            Kind::Logs(wanted) => {
                let (found, next) = logs::page(&self.blocks, wanted, filter.next, &heads, self.config())?;
                filter.next = next;
                Ok(Changes::Logs(found))
            }
            Kind::Accepted(accepted) => {
                let mut hashes = Vec::new();
                while hashes.len() < self.config().max_logs {
                    match accepted.try_recv() {
                        Ok(hash) => hashes.push(hash),
                        Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                        Err(TryRecvError::Lagged(missed)) => {
                            self.filters.remove(id);
                            let why = format!("filter not found: it missed {missed} transactions; poll more often");
                            return Err(RpcError::Refused(why));
                        }
                    }
                }
                Ok(Changes::Hashes(hashes))
            }
        }
    }

    /// Hashes of the blocks from `next` to `latest`, at most a page of them.
    fn block_hashes(&self, next: u64, latest: u64) -> Result<Vec<B256>, RpcError> {
        let mut hashes = Vec::new();
        for number in (next..=latest).take(self.config().max_logs) {
            let full = self.blocks.get(number)?.ok_or(RpcError::NoBlock)?;
            hashes.push(full.block.hash);
        }
        Ok(hashes)
    }

    fn query(&self, filter: &LogFilter) -> Result<Vec<RpcLog>, RpcError> {
        logs::query(&self.blocks, filter, &self.backend.heads(), self.config())
    }

    fn add_filter(&self, kind: Kind) -> Result<String, RpcError> {
        self.filters.add(kind, self.backend.heads().latest + 1, Instant::now())
    }
}

#[async_trait]
impl FilterServer for Context {
    async fn logs(&self, filter: LogFilter) -> Result<Vec<RpcLog>, RpcError> {
        self.read(move |inner| inner.query(&filter)).await
    }

    async fn logs_with_cursor(&self, mut filter: Value) -> Result<Page, RpcError> {
        let cursor = filter.as_object_mut().and_then(|fields| fields.remove("cursor"));
        let cursor: Option<U64> = serde_json::from_value(cursor.unwrap_or_default()).map_err(RpcError::params)?;
        let filter: LogFilter = serde_json::from_value(filter).map_err(RpcError::params)?;
        let page = move |inner: &Inner| {
            let cursor = cursor.map(|cursor| cursor.to());
            let (logs, next) = logs::paged(&inner.blocks, &filter, cursor, &inner.backend.heads(), inner.config())?;
            Ok(Page { logs, cursor: next.map(U64::from) })
        };
        self.read(page).await
    }

    fn new_filter(&self, filter: LogFilter) -> Result<String, RpcError> {
        if filter.block_option.is_block_hash() {
            return Err(RpcError::params("a filter on one block never changes: use eth_getLogs with blockHash"));
        }
        self.add_filter(Kind::Logs(Box::new(filter)))
    }

    fn new_block_filter(&self) -> Result<String, RpcError> {
        self.add_filter(Kind::Blocks)
    }

    fn new_pending_transaction_filter(&self) -> Result<String, RpcError> {
        self.add_filter(Kind::Accepted(self.backend.subscribe_accepted()))
    }

    async fn filter_changes(&self, id: String) -> Result<Changes, RpcError> {
        self.read(move |inner| inner.changes(&id)).await
    }

    async fn filter_logs(&self, id: String) -> Result<Vec<RpcLog>, RpcError> {
        let all = move |inner: &Inner| {
            let filter = inner.filters.get(&id, Instant::now())?;
            let wanted = match &filter.lock().unwrap_or_else(PoisonError::into_inner).kind {
                Kind::Logs(wanted) => wanted.clone(),
                Kind::Blocks | Kind::Accepted(_) => return Err(RpcError::NoFilter),
            };
            inner.query(&wanted)
        };
        self.read(all).await
    }

    fn uninstall_filter(&self, id: String) -> Result<bool, RpcError> {
        Ok(self.filters.remove(&id))
    }
}
