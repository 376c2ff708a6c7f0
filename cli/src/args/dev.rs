//! `weft dev`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use super::sequencer::Tuning;
use super::{LogArgs, PageArgs};
use crate::dev_accounts::MNEMONIC;

/// Options of the whole rollup in one process.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  weft dev\n  weft dev --data-dir my-chain --rpc-port 8546\n  \
                      weft dev --accounts 3 --balance 500 --chain-id 1337\n  \
                      weft dev --state my-chain.state          # goes on where the last one ended\n  \
                      weft dev --load-state anvil-state.json   # a new chain with anvil's accounts\n\n\
                      --accounts, --balance, --mnemonic and --chain-id mean what they mean to anvil; a data folder keeps the chain \
                      that it was made with, and belongs to the same options.\n\n\
                      A state file holds the whole rollup: accounts, blocks, receipts, batches, DA rows, settlement's log and the \
                      services' keys; the chain that it was made with goes on, whatever --genesis, --chain-id, --accounts and \
                      --balance say. It is written when weft dev is stopped (SIGINT, SIGTERM), not when it is killed. Of a state \
                      that anvil wrote (JSON), the accounts are taken, with nonces, balances, code and storage, as those of a new \
                      chain's genesis; its blocks are not.")]
pub struct DevArgs {
    /// TOML file with any of these options.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Where data is kept; a temporary folder if not given.
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// State file: loaded at the start if it is there, written in the end.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data_dir", "load_state", "dump_state"], help_heading = "State")]
    pub state: Option<PathBuf>,
    /// State file to begin with: of weft dev, or anvil's.
    #[arg(long, value_name = "FILE", conflicts_with = "data_dir", help_heading = "State")]
    pub load_state: Option<PathBuf>,
    /// State file to write in the end.
    #[arg(long, value_name = "FILE", help_heading = "State")]
    pub dump_state: Option<PathBuf>,
    /// Genesis file in go-ethereum's format; the development chain (31337) if not given.
    #[arg(long)]
    pub genesis: Option<PathBuf>,
    /// Funded accounts, as anvil's option of this name.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000), conflicts_with = "genesis", help_heading = "Accounts")]
    pub accounts: u32,
    /// Ether of each.
    #[arg(long, default_value_t = 10_000, conflicts_with = "genesis", help_heading = "Accounts")]
    pub balance: u64,
    /// BIP-39 mnemonic that they are derived from, at m/44'/60'/0'/0/n.
    #[arg(long, default_value = MNEMONIC, conflicts_with = "genesis", help_heading = "Accounts")]
    pub mnemonic: String,
    /// EIP-155 chain id.
    #[arg(long, default_value_t = 31_337, value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "genesis")]
    pub chain_id: u64,
    /// Address that everything listens on.
    #[arg(long, default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port of Ethereum JSON-RPC; 0 chooses a free one, here and below.
    #[arg(long, default_value_t = 8545, help_heading = "Ports")]
    pub rpc_port: u16,
    /// Port of the sequencer's gRPC.
    #[arg(long, default_value_t = 9100, help_heading = "Ports")]
    pub sequencer_grpc_port: u16,
    /// Port of the sequencer's HTTP.
    #[arg(long, default_value_t = 9101, help_heading = "Ports")]
    pub sequencer_http_port: u16,
    /// Port of the DA node's gRPC.
    #[arg(long, default_value_t = 9200, help_heading = "Ports")]
    pub da_grpc_port: u16,
    /// Port of the DA node's HTTP.
    #[arg(long, default_value_t = 9201, help_heading = "Ports")]
    pub da_http_port: u16,
    /// Port of settlement's gRPC.
    #[arg(long, default_value_t = 9300, help_heading = "Ports")]
    pub settlement_grpc_port: u16,
    /// Port of settlement's HTTP.
    #[arg(long, default_value_t = 9301, help_heading = "Ports")]
    pub settlement_http_port: u16,
    /// Port of the light client's gRPC.
    #[arg(long, default_value_t = 9400, help_heading = "Ports")]
    pub light_grpc_port: u16,
    /// Port of the light client's HTTP.
    #[arg(long, default_value_t = 9401, help_heading = "Ports")]
    pub light_http_port: u16,
    /// Keep no index by account (weft_getAccountTransactions), which takes time.
    #[arg(long)]
    pub no_index_accounts: bool,
    /// Print the endpoints as one line of JSON instead of text.
    #[arg(long)]
    pub json: bool,
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
