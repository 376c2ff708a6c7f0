//! A DA node that keeps little itself, killed at random moments; then its disk is lost: no blob is.
//!
//! `WEFT_KILL_ROUNDS` (6) sets how often it is killed.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use weft_e2e::{Cluster, Process, Service, weft_binary};

fn weft(args: &[&str]) -> Output {
    Command::new(weft_binary()).args(args).output().unwrap()
}

/// Puts blobs one after the other until told to stop, each until it is acknowledged; hashes and contents.
fn put_all(url: &str, folder: &Path, stop: &AtomicBool) -> Vec<(String, Vec<u8>)> {
    let mut put = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let data = format!("document {} ", put.len()).repeat(500 + put.len()).into_bytes();
        let file = folder.join("document");
        std::fs::write(&file, &data).unwrap();
        let hash = loop {
            let output = weft(&["blob", "put", "--quiet", "--da-url", url, file.to_str().unwrap()]);
            if output.status.success() {
                break String::from_utf8(output.stdout).unwrap().trim().to_owned();
            }
        };
        put.push((hash, data));
    }
    put
}

async fn status(cluster: &Cluster) -> Value {
    reqwest::get(format!("{}/status", cluster.http(Service::Da))).await.unwrap().json().await.unwrap()
}

/// Waits until the archive holds every block and no block is whole any more.
async fn wait_archived(cluster: &mut Cluster) -> u64 {
    let start = Instant::now();
    loop {
        let status = status(cluster).await;
        let height = status["height"].as_u64().unwrap();
        if status["archived up to height"] == height && status["rows from height"] == height + 1 {
            return height;
        }
        let late = start.elapsed() > Duration::from_secs(60);
        assert!(!late, "not archived after 60 s: {status}\n{}", cluster.process(Service::Da).log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn check(cluster: &Cluster, put: &[(String, Vec<u8>)]) {
    for (hash, data) in put {
        let got = weft(&["blob", "get", "--da-url", &cluster.grpc(Service::Da), hash]);
        assert!(got.status.success(), "{}", String::from_utf8_lossy(&got.stderr));
        assert_eq!(got.stdout, *data, "blob {hash}");
    }
    let proven = weft(&["blob", "prove", "--da-url", &cluster.grpc(Service::Da), &put[0].0]);
    assert!(proven.status.success(), "{}", String::from_utf8_lossy(&proven.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_disk_comes_back_from_the_archive() {
    let rounds: u32 = std::env::var("WEFT_KILL_ROUNDS").map_or(6, |text| text.parse().unwrap());
    let cluster = Cluster::new();
    let archive = format!("file://{}", cluster.folder().join("archive").display());
    let mut cluster = cluster
        .option(Service::Da, "--sampling-window", "200ms")
        .option(Service::Da, "--retention-max-bytes", "0")
        .option(Service::Da, "--archive-url", &archive);
    cluster.start(Service::Da);
    cluster.ready(Service::Da).await;

    let stop = Arc::new(AtomicBool::new(false));
    let putting = {
        let (url, folder, stop) = (cluster.grpc(Service::Da), cluster.folder().to_owned(), stop.clone());
        std::thread::spawn(move || put_all(&url, &folder, &stop))
    };
    for round in 0..rounds {
        tokio::time::sleep(Duration::from_millis(700 + u64::from(round * 130 % 300))).await;
        cluster.process(Service::Da).kill();
        cluster.start(Service::Da);
        cluster.ready(Service::Da).await;
    }
    stop.store(true, Ordering::Relaxed);
    let put = putting.join().unwrap();
    let height = wait_archived(&mut cluster).await;
    println!("{} blobs in {height} blocks over {rounds} kills", put.len());
    check(&cluster, &put);

    // The disk is lost: the node does not start from nothing, and says what to do.
    cluster.process(Service::Da).kill();
    let data = cluster.folder().join("da");
    std::fs::remove_dir_all(&data).unwrap();
    cluster.start(Service::Da);
    let start = Instant::now();
    let ended = loop {
        if let Some(ended) = cluster.process(Service::Da).ended() {
            break ended;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "it runs");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(!ended.success());
    let log = cluster.process(Service::Da).log();
    assert!(log.contains("weft da restore --archive-url"), "{log}");

    // Cut off once, then done.
    let key = weft_e2e::config("dev-keys/da.key");
    let data = data.display().to_string();
    let args = ["da", "restore", "--json", "--archive-url", &archive, "--data-dir", &data, "--key-file", &key];
    let args = [&args[..], &["--sampling-window", "200ms", "--retention-max-bytes", "0"]].concat();
    let mut cut_off = Process::spawn(&cluster.folder().join("restore.log"), &args);
    tokio::time::sleep(Duration::from_millis(30)).await;
    cut_off.kill();
    let restored = weft(&args);
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let restored: Value = serde_json::from_slice(&restored.stdout).unwrap();
    assert_eq!(restored["height"], height);

    cluster.start(Service::Da);
    cluster.ready(Service::Da).await;
    check(&cluster, &put);
    let more = put_all(&cluster.grpc(Service::Da), cluster.folder(), &AtomicBool::new(true));
    assert!(more.is_empty());
    assert_eq!(wait_archived(&mut cluster).await, height);
}
