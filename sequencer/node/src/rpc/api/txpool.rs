//! What waits in the pool: `txpool_*`.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U64};
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use serde::Serialize;
use weft_primitives::Transaction;

use super::{Context, Inner};
use crate::rpc::convert::{self, RpcTransaction};
use crate::rpc::error::RpcError;

/// Transactions in one answer. Larger pools are asked sender by sender.
const MAX_CONTENT: usize = 10_000;

/// Transactions by nonce, in decimal.
type ByNonce = BTreeMap<String, RpcTransaction>;

/// How full the pool is.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Status {
    /// Could be in the next blocks.
    pending: U64,
    /// Wait for an earlier nonce.
    queued: U64,
}

/// All that waits.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Content<T> {
    /// Could be in the next blocks.
    pending: T,
    /// Wait for an earlier nonce.
    queued: T,
}

/// `txpool_*`.
#[rpc(server, namespace = "txpool")]
pub trait TxPool {
    /// How many transactions wait.
    #[method(name = "status")]
    async fn status(&self) -> Result<Status, RpcError>;

    /// Which, by sender and nonce.
    #[method(name = "content")]
    async fn content(&self) -> Result<Content<BTreeMap<Address, ByNonce>>, RpcError>;

    /// Which of one sender, by nonce.
    #[method(name = "contentFrom")]
    async fn content_from(&self, address: Address) -> Result<Content<ByNonce>, RpcError>;
}

impl Inner {
    /// Waiting transactions, and whether each waits for an earlier nonce. The pool is locked for a copy only.
    fn waiting(&self, sender: Option<Address>) -> Result<Vec<(Transaction, bool)>, RpcError> {
        let pool = self.backend.pool();
        let wanted = pool.iter().filter(|(transaction, _)| sender.is_none_or(|sender| sender == transaction.sender()));
        let waiting: Vec<_> =
            wanted.take(MAX_CONTENT + 1).map(|(transaction, queued)| (transaction.clone(), queued)).collect();
        if waiting.len() > MAX_CONTENT {
            let what = format!("{} transactions in the pool, use txpool_contentFrom: their number", pool.len());
            return Err(RpcError::Limit { what, limit: MAX_CONTENT as u64, key: "txpool_content" });
        }
        Ok(waiting)
    }
}

#[async_trait]
impl TxPoolServer for Context {
    async fn status(&self) -> Result<Status, RpcError> {
        let counts = self.read(|inner| Ok(inner.backend.pool().counts())).await?;
        Ok(Status { pending: U64::from(counts.pending), queued: U64::from(counts.queued) })
    }

    async fn content(&self) -> Result<Content<BTreeMap<Address, ByNonce>>, RpcError> {
        let waiting = self.read(|inner| inner.waiting(None)).await?;
        let mut content = Content::<BTreeMap<Address, ByNonce>>::default();
        for (transaction, queued) in waiting {
            let part = if queued { &mut content.queued } else { &mut content.pending };
            let sender = part.entry(transaction.sender()).or_default();
            sender.insert(transaction.nonce().to_string(), convert::pooled(&transaction));
        }
        Ok(content)
    }

    async fn content_from(&self, address: Address) -> Result<Content<ByNonce>, RpcError> {
        let waiting = self.read(move |inner| inner.waiting(Some(address))).await?;
        let mut content = Content::<ByNonce>::default();
        for (transaction, queued) in waiting {
            let part = if queued { &mut content.queued } else { &mut content.pending };
            part.insert(transaction.nonce().to_string(), convert::pooled(&transaction));
        }
        Ok(content)
    }
}
