//! Blocks and headers.

use alloy_primitives::{B256, U256};
use alloy_rlp::Encodable;
use alloy_rpc_types_eth::{BlockTransactions, Withdrawals};
use weft_primitives::{BlockHeader, Transaction};

use super::transaction::{self, RpcTransaction};
use crate::store::StoredBlock;

/// A block as JSON-RPC shows it.
pub type RpcBlock = alloy_rpc_types_eth::Block<RpcTransaction>;

/// A header as `newHeads` shows it.
pub type RpcHeader = alloy_rpc_types_eth::Header;

/// Length of an empty RLP list.
const EMPTY_LIST: usize = 1;

/// A block with its transactions, or with their hashes only.
pub fn block(stored: &StoredBlock, full: bool) -> RpcBlock {
    let transactions = &stored.body.transactions;
    let size = block_size(&stored.header, transactions);
    let transactions = if full {
        let place = |(index, transaction)| transaction::included(transaction, stored, index);
        BlockTransactions::Full((0..).zip(transactions).map(place).collect())
    } else {
        BlockTransactions::Hashes(transactions.iter().map(Transaction::hash).collect())
    };
    RpcBlock {
        header: RpcHeader {
            total_difficulty: Some(U256::ZERO),
            size: Some(U256::from(size)),
            ..header(&stored.header, stored.hash)
        },
        uncles: Vec::new(),
        transactions,
        withdrawals: Some(Withdrawals::default()),
    }
}

/// A header alone.
pub fn header(header: &BlockHeader, hash: B256) -> RpcHeader {
    RpcHeader { hash, inner: header.clone(), total_difficulty: None, size: None }
}

/// Length in bytes of the block's RLP: header, transactions, no ommers, no withdrawals.
fn block_size(header: &BlockHeader, transactions: &[Transaction]) -> usize {
    let transactions = list(transactions.iter().map(transaction_len).sum());
    list(header.length() + transactions + EMPTY_LIST + EMPTY_LIST)
}

/// A legacy transaction is a list of its own, a typed one a string (EIP-2718).
fn transaction_len(transaction: &Transaction) -> usize {
    let raw = transaction.raw();
    if transaction.transaction_type() == 0 { raw.len() } else { raw.as_ref().length() }
}

fn list(payload_len: usize) -> usize {
    alloy_rlp::length_of_length(payload_len) + payload_len
}
