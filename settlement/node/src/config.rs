//! What an operator sets. Every limit has a name and a default.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use weft_da::Target;
use weft_primitives::{Address, ChainConfig};
use weft_settlement::Rules;

/// Where gRPC listens unless configured otherwise.
pub const DEFAULT_GRPC_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9300);

/// Where HTTP listens unless configured otherwise.
pub const DEFAULT_HTTP_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9301);

/// Where the DA node is unless configured otherwise.
pub const DEFAULT_DA_URL: &str = "http://127.0.0.1:9200";

/// Configuration of one settlement service.
#[derive(Clone, Debug)]
pub struct Config {
    /// `data_dir`: where SQLite keeps its file.
    pub data_dir: PathBuf,
    /// `database_url`: a PostgreSQL database (`postgres://user:password@host/database`) in place of SQLite.
    pub database_url: Option<String>,
    /// `genesis`: the chain that is settled.
    pub chain: ChainConfig,
    /// `sequencer_address`: whose commitments are taken.
    pub sequencer: Address,
    /// `da_url`: a DA node that is sampled.
    pub da_url: String,
    /// `da_address`: whose DA headers are taken.
    pub da_signer: Address,
    /// `confidence`: how sure sampling must be, on both counts.
    pub target: Target,
    /// `availability_deadline_ms`: how long data may be missing before its commitment is rejected.
    pub availability_deadline_ms: u64,
    /// The service's limits.
    pub limits: Limits,
}

impl Config {
    /// With the defaults for everything that has one.
    pub fn new(data_dir: PathBuf, chain: ChainConfig, sequencer: Address, da_signer: Address) -> Self {
        Self {
            data_dir,
            database_url: None,
            chain,
            sequencer,
            da_url: DEFAULT_DA_URL.to_owned(),
            da_signer,
            target: Target::default(),
            availability_deadline_ms: Rules::AVAILABILITY_DEADLINE_MS,
            limits: Limits::default(),
        }
    }
}

/// Bounds of one service. Each error that one causes names its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `max_pending_commitments`: commitments that wait for finality.
    pub max_pending_commitments: usize,
    /// `max_inbox_queue`: inbox items that wait for the sequencer.
    pub max_inbox_queue: u64,
    /// `max_waiting_requests`: requests that wait for the engine.
    pub max_waiting_requests: usize,
    /// `max_message_bytes`: largest gRPC message taken.
    pub max_message_bytes: usize,
    /// `max_subscribers`: log subscriptions at once.
    pub max_subscribers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let machine = weft_settlement::Limits::default();
        Self {
            max_pending_commitments: machine.max_pending_commitments,
            max_inbox_queue: machine.max_inbox_queue,
            max_waiting_requests: 1_024,
            max_message_bytes: 1 << 20,
            max_subscribers: 256,
        }
    }
}

impl Limits {
    /// Those of the state machine.
    pub const fn machine(&self) -> weft_settlement::Limits {
        weft_settlement::Limits {
            max_pending_commitments: self.max_pending_commitments,
            max_inbox_queue: self.max_inbox_queue,
        }
    }
}
