//! `weft settlement`: the service, and questions to one.

mod chain;
mod client;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use weft_primitives::{Address, Signer};
use weft_service::key_file;
use weft_settlement::{Mode, Terms};
use weft_settlement_node::{ChainSettings, Config, Limits, Quotas};

pub use chain::ChainTable;
pub use client::{SettlementClientCommand, SettlementEndpoint};

use super::{LogArgs, PageArgs};
use crate::output::Failure;
use crate::{quantity, secrets};

/// Options of the settlement service.
#[derive(Args, Clone, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  weft settlement --config config/settlement.toml\n  \
                  weft settlement --config config/settlement.toml --mode optimistic --challenge-window 10m\n  \
                  weft settlement --config config/settlement.toml --mirrors http://10.0.0.5:9500\n  \
                  weft settlement status"
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
    /// Key that signs heads of the log; log.key in the data folder, made at the first start, if not given. Keep a copy:
    /// what mirrors have is known as this service's log by it. Services on one database need the same.
    #[arg(long)]
    pub log_key_file: Option<PathBuf>,
    /// Where gRPC listens.
    #[arg(long, default_value = "127.0.0.1:9300")]
    pub grpc_listen: SocketAddr,
    /// Where metrics, health and the page are served.
    #[arg(long, default_value = "127.0.0.1:9301")]
    pub http_listen: SocketAddr,
    /// Several chains in one service: a table of the options under "Chain" and "Quotas" for each, `[[chain]]` in the
    /// file. What a table does not say is as given here. Without tables these options are the only chain's.
    #[arg(long, value_name = "TABLE", help_heading = "Chain")]
    pub chain: Vec<ChainTable>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub settings: ChainArgs,
    /// Subscriptions to one chain's log at once.
    #[arg(long, default_value_t = Limits::default().max_subscribers, help_heading = "Limits")]
    pub max_subscribers: usize,
    /// Requests that wait for one chain's engine.
    #[arg(long, default_value_t = Limits::default().max_waiting_requests, help_heading = "Limits")]
    pub max_waiting_requests: usize,
    /// Challenges to one chain's commitments that are received or judged at once.
    #[arg(long, default_value_t = Limits::default().max_challenges, help_heading = "Limits")]
    pub max_challenges: usize,
    /// Largest witness of a challenge, as 128MiB. It must hold what one batch can touch of the state.
    #[arg(long, default_value = "128MiB", value_parser = quantity::bytes, help_heading = "Limits")]
    pub max_witness_bytes: u64,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub page: PageArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub log_options: LogArgs,
}

/// How commitments become final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModeName {
    /// Settlement re-executes every batch.
    Verified,
    /// Nobody has challenged them successfully for a while.
    Optimistic,
}

/// Options of one chain.
#[derive(Args, Clone, Debug)]
pub struct ChainArgs {
    /// Genesis file in go-ethereum's format; the development chain if not given.
    #[arg(long, help_heading = "Chain")]
    pub genesis: Option<PathBuf>,
    /// Whose commitments are taken, until a key change. This and the options up to the verifiers are recorded with the
    /// chain at its first start; it keeps them.
    #[arg(long, help_heading = "Chain")]
    pub sequencer_address: Option<Address>,
    /// Whose key changes are taken besides the posting key's, also when posting is frozen. Keep this key elsewhere.
    #[arg(long, help_heading = "Chain")]
    pub admin_address: Option<Address>,
    /// How commitments become final.
    #[arg(long, value_enum, default_value = "verified", help_heading = "Chain")]
    pub mode: ModeName,
    /// Mode optimistic: how long a commitment can be challenged once its data was sampled, as 10m or 7d.
    #[arg(long, default_value = "7d", value_parser = quantity::duration_ms, help_heading = "Chain")]
    pub challenge_window: u64,
    /// How long data may be missing before its commitment is rejected, milliseconds.
    #[arg(long, default_value_t = Terms::AVAILABILITY_DEADLINE_MS, help_heading = "Chain")]
    pub availability_deadline_ms: u64,
    /// Independent verifiers, by address (`weft verify --watch --submit`).
    #[arg(long, value_delimiter = ',', help_heading = "Chain")]
    pub verifiers: Vec<Address>,
    /// How many of them must have found a commitment valid before it becomes final.
    #[arg(long, default_value_t = 0, help_heading = "Chain")]
    pub verifiers_needed: usize,
    /// gRPC URL of a DA node to sample.
    #[arg(long, default_value = "http://127.0.0.1:9200", help_heading = "Chain")]
    pub da_url: String,
    /// Whose DA headers are taken.
    #[arg(long, help_heading = "Chain")]
    pub da_address: Option<Address>,
    /// gRPC URLs of followers and sequencers (weft node, weft sequencer): they keep the log's entries. If the database is
    /// an older copy, what is missing is taken from them; until they were asked, or 10 s have passed, nothing is appended.
    #[arg(long, value_delimiter = ',', help_heading = "Chain")]
    pub mirrors: Vec<String>,
    /// How sure sampling must be that data is available and rightly encoded.
    #[arg(long, default_value_t = 0.99999, help_heading = "Chain")]
    pub confidence: f64,
    /// Commitments that wait for finality.
    #[arg(long, default_value_t = Quotas::default().max_pending_commitments, help_heading = "Quotas")]
    pub max_pending_commitments: usize,
    /// Inbox items that wait for the sequencer.
    #[arg(long, default_value_t = Quotas::default().max_inbox_queue, help_heading = "Quotas")]
    pub max_inbox_queue: u64,
    /// Commitments taken in a minute; 0 for any number.
    #[arg(long, default_value_t = Quotas::default().max_posts_per_minute, help_heading = "Quotas")]
    pub max_posts_per_minute: u32,
}

impl ModeName {
    const fn mode(self, window_ms: u64) -> Mode {
        match self {
            Self::Verified => Mode::Verified,
            Self::Optimistic => Mode::Optimistic { window_ms },
        }
    }
}

impl SettlementArgs {
    /// What is configured of each chain.
    pub fn chain_settings(&self) -> Result<Vec<ChainSettings>, Failure> {
        match &self.chain[..] {
            [] => Ok(vec![self.settings.to_settings()?]),
            tables => tables.iter().map(|table| table.over(&self.settings).to_settings()).collect(),
        }
    }

    fn log_key(&self) -> Result<Signer, Failure> {
        match &self.log_key_file {
            Some(path) => secrets::load(path),
            None => Ok(key_file::load_or_create(&self.data_dir.join("log.key"))?),
        }
    }

    /// The service's configuration.
    pub fn to_config(&self) -> Result<Config, Failure> {
        let chains = self.chain_settings()?;
        std::fs::create_dir_all(&self.data_dir)
            .map_err(|error| Failure(format!("cannot make the data folder {}: {error}", self.data_dir.display())))?;
        Ok(Config {
            data_dir: self.data_dir.clone(),
            database_url: self.database_url.clone(),
            log_signer: Some(self.log_key()?),
            chains,
            limits: Limits {
                max_subscribers: self.max_subscribers,
                max_waiting_requests: self.max_waiting_requests,
                max_challenges: self.max_challenges,
                max_witness_bytes: self.max_witness_bytes,
                ..Limits::default()
            },
        })
    }
}
