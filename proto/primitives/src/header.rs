//! Block headers: Ethereum's header, hashed as Ethereum does, with Weft's meaning of some fields.
//!
//! | field | meaning here |
//! |---|---|
//! | `state_root` | root of the EIP-8297 tree, not of a Merkle Patricia trie |
//! | `timestamp` | whole seconds, **not below** the parent's (blocks are milliseconds apart) |
//! | `mix_hash` | [`prev_randao`]: fixed by parent hash and height, so no sequencer can choose it |
//! | `extra_data` | empty |
//! | `withdrawals_root` | root of the withdrawals tree ([`crate::withdrawal`]); as in Ethereum without withdrawals while there are none |
//!
//! All else is as in Ethereum after Prague: no ommers, difficulty and nonce
//! zero, empty requests, no blob gas.

use alloy_consensus::EMPTY_OMMER_ROOT_HASH;
use alloy_consensus::constants::EMPTY_WITHDRAWALS;
use alloy_eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy_primitives::{B64, B256, Bloom, Bytes, U256, keccak256};

use crate::chain::ChainConfig;

/// An Ethereum block header; `hash_slow()` gives its hash.
pub use alloy_consensus::Header as BlockHeader;

/// What execution yields, and the header commits to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionRoots {
    /// Root of the state tree after the block.
    pub state_root: B256,
    /// Merkle Patricia root over the transactions (EIP-2718 bytes).
    pub transactions_root: B256,
    /// Merkle Patricia root over the receipts (EIP-2718 bytes).
    pub receipts_root: B256,
    /// Union of the receipts' blooms.
    pub logs_bloom: Bloom,
    /// Gas used by all transactions.
    pub gas_used: u64,
    /// Root of the withdrawals tree after the block; zero while there are none.
    pub withdrawals_root: B256,
}

/// The `PREVRANDAO` value of the block at `number` on top of `parent_hash`.
pub fn prev_randao(parent_hash: B256, number: u64) -> B256 {
    let mut preimage = Vec::with_capacity(64);
    preimage.extend_from_slice(b"weft/prevrandao/v1");
    preimage.extend_from_slice(parent_hash.as_slice());
    preimage.extend_from_slice(&number.to_be_bytes());
    keccak256(preimage)
}

/// The header of the block on top of `parent`, once executed.
pub fn child_header(
    chain: &ChainConfig,
    parent: &BlockHeader,
    parent_hash: B256,
    timestamp: u64,
    roots: ExecutionRoots,
) -> BlockHeader {
    let number = parent.number + 1;
    BlockHeader {
        parent_hash,
        number,
        timestamp,
        mix_hash: prev_randao(parent_hash, number),
        base_fee_per_gas: Some(chain.next_base_fee(parent)),
        extra_data: Bytes::new(),
        ..skeleton(chain, roots)
    }
}

/// The genesis header over the state root of the configured allocation.
pub fn genesis_header(chain: &ChainConfig, state_root: B256) -> BlockHeader {
    let roots = ExecutionRoots {
        state_root,
        transactions_root: alloy_trie::EMPTY_ROOT_HASH,
        receipts_root: alloy_trie::EMPTY_ROOT_HASH,
        logs_bloom: Bloom::ZERO,
        gas_used: 0,
        withdrawals_root: B256::ZERO,
    };
    BlockHeader {
        parent_hash: chain.hash(),
        timestamp: chain.genesis().timestamp,
        mix_hash: chain.genesis().mix_hash,
        base_fee_per_gas: Some(chain.genesis_base_fee()),
        extra_data: chain.genesis().extra_data.clone(),
        ..skeleton(chain, roots)
    }
}

/// As the header has it.
fn withdrawals_root(root: B256) -> B256 {
    if root.is_zero() { EMPTY_WITHDRAWALS } else { root }
}

fn skeleton(chain: &ChainConfig, roots: ExecutionRoots) -> BlockHeader {
    BlockHeader {
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: chain.fee_recipient(),
        state_root: roots.state_root,
        transactions_root: roots.transactions_root,
        receipts_root: roots.receipts_root,
        logs_bloom: roots.logs_bloom,
        gas_used: roots.gas_used,
        gas_limit: chain.gas_limit(),
        difficulty: U256::ZERO,
        nonce: B64::ZERO,
        withdrawals_root: Some(withdrawals_root(roots.withdrawals_root)),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        ..BlockHeader::default()
    }
}
