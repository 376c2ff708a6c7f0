//! Made-up blocks: what is asked for, and what is told of them.

use alloy_primitives::{B256, U256};
use alloy_rpc_types_eth::simulate::{SimBlock, SimCallResult, SimulateError, SimulatePayload, SimulatedBlock};
use weft_execution::simulate::Ending;
use weft_execution::simulate::blocks::{BlockCalls, Called, Simulated};

use super::block::{Beside, RpcBlock, block};
use super::call::{call, fits_64_bits, state_overrides};
use super::receipt::RpcLog;
use crate::dialect::Dialect;
use crate::rpc::error::{RpcError, halt_message};
use crate::rpc::revert;
use crate::store::StoredBlock;

/// The blocks that are asked for.
pub fn block_calls(payload: SimulatePayload, dialect: &dyn Dialect) -> Result<Vec<BlockCalls>, RpcError> {
    if payload.block_state_calls.is_empty() {
        return Err(RpcError::params("empty input"));
    }
    payload.block_state_calls.into_iter().map(|block| one(block, dialect)).collect()
}

fn one(block: SimBlock, dialect: &dyn Dialect) -> Result<BlockCalls, RpcError> {
    let overrides = block.block_overrides.unwrap_or_default();
    if overrides.block_hash.is_some() {
        return Err(RpcError::params("block override blockHash is not supported"));
    }
    // One that does not fit is above every limit, and refused for that.
    let number = overrides.number.map(|number: U256| number.saturating_to());
    let base_fee = overrides.base_fee.map(|fee| fits_64_bits(fee, "baseFeePerGas")).transpose()?;
    Ok(BlockCalls {
        number,
        timestamp: overrides.time,
        gas_limit: overrides.gas_limit,
        beneficiary: overrides.coinbase,
        mix_hash: overrides.random,
        base_fee,
        blob_base_fee: overrides.blob_base_fee.map(|fee| fee.saturating_to()),
        beacon_root: overrides.beacon_root,
        state: state_overrides(block.state_overrides)?,
        calls: block.calls.into_iter().map(|request| call(request, dialect)).collect::<Result<_, _>>()?,
    })
}

/// What is told of a made-up block.
pub fn simulated(made_up: Simulated, full: bool) -> SimulatedBlock<RpcBlock> {
    let Simulated { header, hash, transactions, calls } = made_up;
    let body = weft_primitives::BlockBody { transactions, ..Default::default() };
    let stored = StoredBlock { header, hash, body, inbox_cursor: 0, inbox_acc: B256::ZERO, withdrawals: 0 };
    let hashes = stored.body.transactions.iter().map(weft_primitives::Transaction::hash);
    let results = (0..).zip(hashes).zip(calls).map(|((index, hash), called)| result(called, &stored, hash, index));
    SimulatedBlock { calls: results.collect(), inner: block(&stored, &Beside::default(), full) }
}

fn result(called: Called, block: &StoredBlock, transaction_hash: B256, index: u64) -> SimCallResult {
    let logs = called.logs.into_iter().map(|(log_index, inner)| RpcLog {
        inner,
        block_hash: Some(block.hash),
        block_number: Some(block.header.number),
        block_timestamp: Some(block.header.timestamp),
        transaction_hash: Some(transaction_hash),
        transaction_index: Some(index),
        log_index: Some(log_index),
        removed: false,
    });
    let (status, return_data, error) = match called.ending {
        Ending::Success(output) => (true, output, None),
        Ending::Revert(data) => {
            let (code, message) = (SimulateError::EXECUTION_REVERTED_CODE, revert::message(&data));
            (false, Default::default(), Some(SimulateError { code, message, data: Some(data) }))
        }
        Ending::Halt(reason) => {
            let (code, message) = (SimulateError::VM_EXECUTION_ERROR_CODE, halt_message(&reason));
            (false, Default::default(), Some(SimulateError { code, message, data: None }))
        }
    };
    SimCallResult {
        return_data,
        logs: logs.collect(),
        gas_used: called.gas_used,
        max_used_gas: Some(called.max_used_gas),
        status,
        error,
    }
}
