//! Subscriptions over WebSockets.

use std::time::Duration;

use super::*;
use crate::testing::transfer;

#[tokio::test(flavor = "multi_thread")]
async fn heads_without_gaps_or_doubles() {
    let mut server = Server::start().await;
    server.block(&[transfer(1, 0)]);
    let mut clients = Vec::new();
    for nonce in 1..40 {
        // Every client subscribes at another height, while blocks are made.
        if nonce % 10 == 1 {
            let mut client = server.websocket().await;
            let id = client.subscribe(json!(["newHeads"])).await;
            assert!(id.as_str().unwrap().starts_with("0x"));
            clients.push((client, id, nonce + 1));
        }
        server.block(&[transfer(1, nonce)]);
    }
    let mut parents: Vec<Value> = Vec::new();
    for (client, id, first) in &mut clients {
        let mut parent = Value::Null;
        for wanted in *first..=40 {
            let head = client.notification(id).await;
            assert_eq!(number(&head["number"]), wanted);
            assert!(parent.is_null() || head["parentHash"] == parent);
            parent = head["hash"].clone();
            let parsed: alloy_rpc_types_eth::Header = serde_json::from_value(head).unwrap();
            assert_eq!(json!(parsed.inner.hash_slow()), parent);
        }
        assert!(client.is_silent().await);
        parents.push(parent);
    }
    assert!(parents.windows(2).all(|pair| pair[0] == pair[1]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_and_accepted_transactions() {
    let mut server = Server::start().await;
    let contract = server.deploy();
    let mut client = server.websocket().await;
    let logs = client.subscribe(json!(["logs", { "address": contract, "topics": [topic()] }])).await;
    let other = client.subscribe(json!(["logs", { "address": Address::ZERO }])).await;
    let mut pool = server.websocket().await;
    let hashes = pool.subscribe(json!(["newPendingTransactions"])).await;
    let mut detailed = server.websocket().await;
    let full = detailed.subscribe(json!(["newPendingTransactions", true])).await;
    let mut sent = Vec::new();
    for block in 0..3 {
        let transactions = [poke(contract, 1 + 2 * block), transfer(1, block), poke(contract, 2 + 2 * block)];
        server.block(&transactions);
        sent.extend(transactions);
    }
    for wanted in 0..6 {
        let log = client.notification(&logs).await;
        assert_eq!(number(&log["blockNumber"]), 2 + wanted / 2);
        assert_eq!(number(&log["logIndex"]), wanted % 2);
    }
    assert!(client.is_silent().await);
    for transaction in &sent {
        assert_eq!(pool.notification(&hashes).await, json!(transaction.hash()));
        assert_eq!(detailed.notification(&full).await["hash"], json!(transaction.hash()));
    }
    assert_eq!(client.ask("eth_unsubscribe", json!([logs])).await, Ok(json!(true)));
    assert_eq!(client.ask("eth_unsubscribe", json!([logs])).await, Ok(json!(false)));
    assert_eq!(client.ask("eth_unsubscribe", json!([other])).await, Ok(json!(true)));
    server.block(&[poke(contract, 7)]);
    assert!(client.is_silent().await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_subscriptions() {
    let server = Server::start().await;
    let mut client = server.websocket().await;
    for params in [
        json!([]),
        json!(["newBlocks"]),
        json!(["syncing"]),
        json!(["logs", { "address": "0x1" }]),
        json!(["logs", true]),
        json!(["logs", { "toBlock": "0x5" }]),
        json!(["newHeads", { "fromBlock": -1 }]),
    ] {
        let refusal = client.ask("eth_subscribe", params.clone()).await.unwrap_err();
        assert_eq!(refusal.code, -32_602, "{params}: {refusal:?}");
    }
    // The connection lives on, and answers everything else.
    assert_eq!(client.ask("eth_chainId", json!([])).await, Ok(json!("0x7")));
    client
        .send(&json!([
            { "jsonrpc": "2.0", "id": "a", "method": "eth_chainId", "params": [] },
            { "jsonrpc": "2.0", "id": "b", "method": "eth_blockNumber" },
        ]))
        .await;
    let wanted =
        json!([{ "jsonrpc": "2.0", "id": "a", "result": "0x7" }, { "jsonrpc": "2.0", "id": "b", "result": "0x0" }]);
    assert_eq!(client.receive().await, Some(wanted));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_disconnected() {
    let mut server = Server::with(RpcConfig { max_subscription_lag: 4, ..RpcConfig::default() }).await;
    let mut slow = server.websocket().await;
    let mut quick = server.websocket().await;
    // Each subscription multiplies what the client does not take.
    for _ in 0..200 {
        slow.subscribe(json!(["newHeads"])).await;
    }
    let id = quick.subscribe(json!(["newHeads"])).await;
    for nonce in 0..60 {
        server.block(&[transfer(1, nonce)]);
        assert_eq!(number(&quick.notification(&id).await["number"]), nonce + 1);
    }
    // Longer than the patience with a full buffer.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let mut received = 0;
    while slow.receive().await.is_some() {
        received += 1;
    }
    assert!(received < 200 * 60, "{received}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_cut_off_goes_on_where_it_was() {
    let mut server = Server::start().await;
    let contract = server.deploy();
    for block in 0..3 {
        server.block(&[poke(contract, 1 + 2 * block), transfer(1, block), poke(contract, 2 + 2 * block)]);
    }
    let mut client = server.websocket().await;
    let heads = client.subscribe(json!(["newHeads", { "fromBlock": "0x2" }])).await;
    for wanted in 2..=4 {
        assert_eq!(number(&client.notification(&heads).await["number"]), wanted);
    }
    // In the middle of a block's events, and across blocks that come later.
    let mut client = server.websocket().await;
    let from = json!({ "address": contract, "fromBlock": "0x3", "fromLogIndex": "0x1" });
    let logs = client.subscribe(json!(["logs", from])).await;
    server.block(&[poke(contract, 7)]);
    for wanted in [(3, 1), (4, 0), (4, 1), (5, 0)] {
        let log = client.notification(&logs).await;
        assert_eq!((number(&log["blockNumber"]), number(&log["logIndex"])), wanted);
    }
    assert!(client.is_silent().await);
    // From a block that is still to come; the one before is not given.
    let mut early = server.websocket().await;
    let heads = early.subscribe(json!(["newHeads", { "fromBlock": "0x7" }])).await;
    server.block(&[transfer(1, 3)]);
    server.block(&[transfer(1, 4)]);
    assert_eq!(number(&early.notification(&heads).await["number"]), 7);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_as_they_come() {
    let mut server = Server::start().await;
    let sent = [transfer(1, 0), transfer(2, 0), transfer(3, 0)];
    let mut client = server.websocket().await;
    let all = client.subscribe(json!(["transactionReceipts"])).await;
    let mut second = server.websocket().await;
    let some = second
        .subscribe(json!(["transactionReceipts", { "transactionHashes": [sent[1].hash(), sent[2].hash()] }]))
        .await;
    server.block(&sent[..2]);
    server.block(&[transfer(4, 0)]);
    server.block(&sent[2..]);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let receipts = client.notification(&all).await;
        for receipt in receipts.as_array().unwrap() {
            let own = server.ask("eth_getTransactionReceipt", json!([receipt["transactionHash"]])).await.unwrap();
            assert_eq!(&own, receipt);
            seen.push(receipt["transactionHash"].clone());
        }
    }
    assert_eq!(seen.len(), 4);
    for wanted in &sent[1..] {
        let receipts = second.notification(&some).await;
        assert_eq!(receipts.as_array().unwrap().len(), 1);
        assert_eq!(receipts[0]["transactionHash"], json!(wanted.hash()));
    }
    assert!(second.is_silent().await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_from_unknown_to_executed() {
    let mut server = Server::start().await;
    let transaction = transfer(1, 0);
    let mut client = server.websocket().await;
    let status = client.subscribe(json!(["transactionStatus", transaction.hash()])).await;
    assert_eq!(client.notification(&status).await["stage"], "unknown");
    server.block(&[transaction]);
    let mut now = client.notification(&status).await;
    // Its moment in the pool may be too short to be seen.
    if now["stage"] == "pending" {
        now = client.notification(&status).await;
    }
    assert_eq!((&now["stage"], number(&now["blockNumber"])), (&json!("executed"), 1));
    assert!(client.is_silent().await);
    server.stop().await;
}
