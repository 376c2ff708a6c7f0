//! `weft settlement`: the service, and questions to one.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use weft_da::Target;
use weft_primitives::Address;
use weft_settlement_node::{Config, Limits};

use super::LogArgs;
use super::sequencer::load_chain;
use crate::output::Failure;

/// Options of the settlement service.
#[derive(Args, Clone, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  weft settlement --config config/settlement.toml\n  weft settlement status"
)]
pub struct SettlementArgs {
    /// Ask a running service instead of running one.
    #[command(subcommand)]
    pub client: Option<SettlementClientCommand>,
    /// TOML file with any of these options.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Where SQLite keeps its file.
    #[arg(long, default_value = "data/settlement")]
    pub data_dir: PathBuf,
    /// A PostgreSQL database in place of SQLite, `postgres://user:password@host/database`.
    #[arg(long)]
    pub database_url: Option<String>,
    /// Genesis file in go-ethereum's format; the development chain if not given.
    #[arg(long)]
    pub genesis: Option<PathBuf>,
    /// Whose commitments are taken.
    #[arg(long)]
    pub sequencer_address: Option<Address>,
    /// gRPC URL of a DA node to sample.
    #[arg(long, default_value = "http://127.0.0.1:9200")]
    pub da_url: String,
    /// Whose DA headers are taken.
    #[arg(long)]
    pub da_address: Option<Address>,
    /// Where gRPC listens.
    #[arg(long, default_value = "127.0.0.1:9300")]
    pub grpc_listen: SocketAddr,
    /// Where metrics, health and the page are served.
    #[arg(long, default_value = "127.0.0.1:9301")]
    pub http_listen: SocketAddr,
    /// How sure sampling must be that data is available and rightly encoded.
    #[arg(long, default_value_t = 0.99999)]
    pub confidence: f64,
    /// How long data may be missing before its commitment is rejected, milliseconds.
    #[arg(long, default_value_t = weft_settlement::Rules::AVAILABILITY_DEADLINE_MS)]
    pub availability_deadline_ms: u64,
    /// Commitments that wait for finality.
    #[arg(long, default_value_t = Limits::default().max_pending_commitments, help_heading = "Limits")]
    pub max_pending_commitments: usize,
    /// Inbox items that wait for the sequencer.
    #[arg(long, default_value_t = Limits::default().max_inbox_queue, help_heading = "Limits")]
    pub max_inbox_queue: u64,
    /// Log subscriptions at once.
    #[arg(long, default_value_t = Limits::default().max_subscribers, help_heading = "Limits")]
    pub max_subscribers: usize,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub log_options: LogArgs,
}

/// Questions to a settlement service.
#[derive(Subcommand, Clone, Debug)]
pub enum SettlementClientCommand {
    /// Heads of the chain, the log and the inbox.
    Status(SettlementEndpoint),
    /// Canonical commitments and their states.
    Commitments {
        /// First batch.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// At most this many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoint: SettlementEndpoint,
    },
    /// One commitment, every field.
    Show {
        /// Its batch.
        batch: u64,
        #[command(flatten)]
        #[allow(missing_docs)]
        endpoint: SettlementEndpoint,
    },
}

/// Which settlement service.
#[derive(Args, Clone, Debug)]
pub struct SettlementEndpoint {
    /// Its gRPC URL.
    #[arg(long, default_value = "http://127.0.0.1:9300")]
    pub settlement_url: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl SettlementArgs {
    /// The service's configuration.
    pub fn to_config(&self) -> Result<Config, Failure> {
        let missing = |option: &str, what: &str| {
            Failure(format!("--{option} is needed: {what} (`weft keys show KEYFILE` prints an address)"))
        };
        let chain = load_chain(self.genesis.as_deref())?;
        let sequencer =
            self.sequencer_address.ok_or_else(|| missing("sequencer-address", "whose commitments are taken"))?;
        let da_signer = self.da_address.ok_or_else(|| missing("da-address", "whose DA headers are taken"))?;
        std::fs::create_dir_all(&self.data_dir)
            .map_err(|error| Failure(format!("cannot make the data folder {}: {error}", self.data_dir.display())))?;
        Ok(Config {
            data_dir: self.data_dir.clone(),
            database_url: self.database_url.clone(),
            chain,
            sequencer,
            da_url: self.da_url.clone(),
            da_signer,
            target: Target::new(self.confidence)?,
            availability_deadline_ms: self.availability_deadline_ms,
            limits: Limits {
                max_pending_commitments: self.max_pending_commitments,
                max_inbox_queue: self.max_inbox_queue,
                max_subscribers: self.max_subscribers,
                ..Limits::default()
            },
        })
    }
}
