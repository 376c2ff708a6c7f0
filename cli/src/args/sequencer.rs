//! `weft sequencer`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use weft_primitives::ChainConfig;
use weft_sequencer::{Config, Limits, PoolLimits, RpcConfig};

use super::da::load_key;
use super::node::RpcArgs;
use super::{LogArgs, PageArgs};
use crate::output::Failure;

/// Options of the sequencer.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  weft sequencer --config config/sequencer.toml\n\n\
If settlement holds more of the chain than the data folder, that is derived first, from settlement and DA.")]
pub struct SequencerArgs {
    /// TOML file with any of these options.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Where the database is kept.
    #[arg(long, default_value = "data/sequencer")]
    pub data_dir: PathBuf,
    /// Genesis file in go-ethereum's format; the development chain if not given.
    #[arg(long)]
    pub genesis: Option<PathBuf>,
    /// Key that signs the commitments; made in the data folder if not given.
    #[arg(long)]
    pub key_file: Option<PathBuf>,
    /// Where gRPC listens.
    #[arg(long, default_value = "127.0.0.1:9100")]
    pub grpc_listen: SocketAddr,
    /// Where Ethereum JSON-RPC listens, HTTP and WebSocket.
    #[arg(long, default_value = "127.0.0.1:8545")]
    pub rpc_listen: SocketAddr,
    /// Where metrics, health and the page are served.
    #[arg(long, default_value = "127.0.0.1:9101")]
    pub http_listen: SocketAddr,
    /// gRPC URL of the DA node.
    #[arg(long, default_value = "http://127.0.0.1:9200")]
    pub da_url: String,
    /// gRPC URL of the settlement service.
    #[arg(long, default_value = "http://127.0.0.1:9300")]
    pub settlement_url: String,
    /// Keep an index by account, for weft_getAccountTransactions: what an account sent and received, of any age. Writing it
    /// takes time. Blocks from before are indexed in the background.
    #[arg(long, help_heading = "Blocks")]
    pub index_accounts: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub tuning: Tuning,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub page: PageArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub log_options: LogArgs,
}

/// Bounds of blocks, batches, pool and servers; the same in `weft dev`.
#[derive(Args, Clone, Debug)]
pub struct Tuning {
    /// Least time between two blocks, milliseconds.
    #[arg(long, default_value_t = Limits::default().block_min_interval_ms, help_heading = "Blocks")]
    pub block_min_interval_ms: u64,
    /// Most transactions in one block.
    #[arg(long, default_value_t = Limits::default().block_max_transactions, help_heading = "Blocks")]
    pub block_max_transactions: usize,
    /// Most bytes of transactions in one block.
    #[arg(long, default_value_t = Limits::default().block_max_bytes, help_heading = "Blocks")]
    pub block_max_bytes: usize,
    /// Most inbox items in one block.
    #[arg(long, default_value_t = Limits::default().block_max_inbox_items, help_heading = "Blocks")]
    pub block_max_inbox_items: usize,
    /// Make blocks with their access list (EIP-7928), and keep it for eth_getBlockAccessList; takes time.
    #[arg(long, help_heading = "Blocks")]
    pub block_access_lists: bool,
    /// A batch is cut when its first block is this old, milliseconds.
    #[arg(long, default_value_t = Limits::default().batch_max_age_ms, help_heading = "Batches")]
    pub batch_max_age_ms: u64,
    /// A batch is cut at this many bytes of transactions, before compression.
    #[arg(long, default_value_t = Limits::default().batch_max_bytes, help_heading = "Batches")]
    pub batch_max_bytes: usize,
    /// A batch is cut at this many blocks.
    #[arg(long, default_value_t = Limits::default().batch_max_blocks, help_heading = "Batches")]
    pub batch_max_blocks: usize,
    /// With this many batches not yet posted, new transactions are refused.
    #[arg(long, default_value_t = Limits::default().batch_max_pending, help_heading = "Batches")]
    pub batch_max_pending: u64,
    /// Transactions in the pool.
    #[arg(long, default_value_t = PoolLimits::default().max_transactions, help_heading = "Pool")]
    pub mempool_max_transactions: usize,
    /// Bytes of transactions in the pool.
    #[arg(long, default_value_t = PoolLimits::default().max_bytes, help_heading = "Pool")]
    pub mempool_max_bytes: usize,
    /// Transactions of one sender in the pool.
    #[arg(long, default_value_t = PoolLimits::default().max_per_sender, help_heading = "Pool")]
    pub mempool_max_per_sender: usize,
    /// How far ahead of the account a nonce may be.
    #[arg(long, default_value_t = PoolLimits::default().max_nonce_gap, help_heading = "Pool")]
    pub mempool_max_nonce_gap: u64,
    /// How much more a replacement must pay, percent.
    #[arg(long, default_value_t = PoolLimits::default().price_bump_percent, help_heading = "Pool")]
    pub mempool_price_bump_percent: u128,
    /// Take legacy transactions that bind no chain id (before EIP-155).
    #[arg(long, help_heading = "Pool")]
    pub mempool_allow_unprotected: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub json_rpc: RpcArgs,
    /// Blocks whose state can still be read.
    #[arg(long, default_value_t = Limits::default().history_blocks, help_heading = "Limits")]
    pub history_blocks: u64,
    /// With less free disk space than this, transactions are refused, bytes.
    #[arg(long, default_value_t = Limits::default().store_min_free_bytes, help_heading = "Limits")]
    pub store_min_free_bytes: u64,
    /// What the state tree may take in memory, bytes; what there is no room for is read from the disk. Without it, all of
    /// the state is in memory, some 200 bytes for an account or slot.
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    pub state_memory: Option<u64>,
    /// Block subscriptions at once.
    #[arg(long, default_value_t = Limits::default().max_subscribers, help_heading = "Limits")]
    pub max_subscribers: usize,
    /// Callers that wait for a receipt at once.
    #[arg(long, default_value_t = Limits::default().max_waiters, help_heading = "Limits")]
    pub max_waiters: usize,
}

impl Tuning {
    /// A configuration with these bounds, for a caller that fills in the rest.
    pub fn sequencer_config(&self) -> Tuned {
        Tuned { limits: self.limits(), mempool: self.mempool(), rpc: self.json_rpc.to_config() }
    }

    fn limits(&self) -> Limits {
        Limits {
            block_min_interval_ms: self.block_min_interval_ms,
            block_max_transactions: self.block_max_transactions,
            block_max_bytes: self.block_max_bytes,
            block_max_inbox_items: self.block_max_inbox_items,
            block_access_lists: self.block_access_lists,
            batch_max_bytes: self.batch_max_bytes,
            batch_max_blocks: self.batch_max_blocks,
            batch_max_age_ms: self.batch_max_age_ms,
            batch_max_pending: self.batch_max_pending,
            history_blocks: self.history_blocks,
            index_accounts: Limits::default().index_accounts,
            store_min_free_bytes: self.store_min_free_bytes,
            state_memory: self.state_memory,
            max_subscribers: self.max_subscribers,
            max_waiters: self.max_waiters,
        }
    }

    fn mempool(&self) -> PoolLimits {
        PoolLimits {
            max_transactions: self.mempool_max_transactions,
            max_bytes: self.mempool_max_bytes,
            max_per_sender: self.mempool_max_per_sender,
            max_nonce_gap: self.mempool_max_nonce_gap,
            price_bump_percent: self.mempool_price_bump_percent,
            allow_unprotected: self.mempool_allow_unprotected,
        }
    }
}

/// The bounds in the service's own types.
pub struct Tuned {
    /// Blocks, batches, streams.
    pub limits: Limits,
    /// The pool.
    pub mempool: PoolLimits,
    /// JSON-RPC.
    pub rpc: RpcConfig,
}

impl SequencerArgs {
    /// The service's configuration. Makes the data folder and a missing key.
    pub fn to_config(&self) -> Result<Config, Failure> {
        let Tuned { mut limits, mempool, rpc } = self.tuning.sequencer_config();
        limits.index_accounts = self.index_accounts;
        Ok(Config {
            data_dir: self.data_dir.join("db"),
            chain: load_chain(self.genesis.as_deref())?,
            signer: load_key(self.key_file.as_deref(), &self.data_dir)?,
            da_url: self.da_url.clone(),
            settlement_url: self.settlement_url.clone(),
            limits,
            mempool,
            rpc,
        })
    }
}

/// The text of a genesis file.
pub fn genesis_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure(format!("cannot read the genesis file {}: {error}", path.display())))
}

/// The chain of a genesis file, or the development chain.
pub fn load_chain(genesis: Option<&Path>) -> Result<ChainConfig, Failure> {
    let Some(path) = genesis else { return Ok(ChainConfig::from_json(crate::DEV_GENESIS)?) };
    let text = genesis_text(path)?;
    ChainConfig::from_json(&text).map_err(|error| Failure(format!("{}: {error}", path.display())))
}
