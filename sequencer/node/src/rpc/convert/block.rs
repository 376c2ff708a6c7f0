//! Blocks and headers.

use alloy_eips::eip4895::{Withdrawal, Withdrawals};
use alloy_primitives::{B256, U256};
use alloy_rlp::{Encodable, Header, list_length};
use alloy_rpc_types_eth::BlockTransactions;
use weft_primitives::{BlockHeader, Transaction};

use super::transaction::{self, RpcTransaction};
use crate::store::StoredBlock;

/// A block as JSON-RPC shows it.
pub type RpcBlock = alloy_rpc_types_eth::Block<RpcTransaction>;

/// A header as `newHeads` shows it.
pub type RpcHeader = alloy_rpc_types_eth::Header;

/// What a block has beside its transactions. Those of Weft's chains have neither.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// Headers of its ommers.
    pub ommers: Vec<BlockHeader>,
    /// Its withdrawals (EIP-4895).
    pub withdrawals: Vec<Withdrawal>,
}

/// A block with its transactions, or with their hashes only.
pub fn block(stored: &StoredBlock, beside: &Beside, full: bool) -> RpcBlock {
    let transactions = &stored.body.transactions;
    let size = block_size(&stored.header, transactions, beside);
    let transactions = if full {
        let place = |(index, transaction)| transaction::included(transaction, stored, index);
        BlockTransactions::Full((0..).zip(transactions).map(place).collect())
    } else {
        BlockTransactions::Hashes(transactions.iter().map(Transaction::hash).collect())
    };
    RpcBlock {
        header: RpcHeader { size: Some(U256::from(size)), ..header(&stored.header, stored.hash) },
        uncles: beside.ommers.iter().map(BlockHeader::hash_slow).collect(),
        transactions,
        withdrawals: has_withdrawals(&stored.header).then(|| Withdrawals::new(beside.withdrawals.clone())),
    }
}

/// Whether a block has a list of withdrawals, which may be empty: since Shanghai.
const fn has_withdrawals(header: &BlockHeader) -> bool {
    header.withdrawals_root.is_some()
}

/// The RLP of a block.
pub fn encoded(stored: &StoredBlock, beside: &Beside) -> Vec<u8> {
    let mut transactions = Vec::new();
    stored.body.transactions.iter().for_each(|transaction| encode_transaction(transaction, &mut transactions));
    let mut payload = Vec::new();
    stored.header.encode(&mut payload);
    put_list(&transactions, &mut payload);
    beside.ommers.encode(&mut payload);
    if has_withdrawals(&stored.header) {
        beside.withdrawals.encode(&mut payload);
    }
    let mut out = Vec::with_capacity(payload.len() + 9);
    put_list(&payload, &mut out);
    out
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

/// A header alone.
pub fn header(header: &BlockHeader, hash: B256) -> RpcHeader {
    RpcHeader { hash, inner: header.clone(), total_difficulty: None, size: None }
}

/// Length in bytes of [`encoded`].
fn block_size(header: &BlockHeader, transactions: &[Transaction], beside: &Beside) -> usize {
    let transactions = list(transactions.iter().map(transaction_len).sum());
    let ommers = list_length::<BlockHeader, _>(&beside.ommers);
    let withdrawals = if has_withdrawals(header) { list_length::<Withdrawal, _>(&beside.withdrawals) } else { 0 };
    list(header.length() + transactions + ommers + withdrawals)
}

/// A legacy transaction is a list of its own, a typed one a string (EIP-2718).
fn transaction_len(transaction: &Transaction) -> usize {
    let raw = transaction.raw();
    if transaction.transaction_type() == 0 { raw.len() } else { raw.as_ref().length() }
}

fn list(payload_len: usize) -> usize {
    alloy_rlp::length_of_length(payload_len) + payload_len
}
