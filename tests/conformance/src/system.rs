//! A block beside its transactions: its environment, and since the Merge calls by the protocol, and withdrawals.

use alloy_consensus::Header;
use alloy_eips::eip2935::HISTORY_STORAGE_ADDRESS;
use alloy_eips::eip4788::BEACON_ROOTS_ADDRESS;
use alloy_eips::eip4895::Withdrawal;
use alloy_eips::eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS;
use alloy_eips::eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS;
use alloy_primitives::{Address, B256, Bytes, U256};
use revm::context::{BlockEnv, CfgEnv};
use revm::primitives::hardfork::SpecId;
use weft_bench::MapState;
use weft_execution::raw::{self, Changes};
use weft_execution::{Missing, StateView};
use weft_state::AccountChange;

/// The block with this header, as contracts see it. `blob_fraction` is how slowly the price of blobs moves, where there
/// are blobs (EIP-4844).
pub fn block_env(header: &Header, blob_fraction: Option<u64>) -> BlockEnv {
    let mut block = BlockEnv {
        number: U256::from(header.number),
        beneficiary: header.beneficiary,
        timestamp: U256::from(header.timestamp),
        gas_limit: header.gas_limit,
        basefee: header.base_fee_per_gas.unwrap_or_default(),
        difficulty: header.difficulty,
        prevrandao: Some(header.mix_hash),
        ..BlockEnv::default()
    };
    if let (Some(excess), Some(fraction)) = (header.excess_blob_gas, blob_fraction) {
        block.set_blob_excess_gas_and_price(excess, fraction);
    }
    block
}

/// Before the transactions: the parent's hash (EIP-2935) and the beacon chain's root (EIP-4788).
pub fn before(
    state: &mut MapState,
    config: &CfgEnv,
    block: &BlockEnv,
    parent: B256,
    beacon_root: Option<B256>,
) -> Result<(), Missing> {
    if config.spec.is_enabled_in(SpecId::PRAGUE) {
        call(state, config, block, HISTORY_STORAGE_ADDRESS, parent.into())?;
    }
    match beacon_root.filter(|_| config.spec.is_enabled_in(SpecId::CANCUN)) {
        Some(root) => call(state, config, block, BEACON_ROOTS_ADDRESS, root.into()),
        None => Ok(()),
    }
}

/// After the transactions: withdrawals (EIP-4895) and requests (EIP-7002, EIP-7251).
pub fn after(
    state: &mut MapState,
    config: &CfgEnv,
    block: &BlockEnv,
    withdrawals: &[Withdrawal],
) -> Result<(), Missing> {
    for withdrawal in withdrawals.iter().filter(|withdrawal| withdrawal.amount > 0) {
        credit(state, withdrawal.address, withdrawal.amount_wei())?;
    }
    if config.spec.is_enabled_in(SpecId::PRAGUE) {
        call(state, config, block, WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, Bytes::new())?;
        call(state, config, block, CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, Bytes::new())?;
    }
    Ok(())
}

fn call(
    state: &mut MapState,
    config: &CfgEnv,
    block: &BlockEnv,
    contract: Address,
    data: Bytes,
) -> Result<(), Missing> {
    let changes = raw::system_call(state, config, block, contract, data)?;
    state.apply(&changes);
    Ok(())
}

/// Adds to what an account has.
pub fn credit(state: &mut MapState, address: Address, amount: U256) -> Result<(), Missing> {
    let before = state.account(address)?;
    let mut account = before.map(|stored| stored.account).unwrap_or_default();
    account.balance += amount;
    let delegation = before.and_then(|stored| stored.delegation);
    let change = AccountChange { info: Some(Some(account)), delegation, ..AccountChange::default() };
    state.apply(&Changes { accounts: vec![(address, change)], codes: Vec::new() });
    Ok(())
}
