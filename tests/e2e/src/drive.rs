//! What tests do with a cluster: waiting, client commands, keys.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use weft_primitives::Signer;

use crate::{Cluster, Service, weft_binary};

/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until it is so; panics with `what` after 90 s.
pub async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is().await {
        assert!(start.elapsed() < PATIENCE, "after {} s: not {what}", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Runs a client command at the cluster's settlement, with JSON.
pub fn at_settlement(cluster: &Cluster, args: &[&str]) -> Output {
    let settlement = cluster.grpc(Service::Settlement);
    let mut command = Command::new(weft_binary());
    command.args(args).args(["--json", "--settlement-url", &settlement]).output().expect("weft runs")
}

/// The JSON that a command printed; panics with its errors if it printed none.
pub fn answer(output: &Output) -> Value {
    let words = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {words}"))
}

/// A key file made by `weft keys new`, and its key.
pub fn new_key(folder: &Path, name: &str) -> (PathBuf, Signer) {
    let path = folder.join(name);
    let made = Command::new(weft_binary()).arg("keys").arg("new").arg(&path).output().expect("weft runs");
    assert!(made.status.success());
    let text = std::fs::read_to_string(&path).expect("key file");
    (path, Signer::from_hex(&text).expect("valid key"))
}
