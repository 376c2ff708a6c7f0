//! Chain configuration in go-ethereum's genesis format, and what follows from it.
//!
//! Weft's own parameters stand in `config.weft`:
//!
//! ```json
//! { "config": { "chainId": 31337, "pragueTime": 0, "osakaTime": 0,
//!     "weft": { "minBaseFeePerGas": 1000000000, "feeRecipient": "0x.." } },
//!   "gasLimit": "0x11e1a300", "alloc": { "0x..": { "balance": "0x.." } } }
//! ```
//!
//! The configuration's hash is part of every commitment, so two parties with
//! different configurations cannot agree by accident.

use alloy_eips::eip1559::{BaseFeeParams, calc_next_block_base_fee};
use alloy_genesis::Genesis;
use alloy_primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};

use crate::header::BlockHeader;
use crate::limits::{INBOX_DEADLINE_MS, INBOX_GRACE_MS};
use crate::withdrawal::CONTRACT;

/// Total supply must stay below this: the state tree stores balances in 16 bytes (EIP-8297).
pub const MAX_SUPPLY: u128 = u128::MAX;

/// `config.weft` of the genesis file. Unknown keys are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WeftParams {
    /// Floor of the EIP-1559 base fee, in wei.
    pub min_base_fee_per_gas: u64,
    /// Receives the priority fees (`COINBASE`).
    pub fee_recipient: Address,
    /// Whether the withdrawals contract is there from genesis on ([`crate::withdrawal`]).
    #[serde(skip_serializing_if = "is_default")]
    pub withdrawals: bool,
    /// Longest time between an item's entry in the inbox and the post of a batch that consumes it, in milliseconds.
    #[serde(skip_serializing_if = "is_default_deadline")]
    pub inbox_deadline_ms: u64,
    /// How long after that the sequencer alone may mend it, in milliseconds.
    #[serde(skip_serializing_if = "is_default_grace")]
    pub inbox_grace_ms: u64,
}

// A parameter that a configuration does not use must not change its hash.

fn is_default(value: &bool) -> bool {
    !value
}

fn is_default_deadline(value: &u64) -> bool {
    *value == INBOX_DEADLINE_MS
}

fn is_default_grace(value: &u64) -> bool {
    *value == INBOX_GRACE_MS
}

impl Default for WeftParams {
    fn default() -> Self {
        Self {
            min_base_fee_per_gas: 1_000_000,
            fee_recipient: Address::ZERO,
            withdrawals: false,
            inbox_deadline_ms: INBOX_DEADLINE_MS,
            inbox_grace_ms: INBOX_GRACE_MS,
        }
    }
}

/// Ethereum's rule sets that Weft runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fork {
    /// Prague (2025): EIP-7702, BLS12-381, block hashes in state (EIP-2935).
    Prague,
    /// Osaka (2025): EIP-7825 transaction gas cap, P-256.
    Osaka,
}

/// A checked chain configuration.
#[derive(Clone, Debug)]
pub struct ChainConfig {
    genesis: Genesis,
    params: WeftParams,
    hash: B256,
    supply: u128,
}

/// Why a genesis file does not describe a Weft chain.
#[derive(Debug, thiserror::Error)]
pub enum ChainConfigError {
    /// Not JSON of the right shape.
    #[error("genesis file: {0}")]
    Json(#[from] serde_json::Error),
    /// A rule that Weft asks for is broken.
    #[error("genesis file: {0}")]
    Unsupported(&'static str),
}

impl ChainConfig {
    /// Parses a genesis file.
    pub fn from_json(text: &str) -> Result<Self, ChainConfigError> {
        Self::new(serde_json::from_str(text)?)
    }

    /// Checks a genesis description.
    pub fn new(mut genesis: Genesis) -> Result<Self, ChainConfigError> {
        let params: WeftParams = match genesis.config.extra_fields.get("weft") {
            Some(value) => serde_json::from_value(value.clone())?,
            None => WeftParams::default(),
        };
        let config = &genesis.config;
        let active_at_genesis = |time: Option<u64>| time.is_some_and(|time| time <= genesis.timestamp);
        if !active_at_genesis(config.prague_time) && !active_at_genesis(config.osaka_time) {
            return Err(ChainConfigError::Unsupported("pragueTime (or a later fork) must be active at genesis"));
        }
        if config.amsterdam_time.is_some() || config.bogota_time.is_some() {
            return Err(ChainConfigError::Unsupported("forks after Osaka are not supported"));
        }
        if config.chain_id == 0 {
            return Err(ChainConfigError::Unsupported("config.chainId must not be zero"));
        }
        if genesis.gas_limit < 1_000_000 {
            return Err(ChainConfigError::Unsupported("gasLimit must be at least 1,000,000"));
        }
        if genesis.extra_data.len() > 32 {
            return Err(ChainConfigError::Unsupported("extraData must be at most 32 bytes"));
        }
        if params.inbox_deadline_ms == 0 {
            return Err(ChainConfigError::Unsupported("weft.inboxDeadlineMs must not be zero"));
        }
        if params.withdrawals && genesis.alloc.contains_key(&CONTRACT) {
            return Err(ChainConfigError::Unsupported(
                "alloc must not have the withdrawals contract's account (0x5745465400000000000000000000000000000001)",
            ));
        }
        let mut supply = 0u128;
        for account in genesis.alloc.values() {
            supply = u128::try_from(account.balance)
                .ok()
                .and_then(|balance| supply.checked_add(balance))
                .filter(|sum| *sum < MAX_SUPPLY)
                .ok_or(ChainConfigError::Unsupported("the sum of all balances must be below 2^128 - 1"))?;
        }
        genesis.alloc.values_mut().for_each(|account| account.private_key = None);
        let hash = config_hash(&genesis, &params)?;
        Ok(Self { genesis, params, hash, supply })
    }

    /// The genesis description.
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// EIP-155 chain id.
    pub const fn chain_id(&self) -> u64 {
        self.genesis.config.chain_id
    }

    /// Binds every rule and the genesis allocation: keccak256 of `"weft/config/v1"` and the sorted JSON.
    pub const fn hash(&self) -> B256 {
        self.hash
    }

    /// Block gas limit, the same for all blocks.
    pub const fn gas_limit(&self) -> u64 {
        self.genesis.gas_limit
    }

    /// `COINBASE` of every block.
    pub const fn fee_recipient(&self) -> Address {
        self.params.fee_recipient
    }

    /// Sum of all balances at genesis, in wei.
    pub const fn supply(&self) -> u128 {
        self.supply
    }

    /// Weft's own parameters.
    pub const fn params(&self) -> &WeftParams {
        &self.params
    }

    /// The rules in force at a block time in seconds.
    pub fn fork_at(&self, timestamp: u64) -> Fork {
        let osaka = self.genesis.config.osaka_time.is_some_and(|time| time <= timestamp);
        if osaka { Fork::Osaka } else { Fork::Prague }
    }

    /// Base fee of the genesis block, in wei.
    pub fn genesis_base_fee(&self) -> u64 {
        let given = self.genesis.base_fee_per_gas.unwrap_or_default();
        u64::try_from(given).unwrap_or(u64::MAX).max(self.params.min_base_fee_per_gas)
    }

    /// Base fee of the block after `parent`: EIP-1559, never below the configured floor.
    pub fn next_base_fee(&self, parent: &BlockHeader) -> u64 {
        calc_next_block_base_fee(
            parent.gas_used,
            parent.gas_limit,
            parent.base_fee_per_gas.unwrap_or_default(),
            BaseFeeParams::ethereum(),
        )
        .max(self.params.min_base_fee_per_gas)
    }
}

/// serde_json may or may not keep the order of keys, by a feature any crate can switch on; the hash must not depend on it.
fn sorted(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            serde_json::Value::Object(entries.into_iter().collect())
        }
        serde_json::Value::Array(items) => serde_json::Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

fn config_hash(genesis: &Genesis, params: &WeftParams) -> Result<B256, serde_json::Error> {
    let mut preimage = b"weft/config/v1".to_vec();
    serde_json::to_writer(&mut preimage, &sorted(serde_json::to_value(genesis)?))?;
    serde_json::to_writer(&mut preimage, &sorted(serde_json::to_value(params)?))?;
    Ok(keccak256(preimage))
}
