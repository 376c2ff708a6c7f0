//! The sequencer's word for a block, with real processes: kept, broken, reported by hand and by a follower that watches.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use alloy_primitives::{Address, B256, U256};
use futures::StreamExt;
use serde_json::{Value, json};
use weft_e2e::{
    Account, Cluster, Process, Rpc, Service, answer, at_settlement, config, dev_accounts, new_key, quantity, until,
    until_final,
};
use weft_primitives::{Evidence, Promise, Signer};
use weft_wire::{SequencerClient, SettlementClient};

async fn send(rpc: &Rpc, account: &mut Account, value: u64) -> u64 {
    let raw = account.transfer(Address::repeat_byte(9), U256::from(value));
    let receipt = rpc.call("eth_sendRawTransactionSync", json!([raw])).await.unwrap();
    assert_eq!(receipt["status"], "0x1");
    quantity(&receipt["blockNumber"])
}

fn cluster(admin: &Signer) -> Cluster {
    let admin = admin.address().to_string();
    Cluster::new().option(Service::Sequencer, "--batch-max-age-ms", "300").option(
        Service::Settlement,
        "--admin-address",
        &admin,
    )
}

/// The chain goes on with another key, and an auditor finds everything as the log says it.
async fn goes_on_with(cluster: &mut Cluster, admin_file: &Path, new_file: &Path) {
    let readiness = format!("{}/health/ready", cluster.http(Service::Sequencer));
    until("halted", async || reqwest::get(&readiness).await.is_ok_and(|answer| answer.status() == 503)).await;
    let rotate = |key: &str| {
        at_settlement(
            cluster,
            &["settlement", "rotate-key", "--key-file", key, "--new-key-file", &new_file.display().to_string()],
        )
    };
    let by_posting_key = rotate(&config("dev-keys/sequencer.key"));
    assert!(String::from_utf8_lossy(&by_posting_key.stderr).contains("ADMIN_NEEDED"));
    assert_eq!(answer(&rotate(&admin_file.display().to_string()))["epoch"], json!(1));
    let ended = cluster.process(Service::Sequencer).terminate();
    assert!(ended.success(), "{ended}");
    cluster.set_sequencer_key(new_file);
    cluster.start(Service::Sequencer);
    cluster.ready(Service::Sequencer).await;
    let number = send(&cluster.rpc(), &mut dev_accounts().remove(3), 1).await;
    until_final(&cluster.rpc(), number).await;
    let da = cluster.grpc(Service::Da);
    let verified = at_settlement(cluster, &["verify", "--all", "--da-url", &da, "--genesis", cluster.genesis()]);
    assert_eq!(answer(&verified)["verdict"], "valid");
}

/// Whoever has the key lies about a block; a file of evidence freezes posting, a promise that was kept does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_false_promise_freezes_posting_and_a_kept_one_does_not() {
    let keys = tempfile::tempdir().unwrap();
    let (admin_file, admin) = new_key(keys.path(), "admin.key");
    let (new_file, _) = new_key(keys.path(), "new.key");
    let mut cluster = cluster(&admin);
    cluster.start_all().await;
    let rpc = cluster.rpc();
    let mut account = dev_accounts().remove(0);
    send(&rpc, &mut account, 1).await;
    until_final(&rpc, 1).await;

    // The next blocks are promised as they are streamed, and by JSON-RPC.
    let sequencer = SequencerClient::new(&cluster.grpc(Service::Sequencer)).unwrap();
    let mut blocks = sequencer.subscribe_blocks(Some(2)).await.unwrap();
    for value in 0..4 {
        send(&rpc, &mut account, value).await;
    }
    let key = Signer::from_hex(&std::fs::read_to_string(config("dev-keys/sequencer.key")).unwrap()).unwrap();
    let (mut kept, mut headers) = (Vec::new(), Vec::new());
    for number in 2..=5 {
        let (block, _, promise) = blocks.next().await.unwrap().unwrap();
        let signed = promise.unwrap();
        assert_eq!((signed.promise.number, signed.promise.block_hash), (number, block.hash));
        assert_eq!(signed.signer(), Ok(key.address()));
        let told = rpc.call("weft_blockPromise", json!([format!("{number:#x}")])).await.unwrap();
        assert_eq!((&told["blockHash"], &told["blockNumber"]), (&json!(block.hash), &json!(format!("{number:#x}"))));
        kept.push(signed);
        headers.push(block.header);
    }
    assert_eq!(rpc.call("weft_blockPromise", json!(["0x63"])).await.unwrap(), Value::Null);
    until_final(&rpc, 5).await;

    let settlement = SettlementClient::new(&cluster.grpc(Service::Settlement)).unwrap();
    let all = settlement.commitments(0, 100).await.unwrap();
    let batch_of = |number| {
        let has = |header: &weft_primitives::BatchHeader| (header.first_block..=header.last_block).contains(&number);
        all.iter().find(|view| has(&view.signed.header)).unwrap()
    };
    let evidence = |promise: weft_primitives::SignedPromise| {
        let (number, batch) = (promise.promise.number, batch_of(promise.promise.number));
        let after = headers.iter().filter(|it| it.number > number && it.number <= batch.signed.header.last_block);
        let headers = after.rev().map(|header| alloy_rlp::encode(header).into()).collect();
        Evidence { promise, commitment: batch.commitment, headers }
    };
    let file = keys.path().join("found.evidence");
    let report = |evidence: &Evidence, more: &[&str]| {
        std::fs::write(&file, evidence.encode()).unwrap();
        let path = file.display().to_string();
        at_settlement(&cluster, &[&["settlement", "evidence", &path][..], more].concat())
    };
    for promise in &kept {
        assert_eq!(settlement.report_promise(&evidence(*promise)).await.unwrap_err().reason, "KEPT");
        let output = report(&evidence(*promise), &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("was kept"));
    }
    // Batch 0 ends with block 1: the lie is about the first block after it.
    let lie = Promise { base: all[0].commitment, block_hash: B256::repeat_byte(0x11), ..kept[0].promise };
    assert_eq!(lie.number, 2);
    let stranger = evidence(lie.sign(&admin));
    assert_eq!(settlement.report_promise(&stranger).await.unwrap_err().reason, "UNKNOWN_SIGNER");
    let good = evidence(lie.sign(&key));
    let elsewhere = Evidence { commitment: all[0].commitment, headers: Vec::new(), ..good.clone() };
    assert_eq!(settlement.report_promise(&elsewhere).await.unwrap_err().reason, "NOT_AFTER_BASE");
    if !good.headers.is_empty() {
        let bare = Evidence { headers: Vec::new(), ..good.clone() };
        assert_eq!(settlement.report_promise(&bare).await.unwrap_err().reason, "UNLINKED");
    }
    assert!(!settlement.tip().await.unwrap().frozen);
    let shown = answer(&report(&good, &["--check-only"]));
    assert_eq!((&shown["stands"], &shown["log_seq"]), (&json!(kept[0].promise.block_hash), &Value::Null));
    assert!(!settlement.tip().await.unwrap().frozen);
    let told = answer(&report(&good, &[]));
    assert_eq!((&told["promised_by"], &told["duplicate"]), (&json!(key.address()), &json!(false)));
    assert!(settlement.tip().await.unwrap().frozen);
    let again = settlement.report_promise(&good).await.unwrap();
    assert_eq!((json!(again.log_seq), again.duplicate), (told["log_seq"].clone(), true));
    goes_on_with(&mut cluster, &admin_file, &new_file).await;
}

/// A copy of the sequencer, with its key, tells a follower other blocks than the sequencer posts. The follower finds out
/// by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_is_told_another_block_stores_and_reports_it() {
    let keys = tempfile::tempdir().unwrap();
    let (admin_file, admin) = new_key(keys.path(), "admin.key");
    let (new_file, _) = new_key(keys.path(), "new.key");
    let mut cluster = cluster(&admin);
    cluster.start_all().await;
    // It never gets as far as a commitment: there is no DA for it.
    let ports: Vec<u16> = {
        let held: Vec<_> = (0..3).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        held.iter().map(|held| held.local_addr().unwrap().port()).collect()
    };
    let listen = |at: usize| format!("127.0.0.1:{}", ports[at]);
    let (data, log) = (keys.path().join("copy").display().to_string(), cluster.folder().join("copy.log"));
    let (grpc, http, rpc) = (listen(0), listen(1), listen(2));
    let (settlement, key) = (cluster.grpc(Service::Settlement), config("dev-keys/sequencer.key"));
    let args = ["sequencer", "--data-dir", &data, "--genesis", cluster.genesis(), "--key-file", &key];
    let listeners = ["--grpc-listen", &grpc, "--http-listen", &http, "--rpc-listen", &rpc];
    let services = ["--settlement-url", &settlement, "--da-url", "http://127.0.0.1:1"];
    let mut copy = Process::spawn(&log, [&args[..], &listeners, &services].concat());
    let rpc = Rpc::new(format!("http://{rpc}"));
    until("there", async || rpc.call("eth_chainId", json!([])).await.is_ok()).await;
    assert_eq!(send(&rpc, &mut dev_accounts().remove(0), 1).await, 1);
    until("promised", async || {
        rpc.call("weft_blockPromise", json!(["0x1"])).await.is_ok_and(|promise| promise["signature"].is_string())
    })
    .await;
    let mut cluster = cluster.option(Service::Node, "--sequencer", &format!("http://{grpc}"));
    cluster.start(Service::Node);
    cluster.ready(Service::Node).await;
    let page = format!("{}/metrics", cluster.http(Service::Node));
    let metrics = async || reqwest::get(&page).await.unwrap().text().await.unwrap();
    until("heard", async || metrics().await.contains("weft_node_promises_heard_total{outcome=\"kept\"} 1")).await;

    // Both make a block 1, and it is not the same.
    send(&cluster.rpc(), &mut dev_accounts().remove(1), 2).await;
    until("found", async || metrics().await.contains("weft_node_broken_promises 1")).await;
    let client = SettlementClient::new(&settlement).unwrap();
    until("frozen", async || client.tip().await.is_ok_and(|tip| tip.frozen)).await;
    let folder = cluster.data(Service::Node).join("evidence");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let again = answer(&at_settlement(&cluster, &["settlement", "evidence", &files[0].display().to_string()]));
    assert_eq!((&again["block"], &again["duplicate"]), (&json!(1), &json!(true)));
    let status = reqwest::get(format!("{}/status", cluster.http(Service::Node))).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&status.text().await.unwrap()).unwrap()["broken promises"], 1);
    copy.kill();
    // Told again when it starts again; that changes nothing.
    let len = client.tip().await.unwrap().log.0;
    cluster.process(Service::Node).kill();
    cluster.start(Service::Node);
    cluster.ready(Service::Node).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(client.tip().await.unwrap().log.0, len);
    goes_on_with(&mut cluster, &admin_file, &new_file).await;
}
