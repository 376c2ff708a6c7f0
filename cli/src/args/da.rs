//! `weft da`, and `weft da restore`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use weft_da_node::archive::{DEFAULT_MAX_READS, DEFAULT_TIMEOUT_MS};
use weft_da_node::custody::{CustodyConfig, CustodyLimits, PeerAddress};
use weft_da_node::{ArchiveConfig, Config, Limits, NamespaceRule, Retention};
use weft_primitives::{Address, Namespace};
use weft_service::key_file;

use super::{LogArgs, PageArgs};
use crate::output::Failure;
use crate::{quantity, secrets};

const AFTER_HELP: &str = "Examples:
  weft da --config config/da.toml
  weft da --data-dir data/da --key-file da.key
  weft da --sampling-window 14d --retention-max-age 90d   whole blocks for two weeks, blobs for 90 days
  weft da --sampling-window 14d --retention-max-bytes 0 --archive-url s3://bucket/weft
                                                          old blocks in the object store alone
  weft da restore --archive-url s3://bucket/weft --key-file da.key   after the disk was lost
  weft da restore --peers 0xA..@http://a:9200,0xB..@http://b:9200 --key-file a.key   the same, from the other members
  weft da --namespaces config/namespaces.toml

Several nodes that share the rows, each with the same list of all of them:
  weft da --key-file a.key --peers 0xA..@http://a:9200,0xB..@http://b:9200,0xC..@http://c:9200
  weft da --key-file b.key --peers (the same) --producer 0xA..

The namespaces file, read again at SIGHUP; what a table leaves out is not limited, unknown keys are refused:
  open = true                      whether namespaces without a table may be used
  [default]                        the rules of each of those
  [namespace.\"weft documents\"]     the rules of one: a name of at most 32 ASCII characters, or 64 hexadecimal digits
  keys = [\"0x..\"]                  addresses whose signature a put needs
  max_blob_bytes, quota_bytes      largest blob; all that may be here
  bytes_per_second, burst_bytes    on the long run, and at once after a rest
  puts_per_second, burst_puts      the same for the number of puts
  max_waiting_bytes, max_waiting_blobs    received or waiting for a block; half of intake.max_* unless given

The object store's credentials come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION; for
servers other than Amazon's also AWS_ENDPOINT_URL, and AWS_ALLOW_HTTP=true if it speaks no TLS.";

const RESTORE_AFTER_HELP: &str = "Examples:
  weft da restore --archive-url s3://bucket/weft --data-dir data/da --key-file da.key
  weft da restore --config config/da.toml
  weft da restore --peers 0xA..@http://a:9200,0xB..@http://b:9200 --data-dir data/a --key-file a.key

From the archive if one is given, else from the other members, for the node that makes the blocks; members get their
shares back by themselves. The node must not run meanwhile. It needs the key file of the node whose disk was lost: nobody
else has it. A restore that was cut off goes on where it was. All members must answer, because the node will go on where
the chain ends, and of what no one tells it would sign other blocks for the same heights; --allow-missing takes the risk.";

/// Options of the DA node.
#[derive(Args, Clone, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct DaArgs {
    /// Do something else than run the node.
    #[command(subcommand)]
    pub command: Option<DaCommand>,
    /// TOML file with any of these options.
    #[arg(long, global = true)]
    pub config: Option<PathBuf>,
    /// Where the database is kept.
    #[arg(long, global = true, default_value = "data/da")]
    pub data_dir: PathBuf,
    /// Key that signs the headers; made in the data folder if not given.
    #[arg(long, global = true)]
    pub key_file: Option<PathBuf>,
    /// TOML file with the rules of namespaces; without one, all are open and share the node's limits.
    #[arg(long)]
    pub namespaces: Option<PathBuf>,
    /// Identifies the DA network in every header.
    #[arg(long, global = true, default_value_t = 1)]
    pub network_id: u64,
    /// Where gRPC listens.
    #[arg(long, default_value = "127.0.0.1:9200")]
    pub grpc_listen: SocketAddr,
    /// Where metrics, health and the page are served.
    #[arg(long, default_value = "127.0.0.1:9201")]
    pub http_listen: SocketAddr,
    /// Nodes that share the rows, ADDRESS@URL each; this node is one of them. Blobs are acknowledged once two thirds
    /// have their share. Without it this node holds everything alone.
    #[arg(long, global = true, value_delimiter = ',', help_heading = "Custody")]
    pub peers: Vec<PeerAddress>,
    /// Address of the node that takes blobs and makes the blocks; this node if not given.
    #[arg(long, requires = "peers", help_heading = "Custody")]
    pub producer: Option<Address>,
    /// Nodes that have each row.
    #[arg(long, global = true, default_value_t = CustodyConfig::default().copies, help_heading = "Custody")]
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
    /// Age up to which all rows of a block are kept, as 12h or 14d; for ever if not given. Longer than settlement, light
    /// clients and followers may be away: they cannot sample what is older, unless it comes from the archive.
    #[arg(long, global = true, value_parser = quantity::duration_ms, help_heading = "Keeping")]
    pub sampling_window: Option<u64>,
    /// Age up to which the blobs of older blocks are kept, as 90d; for ever if not given.
    #[arg(long, global = true, value_parser = quantity::duration_ms, help_heading = "Keeping")]
    pub retention_max_age: Option<u64>,
    /// Bytes of older blocks' blobs kept of each namespace, as 10GiB; the oldest go first; no limit if not given.
    #[arg(long, global = true, value_parser = quantity::bytes, help_heading = "Keeping")]
    pub retention_max_bytes: Option<u64>,
    /// Other limits for one namespace, as NAMESPACE:max_age=30d,max_bytes=1GiB; may be given again, or with `;` between.
    #[arg(long, global = true, value_delimiter = ';', value_parser = namespace_rule, help_heading = "Keeping")]
    pub retention_namespace: Vec<(Namespace, NamespaceRule)>,
    /// Object store that holds every block, s3://BUCKET/PREFIX or file:///FOLDER; none if not given.
    #[arg(long, global = true, help_heading = "Keeping")]
    pub archive_url: Option<String>,
    /// Longest time for one request to the archive, milliseconds.
    #[arg(long, global = true, default_value_t = DEFAULT_TIMEOUT_MS, help_heading = "Limits")]
    pub archive_timeout_ms: u64,
    /// Blocks and blobs read from the archive for callers at once.
    #[arg(long, default_value_t = DEFAULT_MAX_READS, help_heading = "Limits")]
    pub archive_max_reads: usize,
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
    /// Least time between two blocks while little waits, milliseconds.
    #[arg(long, default_value_t = Limits::default().block_min_interval_ms, help_heading = "Limits")]
    pub block_min_interval_ms: u64,
    /// With so many bytes waiting the next block is made at once.
    #[arg(long, default_value_t = Limits::default().block_eager_bytes, help_heading = "Limits")]
    pub block_eager_bytes: u64,
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
    pub page: PageArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub log_options: LogArgs,
}

/// What else `weft da` does.
#[derive(Subcommand, Clone, Debug)]
pub enum DaCommand {
    /// Bring a lost or incomplete data folder back from the archive or the other members, every block checked.
    #[command(after_help = RESTORE_AFTER_HELP)]
    Restore {
        /// Stop at this height of the archive. The node does not start from there as long as the archive holds more.
        #[arg(long)]
        to: Option<u64>,
        /// From members: go on though some do not answer.
        #[arg(long)]
        allow_missing: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// `NAMESPACE:max_age=30d,max_bytes=1GiB`.
fn namespace_rule(text: &str) -> Result<(Namespace, NamespaceRule), String> {
    let (namespace, limits) = text.split_once(':').ok_or("must be NAMESPACE:max_age=AGE,max_bytes=BYTES")?;
    let mut rule = NamespaceRule::default();
    for limit in limits.split(',') {
        let place = match limit.split_once('=') {
            Some(("max_age", age)) => rule.max_age_ms.replace(quantity::duration_ms(age)?),
            Some(("max_bytes", bytes)) => rule.max_bytes.replace(quantity::bytes(bytes)?),
            _ => return Err(format!("`{limit}` must be max_age=AGE or max_bytes=BYTES")),
        };
        if place.is_some() {
            return Err(format!("`{limit}`: given twice"));
        }
    }
    Ok((namespace.parse().map_err(|error| format!("`{namespace}`: {error}"))?, rule))
}

impl DaArgs {
    /// The node's configuration. Makes the data folder and a missing key.
    pub fn to_config(&self) -> Result<Config, Failure> {
        self.config_with(load_key(self.key_file.as_deref(), &self.data_dir)?)
    }

    /// The same, but without making a key: a new one would be of no use for a restore.
    pub fn to_restore_config(&self) -> Result<Config, Failure> {
        let path = self.key_file.clone().unwrap_or_else(|| self.data_dir.join("service.key"));
        if !path.exists() {
            return Err(Failure(format!(
                "there is no key file {}; a restore needs the key of the node whose disk was lost (--key-file)",
                path.display()
            )));
        }
        self.config_with(secrets::load(&path)?)
    }

    /// The archive, if one is configured.
    pub fn archive(&self) -> Option<ArchiveConfig> {
        let url = self.archive_url.clone()?;
        Some(ArchiveConfig { url, timeout_ms: self.archive_timeout_ms, max_reads: self.archive_max_reads })
    }

    fn retention(&self) -> Result<Retention, Failure> {
        let mut namespaces = std::collections::BTreeMap::new();
        for (namespace, rule) in &self.retention_namespace {
            if namespaces.insert(*namespace, *rule).is_some() {
                return Err(Failure(format!("retention-namespace: namespace {namespace} is given twice")));
            }
        }
        let default = NamespaceRule { max_age_ms: self.retention_max_age, max_bytes: self.retention_max_bytes };
        Ok(Retention { window_ms: self.sampling_window, default, namespaces })
    }

    fn config_with(&self, signer: weft_primitives::Signer) -> Result<Config, Failure> {
        Ok(Config {
            data_dir: self.data_dir.join("db"),
            signer,
            retention: self.retention()?,
            archive: self.archive(),
            network_id: self.network_id,
            custody: (!self.peers.is_empty()).then(|| self.custody()),
            limits: Limits {
                max_blob_bytes: self.max_blob_bytes,
                max_block_bytes: self.max_block_bytes,
                intake_max_bytes: self.intake_max_bytes,
                intake_max_blobs: self.intake_max_blobs,
                intake_receive_timeout_ms: self.intake_receive_timeout_ms,
                block_min_interval_ms: self.block_min_interval_ms,
                block_eager_bytes: self.block_eager_bytes,
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
pub(crate) fn load_key(
    key_file: Option<&std::path::Path>,
    data_dir: &std::path::Path,
) -> Result<weft_primitives::Signer, Failure> {
    std::fs::create_dir_all(data_dir)
        .map_err(|error| Failure(format!("cannot make the data folder {}: {error}", data_dir.display())))?;
    match key_file {
        Some(path) => secrets::load(path),
        None => match secrets::from_environment()? {
            Some(signer) => Ok(signer),
            None => Ok(key_file::load_or_create(&data_dir.join("service.key"))?),
        },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use crate::config_file::{with_environment, with_file};
    use clap::{CommandFactory, FromArgMatches};

    fn parse(args: &[&str]) -> Result<DaArgs, String> {
        let args: Vec<std::ffi::OsString> = ["weft", "da"].iter().chain(args).map(Into::into).collect();
        let command = with_file(with_environment(Cli::command()), &args).map_err(|error| error.to_string())?;
        let matches = command.try_get_matches_from(args).map_err(|error| error.to_string())?;
        match Cli::from_arg_matches(&matches).unwrap().command {
            Command::Da(args) => Ok(*args),
            _ => unreachable!(),
        }
    }

    #[test]
    fn keeping_is_an_option_a_file_and_a_command() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("da.toml");
        let names = ["11".repeat(32), "22".repeat(32)];
        let text = format!(
            "sampling_window = \"14d\"\n[archive]\nurl = \"s3://bucket/weft\"\n[retention]\nmax_bytes = \"10GiB\"\n\
             namespace = [\"{}:max_age=1h\", \"0x{}:max_bytes=0,max_age=2d\"]",
            names[0], names[1]
        );
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        for args in [&["--config", file] as &[&str], &["restore", "--config", file], &["--config", file, "restore"]] {
            let args = parse(args).unwrap();
            let rules = args.retention().unwrap();
            assert_eq!((rules.window_ms, args.archive_url.as_deref()), (Some(1_209_600_000), Some("s3://bucket/weft")));
            assert_eq!(rules.default, NamespaceRule { max_age_ms: None, max_bytes: Some(10 << 30) });
            let second = NamespaceRule { max_age_ms: Some(172_800_000), max_bytes: Some(0) };
            assert_eq!(rules.rule(&Namespace([0x22; 32])), second);
            assert_eq!(rules.rule(&Namespace([0x11; 32])).max_age_ms, Some(3_600_000));
        }
        let restore = parse(&["restore", "--archive-url", "file:///a", "--data-dir", "d", "--to", "7"]).unwrap();
        assert!(matches!(restore.command, Some(DaCommand::Restore { to: Some(7), allow_missing: false, json: false })));
        assert_eq!((restore.archive_url.as_deref(), restore.data_dir), (Some("file:///a"), "d".into()));
        let rule = |text: &str| parse(&["--retention-namespace", text]).map(drop).unwrap_err();
        assert!(rule(&format!("{}:max_age=1", names[0])).contains("90d"));
        assert!(rule(&format!("{}:max_age=1d,max_age=2d", names[0])).contains("given twice"));
        assert!(rule(&format!("{}:max_age=1d", "a".repeat(33))).contains("64 hexadecimal digits"));
        let twice = format!("{0}:max_age=1d;{0}:max_age=2d", names[0]);
        assert!(parse(&["--retention-namespace", &twice]).unwrap().retention().is_err());
    }
}
