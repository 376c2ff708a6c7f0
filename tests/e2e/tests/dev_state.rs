//! `weft dev` with its state in a file: `--state`, `--load-state`, `--dump-state`.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use weft_e2e::{Process, Rpc, quantity, weft_binary};

/// The first two of the development accounts.
const RICH: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const OTHER: &str = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";

/// Stores 42 in slot 0; the code that it makes returns that slot.
const CREATION: &str = "0x602a600055600b6011600039600b6000f360005460005260206000f3";

const PORTS: [&str; 9] = [
    "--rpc-port",
    "--sequencer-grpc-port",
    "--sequencer-http-port",
    "--da-grpc-port",
    "--da-http-port",
    "--settlement-grpc-port",
    "--settlement-http-port",
    "--light-grpc-port",
    "--light-http-port",
];

struct Dev {
    process: Process,
    rpc: Rpc,
    /// What it said of itself.
    told: Value,
}

impl Dev {
    async fn start(folder: &Path, args: &[&str]) -> Self {
        let log = folder.join(format!("log-{}", std::fs::read_dir(folder).unwrap().count()));
        let ports = PORTS.iter().flat_map(|port| [*port, "0"]);
        let mut process = Process::spawn(&log, ["dev", "--json"].into_iter().chain(ports).chain(args.iter().copied()));
        let start = Instant::now();
        loop {
            let text = process.log();
            if text.lines().any(|line| line == "ready") {
                let told = text.lines().find(|line| line.starts_with("{\"")).unwrap();
                let told: Value = serde_json::from_str(told).unwrap();
                let rpc = Rpc::new(format!("http://{}", told["rpc"].as_str().unwrap()));
                return Self { process, rpc, told };
            }
            assert!(process.ended().is_none() && start.elapsed() < Duration::from_secs(60), "not ready:\n{text}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn get(&self, method: &str, params: Value) -> Value {
        self.rpc.call(method, params).await.unwrap()
    }

    /// The receipt of a transaction of the first account.
    async fn send(&self, mut transaction: Value) -> Value {
        transaction["from"] = RICH.into();
        let hash = self.get("eth_sendTransaction", json!([transaction])).await;
        loop {
            let receipt = self.get("eth_getTransactionReceipt", json!([hash])).await;
            if !receipt.is_null() {
                assert_eq!(receipt["status"], "0x1");
                return receipt;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn wait_final(&self, receipt: &Value) {
        let (start, number) = (Instant::now(), quantity(&receipt["blockNumber"]));
        while quantity(&self.get("eth_getBlockByNumber", json!(["finalized", false])).await["number"]) < number {
            assert!(start.elapsed() < Duration::from_secs(60), "block {number} is not final after 60 s");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn stop(mut self) {
        let status = self.process.terminate();
        assert!(status.success(), "{status}:\n{}", self.process.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_goes_on_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chain.state");
    let state = ["--state", file.to_str().unwrap()];
    let dev = Dev::start(folder.path(), &state).await;
    let made = dev.send(json!({ "data": CREATION })).await;
    let contract = &made["contractAddress"];
    let last = dev.send(json!({ "to": OTHER, "value": "0x5" })).await;
    let metadata = dev.get("hardhat_metadata", json!([])).await;
    dev.stop();

    // Killed: the file stays as it is.
    let written = std::fs::read(&file).unwrap();
    let mut dev = Dev::start(folder.path(), &state).await;
    dev.send(json!({ "to": OTHER, "value": "0x5" })).await;
    dev.process.kill();
    assert_eq!(std::fs::read(&file).unwrap(), written);

    // Whatever else is said, it is the file's chain.
    let copy = folder.path().join("copy.state");
    let copy = ["--load-state", state[1], "--dump-state", copy.to_str().unwrap(), "--accounts", "1", "--balance", "7"];
    let dev = Dev::start(folder.path(), &copy).await;
    assert_eq!(dev.get("hardhat_metadata", json!([])).await, metadata);
    assert_eq!(dev.get("eth_getTransactionReceipt", json!([last["transactionHash"]])).await, last);
    let stored = dev.get("eth_call", json!([{ "to": contract }, "latest"])).await;
    assert_eq!(stored, format!("0x{:064x}", 42));
    let next = dev.send(json!({ "to": OTHER, "value": "0x5" })).await;
    assert_eq!(quantity(&next["blockNumber"]), quantity(&last["blockNumber"]) + 1);
    dev.wait_final(&next).await;
    dev.stop();
    assert_eq!(std::fs::read(&file).unwrap(), written, "only loaded");

    let dev = Dev::start(folder.path(), &["--load-state", copy[3]]).await;
    assert_eq!(dev.get("eth_getTransactionReceipt", json!([next["transactionHash"]])).await, next);
    dev.stop();
}

/// As anvil writes it, shortened: a rich account with a history, and a contract.
#[tokio::test(flavor = "multi_thread")]
async fn the_accounts_of_anvil_begin_a_new_chain() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("anvil.json");
    let contract = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
    let state = json!({
        "block": { "number": 1, "gas_limit": "0x1c9c380", "basefee": 7 },
        "accounts": {
            RICH: { "nonce": 3, "balance": "0x21e19e0c9bab2400000", "code": "0x", "storage": {} },
            contract: {
                "nonce": 1, "balance": "0x0", "code": "0x60005460005260206000f3",
                "storage": { "0x0": format!("0x{:064x}", 42) },
            },
        },
        "best_block_number": 1, "blocks": [], "transactions": [], "historical_states": null,
    });
    std::fs::write(&file, state.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let dev = Dev::start(folder.path(), &["--load-state", file]).await;
    assert_eq!(dev.get("eth_blockNumber", json!([])).await, "0x0");
    assert_eq!(dev.get("eth_call", json!([{ "to": contract }, "latest"])).await, format!("0x{:064x}", 42));
    assert_eq!(dev.get("eth_getTransactionCount", json!([RICH, "latest"])).await, "0x3");
    // Settlement executes it again, on the same beginning, and so does an auditor with the genesis file that there is.
    let receipt = dev.send(json!({ "to": OTHER, "value": "0x5" })).await;
    dev.wait_final(&receipt).await;
    let [settlement, da] =
        ["settlement", "da"].map(|name| format!("http://{}", dev.told[name]["grpc"].as_str().unwrap()));
    let genesis = dev.told["genesis"].as_str().unwrap();
    let verified = Command::new(weft_binary())
        .args(["verify", "--all", "--genesis", genesis, "--settlement-url", &settlement, "--da-url", &da])
        .output()
        .unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    dev.stop();

    let broken = folder.path().join("broken");
    std::fs::write(&broken, "{}").unwrap();
    for (args, words) in [
        (["--state", file], "--load-state"),
        (["--load-state", broken.to_str().unwrap()], "neither a state of weft dev nor one of anvil"),
        (["--load-state", "/nowhere/at-all"], "No such file"),
        (["--dump-state", "/nowhere/at-all"], "cannot write /nowhere/at-all"),
    ] {
        let ran = Command::new(weft_binary()).arg("dev").args(args).output().unwrap();
        let told = String::from_utf8(ran.stderr).unwrap();
        assert!(ran.status.code() == Some(1) && told.contains(words), "{args:?}: {told}");
    }
    let before = std::fs::read_to_string(file).unwrap();
    assert_eq!(before, state.to_string(), "never written over");
}
