//! What a service is configured to do, as far as it can be looked at from outside.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches};
use weft_primitives::Address;

use crate::args::sequencer::load_chain;
use crate::args::{Cli, Command, DoctorTarget, ServiceName};
use crate::config_file;

/// A service that another one needs.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Which.
    pub service: ServiceName,
    /// Its gRPC URL.
    pub url: String,
    /// Whose signature is expected of it, if that is configured.
    pub signer: Option<Address>,
}

/// A key file.
#[derive(Clone, Debug)]
pub struct KeyFile {
    /// Where it is.
    pub path: PathBuf,
    /// Whether the service makes it if it is not there.
    pub made: bool,
}

/// One service.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which.
    pub service: ServiceName,
    /// Where it listens, by option.
    pub listens: Vec<(&'static str, SocketAddr)>,
    /// Where it keeps its data.
    pub data_dir: PathBuf,
    /// With less free space it refuses work, bytes.
    pub min_free_bytes: u64,
    /// Its key, if it has one.
    pub key: Option<KeyFile>,
    /// The chain's id, if it knows chains; of several, the first's.
    pub chain_id: Option<u64>,
    /// Whose commitments it expects.
    pub sequencer: Option<Address>,
    /// PostgreSQL, for settlement.
    pub database_url: Option<String>,
    /// Who it talks to.
    pub peers: Vec<Peer>,
}

/// Space below which a service without a limit of its own is about to fail.
const LEAST_FREE_BYTES: u64 = 256 << 20;

impl Plan {
    /// From the service's own configuration, read as the service reads it.
    pub fn of(target: &DoctorTarget) -> Result<Self, String> {
        let mut args: Vec<OsString> = vec!["weft".into(), target.service.name().into()];
        if let Some(path) = &target.config {
            args.extend(["--config".into(), path.into()]);
        }
        let command = config_file::with_environment(Cli::command());
        let command = config_file::with_file(command, &args).map_err(|error| error.to_string())?;
        let matches = command.try_get_matches_from(args).map_err(|error| first_line(&error.to_string()))?;
        let cli = Cli::from_arg_matches(&matches).map_err(|error| first_line(&error.to_string()))?;
        Self::of_command(cli.command)
    }

    fn of_command(command: Command) -> Result<Self, String> {
        let key = |given: &Option<PathBuf>, data_dir: &std::path::Path| {
            Some(KeyFile { path: given.clone().unwrap_or_else(|| data_dir.join("service.key")), made: given.is_none() })
        };
        let peer = |service, url: &str, signer| Peer { service, url: url.to_owned(), signer };
        let chain_id = |genesis: &Option<PathBuf>| {
            load_chain(genesis.as_deref()).map(|chain| Some(chain.chain_id())).map_err(|failure| failure.0)
        };
        Ok(match command {
            Command::Sequencer(args) => Self {
                service: ServiceName::Sequencer,
                listens: vec![
                    ("grpc-listen", args.grpc_listen),
                    ("http-listen", args.http_listen),
                    ("rpc-listen", args.rpc_listen),
                ],
                key: key(&args.key_file, &args.data_dir),
                min_free_bytes: args.tuning.store_min_free_bytes,
                chain_id: chain_id(&args.genesis)?,
                sequencer: None,
                database_url: None,
                peers: vec![
                    peer(ServiceName::Da, &args.da_url, None),
                    peer(ServiceName::Settlement, &args.settlement_url, None),
                ],
                data_dir: args.data_dir,
            },
            Command::Da(args) => Self {
                service: ServiceName::Da,
                listens: vec![("grpc-listen", args.grpc_listen), ("http-listen", args.http_listen)],
                key: key(&args.key_file, &args.data_dir),
                min_free_bytes: args.store_min_free_bytes,
                chain_id: None,
                sequencer: None,
                database_url: None,
                peers: Vec::new(),
                data_dir: args.data_dir,
            },
            Command::Settlement(args) => {
                let settings = args.chain_settings().map_err(|failure| failure.0)?;
                let first = settings.first();
                let das = settings.iter().map(|chain| peer(ServiceName::Da, &chain.da_url, Some(chain.da_signer)));
                Self {
                    service: ServiceName::Settlement,
                    listens: vec![("grpc-listen", args.grpc_listen), ("http-listen", args.http_listen)],
                    key: None,
                    min_free_bytes: LEAST_FREE_BYTES,
                    chain_id: first.map(|chain| chain.chain.chain_id()),
                    sequencer: first.map(|chain| chain.terms.sequencer),
                    peers: das.collect(),
                    database_url: args.database_url,
                    data_dir: args.data_dir,
                }
            }
            Command::Node(args) => Self {
                service: ServiceName::Node,
                listens: vec![
                    ("grpc-listen", args.grpc_listen),
                    ("http-listen", args.http_listen),
                    ("rpc-listen", args.rpc_listen),
                ],
                key: None,
                min_free_bytes: LEAST_FREE_BYTES,
                chain_id: chain_id(&args.genesis)?,
                sequencer: args.sequencer_address,
                database_url: None,
                peers: [
                    Some(peer(ServiceName::Da, &args.da_url, None)),
                    Some(peer(ServiceName::Settlement, &args.settlement_url, None)),
                    args.sequencer.as_deref().map(|url| peer(ServiceName::Sequencer, url, args.sequencer_address)),
                ]
                .into_iter()
                .flatten()
                .collect(),
                data_dir: args.data_dir,
            },
            Command::Light(args) => Self {
                service: ServiceName::Light,
                listens: vec![("grpc-listen", args.grpc_listen), ("http-listen", args.http_listen)],
                key: None,
                min_free_bytes: LEAST_FREE_BYTES,
                chain_id: None,
                sequencer: None,
                database_url: None,
                peers: args.da_url.iter().map(|url| peer(ServiceName::Da, url, args.da_address)).collect(),
                data_dir: args.data_dir.unwrap_or_else(|| "data/light".into()),
            },
            _ => return Err("not a service".to_owned()),
        })
    }

    /// Services at their usual ports on this machine.
    pub fn usual() -> Vec<Self> {
        let usual = |(service, port): (ServiceName, u16)| Self {
            service,
            listens: vec![("grpc-listen", ([127, 0, 0, 1], port).into())],
            data_dir: PathBuf::new(),
            min_free_bytes: 0,
            key: None,
            chain_id: None,
            sequencer: None,
            database_url: None,
            peers: Vec::new(),
        };
        let ports = [9100, 9200, 9300, 9400, 9500];
        ServiceName::ALL.into_iter().zip(ports).map(usual).collect()
    }

    /// The gRPC URL at which it is asked for from this machine.
    pub fn own_url(&self) -> String {
        let mut address = self.listens[0].1;
        if address.ip().is_unspecified() {
            let loopback: std::net::IpAddr =
                if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
            address.set_ip(loopback);
        }
        format!("http://{address}")
    }
}

/// clap adds a usage text that says nothing here.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
