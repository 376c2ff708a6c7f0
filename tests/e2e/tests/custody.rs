//! Four DA nodes that share the rows, as processes: kill -9 of any of them under load loses nothing acknowledged.
#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use weft_e2e::{Process, weft_binary};
use weft_primitives::Signer;
use weft_wire::CustodyClient;

const NODES: usize = 4;

/// Kills, one after another.
const ROUNDS: usize = 8;

/// How long anything may take that happens by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// Node 0 makes the blocks.
struct Nodes {
    folder: tempfile::TempDir,
    ports: Vec<(u16, u16)>,
    processes: Vec<Option<Process>>,
}

fn signer(node: usize) -> Signer {
    Signer::from_bytes([node as u8 + 1; 32]).unwrap()
}

impl Nodes {
    fn new() -> Self {
        let held: Vec<TcpListener> = (0..2 * NODES).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let port = |at: usize| held[at].local_addr().unwrap().port();
        let ports = (0..NODES).map(|node| (port(2 * node), port(2 * node + 1))).collect();
        let folder = tempfile::tempdir().unwrap();
        for node in 0..NODES {
            let key: String = signer(node).secret_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            std::fs::write(folder.path().join(format!("{node}.key")), key).unwrap();
        }
        Self { folder, ports, processes: (0..NODES).map(|_| None).collect() }
    }

    fn path(&self, name: String) -> PathBuf {
        self.folder.path().join(name)
    }

    fn url(&self, node: usize) -> String {
        format!("http://127.0.0.1:{}", self.ports[node].0)
    }

    fn start(&mut self, node: usize) {
        let peers: Vec<String> =
            (0..NODES).map(|node| format!("{}@{}", signer(node).address(), self.url(node))).collect();
        let (grpc, http) = self.ports[node];
        let mut args = vec![
            "da".to_owned(),
            format!("--data-dir={}", self.path(format!("data{node}")).display()),
            format!("--key-file={}", self.path(format!("{node}.key")).display()),
            format!("--grpc-listen=127.0.0.1:{grpc}"),
            format!("--http-listen=127.0.0.1:{http}"),
            format!("--peers={}", peers.join(",")),
            "--custody-grace-ms=300".to_owned(),
            "--custody-put-timeout-ms=5000".to_owned(),
        ];
        if node > 0 {
            args.push(format!("--producer={}", signer(0).address()));
        }
        self.processes[node] = Some(Process::spawn(&self.path(format!("{node}.log")), args));
    }

    fn kill(&mut self, node: usize) {
        self.processes[node].as_mut().unwrap().kill();
    }

    fn weft(&self, args: &[&str]) -> Output {
        Command::new(weft_binary()).args(args).output().unwrap()
    }

    /// Puts until it is acknowledged; the blob's hash.
    fn put(&self, file: &str) -> String {
        let start = Instant::now();
        loop {
            let put = self.weft(&["blob", "put", file, "--quiet", "--da-url", &self.url(0)]);
            if put.status.success() {
                return String::from_utf8(put.stdout).unwrap().trim().to_owned();
            }
            assert!(start.elapsed() < PATIENCE, "{}", String::from_utf8_lossy(&put.stderr));
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until a node serves the certificates of all blocks up to `height`.
    fn certified(&self, node: usize, height: u64) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let start = Instant::now();
        runtime.block_on(async {
            let client = CustodyClient::new(&self.url(node)).unwrap();
            for height in 1..=height {
                loop {
                    let error = match client.certificate(height).await {
                        Ok((header, certificate)) => {
                            let verified = certificate.verify(&header.header).unwrap();
                            assert_eq!(verified.members().addresses().len(), NODES);
                            break;
                        }
                        Err(error) => error,
                    };
                    assert!(start.elapsed() < PATIENCE, "node {node}, block {height}: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        });
    }

    fn get(&self, node: usize, hash: &str, data: &[u8]) {
        let start = Instant::now();
        loop {
            let had = self.weft(&["blob", "get", hash, "--da-url", &self.url(node)]);
            if had.status.success() {
                assert_eq!(had.stdout, data, "node {node}");
                return;
            }
            assert!(start.elapsed() < PATIENCE, "node {node}: {}", String::from_utf8_lossy(&had.stderr));
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_whoever_is_killed() {
    let mut nodes = Nodes::new();
    (0..NODES).for_each(|node| nodes.start(node));
    let mut blobs = Vec::new();
    for round in 0..ROUNDS {
        let victim = round % NODES;
        for part in 0..4u8 {
            let data: Vec<u8> = (0..40_000 + round).map(|at| (at as u8) ^ (part * 16 + round as u8)).collect();
            let file = nodes.path("blob".to_owned()).display().to_string();
            std::fs::write(&file, &data).unwrap();
            if part == 2 {
                nodes.kill(victim);
            }
            // The one that makes the blocks must be there; of the others one may be away.
            if part == 2 && victim == 0 {
                nodes.start(0);
            }
            blobs.push((nodes.put(&file), data));
        }
        if victim > 0 {
            nodes.start(victim);
        }
    }
    // From each node by itself: those that were away have caught up, or get what they miss from the others.
    for node in 0..NODES {
        for (hash, data) in &blobs {
            nodes.get(node, hash, data);
        }
    }
    // So have they the certificates, whoever made them.
    (1..NODES).for_each(|node| nodes.certified(node, blobs.len() as u64));
    // With the producer gone for good, a disk lost and one more down: half of the members have everything.
    nodes.kill(0);
    nodes.kill(1);
    std::fs::remove_dir_all(nodes.path("data1".to_owned())).unwrap();
    for (hash, data) in &blobs {
        nodes.get(2, hash, data);
    }
    // A light client is content with what the members serve between them.
    let (second, third) = (nodes.url(2), nodes.url(3));
    let address = signer(0).address().to_string();
    nodes.start(1);
    let first = nodes.url(1);
    nodes.certified(1, blobs.len() as u64);
    let start = Instant::now();
    loop {
        let urls = ["--da-url", &first, "--da-url", &second, "--da-url", &third];
        let judged = nodes.weft(&[&["light", "--once", "3", "--json", "--da-address", &address][..], &urls].concat());
        let verdict: Value = serde_json::from_slice(&judged.stdout).unwrap_or_default();
        if verdict["verdict"] == "available" {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{verdict}: {}", String::from_utf8_lossy(&judged.stderr));
        std::thread::sleep(Duration::from_millis(300));
    }
    // Who asks one of them alone is told of the others.
    let judged = nodes.weft(&["light", "--once", "3", "--json", "--da-address", &address, "--da-url", &second]);
    let verdict: Value = serde_json::from_slice(&judged.stdout).unwrap();
    assert_eq!(verdict["verdict"], "unavailable");
    let told = String::from_utf8_lossy(&judged.stderr);
    assert!([0, 1, 3].iter().all(|node| told.contains(&signer(*node).address().to_string())), "{told}");
}
