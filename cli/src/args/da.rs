//! `weft da`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use weft_da_node::custody::{CustodyConfig, CustodyLimits, PeerAddress};
use weft_da_node::{Config, Limits};
use weft_primitives::Address;
use weft_service::key_file;

use super::LogArgs;
use crate::output::Failure;

/// Options of the DA node.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  weft da --config config/da.toml
  weft da --data-dir data/da --key-file da.key
  weft da --namespaces config/namespaces.toml

Several nodes that share the rows, each with the same list of all of them:
  weft da --key-file a.key --peers 0xA..@http://a:9200,0xB..@http://b:9200,0xC..@http://c:9200
  weft da --key-file b.key --peers (the same) --producer 0xA..

The namespaces file, read again at SIGHUP; what a table leaves out is not limited, unknown keys are refused:
  open = true                      whether namespaces without a table may be used
  [default]                        the rules of each of those
  [namespace.\"weft documents\"]     the rules of one: a name of at most 32 ASCII characters, or 64 hexadecimal digits
  keys = [\"0x..\"]                  addresses whose signature a put needs
  max_blob_bytes, quota_bytes      largest blob; all that may be stored
  bytes_per_second, burst_bytes    on the long run, and at once after a rest
  puts_per_second, burst_puts      the same for the number of puts
  max_waiting_bytes, max_waiting_blobs    received or waiting for a block; half of intake.max_* unless given")]
pub struct DaArgs {
    /// TOML file with any of these options.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Where the database is kept.
    #[arg(long, default_value = "data/da")]
    pub data_dir: PathBuf,
    /// Key that signs the headers; made in the data folder if not given.
    #[arg(long)]
    pub key_file: Option<PathBuf>,
    /// TOML file with the rules of namespaces; without one, all are open and share the node's limits.
    #[arg(long)]
    pub namespaces: Option<PathBuf>,
    /// Identifies the DA network in every header.
    #[arg(long, default_value_t = 1)]
    pub network_id: u64,
    /// Where gRPC listens.
    #[arg(long, default_value = "127.0.0.1:9200")]
    pub grpc_listen: SocketAddr,
    /// Where metrics, health and the page are served.
    #[arg(long, default_value = "127.0.0.1:9201")]
    pub http_listen: SocketAddr,
    /// Nodes that share the rows, ADDRESS@URL each; this node is one of them. Blobs are acknowledged once two thirds
    /// have their share. Without it this node holds everything alone.
    #[arg(long, value_delimiter = ',', help_heading = "Custody")]
    pub peers: Vec<PeerAddress>,
    /// Address of the node that takes blobs and makes the blocks; this node if not given.
    #[arg(long, requires = "peers", help_heading = "Custody")]
    pub producer: Option<Address>,
    /// Nodes that have each row.
    #[arg(long, default_value_t = CustodyConfig::default().copies, help_heading = "Custody")]
    pub custody_copies: u8,
    /// How long a put waits for the certificate of its block, milliseconds.
    #[arg(long, default_value_t = millis(CustodyLimits::default().put_timeout), help_heading = "Custody")]
    pub custody_put_timeout_ms: u64,
    /// Blocks that wait for their certificate; with more, no blobs are taken.
    #[arg(long, default_value_t = CustodyLimits::default().max_uncertified, help_heading = "Custody")]
    pub custody_max_uncertified: u64,
    /// How long a block's share may be on its way before this node gets it by itself, milliseconds.
    #[arg(long, default_value_t = millis(CustodyLimits::default().grace), help_heading = "Custody")]
    pub custody_grace_ms: u64,
    /// Pause between two looks through everything that is held, seconds.
    #[arg(long, default_value_t = CustodyLimits::default().scrub_interval.as_secs(), help_heading = "Custody")]
    pub custody_scrub_interval_s: u64,
    /// How fast those go, bytes a second.
    #[arg(long, default_value_t = CustodyLimits::default().scrub_bytes_per_second, help_heading = "Custody")]
    pub custody_scrub_bytes_per_second: u64,
    /// Largest blob taken, bytes.
    #[arg(long, default_value_t = Limits::default().max_blob_bytes, help_heading = "Limits")]
    pub max_blob_bytes: u64,
    /// Largest payload of one DA block, bytes.
    #[arg(long, default_value_t = Limits::default().max_block_bytes, help_heading = "Limits")]
    pub max_block_bytes: u64,
    /// Bytes of blobs received or waiting, over all callers.
    #[arg(long, default_value_t = Limits::default().intake_max_bytes, help_heading = "Limits")]
    pub intake_max_bytes: u64,
    /// Blobs received or waiting, over all callers.
    #[arg(long, default_value_t = Limits::default().intake_max_blobs, help_heading = "Limits")]
    pub intake_max_blobs: usize,
    /// Longest time from a put's start to its last byte, milliseconds.
    #[arg(long, default_value_t = Limits::default().intake_receive_timeout_ms, help_heading = "Limits")]
    pub intake_receive_timeout_ms: u64,
    /// Least time between two blocks, milliseconds.
    #[arg(long, default_value_t = Limits::default().block_min_interval_ms, help_heading = "Limits")]
    pub block_min_interval_ms: u64,
    /// Encoded blocks kept in memory to serve rows from, bytes.
    #[arg(long, default_value_t = Limits::default().cache_max_bytes, help_heading = "Limits")]
    pub cache_max_bytes: u64,
    /// With less free disk space than this, blobs are refused, bytes.
    #[arg(long, default_value_t = Limits::default().store_min_free_bytes, help_heading = "Limits")]
    pub store_min_free_bytes: u64,
    /// Header subscriptions at once.
    #[arg(long, default_value_t = Limits::default().max_subscribers, help_heading = "Limits")]
    pub max_subscribers: usize,
    /// Listings over a range of heights at once.
    #[arg(long, default_value_t = Limits::default().max_listings, help_heading = "Limits")]
    pub max_listings: usize,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub log_options: LogArgs,
}

impl DaArgs {
    /// The node's configuration. Makes the data folder and a missing key.
    pub fn to_config(&self) -> Result<Config, Failure> {
        Ok(Config {
            data_dir: self.data_dir.join("db"),
            signer: load_key(self.key_file.as_deref(), &self.data_dir)?,
            network_id: self.network_id,
            custody: (!self.peers.is_empty()).then(|| self.custody()),
            limits: Limits {
                max_blob_bytes: self.max_blob_bytes,
                max_block_bytes: self.max_block_bytes,
                intake_max_bytes: self.intake_max_bytes,
                intake_max_blobs: self.intake_max_blobs,
                intake_receive_timeout_ms: self.intake_receive_timeout_ms,
                block_min_interval_ms: self.block_min_interval_ms,
                cache_max_bytes: self.cache_max_bytes,
                store_min_free_bytes: self.store_min_free_bytes,
                max_subscribers: self.max_subscribers,
                max_listings: self.max_listings,
            },
            namespaces: self.namespaces.clone(),
        })
    }

    fn custody(&self) -> CustodyConfig {
        CustodyConfig {
            peers: self.peers.clone(),
            copies: self.custody_copies,
            producer: self.producer,
            limits: CustodyLimits {
                put_timeout: Duration::from_millis(self.custody_put_timeout_ms),
                max_uncertified: self.custody_max_uncertified.max(1),
                scrub_interval: Duration::from_secs(self.custody_scrub_interval_s.max(1)),
                scrub_bytes_per_second: self.custody_scrub_bytes_per_second.max(1),
                grace: Duration::from_millis(self.custody_grace_ms),
            },
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A service's key: the file named, or one of its own in its data folder.
pub(super) fn load_key(
    key_file: Option<&std::path::Path>,
    data_dir: &std::path::Path,
) -> Result<weft_primitives::Signer, Failure> {
    std::fs::create_dir_all(data_dir)
        .map_err(|error| Failure(format!("cannot make the data folder {}: {error}", data_dir.display())))?;
    match key_file {
        Some(path) => Ok(key_file::load(path)?),
        None => Ok(key_file::load_or_create(&data_dir.join("service.key"))?),
    }
}
