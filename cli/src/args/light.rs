//! `weft light`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use weft_da::Target;
use weft_light::{Config, OnceTarget};
use weft_primitives::Address;

use super::LogArgs;
use crate::output::Failure;

/// Options of the light client.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  weft light --once latest
  weft light --once 12 --json --da-url http://a:9200 --da-url http://b:9200
  weft light --config config/light.toml         follow and sample every block

Exit code of --once and --until: 0 available, 3 not available or wrongly encoded, 4 undecided.")]
pub struct LightArgs {
    /// TOML file with any of these options.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Judge one block and end: a height, or `latest`.
    #[arg(long, value_parser = parse_target, conflicts_with = "until")]
    pub once: Option<OnceTarget>,
    /// Judge all blocks up to this height and end.
    #[arg(long)]
    pub until: Option<u64>,
    /// gRPC URL of a DA node; give several that do not belong together.
    #[arg(long, default_value = "http://127.0.0.1:9200")]
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
    /// Where metrics, health and verdicts are served.
    #[arg(long, default_value = "127.0.0.1:9401")]
    pub http_listen: SocketAddr,
    /// Bytes of sampled rows kept in the data folder.
    #[arg(long, default_value_t = 0)]
    pub keep_sample_bytes: u64,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub log_options: LogArgs,
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
            http_listen: self.http_listen,
            start_height: self.start_height,
            ..Config::default()
        };
        config.limits.kept_sample_bytes = self.keep_sample_bytes;
        Ok(config)
    }
}
