//! A follower beside its rollup, and a sequencer that has lost its data: the same chain again, from settlement and DA.
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::time::{Duration, Instant};

use alloy_primitives::U256;
use serde_json::{Value, json};
use weft_e2e::{
    Account, Cluster, PAYEE, Rpc, RpcError, Service, copy, dev_accounts, pay, quantity, send, until_final, verify_all,
    weft_binary,
};

async fn ask(rpc: &Rpc, method: &str, params: Value) -> Value {
    rpc.call(method, params).await.unwrap()
}

/// Everything that a node says of its blocks up to `last`: hashes, state roots, transactions, receipts, a balance.
async fn told(rpc: &Rpc, last: u64) -> Vec<Value> {
    let mut all = Vec::new();
    for number in 0..=last {
        let tag = json!(format!("{number:#x}"));
        all.push(ask(rpc, "eth_getBlockByNumber", json!([tag, true])).await);
        all.push(ask(rpc, "eth_getBlockReceipts", json!([tag])).await);
        all.push(ask(rpc, "eth_getBalance", json!([PAYEE, tag])).await);
    }
    all
}

async fn metric(cluster: &Cluster, service: Service, name: &str) -> Option<f64> {
    let text = reqwest::get(format!("{}/metrics", cluster.http(service))).await.unwrap().text().await.unwrap();
    let line = text.lines().find(|line| line.split(' ').next() == Some(name))?;
    line.split(' ').nth(1)?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_serves_the_same_chain_and_survives_kills() {
    let mut cluster = Cluster::new().option(Service::Sequencer, "--batch-max-age-ms", "100");
    cluster.start_all().await;
    withdraw(&cluster);
    let mut account = dev_accounts().remove(0);
    for _ in 0..20 {
        send(&cluster.rpc(), &mut account).await;
    }
    let mut last = pay(&cluster.rpc(), &mut account).await;
    until_final(&cluster.rpc(), last).await;
    cluster.start(Service::Node);
    cluster.ready(Service::Node).await;
    let node = cluster.rpc_of(Service::Node);
    until_final(&node, last).await;
    assert_eq!(told(&node, last).await, told(&cluster.rpc(), last).await);
    assert_eq!(ask(&node, "eth_syncing", json!([])).await, json!(false));

    // No transactions here; with a sequencer named they go there, and their receipts come back from what was derived.
    let raw = account.transfer(PAYEE, U256::from(5));
    let refused = node.call("eth_sendRawTransaction", json!([raw])).await.unwrap_err();
    assert!(matches!(&refused, RpcError::Server { message, .. } if message.contains("--sequencer")), "{refused:?}");
    let url = cluster.grpc(Service::Sequencer);
    let mut cluster = cluster.option(Service::Node, "--sequencer", &url);
    for round in 0..4 {
        cluster.process(Service::Node).kill();
        // Batches that come while it is away are derived when it is back.
        last = quantity(&send_late(&cluster, &mut account, (round == 0).then(|| raw.to_string())).await);
        cluster.start(Service::Node);
        cluster.ready(Service::Node).await;
        // Killed again in the middle of something.
        tokio::time::sleep(Duration::from_millis(40 * round)).await;
    }
    let raw = account.transfer(PAYEE, U256::from(5));
    let hash = ask(&node, "eth_sendRawTransaction", json!([raw])).await;
    last += 1;
    until_final(&node, last).await;
    assert_eq!(ask(&node, "eth_getTransactionReceipt", json!([hash])).await["status"], "0x1");
    let again = node.call("eth_sendRawTransaction", json!([raw])).await.unwrap_err();
    assert!(matches!(&again, RpcError::Server { message, .. } if message.contains("nonce too low")), "{again:?}");
    assert_eq!(told(&node, last).await, told(&cluster.rpc(), last).await);
    assert_eq!(metric(&cluster, Service::Node, "weft_node_disagreement").await, Some(0.0));
    stateless(&cluster, last).await;
    proved(&cluster, None, last).await;
    assert!(cluster.process(Service::Node).terminate().success());
    from_a_snapshot(&mut cluster, &mut account).await;
}

/// Runs `weft ARGS`; exit code and what it printed.
fn weft(args: &[&str]) -> (Option<i32>, Value, String) {
    let output = Command::new(weft_binary()).args(args).output().unwrap();
    let value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), value, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Each batch by itself, on a witness of the node and of the sequencer.
async fn stateless(cluster: &Cluster, last: u64) {
    let batches = verify_all(cluster)["batches"].as_u64().unwrap();
    let (settlement, da) = (cluster.grpc(Service::Settlement), cluster.grpc(Service::Da));
    let genesis = weft_e2e::config("genesis.dev.json");
    let judge = |batch: u64, witness: &str| {
        let batch = batch.to_string();
        let urls = ["--settlement-url", &settlement, "--da-url", &da, "--witness-url", witness];
        weft(&[&["verify", &batch, "--stateless", "--json", "--genesis", &genesis], &urls[..]].concat())
    };
    let mut reached = 0;
    for batch in 0..batches {
        let from = [Service::Node, Service::Sequencer][batch as usize % 2];
        let (code, verdict, errors) = judge(batch, &cluster.grpc(from));
        assert_eq!((code, verdict["verdict"].as_str()), (Some(0), Some("valid")), "batch {batch}: {verdict} {errors}");
        reached = verdict["last_block"].as_u64().unwrap();
    }
    assert_eq!(reached, last);
    // Nobody there to make a witness: nothing is decided.
    let (code, verdict, _) = judge(0, "http://127.0.0.1:1");
    assert_eq!((code, verdict["verdict"].as_str()), (Some(4), Some("undecided")), "{verdict}");
}

/// What the node proves, made again from its folder while it runs.
async fn proved(cluster: &Cluster, snapshot: Option<&str>, block: u64) {
    let (genesis, folder) = (weft_e2e::config("genesis.dev.json"), cluster.data(Service::Node).display().to_string());
    let number = block.to_string();
    let options = ["--block", &number, "--slot", "7", "--data-dir", &folder, "--genesis", &genesis, "--json"];
    let options: Vec<&str> =
        options.into_iter().chain(snapshot.into_iter().flat_map(|file| ["--snapshot", file])).collect();
    let to = PAYEE.to_string();
    let (code, proof, errors) = weft(&[&["node", "prove", &to][..], &options].concat());
    assert_eq!(code, Some(0), "{errors}");
    let params = json!([PAYEE, ["0x7"], format!("{block:#x}")]);
    assert_eq!(proof, ask(&cluster.rpc_of(Service::Node), "weft_getProof", params).await);
    assert_ne!(proof["basicData"]["value"], Value::Null);
}

/// The node begins again with the state of its own last final block.
async fn from_a_snapshot(cluster: &mut Cluster, account: &mut Account) {
    let data = cluster.data(Service::Node);
    let file = cluster.folder().join("state").display().to_string();
    let (genesis, folder) = (weft_e2e::config("genesis.dev.json"), data.display().to_string());
    let settlement = cluster.grpc(Service::Settlement);
    let options = ["--json", "--data-dir", &folder, "--genesis", &genesis, "--settlement-url", &settlement];
    let (code, made, errors) = weft(&[&["node", "snapshot", "export", &file][..], &options].concat());
    assert_eq!(code, Some(0), "{errors}");
    std::fs::remove_dir_all(&data).unwrap();
    let maker = made["maker"].as_str().unwrap();
    let (code, begun, errors) =
        weft(&[&["node", "snapshot", "import", &file, "--maker", maker][..], &options].concat());
    assert_eq!((code, &begun), (Some(0), &made), "{errors}");
    withdraw(cluster);
    let next = pay(&cluster.rpc(), account).await;
    cluster.start(Service::Node);
    cluster.ready(Service::Node).await;
    let node = cluster.rpc_of(Service::Node);
    until_final(&node, next).await;
    for number in made["block"].as_u64().unwrap()..=next {
        let tag = json!(format!("{number:#x}"));
        for method in ["eth_getBlockByNumber", "eth_getBlockReceipts"] {
            let params = if method == "eth_getBlockByNumber" { json!([tag, true]) } else { json!([tag]) };
            assert_eq!(ask(&node, method, params.clone()).await, ask(&cluster.rpc(), method, params).await);
        }
    }
    assert_eq!(ask(&node, "eth_getBlockByNumber", json!(["0x1", false])).await, Value::Null);
    proved(cluster, Some(&file), next).await;
    let (code, _, errors) =
        weft(&["node", "prove", &PAYEE.to_string(), "--block", "1", "--data-dir", &folder, "--genesis", &genesis]);
    assert!(code == Some(1) && errors.contains("block 1 is not here"), "{code:?} {errors}");
    // It proves what was withdrawn since, though it has none of the withdrawals before.
    let proof = ask(&node, "weft_getWithdrawalProof", json!([1])).await;
    until_final(&cluster.rpc(), next).await;
    assert_eq!(proof["proof"], ask(&cluster.rpc(), "weft_getWithdrawalProof", json!([1])).await["proof"]);
    assert_eq!((&proof["index"], proof["proof"].as_array().unwrap().len()), (&json!("0x1"), 32));
    assert_eq!(ask(&node, "weft_getWithdrawalProof", json!([0])).await, Value::Null);
}

/// By an account of its own, which counts its nonces itself.
fn withdraw(cluster: &Cluster) {
    let url = cluster.rpc_url();
    let (code, done, errors) = weft(&["withdraw", "--value", "1gwei", "--from", "9", "--rpc-url", &url, "--json"]);
    assert_eq!(code, Some(0), "{done} {errors}");
}

/// Block of a transaction sent to the sequencer; of `raw` if given, which has the nonce before.
async fn send_late(cluster: &Cluster, account: &mut Account, raw: Option<String>) -> Value {
    if let Some(raw) = raw {
        ask(&cluster.rpc(), "eth_sendRawTransactionSync", json!([raw])).await;
    }
    send(&cluster.rpc(), account).await["blockNumber"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_sequencer_derives_its_chain_and_goes_on() {
    let mut cluster = Cluster::new().option(Service::Sequencer, "--batch-max-age-ms", "100");
    cluster.start_all().await;
    let mut account = dev_accounts().remove(0);
    for _ in 0..12 {
        send(&cluster.rpc(), &mut account).await;
    }
    let last = pay(&cluster.rpc(), &mut account).await;
    until_final(&cluster.rpc(), last).await;
    let before = told(&cluster.rpc(), last).await;
    // A copy that will be older than the chain.
    cluster.process(Service::Sequencer).kill();
    let old = cluster.folder().join("old");
    copy(&cluster.data(Service::Sequencer), &old);
    cluster.start(Service::Sequencer);
    cluster.ready(Service::Sequencer).await;
    let later = pay(&cluster.rpc(), &mut account).await;
    until_final(&cluster.rpc(), later).await;
    let all = told(&cluster.rpc(), later).await;
    assert_eq!(all[..before.len()], before);

    for copy_of in [None, Some(&old)] {
        cluster.process(Service::Sequencer).kill();
        std::fs::remove_dir_all(cluster.data(Service::Sequencer)).unwrap();
        if let Some(old) = copy_of {
            copy(old, &cluster.data(Service::Sequencer));
        }
        cluster.start(Service::Sequencer);
        cluster.ready(Service::Sequencer).await;
        assert_eq!(told(&cluster.rpc(), later).await, all, "derived");
        assert_eq!(cluster.rpc().block_number().await.unwrap(), later);
    }
    // And on: the next batch follows the newest commitment.
    let next = pay(&cluster.rpc(), &mut account).await;
    assert_eq!(next, later + 1);
    until_final(&cluster.rpc(), next).await;
    let verdict = verify_all(&cluster);
    assert_eq!((verdict["verdict"].as_str(), verdict["last_block"].as_u64()), (Some("valid"), Some(next)));
    assert_eq!(metric(&cluster, Service::Sequencer, "weft_sequencer_posting_halted").await, Some(0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_blocks_than_settlement_has_are_never_dropped() {
    let mut cluster = Cluster::new().option(Service::Sequencer, "--batch-max-age-ms", "100");
    cluster.start_all().await;
    let mut accounts = dev_accounts();
    let last = pay(&cluster.rpc(), &mut accounts[0]).await;
    until_final(&cluster.rpc(), last).await;
    // The same key on an empty folder, while settlement is away: it confirms another block 1.
    cluster.process(Service::Sequencer).kill();
    cluster.process(Service::Settlement).kill();
    std::fs::rename(cluster.data(Service::Sequencer), cluster.folder().join("first")).unwrap();
    cluster.start(Service::Sequencer);
    cluster.ready(Service::Sequencer).await;
    send(&cluster.rpc(), &mut accounts[1]).await;
    cluster.process(Service::Sequencer).kill();
    cluster.start(Service::Settlement);
    cluster.ready(Service::Settlement).await;
    cluster.start(Service::Sequencer);
    let start = Instant::now();
    let status = loop {
        if let Some(status) = cluster.process(Service::Sequencer).ended() {
            break status;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "it goes on with blocks that can never be settled");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let log = cluster.process(Service::Sequencer).log();
    assert!(!status.success() && log.contains("block 1 here is not the one in batch 0"), "{status}: {log}");
}
