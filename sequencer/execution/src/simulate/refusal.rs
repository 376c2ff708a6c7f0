//! Why a transaction of a made-up block cannot be executed: the codes are those of the specification of
//! `eth_simulateV1`, the words go-ethereum's.

use alloy_primitives::Address;
use revm::context::TxEnv;
use revm::context::result::InvalidTransaction;

/// A transaction that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Code of the specification.
    pub code: i32,
    /// For people.
    pub message: String,
}

/// -38010: the nonce is too low.
const NONCE_TOO_LOW: i32 = -38_010;
/// -38011: the nonce is too high.
const NONCE_TOO_HIGH: i32 = -38_011;
/// -38012: the fee cap is below the base fee.
const BASE_FEE_TOO_LOW: i32 = -38_012;
/// -38013: not even the intrinsic gas.
const INTRINSIC_GAS: i32 = -38_013;
/// -38014: the sender cannot pay.
const INSUFFICIENT_FUNDS: i32 = -38_014;
/// -38025: init code above the limit.
const INITCODE_TOO_LARGE: i32 = -38_025;

impl Refusal {
    /// Fields that make no sense.
    pub(super) const INVALID_PARAMS: i32 = -32_602;
    /// Anything else.
    pub(super) const OTHER: i32 = -32_603;

    /// What revm says of a transaction, in a block with this base fee.
    pub(super) fn of(error: &InvalidTransaction, transaction: &TxEnv, base_fee: u64) -> Self {
        let TxEnv { caller, gas_limit, gas_price, nonce, .. } = transaction;
        let address = Address::to_checksum(caller, None);
        let (code, words) = match error {
            InvalidTransaction::NonceTooLow { tx, state } => {
                (NONCE_TOO_LOW, format!("nonce too low: address {address}, tx: {tx} state: {state}"))
            }
            InvalidTransaction::NonceTooHigh { tx, state } => {
                (NONCE_TOO_HIGH, format!("nonce too high: address {address}, tx: {tx} state: {state}"))
            }
            InvalidTransaction::NonceOverflowInTransaction => {
                (Self::OTHER, format!("nonce has max value: address {address}, nonce: {nonce}"))
            }
            InvalidTransaction::GasPriceLessThanBasefee => (
                BASE_FEE_TOO_LOW,
                format!(
                    "max fee per gas less than block base fee: address {address}, maxFeePerGas: {gas_price}, baseFee: {base_fee}"
                ),
            ),
            InvalidTransaction::PriorityFeeGreaterThanMaxFee => {
                let tip = transaction.gas_priority_fee.unwrap_or_default();
                (
                    Self::INVALID_PARAMS,
                    format!(
                        "max priority fee per gas higher than max fee per gas: address {address}, maxPriorityFeePerGas: {tip}, maxFeePerGas: {gas_price}"
                    ),
                )
            }
            InvalidTransaction::CallGasCostMoreThanGasLimit { initial_gas, gas_limit } => {
                (INTRINSIC_GAS, format!("intrinsic gas too low: have {gas_limit}, want {initial_gas}"))
            }
            InvalidTransaction::GasFloorMoreThanGasLimit { gas_floor, gas_limit } => {
                (INTRINSIC_GAS, format!("insufficient gas for floor data gas cost: have {gas_limit}, want {gas_floor}"))
            }
            InvalidTransaction::LackOfFundForMaxFee { fee, balance } => (
                INSUFFICIENT_FUNDS,
                format!("insufficient funds for gas * price + value: address {address} have {balance} want {fee}"),
            ),
            InvalidTransaction::OverflowPaymentInTransaction => {
                (INSUFFICIENT_FUNDS, format!("insufficient funds for gas * price + value: address {address}"))
            }
            InvalidTransaction::CreateInitCodeSizeLimit => {
                (INITCODE_TOO_LARGE, "max initcode size exceeded".to_owned())
            }
            other => (Self::OTHER, other.to_string()),
        };
        Self { code, message: format!("err: {words} (supplied gas {gas_limit})") }
    }
}
