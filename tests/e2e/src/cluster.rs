//! The services of one rollup as separate processes.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::{Process, Rpc};

/// A service of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// `weft sequencer`.
    Sequencer,
    /// `weft da`.
    Da,
    /// `weft settlement`.
    Settlement,
    /// `weft node`.
    Node,
}

impl Service {
    /// All that a rollup needs.
    pub const ALL: [Self; 3] = [Self::Sequencer, Self::Da, Self::Settlement];

    const fn name(self) -> &'static str {
        match self {
            Self::Sequencer => "sequencer",
            Self::Da => "da",
            Self::Settlement => "settlement",
            Self::Node => "node",
        }
    }
}

/// Ports of one service: gRPC, HTTP, and JSON-RPC where it has that.
#[derive(Debug, Clone, Copy)]
struct Ports {
    grpc: u16,
    http: u16,
    rpc: u16,
}

/// One rollup's services.
#[derive(Debug)]
pub struct Cluster {
    folder: tempfile::TempDir,
    ports: [Ports; 4],
    processes: [Option<Process>; 4],
    extra: [Vec<String>; 4],
    env: [Vec<(String, String)>; 4],
    /// Where a service finds DA, if not at the cluster's.
    da_urls: [Option<String>; 4],
    sequencer_key: String,
    genesis: String,
}

impl Default for Cluster {
    fn default() -> Self {
        Self::new()
    }
}

impl Cluster {
    /// Chooses ports and folders; starts nothing.
    pub fn new() -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = free_ports();
        let ports = [[a, b, c], [d, e, f], [g, h, i], [j, k, l]].map(|[grpc, http, rpc]| Ports { grpc, http, rpc });
        Self {
            folder: tempfile::tempdir().expect("temporary folder"),
            ports,
            processes: [None, None, None, None],
            extra: Default::default(),
            env: Default::default(),
            da_urls: Default::default(),
            sequencer_key: config("dev-keys/sequencer.key"),
            genesis: config("genesis.dev.json"),
        }
    }

    /// The development chain with some of Weft's own parameters changed.
    pub fn parameters(mut self, parameters: &serde_json::Value) -> Self {
        let text = std::fs::read_to_string(&self.genesis).expect("genesis file");
        let mut genesis: serde_json::Value = serde_json::from_str(&text).expect("genesis file");
        for (name, value) in parameters.as_object().into_iter().flatten() {
            genesis["config"]["weft"][name] = value.clone();
        }
        let path = self.folder.path().join("genesis.json");
        std::fs::write(&path, genesis.to_string()).expect("genesis file is written");
        self.genesis = path.display().to_string();
        self
    }

    /// The genesis file.
    pub fn genesis(&self) -> &str {
        &self.genesis
    }

    /// Adds options to every later start of a service.
    pub fn option(mut self, service: Service, option: &str, value: &str) -> Self {
        self.extra[service as usize].extend([option.to_owned(), value.to_owned()]);
        self
    }

    /// Gives every later start of the sequencer another key file.
    pub fn set_sequencer_key(&mut self, path: &Path) {
        self.sequencer_key = path.display().to_string();
    }

    /// Gives every later start of a service these environment variables, and no others of its own.
    pub fn set_env(&mut self, service: Service, env: &[(&str, &str)]) {
        let owned = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.env[service as usize] = owned.collect();
    }

    /// Has every later start of a service find DA elsewhere.
    pub fn set_da_url(&mut self, service: Service, url: String) {
        self.da_urls[service as usize] = Some(url);
    }

    /// The folder that holds all data and logs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A service's gRPC URL.
    pub fn grpc(&self, service: Service) -> String {
        format!("http://127.0.0.1:{}", self.ports[service as usize].grpc)
    }

    /// A service's HTTP URL.
    pub fn http(&self, service: Service) -> String {
        format!("http://127.0.0.1:{}", self.ports[service as usize].http)
    }

    /// The sequencer's JSON-RPC.
    pub fn rpc(&self) -> Rpc {
        self.rpc_of(Service::Sequencer)
    }

    /// JSON-RPC of the sequencer or of the node.
    pub fn rpc_of(&self, service: Service) -> Rpc {
        Rpc::new(format!("http://127.0.0.1:{}", self.ports[service as usize].rpc))
    }

    /// Where the sequencer's JSON-RPC is.
    pub fn rpc_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[Service::Sequencer as usize].rpc)
    }

    /// Where a service keeps its data.
    pub fn data(&self, service: Service) -> PathBuf {
        self.folder.path().join(service.name())
    }

    /// Starts a service; returns at once.
    pub fn start(&mut self, service: Service) {
        let log = self.folder.path().join(format!("{}.log", service.name()));
        let process = Process::spawn_with(&log, self.args(service), &self.env[service as usize]);
        self.processes[service as usize] = Some(process);
    }

    /// Starts all and waits until each is ready.
    pub async fn start_all(&mut self) {
        Service::ALL.into_iter().for_each(|service| self.start(service));
        for service in Service::ALL {
            self.ready(service).await;
        }
    }

    /// The process of a service that was started.
    pub fn process(&mut self, service: Service) -> &mut Process {
        self.processes[service as usize].as_mut().expect("service was started")
    }

    /// Waits until `/health/ready` answers 200; panics with the log after 60 s.
    pub async fn ready(&mut self, service: Service) {
        let url = format!("{}/health/ready", self.http(service));
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(60) {
            if let Ok(answer) = reqwest::get(&url).await
                && answer.status().is_success()
            {
                return;
            }
            if let Some(status) = self.process(service).ended() {
                panic!("{} ended with {status}:\n{}", service.name(), self.process(service).log());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} is not ready after 60 s:\n{}", service.name(), self.process(service).log());
    }

    fn args(&self, service: Service) -> Vec<String> {
        let da_url = self.da_urls[service as usize].clone().unwrap_or_else(|| self.grpc(Service::Da));
        let ports = self.ports[service as usize];
        let data = self.data(service);
        let mut args = vec![service.name().to_owned()];
        let mut option = |name: &str, value: String| args.extend([name.to_owned(), value]);
        option("--data-dir", data.display().to_string());
        option("--grpc-listen", format!("127.0.0.1:{}", ports.grpc));
        option("--http-listen", format!("127.0.0.1:{}", ports.http));
        match service {
            Service::Sequencer => {
                option("--rpc-listen", format!("127.0.0.1:{}", ports.rpc));
                option("--genesis", self.genesis.clone());
                option("--key-file", self.sequencer_key.clone());
                option("--da-url", da_url);
                option("--settlement-url", self.grpc(Service::Settlement));
            }
            Service::Da => option("--key-file", config("dev-keys/da.key")),
            Service::Settlement => {
                option("--genesis", self.genesis.clone());
                option("--sequencer-address", address_of("sequencer.key"));
                option("--da-url", da_url);
                option("--da-address", address_of("da.key"));
            }
            Service::Node => {
                option("--rpc-listen", format!("127.0.0.1:{}", ports.rpc));
                option("--genesis", self.genesis.clone());
                option("--sequencer-address", address_of("sequencer.key"));
                option("--da-url", da_url);
                option("--settlement-url", self.grpc(Service::Settlement));
            }
        }
        args.extend(self.extra[service as usize].iter().cloned());
        args
    }
}

/// Ports that nobody listens on, below those that the system gives to outgoing connections: a service that is started
/// again finds its port free.
fn free_ports<const N: usize>() -> [u16; N] {
    const FIRST: u16 = 10_000;
    const COUNT: u32 = 20_000;
    static USED: AtomicU32 = AtomicU32::new(0);
    // All are held at once, so that no two are the same; tests in other processes begin elsewhere.
    let begin = std::process::id().wrapping_mul(7_919);
    let mut held = Vec::new();
    while held.len() < N {
        let at = begin.wrapping_add(USED.fetch_add(1, Ordering::Relaxed)) % COUNT;
        held.extend(TcpListener::bind(("127.0.0.1", FIRST + at as u16)));
    }
    std::array::from_fn(|n| held[n].local_addr().expect("bound").port())
}

/// A file of `config/`.
pub fn config(name: &str) -> String {
    // Of the run, which need not be that of the build where clones share a build folder.
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(folder).join("../../config").join(name).display().to_string()
}

fn address_of(key: &str) -> String {
    let text = std::fs::read_to_string(config(&format!("dev-keys/{key}"))).expect("development key");
    weft_primitives::Signer::from_hex(&text).expect("valid key").address().to_string()
}
