//! Calls that change nothing: `eth_call`, gas estimates, access lists, and made-up blocks.
//!
//! Waived against a signed transaction: the nonce, the base fee if no price is
//! named, the block's and the protocol's gas limits (the caller's cap stands in
//! for them), and that the sender has no code. Not waived: what the sender can
//! pay. Made-up blocks ([`blocks`]) may ask for nonce and base fee all the same.

mod access_list;
pub mod blocks;
mod call;
mod estimate;
mod logs;
mod overrides;
mod refusal;
mod unsigned;

use alloy_eips::eip2930::AccessList;
use alloy_eips::eip7702::SignedAuthorization;
use alloy_primitives::{Address, B256, Bytes, Log, U256};
use weft_primitives::BlockHeader;

use crate::rules::Rules;
use crate::view::Missing;

pub use access_list::Listed;
pub use overrides::{Override, OverrideError};
pub use refusal::Refusal;

/// A message to be tried out.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Sender; the zero address when absent.
    pub from: Option<Address>,
    /// Recipient; a creation when absent.
    pub to: Option<Address>,
    /// Gas limit; as much as the cap and the sender's funds allow when absent.
    pub gas: Option<u64>,
    /// Wei a gas, also `maxFeePerGas`; when absent the sender pays nothing for gas.
    pub gas_price: Option<u128>,
    /// `maxPriorityFeePerGas`.
    pub priority_fee: Option<u128>,
    /// Whether [`Call::gas_price`] is that of a legacy transaction.
    pub legacy: bool,
    /// The sender's nonce; the next one when absent. Only made-up blocks look at it.
    pub nonce: Option<u64>,
    /// Wei.
    pub value: U256,
    /// Call data, or init code.
    pub data: Bytes,
    /// EIP-2930.
    pub access_list: AccessList,
    /// EIP-7702.
    pub authorizations: Vec<SignedAuthorization>,
    /// EIP-4844; of chains that have blobs.
    pub blob_hashes: Vec<B256>,
    /// Wei a blob gas.
    pub max_fee_per_blob_gas: Option<u128>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this output.
    Success(Bytes),
    /// Reverted with this data.
    Revert(Bytes),
    /// Out of gas, invalid opcode and the like: revm's name of the reason.
    Halt(String),
}

/// What a call would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// Gas used.
    pub gas_used: u64,
    /// Events.
    pub logs: Vec<Log>,
}

/// Why a call cannot be tried.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SimulateError {
    /// State is not there.
    #[error("missing {0}")]
    Missing(#[from] Missing),
    /// What is to be pretended cannot be.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// The call breaks a rule that simulation does not waive.
    #[error("{0}")]
    Invalid(String),
}

/// Why gas cannot be estimated.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EstimateError {
    /// It reverts at any gas.
    #[error("execution reverted")]
    Revert(Bytes),
    /// It halts at any gas.
    #[error("{0}")]
    Halt(String),
    /// It needs more gas than there is.
    #[error("gas required exceeds allowance ({0})")]
    Allowance(u64),
    /// It cannot be tried.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
}

/// Where calls are tried: a block and the state after it.
#[derive(Clone, Copy)]
pub struct At<'a, V: ?Sized> {
    /// Rules.
    pub rules: &'a dyn Rules,
    /// The block whose number, time and base fee the call sees.
    pub header: &'a BlockHeader,
    /// The state.
    pub view: &'a V,
    /// Most gas for one call.
    pub gas_cap: u64,
}
