//! Transactions and their receipts.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{B256, Bytes};
use alloy_rpc_types_eth::Index;
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use weft_primitives::Transaction as Signed;

use super::{Context, Inner};
use crate::rpc::convert::{self, RpcReceipt, RpcTransaction};
use crate::rpc::error::RpcError;
use crate::store::StoredBlock;

/// `eth_getTransaction*`, `eth_getRawTransaction*`.
#[rpc(server, namespace = "eth")]
pub trait Transaction {
    /// A transaction in a block or in the pool; null if there is none.
    #[method(name = "getTransactionByHash")]
    async fn by_hash(&self, hash: B256) -> Result<Option<RpcTransaction>, RpcError>;

    /// A transaction by its block's number and its position there.
    #[method(name = "getTransactionByBlockNumberAndIndex")]
    async fn by_number_and_index(
        &self,
        number: BlockNumberOrTag,
        index: Index,
    ) -> Result<Option<RpcTransaction>, RpcError>;

    /// The same by the block's hash.
    #[method(name = "getTransactionByBlockHashAndIndex")]
    async fn by_block_hash_and_index(&self, hash: B256, index: Index) -> Result<Option<RpcTransaction>, RpcError>;

    /// What a transaction did; null if it is in no block.
    #[method(name = "getTransactionReceipt")]
    async fn receipt(&self, hash: B256) -> Result<Option<RpcReceipt>, RpcError>;

    /// The EIP-2718 bytes of a transaction in a block or in the pool; null if there is none.
    #[method(name = "getRawTransactionByHash")]
    async fn raw_by_hash(&self, hash: B256) -> Result<Option<Bytes>, RpcError>;
}

impl Inner {
    /// What `answer` says of a transaction, given its block and position if it is in one.
    pub(super) fn of_transaction<T>(
        &self,
        hash: &B256,
        answer: impl FnOnce(&Signed, Option<(&StoredBlock, u64)>) -> T,
    ) -> Result<Option<T>, RpcError> {
        // The pool first: what leaves it meanwhile is in a block by then.
        let pooled = self.backend.pool().get(hash).cloned();
        if let Some((full, index)) = self.blocks.of_transaction(hash)? {
            let transaction = full.block.body.transactions.get(index);
            return Ok(transaction.map(|transaction| answer(transaction, Some((&full.block, index as u64)))));
        }
        Ok(pooled.map(|transaction| answer(&transaction, None)))
    }

    /// A transaction as JSON-RPC shows it.
    pub(super) fn transaction(&self, hash: &B256) -> Result<Option<RpcTransaction>, RpcError> {
        self.of_transaction(hash, |transaction, place| match place {
            Some((block, index)) => convert::included(transaction, block, index),
            None => convert::pooled(transaction),
        })
    }

    /// A transaction's receipt.
    pub(super) fn receipt(&self, hash: &B256) -> Result<Option<RpcReceipt>, RpcError> {
        let located = self.blocks.of_transaction(hash)?;
        let dialect = self.backend.dialect();
        Ok(located.and_then(|(full, index)| convert::receipt(dialect, &full.block, &full.receipts, index)))
    }

    fn at(&self, block: BlockId, index: Index) -> Result<Option<RpcTransaction>, RpcError> {
        let Some(full) = self.full_block(block)? else { return Ok(None) };
        let transaction = full.block.body.transactions.get(index.0);
        Ok(transaction.map(|transaction| convert::included(transaction, &full.block, index.0 as u64)))
    }
}

#[async_trait]
impl TransactionServer for Context {
    async fn by_hash(&self, hash: B256) -> Result<Option<RpcTransaction>, RpcError> {
        self.read(move |inner| inner.transaction(&hash)).await
    }

    async fn by_number_and_index(
        &self,
        number: BlockNumberOrTag,
        index: Index,
    ) -> Result<Option<RpcTransaction>, RpcError> {
        self.read(move |inner| inner.at(number.into(), index)).await
    }

    async fn by_block_hash_and_index(&self, hash: B256, index: Index) -> Result<Option<RpcTransaction>, RpcError> {
        self.read(move |inner| inner.at(hash.into(), index)).await
    }

    async fn receipt(&self, hash: B256) -> Result<Option<RpcReceipt>, RpcError> {
        self.read(move |inner| inner.receipt(&hash)).await
    }

    async fn raw_by_hash(&self, hash: B256) -> Result<Option<Bytes>, RpcError> {
        self.read(move |inner| inner.of_transaction(&hash, |transaction, _| transaction.raw().clone())).await
    }
}
