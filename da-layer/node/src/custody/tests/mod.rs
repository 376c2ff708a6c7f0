//! Real nodes on real ports, each with a database of its own.
#![allow(clippy::unwrap_used)]

mod attacks;
mod faults;

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use weft_da::blob_hash;
use weft_da::custody::{Certificate, Members};
use weft_primitives::{Address, Namespace, Signer};
use weft_service::Shutdown;
use weft_wire::client::PutResult;
use weft_wire::{CustodyClient, DaClient, RemoteError};

use super::{CustodyConfig, CustodyLimits, PeerAddress};
use crate::config::{Config, Limits};
use crate::retention::Retention;
use crate::run::{Listeners, RunError, run};
use crate::store::RocksStore;

const NETWORK: u64 = 7;
const NAMESPACE: Namespace = Namespace([5; 32]);

/// How long anything may take that happens by itself.
const PATIENCE: Duration = Duration::from_secs(60);

struct Running {
    shutdown: Shutdown,
    task: JoinHandle<Result<(), RunError>>,
}

/// Node 0 is the producer.
struct Cluster {
    folder: TempDir,
    signers: Vec<Signer>,
    ports: Vec<u16>,
    running: Vec<Option<Running>>,
    /// Who is told to the nodes as members.
    members: Vec<usize>,
    copies: u8,
    window_ms: Option<u64>,
}

impl Cluster {
    /// So many nodes, none of them running.
    async fn new(nodes: u8, copies: u8) -> Self {
        let mut ports = Vec::new();
        for _ in 0..nodes {
            ports.push(TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port());
        }
        let signers = (1..=nodes).map(|key| Signer::from_bytes([key; 32]).unwrap()).collect();
        let running = (0..nodes).map(|_| None).collect();
        let members = (0..usize::from(nodes)).collect();
        Self { folder: tempfile::tempdir().unwrap(), signers, ports, running, members, copies, window_ms: None }
    }

    /// All of them running.
    async fn running(nodes: u8, copies: u8) -> Self {
        let mut cluster = Self::new(nodes, copies).await;
        for node in 0..usize::from(nodes) {
            cluster.start(node).await;
        }
        cluster
    }

    fn url(&self, node: usize) -> String {
        format!("http://127.0.0.1:{}", self.ports[node])
    }

    fn data_dir(&self, node: usize) -> PathBuf {
        self.folder.path().join(node.to_string())
    }

    fn address(&self, node: usize) -> Address {
        self.signers[node].address()
    }

    fn members(&self) -> Members {
        Members::new(self.members.iter().map(|node| self.address(*node)).collect(), self.copies).unwrap()
    }

    fn config(&self, node: usize) -> Config {
        let peers =
            self.members.iter().map(|member| PeerAddress { address: self.address(*member), url: self.url(*member) });
        let limits = CustodyLimits {
            put_timeout: Duration::from_secs(2),
            grace: Duration::from_millis(200),
            scrub_interval: Duration::from_millis(500),
            ..CustodyLimits::default()
        };
        let custody = CustodyConfig {
            peers: peers.collect(),
            copies: self.copies,
            producer: Some(self.address(0)).filter(|_| node != 0),
            limits,
        };
        Config {
            data_dir: self.data_dir(node),
            signer: self.signers[node].clone(),
            network_id: NETWORK,
            limits: Limits { store_min_free_bytes: 0, ..Limits::default() },
            custody: Some(custody),
            namespaces: None,
            retention: Retention { window_ms: self.window_ms, ..Retention::default() },
            archive: None,
        }
    }

    async fn start(&mut self, node: usize) {
        let config = self.config(node);
        // The port may take a moment to be free again.
        let grpc = loop {
            match TcpListener::bind(("127.0.0.1", self.ports[node])).await {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        let listeners = Listeners { grpc, http: TcpListener::bind("127.0.0.1:0").await.unwrap() };
        let shutdown = Shutdown::new();
        let task = tokio::spawn(run(config, listeners, shutdown.clone()));
        self.running[node] = Some(Running { shutdown, task });
    }

    async fn stop(&mut self, node: usize) {
        let Running { shutdown, task } = self.running[node].take().unwrap();
        shutdown.trigger();
        task.await.unwrap().unwrap();
        // What it was just reading may still be under way.
        drop(self.store(node).await);
    }

    fn wipe(&self, node: usize) {
        std::fs::remove_dir_all(self.data_dir(node)).unwrap();
    }

    /// Of a node that is not running.
    async fn store(&self, node: usize) -> RocksStore {
        let opened = async {
            loop {
                match RocksStore::open(&self.data_dir(node)) {
                    Ok(store) => return store,
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, opened).await.unwrap()
    }

    fn client(&self, node: usize) -> DaClient {
        DaClient::new(&self.url(node)).unwrap()
    }

    fn custody(&self, node: usize) -> CustodyClient {
        CustodyClient::new(&self.url(node)).unwrap()
    }

    async fn try_put(&self, data: &[u8]) -> Result<PutResult, RemoteError> {
        self.client(0).put_blob(NAMESPACE, Bytes::copy_from_slice(data)).await
    }

    /// Puts until it is acknowledged: a busy machine may take long.
    async fn put(&self, data: &[u8]) -> PutResult {
        let acknowledged = async {
            loop {
                match self.try_put(data).await {
                    Ok(put) => return put,
                    Err(error) if error.reason == "NOT_CERTIFIED" => {}
                    Err(error) => panic!("{error}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, acknowledged).await.unwrap()
    }

    async fn get(&self, node: usize, data: &[u8]) {
        let had = self.client(node).get_blob(NAMESPACE, blob_hash(data)).await;
        assert_eq!(had.unwrap(), data, "node {node}");
    }

    /// Rows of a block that a node serves.
    async fn rows_at(&self, node: usize, height: u64, rows: u32) -> Vec<u32> {
        let had = self.client(node).rows(height, (0..rows).collect()).await.unwrap();
        had.into_iter().filter_map(|(row, proof)| proof.map(|_| row)).collect()
    }

    /// Waits until a node has the certificate of a block; what it is.
    async fn certificate(&self, node: usize, height: u64) -> Certificate {
        let client = self.custody(node);
        let had = async {
            loop {
                match client.certificate(height).await {
                    Ok((header, certificate)) => {
                        certificate.verify_of(&header.header, &self.members()).unwrap();
                        return certificate;
                    }
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        let had = tokio::time::timeout(PATIENCE, had).await;
        had.unwrap_or_else(|_| panic!("node {node} has no certificate of {height}"))
    }

    /// Waits until a node has its whole share up to a height.
    async fn complete(&self, node: usize, height: u64) {
        let client = self.custody(node);
        let whole = async {
            while client.info().await.ok().and_then(|info| info.complete_height) < Some(height) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, whole).await.is_ok(), "node {node} is not whole up to {height}");
    }
}

/// Nodes end before the test does: RocksDB does not bear a process that ends around an open database.
impl Drop for Cluster {
    fn drop(&mut self) {
        let running: Vec<Running> = self.running.iter_mut().filter_map(Option::take).collect();
        running.iter().for_each(|node| node.shutdown.trigger());
        let ended = futures::future::join_all(running.into_iter().map(|node| node.task));
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(ended));
    }
}

/// Bytes that differ from blob to blob.
fn data(seed: u8, len: usize) -> Vec<u8> {
    (0..len).map(|at| (at as u8).wrapping_mul(31) ^ (at >> 8) as u8 ^ seed).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_spread_certified_and_served_by_all() {
    let cluster = Cluster::running(4, 2).await;
    let data = data(1, 300_000);
    let put = cluster.put(&data).await;
    let header = put.blob.header;
    let (same, certificate) = cluster.custody(0).certificate(1).await.unwrap();
    assert_eq!(same, header);
    assert!(certificate.verify_of(&header.header, &cluster.members()).unwrap().attested().len() >= 3);

    let rows = header.header.shape.rows() as u32;
    let assignment = cluster.members().assign(&header.header.shape, header.header.row_root);
    for node in 1..4 {
        cluster.complete(node, 1).await;
        assert_eq!(cluster.certificate(node, 1).await, certificate, "every member has it");
        let place = cluster.members().position(&cluster.address(node)).unwrap();
        assert_eq!(cluster.rows_at(node, 1, rows).await, assignment.rows_of(place), "its share and no more");
        // From its own rows and the others'.
        cluster.get(node, &data).await;
        let proof = cluster.client(node).blob_proof(NAMESPACE, blob_hash(&data)).await.unwrap();
        proof.proof.verify(&header.header).unwrap();
        let info = cluster.client(node).info().await.unwrap();
        assert_eq!((info.signer, info.latest_height), (cluster.address(0), Some(1)));
        let refused = cluster.client(node).put_blob(NAMESPACE, Bytes::from_static(b"x")).await.unwrap_err();
        assert_eq!(refused.reason, "NOT_PRODUCER");
    }
    assert_eq!(cluster.rows_at(0, 1, rows).await.len(), rows as usize, "the producer has all");
    assert!(cluster.put(&data).await.duplicate);
}
