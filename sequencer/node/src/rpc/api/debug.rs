//! Blocks, receipts, access lists and transactions as bytes: `debug_getRaw*`.

use alloy_eips::BlockId;
use alloy_primitives::{B256, Bytes};
use alloy_rlp::{Encodable, Header};
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use weft_execution::access;
use weft_primitives::Transaction;

use super::{Context, Inner};
use crate::rpc::error::RpcError;
use crate::store::StoredBlock;

/// An empty RLP list: no ommers, no withdrawals.
const EMPTY_LIST: u8 = alloy_rlp::EMPTY_LIST_CODE;

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
    async fn raw_transaction(&self, hash: B256) -> Result<Option<Bytes>, RpcError>;
}

/// The RLP of a block: header, transactions, no ommers, no withdrawals.
pub(crate) fn encode_block(block: &StoredBlock) -> Bytes {
    let mut transactions = Vec::new();
    block.body.transactions.iter().for_each(|transaction| encode_transaction(transaction, &mut transactions));
    let mut payload = Vec::new();
    block.header.encode(&mut payload);
    put_list(&transactions, &mut payload);
    payload.extend([EMPTY_LIST, EMPTY_LIST]);
    let mut out = Vec::with_capacity(payload.len() + 9);
    put_list(&payload, &mut out);
    out.into()
}

/// A legacy transaction is a list of its own, a typed one a string (EIP-2718).
fn encode_transaction(transaction: &Transaction, out: &mut Vec<u8>) {
    match transaction.transaction_type() {
        0 => out.extend_from_slice(transaction.raw()),
        _ => transaction.raw().encode(out),
    }
}

fn put_list(payload: &[u8], out: &mut Vec<u8>) {
    Header { list: true, payload_length: payload.len() }.encode(out);
    out.extend_from_slice(payload);
}

impl Context {
    async fn of_raw<T: Send + 'static>(
        &self,
        block: BlockId,
        answer: impl FnOnce(&crate::chain::FullBlock) -> T + Send + 'static,
    ) -> Result<T, RpcError> {
        self.read(move |inner: &Inner| inner.full_block(block)?.map(|full| answer(&full)).ok_or(RpcError::NoBlock))
            .await
    }
}

#[async_trait]
impl DebugServer for Context {
    async fn raw_header(&self, block: BlockId) -> Result<Bytes, RpcError> {
        self.of_raw(block, |full| alloy_rlp::encode(&full.block.header).into()).await
    }

    async fn raw_block(&self, block: BlockId) -> Result<Bytes, RpcError> {
        self.of_raw(block, |full| encode_block(&full.block)).await
    }

    async fn raw_receipts(&self, block: BlockId) -> Result<Vec<Bytes>, RpcError> {
        self.of_raw(block, |full| full.receipts.iter().map(|receipt| receipt.consensus_bytes().into()).collect()).await
    }

    async fn raw_access_list(&self, block: BlockId) -> Result<Option<Bytes>, RpcError> {
        let answer = self.read(move |inner| {
            let number = inner.full_block(block)?.ok_or(RpcError::NoBlock)?.block.header.number;
            Ok(inner.access_list(number)?.map(|list| access::encode(&list).into()))
        });
        answer.await
    }

    async fn raw_transaction(&self, hash: B256) -> Result<Option<Bytes>, RpcError> {
        self.read(move |inner| inner.of_transaction(&hash, |transaction, _| transaction.raw().clone())).await
    }
}
