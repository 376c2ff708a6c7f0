//! Requests to try something out: `eth_call`, `eth_estimateGas` and their overrides.
//!
//! The checks and their words are go-ethereum's. What an override asks for and this node does not have is an
//! error, never ignored: a simulation that silently leaves something out lies.

use alloy_primitives::{Address, TxKind, U256};
use alloy_rpc_types_eth::state::{AccountOverride, StateOverride};
use alloy_rpc_types_eth::{BlockOverrides, TransactionRequest};
use weft_execution::simulate::{Call, Override};
use weft_primitives::BlockHeader;

use crate::dialect::Dialect;
use crate::rpc::error::RpcError;

/// The call that a request describes.
pub fn call(request: TransactionRequest, dialect: &dyn Dialect) -> Result<Call, RpcError> {
    check_kind(&request, dialect)?;
    let gas_price = fee_cap(&request)?;
    let data = request.input.try_into_unique_input().map_err(|_| {
        RpcError::params(
            r#"both "data" and "input" are set and not equal. Please use "input" to pass transaction call data"#,
        )
    })?;
    Ok(Call {
        from: request.from,
        to: match request.to {
            Some(TxKind::Call(to)) => Some(to),
            Some(TxKind::Create) | None => None,
        },
        gas: request.gas,
        gas_price,
        // Without a fee cap nothing is paid, a tip neither.
        legacy: request.gas_price.is_some(),
        nonce: request.nonce,
        priority_fee: request.max_priority_fee_per_gas.filter(|_| gas_price.is_some_and(|price| price > 0)),
        value: request.value.unwrap_or_default(),
        data: data.unwrap_or_default(),
        access_list: request.access_list.unwrap_or_default(),
        authorizations: request.authorization_list.unwrap_or_default(),
        blob_hashes: request.blob_versioned_hashes.unwrap_or_default(),
        max_fee_per_blob_gas: request.max_fee_per_blob_gas,
    })
}

fn check_kind(request: &TransactionRequest, dialect: &dyn Dialect) -> Result<(), RpcError> {
    let blobs =
        request.transaction_type == Some(3) || request.blob_versioned_hashes.is_some() || request.sidecar.is_some();
    if blobs && !dialect.has_blobs() {
        return Err(RpcError::params(
            "transaction type not supported: blob transactions (type 3, EIP-4844) are not accepted by this chain",
        ));
    }
    let want = dialect.rules().chain_id();
    if let Some(have) = request.chain_id.filter(|id| *id != want) {
        return Err(RpcError::Params(format!("chainId does not match node's (have={have}, want={want})")));
    }
    let creation = !matches!(request.to, Some(TxKind::Call(_)));
    if creation && request.authorization_list.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(RpcError::params("EIP-7702 transaction cannot be used to create contract"));
    }
    Ok(())
}

/// Most wei a gas that the request would pay.
fn fee_cap(request: &TransactionRequest) -> Result<Option<u128>, RpcError> {
    let (cap, tip) = (request.max_fee_per_gas, request.max_priority_fee_per_gas);
    if request.gas_price.is_some() && (cap.is_some() || tip.is_some()) {
        return Err(RpcError::params("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified"));
    }
    if let (Some(cap), Some(tip)) = (cap, tip)
        && cap > 0
        && cap < tip
    {
        return Err(RpcError::Params(format!("maxFeePerGas ({cap}) < maxPriorityFeePerGas ({tip})")));
    }
    Ok(request.gas_price.or(cap))
}

/// The accounts to pretend.
pub fn state_overrides(overrides: Option<StateOverride>) -> Result<Vec<(Address, Override)>, RpcError> {
    overrides
        .into_iter()
        .flatten()
        .map(|(address, account)| Ok((address, account_override(address, account)?)))
        .collect()
}

fn account_override(address: Address, account: AccountOverride) -> Result<Override, RpcError> {
    if account.state.is_some() && account.state_diff.is_some() {
        return Err(RpcError::Params(format!("account {address} has both 'state' and 'stateDiff'")));
    }
    Ok(Override {
        balance: account.balance,
        nonce: account.nonce,
        code: account.code,
        state: account.state.map(|slots| slots.into_iter().collect()),
        state_diff: account.state_diff.into_iter().flatten().collect(),
        move_precompile_to: account.move_precompile_to,
    })
}

/// The header that a call sees, changed as asked.
pub fn block_overrides(header: &BlockHeader, overrides: Option<BlockOverrides>) -> Result<BlockHeader, RpcError> {
    let mut header = header.clone();
    let Some(overrides) = overrides else { return Ok(header) };
    if overrides.block_hash.is_some() {
        return Err(RpcError::params("block override blockHash is not supported"));
    }
    if let Some(number) = overrides.number {
        header.number = fits_64_bits(number, "number")?;
    }
    if let Some(base_fee) = overrides.base_fee {
        header.base_fee_per_gas = Some(fits_64_bits(base_fee, "baseFeePerGas")?);
    }
    header.timestamp = overrides.time.unwrap_or(header.timestamp);
    header.gas_limit = overrides.gas_limit.unwrap_or(header.gas_limit);
    header.beneficiary = overrides.coinbase.unwrap_or(header.beneficiary);
    header.mix_hash = overrides.random.unwrap_or(header.mix_hash);
    Ok(header)
}

/// A number of a block override, which headers hold in 64 bits.
pub fn fits_64_bits(value: U256, what: &str) -> Result<u64, RpcError> {
    u64::try_from(value).map_err(|_| RpcError::Params(format!("block override {what} does not fit into 64 bits")))
}
