//! `weft node`, and `weft node snapshot`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use weft_primitives::{Address, U256};
use weft_sequencer::{Limits, NodeConfig, RpcConfig};

use super::sequencer::load_chain;
use super::{LogArgs, PageArgs};
use crate::output::Failure;

/// Options of a follower.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  weft node --config config/node.toml
  weft node snapshot export state.weft --key-file operator.key
  weft node --settlement-url http://10.0.0.3:9300 --da-url http://10.0.0.2:9200 --genesis genesis.json \\
            --sequencer-address 0xF67377a43b719d2f92D5EC8d5869F6949C9cB863 --sequencer http://10.0.0.1:9100

The node believes nobody: every batch is executed again, commitments are checked by the rules of the settlement log,
payloads by their hashes. If what it finds is not what the log says, it stops following, says so, and is not ready
(/health/ready; metric weft_node_disagreement). It may be killed at any time and goes on where it was.")]
pub struct NodeArgs {
    /// Do something else than run the node.
    #[command(subcommand)]
    pub command: Option<NodeCommand>,
    /// TOML file with any of these options.
    #[arg(long, global = true)]
    pub config: Option<PathBuf>,
    /// Where the database is kept.
    #[arg(long, global = true, default_value = "data/node")]
    pub data_dir: PathBuf,
    /// Genesis file in go-ethereum's format; the development chain if not given.
    #[arg(long, global = true)]
    pub genesis: Option<PathBuf>,
    /// Whose commitments count; whom the settlement service names if not given.
    #[arg(long, global = true)]
    pub sequencer_address: Option<Address>,
    /// Where gRPC listens.
    #[arg(long, default_value = "127.0.0.1:9500")]
    pub grpc_listen: SocketAddr,
    /// Where Ethereum JSON-RPC listens, HTTP and WebSocket.
    #[arg(long, default_value = "127.0.0.1:8645")]
    pub rpc_listen: SocketAddr,
    /// Where metrics, health and the page are served.
    #[arg(long, default_value = "127.0.0.1:9501")]
    pub http_listen: SocketAddr,
    /// gRPC URL of a DA node.
    #[arg(long, default_value = "http://127.0.0.1:9200")]
    pub da_url: String,
    /// gRPC URL of the settlement service.
    #[arg(long, global = true, default_value = "http://127.0.0.1:9300")]
    pub settlement_url: String,
    /// gRPC URL of the sequencer that transactions are handed on to; without it they are refused. What it promises of its
    /// blocks is compared with what is derived; evidence against it goes to evidence/ in the data folder and to settlement.
    #[arg(long)]
    pub sequencer: Option<String>,
    /// Blocks whose state can still be read, and that can be taken back if settlement rejects them.
    #[arg(long, global = true, default_value_t = Limits::default().history_blocks, help_heading = "Limits")]
    pub history_blocks: u64,
    /// Keep an index by account, for weft_getAccountTransactions: what an account sent and received, of any age. Writing it
    /// takes time. Blocks from before are indexed in the background.
    #[arg(long, help_heading = "Limits")]
    pub index_accounts: bool,
    /// What the state tree may take in memory, bytes; what there is no room for is read from the disk. Without it, all of
    /// the state is in memory, some 200 bytes for an account or slot.
    #[arg(long, global = true, value_name = "BYTES", help_heading = "Limits")]
    pub state_memory: Option<u64>,
    /// Block subscriptions at once.
    #[arg(long, default_value_t = Limits::default().max_subscribers, help_heading = "Limits")]
    pub max_subscribers: usize,
    /// Callers that wait for a receipt at once.
    #[arg(long, default_value_t = Limits::default().max_waiters, help_heading = "Limits")]
    pub max_waiters: usize,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub json_rpc: RpcArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub page: PageArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub log_options: LogArgs,
}

/// What else `weft node` does.
#[derive(Subcommand, Clone, Debug)]
pub enum NodeCommand {
    /// Write the verified state to a file, or begin with one. The node must not run meanwhile.
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Prove what an account was after a block of any age, by executing the stored blocks again.
    #[command(after_help = "\
Examples:
  weft node prove 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --block 1200
  weft node prove 0x5FbD.. --slot 0 --slot 0x7 --block 1200 --snapshot state.weft --data-dir data/sequencer --json

While a node keeps a block's undo records (--history-blocks), weft_getProof says the same at once. This begins at
genesis, or at a snapshot of a block that is not newer, and takes memory for the whole state. The folder is only read, of
a node or of a sequencer, which may run meanwhile.")]
    Prove {
        /// The account.
        address: Address,
        /// Block number.
        #[arg(long)]
        block: u64,
        /// Storage slots, decimal or with 0x.
        #[arg(long = "slot", value_name = "SLOT")]
        slots: Vec<U256>,
        /// Snapshot to begin with; genesis if not given.
        #[arg(long, value_name = "FILE")]
        snapshot: Option<PathBuf>,
        /// Print JSON, in the shape of weft_getProof's answer.
        #[arg(long)]
        json: bool,
    },
}

/// `weft node snapshot`.
#[derive(Subcommand, Clone, Debug)]
pub enum SnapshotCommand {
    /// Write the state after the newest final batch, signed.
    #[command(
        after_help = "Example:\n  weft node snapshot export state.weft --data-dir data/node --key-file operator.key"
    )]
    Export {
        /// The file; made anew.
        file: PathBuf,
        /// Key that signs the file; made in the data folder if not given.
        #[arg(long)]
        key_file: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Begin a new data folder with a file: its state root is computed again, its commitment must be final in the log.
    #[command(after_help = "Example:\n  weft node snapshot import state.weft --data-dir data/new --maker 0x7099..")]
    Import {
        /// The file.
        file: PathBuf,
        /// Who must have signed it; anyone if not given.
        #[arg(long)]
        maker: Option<Address>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Bounds of JSON-RPC; the same for every service that has it.
#[derive(Args, Clone, Debug)]
pub struct RpcArgs {
    /// Largest JSON-RPC request, bytes.
    #[arg(long, default_value_t = RpcConfig::default().max_body_bytes, help_heading = "JSON-RPC")]
    pub rpc_max_body_bytes: u32,
    /// Calls in one JSON-RPC batch.
    #[arg(long, default_value_t = RpcConfig::default().max_batch, help_heading = "JSON-RPC")]
    pub rpc_max_batch: u32,
    /// JSON-RPC connections at once.
    #[arg(long, default_value_t = RpcConfig::default().max_connections, help_heading = "JSON-RPC")]
    pub rpc_max_connections: u32,
    /// Logs in one answer.
    #[arg(long, default_value_t = RpcConfig::default().max_logs, help_heading = "JSON-RPC")]
    pub rpc_max_logs: usize,
    /// Blocks in one log query.
    #[arg(long, default_value_t = RpcConfig::default().max_block_range, help_heading = "JSON-RPC")]
    pub rpc_max_block_range: u64,
    /// Gas of one eth_call or estimate, or of all calls of a simulation.
    #[arg(long, default_value_t = RpcConfig::default().call_gas_cap, help_heading = "JSON-RPC")]
    pub rpc_call_gas_cap: u64,
    /// Longest time for one simulation or trace, milliseconds.
    #[arg(long, default_value_t = RpcConfig::default().call_timeout_ms, help_heading = "JSON-RPC")]
    pub rpc_call_timeout_ms: u64,
    /// Traces that are made at once.
    #[arg(long, default_value_t = RpcConfig::default().max_traces, help_heading = "JSON-RPC")]
    pub rpc_max_traces: usize,
    /// What one trace may take in memory, bytes.
    #[arg(long, default_value_t = RpcConfig::default().max_trace_bytes, help_heading = "JSON-RPC")]
    pub rpc_max_trace_bytes: usize,
    /// Origins that browsers may call from; `*` for any.
    #[arg(long, default_value = "*", help_heading = "JSON-RPC")]
    pub rpc_cors: Vec<String>,
}

impl RpcArgs {
    /// In the service's own type.
    pub fn to_config(&self) -> RpcConfig {
        RpcConfig {
            max_body_bytes: self.rpc_max_body_bytes,
            max_batch: self.rpc_max_batch,
            max_connections: self.rpc_max_connections,
            max_logs: self.rpc_max_logs,
            max_block_range: self.rpc_max_block_range,
            call_gas_cap: self.rpc_call_gas_cap,
            call_timeout_ms: self.rpc_call_timeout_ms,
            max_traces: self.rpc_max_traces,
            max_trace_bytes: self.rpc_max_trace_bytes,
            cors: self.rpc_cors.clone(),
            ..RpcConfig::default()
        }
    }
}

impl NodeArgs {
    /// The service's configuration.
    pub fn to_config(&self) -> Result<NodeConfig, Failure> {
        Ok(NodeConfig {
            data_dir: self.data_dir.join("db"),
            evidence_dir: self.data_dir.join("evidence"),
            chain: load_chain(self.genesis.as_deref())?,
            sequencer: self.sequencer_address,
            da_url: self.da_url.clone(),
            settlement_url: self.settlement_url.clone(),
            sequencer_url: self.sequencer.clone(),
            limits: Limits {
                history_blocks: self.history_blocks,
                index_accounts: self.index_accounts,
                state_memory: self.state_memory,
                max_subscribers: self.max_subscribers,
                max_waiters: self.max_waiters,
                ..Limits::default()
            },
            rpc: self.json_rpc.to_config(),
        })
    }
}
