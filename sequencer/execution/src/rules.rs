//! The rules of a chain, as far as calls, simulations and traces need to know them.
//!
//! Weft's own are those of its [`ChainConfig`]. The seam is there so that the same code can be judged on chains that
//! are not ours: Ethereum's test chain has blocks of every fork.

use alloy_primitives::{Address, B256, Bytes, U256};
use revm::context::{BlockEnv, CfgEnv};
use weft_primitives::header::{ExecutionRoots, child_header};
use weft_primitives::{BlockHeader, ChainConfig};

use crate::env;

/// The rules of a chain.
pub trait Rules: Send + Sync {
    /// EIP-155 chain id.
    fn chain_id(&self) -> u64;

    /// What binds transactions in the block with this header.
    fn config(&self, header: &BlockHeader) -> CfgEnv;

    /// The block with this header, as contracts see it.
    fn block(&self, header: &BlockHeader) -> BlockEnv {
        env::block_of(header)
    }

    /// Base fee of the block after `parent`, in wei a gas; `None` before EIP-1559.
    fn next_base_fee(&self, parent: &BlockHeader) -> Option<u64>;

    /// The header of the block on top of `parent`, before anything is executed in it.
    fn child(&self, parent: &BlockHeader, parent_hash: B256, timestamp: u64) -> BlockHeader;

    /// Calls by the protocol before the block's transactions, besides noting the parent's hash.
    fn calls_before(&self, _header: &BlockHeader) -> Vec<(Address, Bytes)> {
        Vec::new()
    }

    /// What the block's beneficiary gets for it besides fees, in wei.
    fn reward(&self, _header: &BlockHeader) -> Option<U256> {
        None
    }
}

impl Rules for ChainConfig {
    fn chain_id(&self) -> u64 {
        self.chain_id()
    }

    fn config(&self, header: &BlockHeader) -> CfgEnv {
        env::config(self, header.timestamp)
    }

    fn next_base_fee(&self, parent: &BlockHeader) -> Option<u64> {
        Some(self.next_base_fee(parent))
    }

    fn child(&self, parent: &BlockHeader, parent_hash: B256, timestamp: u64) -> BlockHeader {
        let none = ExecutionRoots {
            state_root: B256::ZERO,
            transactions_root: alloy_trie::EMPTY_ROOT_HASH,
            receipts_root: alloy_trie::EMPTY_ROOT_HASH,
            logs_bloom: Default::default(),
            gas_used: 0,
            withdrawals_root: parent.withdrawals_root.unwrap_or_default(),
        };
        child_header(self, parent, parent_hash, timestamp, none)
    }
}
