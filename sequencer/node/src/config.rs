//! What an operator sets.
//!
//! [`Config::check`] refuses at the start what could only fail later: a block
//! that fits into no batch would stop the chain for good.

use std::path::PathBuf;

use weft_primitives::limits::{MAX_BATCH_BLOCKS, MAX_BATCH_BYTES, MAX_BATCH_TRANSACTIONS};
use weft_primitives::{Address, ChainConfig, Signer};

/// Most bytes of transactions in one batch. The encoding adds less than a third even where nothing can be compressed.
const MAX_BATCH_INPUT_BYTES: u64 = (MAX_BATCH_BYTES as u64) / 4 * 3;

/// A value that cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} = {value}: must be from {least} to {most}")]
pub struct ConfigError {
    /// The configuration key.
    pub key: &'static str,
    /// Its value.
    pub value: u64,
    /// The least that works.
    pub least: u64,
    /// The most that works.
    pub most: u64,
}

/// Configuration of one sequencer.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where RocksDB keeps its files.
    pub data_dir: PathBuf,
    /// The chain.
    pub chain: ChainConfig,
    /// Signs the commitments.
    pub signer: Signer,
    /// gRPC URL of the DA node.
    pub da_url: String,
    /// gRPC URL of the settlement service.
    pub settlement_url: String,
    /// The node's limits.
    pub limits: Limits,
    /// The pool's limits.
    pub mempool: PoolLimits,
    /// JSON-RPC.
    pub rpc: RpcConfig,
}

impl Config {
    /// Whether blocks can be made, and every block fits into a batch.
    pub fn check(&self) -> Result<(), ConfigError> {
        let Self { limits, mempool, .. } = self;
        let any = u64::MAX;
        let bounds = [
            ("block.max_transactions", limits.block_max_transactions as u64, 1, MAX_BATCH_TRANSACTIONS as u64),
            ("block.max_bytes", limits.block_max_bytes as u64, 1, MAX_BATCH_INPUT_BYTES),
            ("block.max_inbox_items", limits.block_max_inbox_items as u64, 1, any),
            ("batch.max_bytes", limits.batch_max_bytes as u64, 1, MAX_BATCH_INPUT_BYTES),
            ("batch.max_blocks", limits.batch_max_blocks as u64, 1, MAX_BATCH_BLOCKS as u64),
            ("batch.max_pending", limits.batch_max_pending, 1, any),
            ("mempool.max_transactions", mempool.max_transactions as u64, 1, any),
            ("mempool.max_bytes", mempool.max_bytes as u64, 1, any),
            ("mempool.max_per_sender", mempool.max_per_sender as u64, 1, any),
        ];
        let broken = bounds.into_iter().find(|(_, value, least, most)| value < least || value > most);
        broken.map_or(Ok(()), |(key, value, least, most)| Err(ConfigError { key, value, least, most }))
    }
}

/// Configuration of one node that follows.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Where RocksDB keeps its files.
    pub data_dir: PathBuf,
    /// Where evidence of broken promises is written.
    pub evidence_dir: PathBuf,
    /// The chain.
    pub chain: ChainConfig,
    /// `sequencer_address`: whose commitments count. As the settlement service says, if not given.
    pub sequencer: Option<Address>,
    /// gRPC URL of a DA node.
    pub da_url: String,
    /// gRPC URL of the settlement service.
    pub settlement_url: String,
    /// `sequencer`: gRPC URL of the sequencer that transactions are handed on to.
    pub sequencer_url: Option<String>,
    /// The node's limits. Those of production are not used.
    pub limits: Limits,
    /// JSON-RPC.
    pub rpc: RpcConfig,
}

/// Bounds of blocks, batches and streams. Each error that one causes names its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `block.min_interval_ms`: least time between two blocks.
    pub block_min_interval_ms: u64,
    /// `block.max_transactions`: most transactions in one block.
    pub block_max_transactions: usize,
    /// `block.max_bytes`: most bytes of transactions in one block.
    pub block_max_bytes: usize,
    /// `block.max_inbox_items`: most inbox items in one block.
    pub block_max_inbox_items: usize,
    /// `block.access_lists`: blocks are made with their access list (EIP-7928), which is kept. Writing it down takes time.
    pub block_access_lists: bool,
    /// `batch.max_bytes`: a batch is cut when its transactions reach this many bytes before compression.
    pub batch_max_bytes: usize,
    /// `batch.max_blocks`: a batch is cut when it has this many blocks.
    pub batch_max_blocks: usize,
    /// `batch.max_age_ms`: a batch is cut when its first block is this old.
    pub batch_max_age_ms: u64,
    /// `batch.max_pending`: with this many batches not yet posted, new transactions are refused.
    pub batch_max_pending: u64,
    /// `history_blocks`: blocks whose state can still be read.
    pub history_blocks: u64,
    /// `index_accounts`: the transactions of each account can be asked for, of any age. Writing the index takes time.
    pub index_accounts: bool,
    /// `store.min_free_bytes`: with less free disk space than this, new transactions are refused.
    pub store_min_free_bytes: u64,
    /// `state_memory`: what the state tree may take in memory, in bytes, what it has not written yet aside; the rest is
    /// read from the disk. All of it is in memory if not given.
    pub state_memory: Option<u64>,
    /// `max_subscribers`: block subscriptions at once.
    pub max_subscribers: usize,
    /// `max_waiters`: callers that wait for a receipt at once.
    pub max_waiters: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            block_min_interval_ms: 5,
            block_max_transactions: 20_000,
            block_max_bytes: 4 << 20,
            block_max_inbox_items: 256,
            block_access_lists: false,
            batch_max_bytes: 4 << 20,
            batch_max_blocks: 10_000,
            batch_max_age_ms: 2_000,
            batch_max_pending: 256,
            history_blocks: 8_192,
            index_accounts: false,
            store_min_free_bytes: 256 << 20,
            state_memory: None,
            max_subscribers: 1_024,
            max_waiters: 65_536,
        }
    }
}

/// Bounds of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// `mempool.max_transactions`: transactions in the pool.
    pub max_transactions: usize,
    /// `mempool.max_bytes`: bytes of transactions in the pool.
    pub max_bytes: usize,
    /// `mempool.max_per_sender`: transactions of one sender.
    pub max_per_sender: usize,
    /// `mempool.max_nonce_gap`: how far ahead of the account a nonce may be.
    pub max_nonce_gap: u64,
    /// `mempool.price_bump_percent`: how much more a replacement must pay, on both fees.
    pub price_bump_percent: u128,
    /// `mempool.allow_unprotected`: take legacy transactions that bind no chain id (before EIP-155).
    pub allow_unprotected: bool,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            max_transactions: 200_000,
            max_bytes: 256 << 20,
            max_per_sender: 4_096,
            max_nonce_gap: 65_536,
            price_bump_percent: 10,
            allow_unprotected: false,
        }
    }
}

/// What tools take for granted on a developer's own chain, with the id 31337.
#[derive(Clone, Debug)]
pub struct Development {
    /// Accounts that the node signs for, whoever asks: their keys are known to everyone.
    pub accounts: Vec<Signer>,
}

/// Bounds of the Ethereum JSON-RPC server.
#[derive(Clone, Debug)]
pub struct RpcConfig {
    /// `rpc.max_body_bytes`: largest request.
    pub max_body_bytes: u32,
    /// `rpc.max_response_bytes`: largest answer.
    pub max_response_bytes: u32,
    /// `rpc.max_batch`: calls in one JSON-RPC batch.
    pub max_batch: u32,
    /// `rpc.max_connections`: connections at once.
    pub max_connections: u32,
    /// `rpc.max_logs`: logs in one answer.
    pub max_logs: usize,
    /// `rpc.max_block_range`: blocks in one log query.
    pub max_block_range: u64,
    /// `rpc.call_gas_cap`: gas of one `eth_call` or estimate.
    pub call_gas_cap: u64,
    /// `rpc.max_calls`: `eth_call` and estimates that run at once.
    pub max_calls: usize,
    /// `rpc.call_timeout_ms`: longest time for one simulation or trace.
    pub call_timeout_ms: u64,
    /// `rpc.max_traces`: traces that are made at once.
    pub max_traces: usize,
    /// `rpc.max_trace_bytes`: what one trace may take in memory, as estimated.
    pub max_trace_bytes: usize,
    /// `rpc.max_filters`: filters at once.
    pub max_filters: usize,
    /// `rpc.sync_timeout_max_ms`: longest wait of `eth_sendRawTransactionSync`.
    pub sync_timeout_max_ms: u64,
    /// `rpc.max_subscription_lag`: notifications a WebSocket client may be behind before it is cut off.
    pub max_subscription_lag: u32,
    /// `rpc.cors`: origins that browsers may call from; `*` for any.
    pub cors: Vec<String>,
    /// Of `weft dev` alone.
    pub development: Option<Development>,
}

impl Default for RpcConfig {
    fn default() -> Self {
        Self {
            max_body_bytes: 5 << 20,
            max_response_bytes: 64 << 20,
            max_batch: 1_000,
            max_connections: 1_024,
            max_logs: 10_000,
            max_block_range: 100_000,
            call_gas_cap: 50_000_000,
            max_calls: 8,
            call_timeout_ms: 10_000,
            max_traces: 2,
            max_trace_bytes: 128 << 20,
            max_filters: 1_024,
            sync_timeout_max_ms: 10_000,
            max_subscription_lag: 4_096,
            cors: vec!["*".to_owned()],
            development: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        let config = crate::testing::config();
        assert_eq!(config.check(), Ok(()));
        let too_large = Limits { block_max_bytes: MAX_BATCH_BYTES, ..config.limits };
        let error = Config { limits: too_large, ..config.clone() }.check().expect_err("fits into no batch");
        assert_eq!(error.to_string(), "block.max_bytes = 8388608: must be from 1 to 6291456");
        let none = Limits { batch_max_pending: 0, ..config.limits };
        let error = Config { limits: none, ..config }.check().expect_err("admission would never open");
        assert_eq!(error.key, "batch.max_pending");
    }
}
