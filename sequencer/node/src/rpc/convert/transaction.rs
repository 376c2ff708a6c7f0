//! Transactions.

use alloy_consensus::Transaction as _;
use alloy_consensus::transaction::Recovered;
use weft_primitives::Transaction;
use weft_primitives::transaction::Envelope;

use crate::store::StoredBlock;

/// A transaction as JSON-RPC shows it.
pub type RpcTransaction = alloy_rpc_types_eth::Transaction<Envelope>;

/// One in a block, at this position.
pub fn included(transaction: &Transaction, block: &StoredBlock, index: u64) -> RpcTransaction {
    let envelope = transaction.envelope();
    RpcTransaction {
        inner: Recovered::new_unchecked(envelope.clone(), transaction.sender()),
        block_hash: Some(block.hash),
        block_number: Some(block.header.number),
        transaction_index: Some(index),
        effective_gas_price: Some(envelope.effective_gas_price(block.header.base_fee_per_gas)),
        block_timestamp: Some(block.header.timestamp),
    }
}

/// One that waits in the pool. Its gas price is the most it may pay, as in go-ethereum.
pub fn pooled(transaction: &Transaction) -> RpcTransaction {
    let envelope = transaction.envelope();
    RpcTransaction {
        inner: Recovered::new_unchecked(envelope.clone(), transaction.sender()),
        block_hash: None,
        block_number: None,
        transaction_index: None,
        effective_gas_price: Some(envelope.max_fee_per_gas()),
        block_timestamp: None,
    }
}
