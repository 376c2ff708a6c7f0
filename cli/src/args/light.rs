//! `weft light`.

use std::net::SocketAddr;
use std::path::PathBuf;

use alloy_primitives::B256;
use clap::{Args, Subcommand};
use weft_da::Target;
use weft_light::{Config, Limits, OnceTarget};
use weft_primitives::{Address, Namespace};

use super::{LogArgs, PageArgs};
use crate::output::Failure;

/// Options of the light client.
#[derive(Args, Clone, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  weft light --once latest
  weft light --once 12 --json --da-url http://a:9200 --da-url http://b:9200
  weft light --config config/light.toml         follow and sample every block
  weft light blob 0x1234.. --output report.pdf  restore a blob from rows, trusting no node
  weft light status                             ask a running light client

Exit code of --once and --until: 0 available, 3 not available or wrongly encoded, 4 undecided."
)]
pub struct LightArgs {
    /// Restore a blob, or ask a running light client, instead of sampling.
    #[command(subcommand)]
    pub command: Option<LightCommand>,
    /// TOML file with any of these options.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Judge one block and end: a height, or `latest`.
    #[arg(long, value_parser = parse_target, conflicts_with = "until")]
    pub once: Option<OnceTarget>,
    /// Judge all blocks up to this height and end.
    #[arg(long)]
    pub until: Option<u64>,
    /// gRPC URL of a DA node; give several that do not belong together, and all that share the rows.
    #[arg(long, value_delimiter = ',', default_value = "http://127.0.0.1:9200")]
    pub da_url: Vec<String>,
    /// Whose DA headers are taken; without it, whoever the nodes name at first contact.
    #[arg(long)]
    pub da_address: Option<Address>,
    /// The DA network; as --da-address.
    #[arg(long)]
    pub da_network_id: Option<u64>,
    /// Where verdicts and evidence are kept; by default data/light for the daemon, nowhere otherwise.
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// How sure to be that data is available and rightly encoded.
    #[arg(long, default_value_t = 0.99999)]
    pub confidence: f64,
    /// First height to judge in an empty data folder.
    #[arg(long)]
    pub start_height: Option<u64>,
    /// Where gRPC is served.
    #[arg(long, default_value = "127.0.0.1:9400")]
    pub grpc_listen: SocketAddr,
    /// Where metrics, health and verdicts are served.
    #[arg(long, default_value = "127.0.0.1:9401")]
    pub http_listen: SocketAddr,
    /// Bytes of sampled rows kept in the data folder.
    #[arg(long, default_value_t = 0)]
    pub keep_sample_bytes: u64,
    /// Blobs verified or restored at once for others.
    #[arg(long, default_value_t = Limits::default().max_blob_calls, help_heading = "Limits")]
    pub max_blob_calls: usize,
    /// Subscriptions to judgements at once.
    #[arg(long, default_value_t = Limits::default().max_subscribers, help_heading = "Limits")]
    pub max_subscribers: usize,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub page: PageArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub log_options: LogArgs,
}

/// What else the light client does.
#[derive(Subcommand, Clone, Debug)]
pub enum LightCommand {
    /// Restore a blob from rows: no node is trusted for its bytes, and a quarter of the block's rows is enough.
    #[command(after_help = "Examples:
  weft light blob 0x1234.. --output report.pdf
  weft light blob 0x1234.. --namespace 00..01 --height 7 --da-url http://a:9200 --da-url http://b:9200

Exit code: 0 restored, 1 error (it says how many rows are missing), 3 not in that block.")]
    Blob(Box<LightBlobArgs>),
    /// How a running light client stands: what it judged, how sure it is of the chain, what its nodes did.
    #[command(after_help = "Example:\n  weft light status --json")]
    Status {
        /// Its gRPC URL.
        #[arg(long, default_value = "http://127.0.0.1:9400")]
        light_url: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Options of `weft light blob`.
#[derive(Args, Clone, Debug)]
pub struct LightBlobArgs {
    /// Content hash (BLAKE3).
    pub hash: B256,
    /// Namespace, 64 hexadecimal digits; by default one for documents.
    #[arg(long)]
    pub namespace: Option<Namespace>,
    /// Height of its block; needed only where no node proves where the blob is.
    #[arg(long)]
    pub height: Option<u64>,
    /// Where to write it; standard output if not given.
    #[arg(long)]
    pub output: Option<PathBuf>,
    /// gRPC URL of a DA node; give several that do not belong together, and all that share the rows.
    #[arg(long, value_delimiter = ',', default_value = "http://127.0.0.1:9200")]
    pub da_url: Vec<String>,
    /// Whose DA headers are taken; without it, whoever the nodes name.
    #[arg(long)]
    pub da_address: Option<Address>,
    /// The DA network; as --da-address.
    #[arg(long)]
    pub da_network_id: Option<u64>,
    /// Data folder of a light client that is not running: its trust, its headers and its kept rows are used.
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// Print how it was restored as JSON; with --output only.
    #[arg(long, requires = "output")]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub log_options: LogArgs,
}

impl LightBlobArgs {
    /// The client's configuration.
    pub fn to_config(&self) -> Config {
        let mut config = Config {
            da_urls: self.da_url.clone(),
            trusted: self.da_address,
            network_id: self.da_network_id,
            data_dir: self.data_dir.clone(),
            ..Config::default()
        };
        // Nothing is sampled here, so nothing is added; what is there stays.
        config.limits.kept_sample_bytes = u64::MAX;
        config
    }
}

fn parse_target(text: &str) -> Result<OnceTarget, String> {
    match text {
        "latest" => Ok(OnceTarget::Latest),
        number => number.parse().map(OnceTarget::Height).map_err(|_| "a height, or `latest`".to_owned()),
    }
}

impl LightArgs {
    /// Whether it runs until it is stopped.
    pub const fn is_daemon(&self) -> bool {
        self.once.is_none() && self.until.is_none()
    }

    /// The client's configuration.
    pub fn to_config(&self) -> Result<Config, Failure> {
        let mut config = Config {
            da_urls: self.da_url.clone(),
            trusted: self.da_address,
            network_id: self.da_network_id,
            data_dir: self.data_dir.clone().or_else(|| self.is_daemon().then(|| "data/light".into())),
            target: Target::new(self.confidence)?,
            grpc_listen: self.grpc_listen,
            http_listen: self.http_listen,
            start_height: self.start_height,
            ..Config::default()
        };
        config.limits.kept_sample_bytes = self.keep_sample_bytes;
        config.limits.max_blob_calls = self.max_blob_calls;
        config.limits.max_subscribers = self.max_subscribers;
        Ok(config)
    }
}
