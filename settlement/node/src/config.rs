//! What an operator sets. Every limit has a name and a default.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use weft_da::Target;
use weft_primitives::{Address, ChainConfig, Signer};
use weft_settlement::Terms;

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
    /// `log_key_file`: signs heads of the logs. Services on one database have the same.
    pub log_signer: Option<Signer>,
    /// The chains that are settled: one, or `[[chain]]` tables.
    pub chains: Vec<ChainSettings>,
    /// The service's limits.
    pub limits: Limits,
}

impl Config {
    /// For one chain, with the defaults for everything that has one.
    pub fn new(data_dir: PathBuf, chain: ChainSettings) -> Self {
        Self { data_dir, database_url: None, log_signer: None, chains: vec![chain], limits: Limits::default() }
    }
}

/// One chain of a settlement service.
#[derive(Clone, Debug)]
pub struct ChainSettings {
    /// `genesis`: the chain.
    pub chain: ChainConfig,
    /// Whose commitments are taken, and how they become final. Recorded with the chain; it keeps them.
    pub terms: Terms,
    /// `da_url`: a DA node that is sampled.
    pub da_url: String,
    /// `da_address`: whose DA headers are taken.
    pub da_signer: Address,
    /// `confidence`: how sure sampling must be, on both counts.
    pub target: Target,
    /// `mirrors`: gRPC URLs of followers and sequencers that have kept the log.
    pub mirrors: Vec<String>,
    /// What the chain may use of the service.
    pub quotas: Quotas,
}

impl ChainSettings {
    /// With the defaults for everything that has one.
    pub fn new(chain: ChainConfig, sequencer: Address, da_signer: Address) -> Self {
        Self {
            chain,
            terms: Terms::new(sequencer),
            da_url: DEFAULT_DA_URL.to_owned(),
            da_signer,
            target: Target::default(),
            mirrors: Vec::new(),
            quotas: Quotas::default(),
        }
    }
}

/// What one chain may use of the service. Each error that one causes names its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// `max_pending_commitments`: commitments that wait for finality.
    pub max_pending_commitments: usize,
    /// `max_inbox_queue`: inbox items that wait for the sequencer.
    pub max_inbox_queue: u64,
    /// `max_posts_per_minute`: commitments taken in a minute, on the long run and at once after a rest; 0 for any.
    pub max_posts_per_minute: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        let weft_settlement::Limits { max_pending_commitments, max_inbox_queue } = weft_settlement::Limits::default();
        Self { max_pending_commitments, max_inbox_queue, max_posts_per_minute: 0 }
    }
}

impl Quotas {
    /// Those of the state machine.
    pub const fn machine(&self) -> weft_settlement::Limits {
        weft_settlement::Limits {
            max_pending_commitments: self.max_pending_commitments,
            max_inbox_queue: self.max_inbox_queue,
        }
    }
}

/// Bounds of one service. Each error that one causes names its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `max_waiting_requests`: requests that wait for a chain's engine.
    pub max_waiting_requests: usize,
    /// `max_message_bytes`: largest gRPC message taken.
    pub max_message_bytes: usize,
    /// `max_subscribers`: subscriptions to one chain's log at once.
    pub max_subscribers: usize,
    /// `max_challenges`: challenges to one chain's commitments that are received or judged at once.
    pub max_challenges: usize,
    /// `max_witness_bytes`: largest witness of a challenge; it must hold what one batch can touch of the state.
    pub max_witness_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_waiting_requests: 1_024,
            max_message_bytes: 1 << 20,
            max_subscribers: 256,
            max_challenges: 4,
            max_witness_bytes: 128 << 20,
        }
    }
}
