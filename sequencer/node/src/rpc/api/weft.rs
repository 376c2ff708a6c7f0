//! What Ethereum has no method for: `weft_*`.

use alloy_primitives::{Address, B256, Bytes, U64};
use alloy_rpc_types_eth::Index;
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use serde::Serialize;
use weft_primitives::SignedPromise;

use super::Context;
use crate::backend::{Stage, TransactionStatus};
use crate::rpc::error::RpcError;
use crate::store::{BatchRecord, BatchStage};

/// What this node runs.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    chain_id: U64,
    /// Hash of the chain configuration.
    config_hash: B256,
    genesis_hash: B256,
    /// Who signs the commitments; null on a node that follows.
    sequencer: Option<Address>,
    latest_block: U64,
    safe_block: U64,
    finalized_block: U64,
    pool_pending: U64,
    pool_queued: U64,
    version: &'static str,
}

/// How far a transaction is.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// `unknown`, `queued`, `pending`, `executed`, `posted`, `available` or `finalized`.
    stage: &'static str,
    block_number: Option<U64>,
    transaction_index: Option<U64>,
    batch_index: Option<U64>,
    /// When this node accepted it, in milliseconds since 1970; null where it does not know: it has no pool, has started
    /// since, or has accepted too many others.
    accepted_ms: Option<U64>,
}

/// A batch.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    index: U64,
    /// `sealed`, `published`, `posted`, `available`, `finalized` or `rejected`.
    stage: &'static str,
    first_block: U64,
    last_block: U64,
    transaction_count: U64,
    gas_used: U64,
    payload_bytes: U64,
    payload_hash: B256,
    pre_state_root: B256,
    post_state_root: B256,
    /// The DA block that holds the payload, once it is published.
    da_height: Option<U64>,
    /// Hash of the commitment, once it is signed.
    commitment: Option<B256>,
    /// Signature over it.
    signature: Option<Bytes>,
}

/// The sequencer's word for a block.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockPromise {
    chain_id: U64,
    config_hash: B256,
    /// Hash of the commitment that the block builds on; zero before the first.
    base: B256,
    block_number: U64,
    block_hash: B256,
    /// Signature over all of it, as proto/SPEC.md says.
    signature: Bytes,
}

impl From<SignedPromise> for BlockPromise {
    fn from(signed: SignedPromise) -> Self {
        let promise = signed.promise;
        Self {
            chain_id: U64::from(promise.chain_id),
            config_hash: promise.config_hash,
            base: promise.base,
            block_number: U64::from(promise.number),
            block_hash: promise.block_hash,
            signature: Bytes::copy_from_slice(&signed.signature.0),
        }
    }
}

/// `weft_*`.
#[rpc(server, namespace = "weft")]
pub trait Weft {
    /// What this node runs, and its heads.
    #[method(name = "info")]
    async fn info(&self) -> Result<Info, RpcError>;

    /// Where a transaction is on its way from pool to finality.
    #[method(name = "transactionStatus")]
    async fn transaction_status(&self, hash: B256) -> Result<Status, RpcError>;

    /// A batch; null if there is none.
    #[method(name = "batch")]
    async fn batch(&self, index: Index) -> Result<Option<Batch>, RpcError>;

    /// The sequencer's signed promise that a block is the one with its number; null if there is no such block, on a node
    /// that follows, and while the sequencer may not sign.
    #[method(name = "blockPromise")]
    async fn block_promise(&self, number: Index) -> Result<Option<BlockPromise>, RpcError>;
}

const fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Unknown => "unknown",
        Stage::Queued => "queued",
        Stage::Pending => "pending",
        Stage::Executed => "executed",
        Stage::Posted => "posted",
        Stage::Available => "available",
        Stage::Finalized => "finalized",
    }
}

const fn batch_stage(stage: BatchStage) -> &'static str {
    match stage {
        BatchStage::Sealed => "sealed",
        BatchStage::Published => "published",
        BatchStage::Posted => "posted",
        BatchStage::Available => "available",
        BatchStage::Finalized => "finalized",
        BatchStage::Rejected => "rejected",
    }
}

impl From<TransactionStatus> for Status {
    fn from(status: TransactionStatus) -> Self {
        Self {
            stage: stage(status.stage),
            block_number: status.location.map(|(number, _)| U64::from(number)),
            transaction_index: status.location.map(|(_, index)| U64::from(index)),
            batch_index: status.batch.map(U64::from),
            accepted_ms: status.accepted_ms.map(U64::from),
        }
    }
}

impl From<BatchRecord> for Batch {
    fn from(record: BatchRecord) -> Self {
        let header = record.header;
        Self {
            index: U64::from(header.batch_index),
            stage: batch_stage(record.stage),
            first_block: U64::from(header.first_block),
            last_block: U64::from(header.last_block),
            transaction_count: U64::from(header.tx_count),
            gas_used: U64::from(header.gas_used),
            payload_bytes: U64::from(header.payload_len),
            payload_hash: header.payload_hash,
            pre_state_root: header.pre_state_root,
            post_state_root: header.post_state_root,
            da_height: record.signed.as_ref().map(|signed| U64::from(signed.header.da_height)),
            commitment: record.signed.as_ref().map(|signed| signed.header.hash()),
            signature: record.signed.map(|signed| Bytes::copy_from_slice(&signed.signature.0)),
        }
    }
}

#[async_trait]
impl WeftServer for Context {
    async fn info(&self) -> Result<Info, RpcError> {
        self.read(|inner| {
            let (backend, heads) = (&inner.backend, inner.backend.heads());
            let counts = backend.pool().counts();
            let genesis = inner.blocks.get(0)?.ok_or(RpcError::NoBlock)?;
            Ok(Info {
                chain_id: U64::from(backend.config().chain_id()),
                config_hash: backend.config().hash(),
                genesis_hash: genesis.block.hash,
                sequencer: backend.signer(),
                latest_block: U64::from(heads.latest),
                safe_block: U64::from(heads.safe),
                finalized_block: U64::from(heads.finalized),
                pool_pending: U64::from(counts.pending),
                pool_queued: U64::from(counts.queued),
                version: weft_service::VERSION,
            })
        })
        .await
    }

    async fn transaction_status(&self, hash: B256) -> Result<Status, RpcError> {
        let status = self.read(move |inner| inner.backend.transaction_status(&hash).map_err(RpcError::internal));
        status.await.map(Status::from)
    }

    async fn batch(&self, index: Index) -> Result<Option<Batch>, RpcError> {
        let record = self.read(move |inner| inner.backend.batch(index.0 as u64).map_err(RpcError::internal)).await?;
        Ok(record.map(Batch::from))
    }

    async fn block_promise(&self, number: Index) -> Result<Option<BlockPromise>, RpcError> {
        let promise = self.read(move |inner| {
            let number = number.0 as u64;
            let Some(found) = inner.blocks.get(number)? else { return Ok(None) };
            inner.backend.promise(number, found.block.hash).map_err(RpcError::internal)
        });
        Ok(promise.await?.map(BlockPromise::from))
    }
}
