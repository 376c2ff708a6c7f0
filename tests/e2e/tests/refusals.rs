//! Bad input gets a typed error that says what to do, and changes nothing.
#![allow(clippy::unwrap_used)]

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, Bytes, TxKind, U256};
use serde_json::{Value, json};
use weft_e2e::{Account, Cluster, Rpc, RpcError, Service, dev_accounts, quantity, template};

async fn refused(rpc: &Rpc, raw: Bytes) -> (i64, String) {
    match rpc.call("eth_sendRawTransaction", json!([raw])).await {
        Err(RpcError::Server { code, message, .. }) => (code, message),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

async fn nonce(rpc: &Rpc, account: &Account, tag: &str) -> u64 {
    quantity(&rpc.call("eth_getTransactionCount", json!([account.address(), tag])).await.unwrap())
}

fn transfer(nonce: u64, tip: u128) -> TxEip1559 {
    TxEip1559 {
        nonce,
        max_priority_fee_per_gas: tip,
        max_fee_per_gas: 1_000_000_000 + tip,
        to: TxKind::Call(Address::repeat_byte(1)),
        value: U256::from(1),
        ..template()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_transactions_are_refused_and_change_nothing() {
    let mut cluster = Cluster::new();
    cluster.start(Service::Sequencer);
    cluster.ready(Service::Sequencer).await;
    let rpc = cluster.rpc();
    let account = dev_accounts().remove(0);
    let gwei = 1_000_000_000;

    let wrong_chain = account.sign(TxEip1559 { chain_id: 1, ..transfer(0, gwei) });
    let mut bad_signature = account.sign(transfer(0, gwei)).to_vec();
    // The last 32 bytes are s; all ones is above half of the order.
    let start = bad_signature.len() - 32;
    bad_signature[start..].fill(0xff);
    let too_poor = account.sign(TxEip1559 { value: U256::from(10).pow(U256::from(30)), ..transfer(0, gwei) });
    let cheap = account.sign(TxEip1559 { max_fee_per_gas: 1, max_priority_fee_per_gas: 1, ..transfer(0, 1) });
    let little_gas = account.sign(TxEip1559 { gas_limit: 20_999, ..transfer(0, gwei) });
    let oversized =
        account.sign(TxEip1559 { input: vec![1; 200_000].into(), gas_limit: 10_000_000, ..transfer(0, gwei) });
    for (name, raw, words) in [
        ("wrong chain id", wrong_chain, "chain id"),
        ("bad signature", bad_signature.into(), "signature"),
        ("insufficient funds", too_poor, "insufficient funds"),
        ("fee below the floor", cheap, "fee"),
        ("too little gas", little_gas, "gas"),
        ("oversized", oversized, "limit"),
        ("corrupt", Bytes::from_static(&[2, 0xc0, 1]), "transaction"),
        ("blob", Bytes::from_static(&[3, 0xc0]), "blob"),
    ] {
        let (code, message) = refused(&rpc, raw).await;
        assert!(code < 0, "{name}: {code}");
        assert!(message.to_lowercase().contains(words), "{name}: {message}");
    }
    assert_eq!(rpc.block_number().await.unwrap(), 0);

    // A gap waits; an underpriced replacement of what waits is refused; closing the gap runs both.
    let parked = account.sign(transfer(1, gwei));
    rpc.call("eth_sendRawTransaction", json!([parked])).await.unwrap();
    assert_eq!(nonce(&rpc, &account, "pending").await, 0);
    let (_, message) = refused(&rpc, account.sign(transfer(1, gwei + 1))).await;
    assert!(message.contains("underpriced"), "{message}");
    assert_eq!(rpc.block_number().await.unwrap(), 0);
    let first = account.sign(transfer(0, gwei));
    let receipt = rpc.call("eth_sendRawTransactionSync", json!([first])).await.unwrap();
    assert_eq!(receipt["status"], "0x1");
    let hash = alloy_primitives::keccak256(&parked);
    let mut receipt = Value::Null;
    for _ in 0..100 {
        receipt = rpc.call("eth_getTransactionReceipt", json!([hash])).await.unwrap();
        if !receipt.is_null() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(nonce(&rpc, &account, "latest").await, 2);
    let (_, message) = refused(&rpc, first).await;
    assert!(message.contains("nonce too low") || message.contains("already known"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_and_broken_requests() {
    let mut cluster = Cluster::new();
    cluster.start(Service::Sequencer);
    cluster.ready(Service::Sequencer).await;
    let rpc = cluster.rpc();
    let huge = "0x".to_owned() + &"00".repeat(20 << 20);
    assert!(rpc.call("eth_sendRawTransaction", json!([huge])).await.is_err());
    for (method, params) in [
        ("eth_sendRawTransaction", json!(["0xzz"])),
        ("eth_getBalance", json!(["0x12", "latest"])),
        ("eth_getBlockByNumber", json!([{}, 3])),
        ("eth_noSuchMethod", json!([])),
    ] {
        match rpc.call(method, params).await {
            Err(RpcError::Server { code, .. }) => assert!([-32601, -32602].contains(&code), "{method}: {code}"),
            other => panic!("{method}: {other:?}"),
        }
    }
    assert_eq!(rpc.block_number().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_pool_names_its_limit() {
    let mut cluster = Cluster::new().option(Service::Sequencer, "--mempool-max-per-sender", "4");
    cluster.start(Service::Sequencer);
    cluster.ready(Service::Sequencer).await;
    let rpc = cluster.rpc();
    let account = dev_accounts().remove(0);
    // Parked behind a gap, so that none leaves the pool.
    for nonce in 1..5 {
        rpc.call("eth_sendRawTransaction", json!([account.sign(transfer(nonce, 1_000_000_000))])).await.unwrap();
    }
    let (_, message) = refused(&rpc, account.sign(transfer(5, 1_000_000_000))).await;
    assert!(message.contains("mempool.max_per_sender"), "{message}");
}

/// Runs a client command that must fail; its words.
fn failing(args: &[&str]) -> String {
    let output = std::process::Command::new(weft_e2e::weft_binary()).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_new_work_and_names_its_limit() {
    let everything = u64::MAX.to_string();
    let mut cluster = Cluster::new().option(Service::Sequencer, "--store-min-free-bytes", &everything).option(
        Service::Da,
        "--store-min-free-bytes",
        &everything,
    );
    for service in [Service::Sequencer, Service::Da] {
        cluster.start(service);
        cluster.ready(service).await;
    }
    let account = dev_accounts().remove(0);
    let (_, message) = refused(&cluster.rpc(), account.sign(transfer(0, 1_000_000_000))).await;
    assert!(message.contains("store.min_free_bytes"), "{message}");
    assert_eq!(cluster.rpc().block_number().await.unwrap(), 0);
    let file = cluster.folder().join("document");
    std::fs::write(&file, "text").unwrap();
    let put = ["blob", "put", file.to_str().unwrap(), "--da-url", &cluster.grpc(Service::Da)];
    let message = failing(&put);
    assert!(message.contains("store.min_free_bytes") && message.contains("STORE_FULL"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_wire_and_oversized_blobs() {
    use std::io::Write;
    let mut cluster = Cluster::new();
    cluster.start_all().await;
    let garbage: Vec<u8> = (0..100_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    for service in Service::ALL {
        for preface in [&b""[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
            let address = cluster.grpc(service).replace("http://", "");
            let mut socket = std::net::TcpStream::connect(address).unwrap();
            // The service may hang up at any point.
            let _ = socket.write_all(preface).and_then(|()| socket.write_all(&garbage));
        }
    }
    let file = cluster.folder().join("large");
    std::fs::write(&file, vec![1; 17 << 20]).unwrap();
    let message = failing(&["blob", "put", file.to_str().unwrap(), "--da-url", &cluster.grpc(Service::Da)]);
    assert!(message.contains("max_blob_bytes"), "{message}");
    // All of them still serve.
    let receipt = cluster
        .rpc()
        .call("eth_sendRawTransactionSync", json!([dev_accounts().remove(0).sign(transfer(0, 1_000_000_000))]))
        .await
        .unwrap();
    assert_eq!(receipt["status"], "0x1");
    for service in Service::ALL {
        assert!(cluster.process(service).ended().is_none());
        cluster.ready(service).await;
    }
}
