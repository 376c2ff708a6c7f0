//! The way in past the sequencer, and the way out: `weft_forceTransaction`, `weft_inboxItem`, `weft_getWithdrawalProof`.

use alloy_primitives::{Address, B256, Bytes, U64, U256, keccak256};
use alloy_rpc_types_eth::Index;
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use serde::Serialize;
use weft_primitives::inbox::Content;

use super::Context;
use crate::rpc::error::RpcError;

/// A transaction that is in settlement's inbox.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Forced {
    hash: B256,
    inbox_index: U64,
    /// When it must be in a posted batch, milliseconds of settlement's log time.
    deadline: U64,
    /// From when on anyone may force it, milliseconds of settlement's log time.
    force_time: U64,
    log_seq: U64,
}

/// An inbox item that this node has seen.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Item {
    /// A signed transaction.
    #[serde(rename = "transaction", rename_all = "camelCase")]
    Transaction {
        index: U64,
        hash: B256,
        /// The block that has consumed it; null before.
        block_number: Option<U64>,
        /// Whether it was executed there; false if it could not be.
        executed: bool,
    },
    /// Value from an account of settlement.
    #[serde(rename = "deposit", rename_all = "camelCase")]
    Deposit {
        index: U64,
        account: Address,
        to: Address,
        amount: U256,
        /// The block that has credited it; null before.
        block_number: Option<U64>,
    },
}

/// A withdrawal, and the proof that settlement wants.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proved {
    index: U64,
    sender: Address,
    recipient: Address,
    amount: U256,
    block_number: U64,
    /// The final batch that commits to the root.
    batch_index: U64,
    root: B256,
    count: U64,
    /// Siblings from the leaf's up.
    proof: Vec<B256>,
}

/// `weft_*` about settlement's inbox and withdrawals.
#[rpc(server, namespace = "weft")]
pub trait Bridge {
    /// Puts a signed transaction into settlement's inbox, where the sequencer cannot leave it out.
    #[method(name = "forceTransaction")]
    async fn force_transaction(&self, raw: Bytes) -> Result<Forced, RpcError>;

    /// An inbox item; null if this node has not seen it.
    #[method(name = "inboxItem")]
    async fn inbox_item(&self, index: Index) -> Result<Option<Item>, RpcError>;

    /// A withdrawal with its proof against the newest final batch; null if it is in none.
    #[method(name = "getWithdrawalProof")]
    async fn withdrawal_proof(&self, index: Index) -> Result<Option<Proved>, RpcError>;
}

#[async_trait]
impl BridgeServer for Context {
    async fn force_transaction(&self, raw: Bytes) -> Result<Forced, RpcError> {
        let hash = keccak256(&raw);
        let taken = self.backend.force(raw).await;
        let taken = taken.map_err(|error| match error.is_retryable() {
            true => RpcError::Busy(format!("settlement: {error}")),
            false => RpcError::Refused(format!("settlement: {error}")),
        })?;
        Ok(Forced {
            hash,
            inbox_index: U64::from(taken.index),
            deadline: U64::from(taken.deadline_ms),
            force_time: U64::from(taken.force_ms),
            log_seq: U64::from(taken.log_seq),
        })
    }

    async fn inbox_item(&self, index: Index) -> Result<Option<Item>, RpcError> {
        self.read(move |inner| {
            let found = inner.backend.inbox_item(index.0 as u64).map_err(RpcError::internal)?;
            let Some((item, block)) = found else { return Ok(None) };
            let (index, block_number) =
                (U64::from(item.index), block.as_ref().map(|block| U64::from(block.header.number)));
            Ok(Some(match item.content {
                Content::Transaction(raw) => {
                    let hash = keccak256(&raw);
                    let executed = block.is_some_and(|block| {
                        let own = block.body.transactions.iter().take(block.body.inbox_included as usize);
                        own.into_iter().any(|transaction| transaction.hash() == hash)
                    });
                    Item::Transaction { index, hash, block_number, executed }
                }
                Content::Deposit(deposit) => Item::Deposit {
                    index,
                    account: deposit.account,
                    to: deposit.to,
                    amount: U256::from(deposit.amount),
                    block_number,
                },
            }))
        })
        .await
    }

    async fn withdrawal_proof(&self, index: Index) -> Result<Option<Proved>, RpcError> {
        let found =
            self.read(move |inner| inner.backend.withdrawal(index.0 as u64).map_err(RpcError::internal)).await?;
        Ok(found.map(|(proved, batch)| Proved {
            index: U64::from(proved.withdrawal.index),
            sender: proved.withdrawal.sender,
            recipient: proved.withdrawal.recipient,
            amount: U256::from(proved.withdrawal.amount),
            block_number: U64::from(proved.block),
            batch_index: U64::from(batch.header.batch_index),
            root: batch.header.withdrawals_root,
            count: U64::from(batch.header.withdrawals_count),
            proof: proved.proof.0.to_vec(),
        }))
    }
}
