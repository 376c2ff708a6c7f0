//! One DA service for many rollups, as real processes: kill -9 under puts into several namespaces, keys, SIGHUP.
//!
//! `WEFT_KILL_ROUNDS` (8) and `WEFT_KILL_SEED` (from the clock, printed) repeat a run.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alloy_primitives::{Address, B256, U256};
use bytes::Bytes;
use serde_json::{Value, json};
use weft_e2e::{Cluster, Service, config, dev_accounts, quantity, weft_binary};
use weft_primitives::{Namespace, Signer};
use weft_wire::DaClient;

/// Bytes of one blob of the stream with this number: of many sizes, over one chunk too.
fn blob(name: &str, number: u64) -> Bytes {
    let len = if number.is_multiple_of(16) { (1 << 20) + 100 } else { 1 + (number * 7_919 % 30_000) as usize };
    let mut data = format!("{name} {number} ").into_bytes();
    data.resize(data.len() + len, number as u8);
    data.into()
}

/// Content hash -> height and length, as the client was told.
type Stored = BTreeMap<B256, (u64, u64)>;

/// Puts one blob after the other, each as often as it takes; ends when told to, or when the quota is used up.
async fn stream(client: DaClient, name: &'static str, stop: Arc<AtomicBool>) -> (Stored, bool) {
    let namespace = Namespace::named(name).unwrap();
    let mut stored = Stored::new();
    for number in 0.. {
        let data = blob(name, number);
        let put = loop {
            match client.put_blob(namespace, data.clone()).await {
                Ok(put) => break put,
                Err(error) if error.reason == "NAMESPACE_QUOTA" => return (stored, true),
                Err(error) => {
                    assert!(error.is_retryable() || error.reason == "PROTOCOL", "{error:?}");
                    tokio::time::sleep(error.retry_after.unwrap_or(Duration::from_millis(20))).await;
                }
            }
        };
        stored.insert(put.blob.proof.entry.hash, (put.blob.height, data.len() as u64));
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    (stored, false)
}

fn weft(args: &[&str]) -> Output {
    Command::new(weft_binary()).args(args).output().unwrap()
}

fn list(cluster: &Cluster, name: &str) -> Value {
    let url = cluster.grpc(Service::Da);
    let output = weft(&["blob", "list", "--json", "--namespace", name, "--da-url", &url]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What the node says that a configured namespace has stored.
async fn stored_bytes(cluster: &Cluster, name: &str) -> u64 {
    let text = reqwest::get(format!("{}/metrics", cluster.http(Service::Da))).await.unwrap().text().await.unwrap();
    let start = format!("weft_da_namespace_stored_bytes{{namespace=\"{name}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("{name}: {text}"));
    line.parse::<f64>().unwrap() as u64
}

fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn puts_survive_kills_exactly_once() {
    const QUOTA: u64 = 3_000_000;
    let rounds = from_env("WEFT_KILL_ROUNDS", 8);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let mut dice = from_env("WEFT_KILL_SEED", now | 1);
    println!("repeat with: WEFT_KILL_SEED={dice} WEFT_KILL_ROUNDS={rounds}");
    let owner = Signer::from_bytes([7; 32]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("namespaces.toml");
    let policies = format!(
        "[namespace.keyed]\nkeys = [\"{}\"]\n[namespace.free]\n[namespace.small]\nquota_bytes = {QUOTA}\n\
         [namespace.paced]\nputs_per_second = 20\n",
        owner.address()
    );
    std::fs::write(&file, policies).unwrap();
    let mut cluster = Cluster::new().option(Service::Da, "--namespaces", &file.display().to_string());
    cluster.start(Service::Da);
    cluster.ready(Service::Da).await;
    let client = DaClient::new(&cluster.grpc(Service::Da)).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let names = ["keyed", "free", "small", "paced"];
    let streams = names.map(|name| {
        let client = if name == "keyed" { client.clone().with_signer(owner.clone()) } else { client.clone() };
        tokio::spawn(stream(client, name, stop.clone()))
    });
    for _ in 0..rounds {
        tokio::time::sleep(Duration::from_millis(50 + xorshift(&mut dice) % 500)).await;
        cluster.process(Service::Da).kill();
        cluster.start(Service::Da);
        cluster.ready(Service::Da).await;
    }
    stop.store(true, Ordering::Relaxed);
    for (name, task) in names.into_iter().zip(streams) {
        let (stored, used_up) = tokio::time::timeout(Duration::from_secs(60), task).await.unwrap().unwrap();
        let listing = list(&cluster, name);
        assert_eq!(listing["proved"], true);
        let listed: Vec<(B256, (u64, u64))> = listing["blobs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|blob| {
                let hash = blob["content_hash"].as_str().unwrap().parse().unwrap();
                (hash, (blob["height"].as_u64().unwrap(), blob["length"].as_u64().unwrap()))
            })
            .collect();
        println!("{name}: {} blobs over {rounds} kills", listed.len());
        // Each is there once, where the client was told: whatever it retried, and nothing else.
        assert_eq!(listed.len(), stored.len(), "{name}");
        assert_eq!(listed.into_iter().collect::<Stored>(), stored, "{name}");
        let bytes: u64 = stored.values().map(|(_, len)| len).sum();
        assert_eq!(listing["bytes"], bytes);
        assert_eq!(stored_bytes(&cluster, name).await, bytes, "{name}: counted as stored");
        assert!(name != "small" || bytes <= QUOTA);
        if used_up {
            let next = blob(name, stored.len() as u64).len() as u64;
            assert!(name == "small" && bytes + next > QUOTA, "refused below its quota");
        }
    }
}

fn put(cluster: &Cluster, file: &str, more: &[&str]) -> Result<String, String> {
    let url = cluster.grpc(Service::Da);
    let output = weft(&[&["blob", "put", file, "--quiet", "--da-url", &url], more].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollup_keeps_its_namespace_to_itself() {
    let mut cluster = Cluster::new().option(Service::Da, "--namespaces", &config("namespaces.toml")).option(
        Service::Sequencer,
        "--batch-max-age-ms",
        "200",
    );
    cluster.start_all().await;
    let rpc = cluster.rpc();
    let raw = dev_accounts().remove(0).transfer(Address::repeat_byte(9), U256::from(5));
    rpc.call("eth_sendRawTransactionSync", json!([raw])).await.unwrap();
    let start = Instant::now();
    while quantity(&rpc.call("eth_getBlockByNumber", json!(["finalized", false])).await.unwrap()["number"]) == 0 {
        assert!(start.elapsed() < Duration::from_secs(60), "{}", cluster.process(Service::Sequencer).log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let rollup = Namespace::for_chain(weft_e2e::template().chain_id).to_string();
    assert!(!list(&cluster, &rollup)["blobs"].as_array().unwrap().is_empty(), "the sequencer signs its puts");

    let file = config("genesis.dev.json");
    let refused = put(&cluster, &file, &["--namespace", &rollup]).unwrap_err();
    assert!(refused.contains("NAMESPACE_KEY"), "{refused}");
    let refused =
        put(&cluster, &file, &["--namespace", &rollup, "--key-file", &config("dev-keys/da.key")]).unwrap_err();
    assert!(refused.contains("NAMESPACE_KEY") && refused.contains("signed"), "{refused}");
    put(&cluster, &file, &["--namespace", &rollup, "--key-file", &config("dev-keys/sequencer.key")]).unwrap();
    put(&cluster, &file, &[]).unwrap();
    let metrics = reqwest::get(format!("{}/metrics", cluster.http(Service::Da))).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("weft_da_puts_refused_total{reason=\"NAMESPACE_KEY\""), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_read_again_at_sighup() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("namespaces.toml");
    std::fs::write(&file, "open = false").unwrap();
    let mut cluster = Cluster::new().option(Service::Da, "--namespaces", &file.display().to_string());
    cluster.start(Service::Da);
    cluster.ready(Service::Da).await;
    let document = config("genesis.dev.json");
    let refused = put(&cluster, &document, &["--namespace", "late"]).unwrap_err();
    assert!(refused.contains("NAMESPACE_CLOSED"), "{refused}");
    // What cannot be used changes nothing.
    for (text, opens) in [("opne = true", false), ("open = false\n[namespace.late]", true)] {
        std::fs::write(&file, text).unwrap();
        cluster.process(Service::Da).signal("HUP");
        let word = if opens { "read again" } else { "stay as they were" };
        let start = Instant::now();
        while !cluster.process(Service::Da).log().contains(word) {
            assert!(start.elapsed() < Duration::from_secs(20), "{}", cluster.process(Service::Da).log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(put(&cluster, &document, &["--namespace", "late"]).is_ok(), opens);
    }
    assert!(put(&cluster, &document, &["--namespace", "other"]).is_err());
}
