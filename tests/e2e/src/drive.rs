//! What tests do with a cluster: waiting, client commands, keys.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use alloy_primitives::{Address, U256};
use serde_json::{Value, json};
use weft_primitives::Signer;

use crate::{Account, Cluster, Rpc, Service, quantity, weft_binary};

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

/// Whom [`send`] and [`pay`] pay.
pub const PAYEE: Address = Address::repeat_byte(9);

/// Pays a little and waits for the receipt.
pub async fn send(rpc: &Rpc, account: &mut Account) -> Value {
    let raw = account.transfer(PAYEE, U256::from(5));
    let receipt = rpc.call("eth_sendRawTransactionSync", json!([raw])).await.expect("a receipt");
    assert_eq!(receipt["status"], "0x1");
    receipt
}

/// [`send`]; the number of the block.
pub async fn pay(rpc: &Rpc, account: &mut Account) -> u64 {
    quantity(&send(rpc, account).await["blockNumber"])
}

/// Number of the newest final block; 0 if there is no answer.
pub async fn final_block(rpc: &Rpc) -> u64 {
    let block = rpc.call("eth_getBlockByNumber", json!(["finalized", false])).await;
    block.map_or(0, |block| quantity(&block["number"]))
}

/// Waits until a block is final.
pub async fn until_final(rpc: &Rpc, number: u64) {
    until("final", async || final_block(rpc).await >= number).await;
}

/// What an auditor says of all batches, who finds them valid.
pub fn verify_all(cluster: &Cluster) -> Value {
    let output = Command::new(weft_binary())
        .args(["verify", "--all", "--json", "--genesis", cluster.genesis()])
        .args(["--settlement-url", &cluster.grpc(Service::Settlement), "--da-url", &cluster.grpc(Service::Da)])
        .output()
        .expect("weft runs");
    let verdict = answer(&output);
    assert!(output.status.success(), "{verdict}\n{}", String::from_utf8_lossy(&output.stderr));
    verdict
}

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
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
