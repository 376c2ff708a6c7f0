//! Blocks, receipts, access lists and transactions as bytes: `debug_getRaw*`.

use alloy_eips::BlockId;
use alloy_primitives::{B256, Bytes};
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use serde::Deserialize;
use weft_execution::access;

use super::{Context, Inner};
use crate::rpc::convert;
use crate::rpc::error::RpcError;

/// A hash as the specification has it; the library would take one without `0x` too.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Prefixed(B256);

impl TryFrom<String> for Prefixed {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.strip_prefix("0x").ok_or("hex string without 0x prefix")?;
        digits.parse().map(Self).map_err(|error| format!("{error}"))
    }
}

/// `debug_getRaw*`.
#[rpc(server, namespace = "debug")]
pub trait Debug {
    /// A header, RLP.
    #[method(name = "getRawHeader")]
    async fn raw_header(&self, block: BlockId) -> Result<Bytes, RpcError>;

    /// A block, RLP.
    #[method(name = "getRawBlock")]
    async fn raw_block(&self, block: BlockId) -> Result<Bytes, RpcError>;

    /// A block's receipts, EIP-2718 bytes each.
    #[method(name = "getRawReceipts")]
    async fn raw_receipts(&self, block: BlockId) -> Result<Vec<Bytes>, RpcError>;

    /// What a block touches (EIP-7928), RLP; null if that was not kept.
    #[method(name = "getRawBlockAccessList")]
    async fn raw_access_list(&self, block: BlockId) -> Result<Option<Bytes>, RpcError>;

    /// A transaction, EIP-2718 bytes; null if there is none.
    #[method(name = "getRawTransaction")]
    async fn raw_transaction(&self, hash: Prefixed) -> Result<Option<Bytes>, RpcError>;
}

impl Context {
    async fn of_raw<T: Send + 'static>(
        &self,
        block: BlockId,
        answer: impl FnOnce(&Inner, &crate::chain::FullBlock) -> T + Send + 'static,
    ) -> Result<T, RpcError> {
        let answer =
            move |inner: &Inner| inner.full_block(block)?.map(|full| answer(inner, &full)).ok_or(RpcError::NoBlock);
        self.read(answer).await
    }
}

#[async_trait]
impl DebugServer for Context {
    async fn raw_header(&self, block: BlockId) -> Result<Bytes, RpcError> {
        self.of_raw(block, |_, full| alloy_rlp::encode(&full.block.header).into()).await
    }

    async fn raw_block(&self, block: BlockId) -> Result<Bytes, RpcError> {
        let encode = |inner: &Inner, full: &crate::chain::FullBlock| {
            convert::encoded(&full.block, &inner.beside(full.block.header.number)).into()
        };
        self.of_raw(block, encode).await
    }

    async fn raw_receipts(&self, block: BlockId) -> Result<Vec<Bytes>, RpcError> {
        self.of_raw(block, |_, full| full.receipts.iter().map(|receipt| receipt.consensus_bytes().into()).collect())
            .await
    }

    async fn raw_access_list(&self, block: BlockId) -> Result<Option<Bytes>, RpcError> {
        let answer = self.read(move |inner| {
            let number = inner.full_block(block)?.ok_or(RpcError::NoBlock)?.block.header.number;
            Ok(inner.access_list(number)?.map(|list| access::encode(&list).into()))
        });
        answer.await
    }

    async fn raw_transaction(&self, hash: Prefixed) -> Result<Option<Bytes>, RpcError> {
        self.read(move |inner| inner.of_transaction(&hash.0, |transaction, _| transaction.raw().clone())).await
    }
}
