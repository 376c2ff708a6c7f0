//! What an operator sets. Every limit has a name and a default.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use alloy_primitives::Address;
use weft_da::Target;

/// Port of gRPC.
pub const DEFAULT_GRPC_PORT: u16 = 9400;

/// Port of `/metrics`, health and verdicts.
pub const DEFAULT_HTTP_PORT: u16 = 9401;

/// Where a DA node listens unless configured otherwise.
pub const DEFAULT_DA_URL: &str = "http://127.0.0.1:9200";

/// Most nodes that one client asks.
pub const MAX_NODES: usize = 64;

/// Configuration of a light client.
#[derive(Clone, Debug)]
pub struct Config {
    /// DA nodes, `http://host:port`. Rows are spread over them, so they should not belong to one operator.
    pub da_urls: Vec<String>,
    /// Who signs the headers. `None`: whoever the nodes name at first contact, kept in `data_dir` and said loudly.
    pub trusted: Option<Address>,
    /// The DA network. `None`: as for `trusted`.
    pub network_id: Option<u64>,
    /// Where verdicts, evidence and samples are kept. `None`: nowhere, each run starts anew.
    pub data_dir: Option<PathBuf>,
    /// Wanted confidence on both counts (default 99.999 %).
    pub target: Target,
    /// Where the daemon serves gRPC (default 127.0.0.1:9400). The listener is made by the caller.
    pub grpc_listen: SocketAddr,
    /// Where the daemon serves HTTP (default 127.0.0.1:9401). The listener is made by the caller.
    pub http_listen: SocketAddr,
    /// First height to judge in an empty `data_dir` (default 1). The header there is taken by its signature alone.
    pub start_height: Option<u64>,
    /// Bounds.
    pub limits: Limits,
}

/// Bounds of a light client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Silence after which a request counts as failed (default 5 s).
    pub request_timeout: Duration,
    /// Time for judging one block (default 20 s); rows still out then are missing.
    pub block_timeout: Duration,
    /// How long `once` and `until` wait for a block that is not there yet, or for a node (default 10 s).
    pub wait_for_block: Duration,
    /// How long the others may take to show the same header once one node has (default 1 s).
    pub cross_check: Duration,
    /// How often one row is asked of one node that does not answer (default 2). A node that denies a row or forges it
    /// is not asked for it again.
    pub attempts_per_node: u32,
    /// Blocks judged at a time while catching up (default 4).
    pub parallel_blocks: usize,
    /// Silence of the chain after which all nodes are asked for their newest header (default 5 s).
    pub head_check: Duration,
    /// Pause before a block that was not available is judged again; doubles up to 64 times this (default 15 s).
    pub recheck: Duration,
    /// Judgements kept in `data_dir` and in memory (default 50,000; about 1 KiB each).
    pub kept_judgements: usize,
    /// Bytes of sampled rows kept in `data_dir` (default 0: none).
    pub kept_sample_bytes: u64,
    /// Blobs verified or restored at a time for others (default 4). One that is restored takes up to five times the
    /// length of its block's payload in memory.
    pub max_blob_calls: usize,
    /// Subscriptions to judgements at once (default 64).
    pub max_subscribers: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            da_urls: vec![DEFAULT_DA_URL.to_owned()],
            trusted: None,
            network_id: None,
            data_dir: None,
            target: Target::default(),
            grpc_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_GRPC_PORT)),
            http_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_HTTP_PORT)),
            start_height: None,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(5),
            block_timeout: Duration::from_secs(20),
            wait_for_block: Duration::from_secs(10),
            cross_check: Duration::from_secs(1),
            attempts_per_node: 2,
            parallel_blocks: 4,
            head_check: Duration::from_secs(5),
            recheck: Duration::from_secs(15),
            kept_judgements: 50_000,
            kept_sample_bytes: 0,
            max_blob_calls: 4,
            max_subscribers: 64,
        }
    }
}

/// The configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No node.
    #[error("no DA node is given: set --da-url, for example {DEFAULT_DA_URL}")]
    NoNode,
    /// Too many nodes.
    #[error("{0} DA nodes are given, at most {MAX_NODES} are allowed")]
    TooManyNodes(usize),
    /// The same node twice would count as two.
    #[error("DA node {0} is given twice: nodes must be independent")]
    NodeTwice(String),
    /// The address of a node is not one.
    #[error("--da-url {url}: {reason}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// Nothing would be judged.
    #[error("the start height {start_height} is above the last height wanted, {until_height}")]
    StartAboveEnd {
        /// See [`Config::start_height`].
        start_height: u64,
        /// The last height wanted.
        until_height: u64,
    },
    /// A limit is zero.
    #[error("{0} must be above zero")]
    Zero(&'static str),
}

impl Config {
    /// Whether a client can run with it.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.da_urls.is_empty() {
            return Err(ConfigError::NoNode);
        }
        if self.da_urls.len() > MAX_NODES {
            return Err(ConfigError::TooManyNodes(self.da_urls.len()));
        }
        for (at, url) in self.da_urls.iter().enumerate() {
            if self.da_urls[..at].iter().any(|other| other.trim_end_matches('/') == url.trim_end_matches('/')) {
                return Err(ConfigError::NodeTwice(url.clone()));
            }
        }
        self.limits.check()
    }
}

impl Limits {
    fn check(&self) -> Result<(), ConfigError> {
        let zero = [
            ("request_timeout", self.request_timeout.is_zero()),
            ("block_timeout", self.block_timeout.is_zero()),
            ("attempts_per_node", self.attempts_per_node == 0),
            ("parallel_blocks", self.parallel_blocks == 0),
            ("head_check", self.head_check.is_zero()),
            ("recheck", self.recheck.is_zero()),
            ("kept_judgements", self.kept_judgements == 0),
            ("max_blob_calls", self.max_blob_calls == 0),
        ];
        zero.into_iter().find(|(_, zero)| *zero).map_or(Ok(()), |(name, _)| Err(ConfigError::Zero(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_what_is_wrong() {
        assert_eq!(Config::default().check(), Ok(()));
        let with =
            |urls: &[&str]| Config { da_urls: urls.iter().map(|url| (*url).to_owned()).collect(), ..Config::default() };
        assert_eq!(with(&[]).check(), Err(ConfigError::NoNode));
        assert_eq!(with(&["http://a:1", "http://a:1/"]).check(), Err(ConfigError::NodeTwice("http://a:1/".to_owned())));
        let many: Vec<String> = (0..=MAX_NODES).map(|port| format!("http://a:{port}")).collect();
        assert_eq!(Config { da_urls: many, ..Config::default() }.check(), Err(ConfigError::TooManyNodes(65)));
        let limits = Limits { parallel_blocks: 0, ..Limits::default() };
        assert_eq!(Config { limits, ..Config::default() }.check(), Err(ConfigError::Zero("parallel_blocks")));
    }
}
