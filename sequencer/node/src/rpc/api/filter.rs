//! Events, and filters that are polled.

use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use alloy_primitives::{B256, U64};
use alloy_rpc_types_eth::Filter as LogFilter;
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast::{self, error::TryRecvError};

use super::{Context, Inner};
use crate::chain::{Forgotten, Reader};
use crate::rpc::convert::RpcLog;
use crate::rpc::error::RpcError;
use crate::rpc::filters::{Kind, Polled};
use crate::rpc::logs;

/// How often, and how soon again, blocks are read that are being taken back at this moment: seconds.
const MAX_TRIES: u32 = 500;
const BETWEEN_TRIES: Duration = Duration::from_millis(10);
const MOVING: &str = "blocks are being taken back; ask again";

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

    /// What is new since the last time. After a full page there may be more: ask again. Of blocks that were taken back
    /// since, the events that were given come first, as removed.
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
        let Polled { kind, reader } = &mut *filter;
        let changes = match kind {
            Kind::Blocks => self.new_blocks(reader).map(Changes::Hashes),
            Kind::Logs(wanted) => self.new_logs(wanted, reader).map(Changes::Logs),
            Kind::Accepted(accepted) => self.accepted(accepted).map(Changes::Hashes),
        };
        if let Err(RpcError::FilterMissed(_)) = changes {
            self.filters.remove(id);
        }
        changes
    }

    fn new_blocks(&self, reader: &mut Reader) -> Result<Vec<B256>, RpcError> {
        let chain = self.backend.chain();
        for _ in 0..MAX_TRIES {
            reader.go_back(chain).map_err(forgotten)?;
            let hashes = self.block_hashes(reader.next, self.backend.heads().latest);
            if reader.is_current(chain) {
                let hashes = hashes?;
                reader.next += hashes.len() as u64;
                return Ok(hashes);
            }
            std::thread::sleep(BETWEEN_TRIES);
        }
        Err(RpcError::Refused(MOVING.to_owned()))
    }

    fn new_logs(&self, wanted: &LogFilter, reader: &mut Reader) -> Result<Vec<RpcLog>, RpcError> {
        let chain = self.backend.chain();
        // Only what is delivered moves the filter.
        let (mut ahead, mut all) = (*reader, Vec::new());
        for _ in 0..MAX_TRIES {
            let gone = ahead.go_back(chain).map_err(forgotten)?;
            all.extend(logs::removed(wanted, &gone).map_err(forgotten)?);
            let found = logs::page(&self.blocks, wanted, ahead.next, &self.backend.heads(), self.config());
            if ahead.is_current(chain) {
                let (found, next) = found?;
                all.extend(found);
                *reader = ahead.at(next);
                return Ok(all);
            }
            std::thread::sleep(BETWEEN_TRIES);
        }
        Err(RpcError::Refused(MOVING.to_owned()))
    }

    fn accepted(&self, accepted: &mut broadcast::Receiver<B256>) -> Result<Vec<B256>, RpcError> {
        let mut hashes = Vec::new();
        while hashes.len() < self.config().max_logs {
            match accepted.try_recv() {
                Ok(hash) => hashes.push(hash),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                Err(TryRecvError::Lagged(missed)) => {
                    return Err(RpcError::FilterMissed(format!("it missed {missed} transactions; poll more often")));
                }
            }
        }
        Ok(hashes)
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
        self.filters.add(kind, self.backend.chain().reader(), Instant::now())
    }
}

fn forgotten(_: Forgotten) -> RpcError {
    RpcError::FilterMissed("more blocks were taken back than are remembered; make a new one".to_owned())
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
