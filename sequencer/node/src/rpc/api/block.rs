//! Blocks and their receipts.

use std::sync::Arc;

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{B256, U64};
use alloy_rpc_types_eth::Index;
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;

use super::{Context, Inner};
use crate::chain::FullBlock;
use crate::rpc::convert::{self, Beside, RpcBlock, RpcReceipt};
use crate::rpc::error::RpcError;

/// `eth_getBlock*`, `eth_getUncle*`.
#[rpc(server, namespace = "eth")]
pub trait Block {
    /// A block by number or tag, with its transactions or their hashes; null if there is none.
    #[method(name = "getBlockByNumber")]
    async fn block_by_number(&self, number: BlockNumberOrTag, full: Option<bool>)
    -> Result<Option<RpcBlock>, RpcError>;

    /// The same by hash.
    #[method(name = "getBlockByHash")]
    async fn block_by_hash(&self, hash: B256, full: Option<bool>) -> Result<Option<RpcBlock>, RpcError>;

    /// Number of transactions in a block; null if there is no such block.
    #[method(name = "getBlockTransactionCountByNumber")]
    async fn count_by_number(&self, number: BlockNumberOrTag) -> Result<Option<U64>, RpcError>;

    /// The same by hash.
    #[method(name = "getBlockTransactionCountByHash")]
    async fn count_by_hash(&self, hash: B256) -> Result<Option<U64>, RpcError>;

    /// All receipts of a block, in order; null if there is no such block.
    #[method(name = "getBlockReceipts")]
    async fn block_receipts(&self, block: BlockId) -> Result<Option<Vec<RpcReceipt>>, RpcError>;

    /// Number of uncles; none on Weft's chains.
    #[method(name = "getUncleCountByBlockNumber")]
    async fn uncles_by_number(&self, number: BlockNumberOrTag) -> Result<Option<U64>, RpcError>;

    /// The same by hash.
    #[method(name = "getUncleCountByBlockHash")]
    async fn uncles_by_hash(&self, hash: B256) -> Result<Option<U64>, RpcError>;

    /// An uncle; there are none.
    #[method(name = "getUncleByBlockNumberAndIndex")]
    fn uncle_by_number(&self, number: BlockNumberOrTag, index: Index) -> Result<Option<RpcBlock>, RpcError>;

    /// The same by hash.
    #[method(name = "getUncleByBlockHashAndIndex")]
    fn uncle_by_hash(&self, hash: B256, index: Index) -> Result<Option<RpcBlock>, RpcError>;
}

impl Inner {
    /// A block with its receipts.
    pub(super) fn full_block(&self, id: BlockId) -> Result<Option<Arc<FullBlock>>, RpcError> {
        match self.number(Some(id))? {
            Some(number) => self.blocks.get(number),
            None => Ok(None),
        }
    }

    /// What a block has beside its transactions.
    pub(super) fn beside(&self, number: u64) -> Beside {
        let dialect = self.backend.dialect();
        Beside { ommers: dialect.ommers(number), withdrawals: dialect.withdrawals(number) }
    }

    fn shown(&self, found: &FullBlock, full: Option<bool>) -> RpcBlock {
        convert::block(&found.block, &self.beside(found.block.header.number), full.unwrap_or_default())
    }

    fn ommer_count(&self, found: &FullBlock) -> U64 {
        U64::from(self.backend.dialect().ommers(found.block.header.number).len())
    }
}

impl Context {
    /// What `answer` says of a block, in a worker.
    async fn of_block<T: Send + 'static>(
        &self,
        id: impl Into<BlockId>,
        answer: impl FnOnce(&Inner, &FullBlock) -> T + Send + 'static,
    ) -> Result<Option<T>, RpcError> {
        let id = id.into();
        self.read(move |inner| Ok(inner.full_block(id)?.map(|full| answer(inner, &full)))).await
    }
}

fn count(_: &Inner, full: &FullBlock) -> U64 {
    U64::from(full.block.body.transactions.len())
}

#[async_trait]
impl BlockServer for Context {
    async fn block_by_number(
        &self,
        number: BlockNumberOrTag,
        full: Option<bool>,
    ) -> Result<Option<RpcBlock>, RpcError> {
        self.of_block(number, move |inner, found| inner.shown(found, full)).await
    }

    async fn block_by_hash(&self, hash: B256, full: Option<bool>) -> Result<Option<RpcBlock>, RpcError> {
        self.of_block(hash, move |inner, found| inner.shown(found, full)).await
    }

    async fn count_by_number(&self, number: BlockNumberOrTag) -> Result<Option<U64>, RpcError> {
        self.of_block(number, count).await
    }

    async fn count_by_hash(&self, hash: B256) -> Result<Option<U64>, RpcError> {
        self.of_block(hash, count).await
    }

    async fn block_receipts(&self, block: BlockId) -> Result<Option<Vec<RpcReceipt>>, RpcError> {
        let receipts = |inner: &Inner, found: &FullBlock| {
            convert::block_receipts(inner.backend.dialect(), &found.block, &found.receipts)
        };
        self.of_block(block, receipts).await
    }

    async fn uncles_by_number(&self, number: BlockNumberOrTag) -> Result<Option<U64>, RpcError> {
        self.of_block(number, Inner::ommer_count).await
    }

    async fn uncles_by_hash(&self, hash: B256) -> Result<Option<U64>, RpcError> {
        self.of_block(hash, Inner::ommer_count).await
    }

    fn uncle_by_number(&self, _number: BlockNumberOrTag, _index: Index) -> Result<Option<RpcBlock>, RpcError> {
        Ok(None)
    }

    fn uncle_by_hash(&self, _hash: B256, _index: Index) -> Result<Option<RpcBlock>, RpcError> {
        Ok(None)
    }
}
