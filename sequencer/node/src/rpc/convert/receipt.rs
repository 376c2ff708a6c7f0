//! Receipts and logs.

use alloy_consensus::{Eip658Value, ReceiptEnvelope, ReceiptWithBloom, Transaction as _};
use weft_execution::Receipt;

use crate::dialect::{Dialect, blob_base_fee};
use crate::store::StoredBlock;

/// An event as JSON-RPC shows it.
pub type RpcLog = alloy_rpc_types_eth::Log;

/// A receipt as JSON-RPC shows it.
pub type RpcReceipt = alloy_rpc_types_eth::TransactionReceipt<ReceiptEnvelope<RpcLog>>;

/// All receipts of a block, in order.
pub fn block_receipts(dialect: &dyn Dialect, block: &StoredBlock, receipts: &[Receipt]) -> Vec<RpcReceipt> {
    let mut first_log = 0;
    (0..)
        .zip(receipts)
        .map(|(index, receipt)| {
            let converted = convert(dialect, block, receipt, index, first_log);
            first_log += receipt.logs.len() as u64;
            converted
        })
        .collect()
}

/// The receipt at a position; `None` if the block has fewer.
pub fn receipt(dialect: &dyn Dialect, block: &StoredBlock, receipts: &[Receipt], index: usize) -> Option<RpcReceipt> {
    let wanted = receipts.get(index)?;
    let before = receipts.get(..index)?;
    let first_log = before.iter().map(|receipt| receipt.logs.len() as u64).sum();
    Some(convert(dialect, block, wanted, index as u64, first_log))
}

/// All events of a block, in order.
pub fn logs<'a>(block: &'a StoredBlock, receipts: &'a [Receipt]) -> impl Iterator<Item = RpcLog> + 'a {
    let mut log_index = 0;
    (0..).zip(receipts).flat_map(move |(index, receipt)| {
        let first_log = log_index;
        log_index += receipt.logs.len() as u64;
        receipt_logs(block, receipt, index, first_log)
    })
}

fn receipt_logs<'a>(
    block: &'a StoredBlock,
    receipt: &'a Receipt,
    index: u64,
    first_log: u64,
) -> impl Iterator<Item = RpcLog> + 'a {
    (first_log..).zip(&receipt.logs).map(move |(log_index, log)| RpcLog {
        inner: log.clone(),
        block_hash: Some(block.hash),
        block_number: Some(block.header.number),
        block_timestamp: Some(block.header.timestamp),
        transaction_hash: Some(receipt.transaction_hash),
        transaction_index: Some(index),
        log_index: Some(log_index),
        removed: false,
    })
}

fn convert(dialect: &dyn Dialect, block: &StoredBlock, receipt: &Receipt, index: u64, first_log: u64) -> RpcReceipt {
    let logs = receipt_logs(block, receipt, index, first_log).collect();
    let root = dialect.root_in_receipt(block.header.number, index);
    let status = root.map_or(Eip658Value::Eip658(receipt.success), Eip658Value::PostState);
    let transaction = usize::try_from(index).ok().and_then(|index| block.body.transactions.get(index));
    let blob_gas_used = transaction.and_then(|transaction| transaction.envelope().blob_gas_used());
    RpcReceipt {
        inner: envelope(receipt, status, logs),
        transaction_hash: receipt.transaction_hash,
        transaction_index: Some(index),
        block_hash: Some(block.hash),
        block_number: Some(block.header.number),
        gas_used: receipt.gas_used,
        effective_gas_price: receipt.effective_gas_price,
        blob_gas_used,
        blob_gas_price: blob_gas_used.map(|_| blob_base_fee(dialect.rules(), &block.header)),
        from: receipt.from,
        to: receipt.to,
        contract_address: receipt.contract_address,
    }
}

fn envelope(receipt: &Receipt, status: Eip658Value, logs: Vec<RpcLog>) -> ReceiptEnvelope<RpcLog> {
    let inner = ReceiptWithBloom {
        logs_bloom: receipt.bloom(),
        receipt: alloy_consensus::Receipt { status, cumulative_gas_used: receipt.cumulative_gas_used, logs },
    };
    match receipt.transaction_type {
        1 => ReceiptEnvelope::Eip2930(inner),
        2 => ReceiptEnvelope::Eip1559(inner),
        3 => ReceiptEnvelope::Eip4844(inner),
        4 => ReceiptEnvelope::Eip7702(inner),
        _ => ReceiptEnvelope::Legacy(inner),
    }
}
