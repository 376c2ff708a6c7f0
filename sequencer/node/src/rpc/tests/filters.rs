//! `eth_getLogs` and filters that are polled.

use super::*;

/// Blocks 2 to 7 each with two events.
async fn chain_with_logs(rpc: RpcConfig) -> (Server, Address) {
    let mut server = Server::with(rpc).await;
    let contract = server.deploy();
    for block in 0..6 {
        server.block(&[poke(contract, 1 + 2 * block), poke(contract, 2 + 2 * block)]);
    }
    (server, contract)
}

fn blocks(logs: &Value) -> Vec<u64> {
    logs.as_array().unwrap().iter().map(|log| number(&log["blockNumber"])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn queries() {
    let (server, contract) = chain_with_logs(RpcConfig::default()).await;
    let all = server.get("eth_getLogs", json!([{ "fromBlock": "earliest" }])).await;
    assert_eq!(blocks(&all), [2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]);
    let hash = &all[4]["blockHash"];
    for (filter, wanted) in [
        (json!({ "fromBlock": "0x3", "toBlock": "0x4", "address": contract }), vec![3, 3, 4, 4]),
        (json!({ "fromBlock": "0x6", "address": [contract, Address::ZERO], "topics": [topic()] }), vec![6, 6, 7, 7]),
        (json!({ "fromBlock": "0x6", "topics": [[topic(), B256::ZERO]] }), vec![6, 6, 7, 7]),
        (json!({ "fromBlock": "0x6", "topics": [null] }), vec![6, 6, 7, 7]),
        (json!({ "fromBlock": "0x0", "topics": [B256::ZERO] }), vec![]),
        (json!({ "fromBlock": "0x0", "topics": [topic(), topic()] }), vec![]),
        (json!({ "fromBlock": "0x0", "address": Address::ZERO }), vec![]),
        (json!({ "fromBlock": "0x7", "toBlock": "0xffff" }), vec![7, 7]),
        (json!({ "fromBlock": "0x100" , "toBlock": "0x200" }), vec![]),
        (json!({ "blockHash": hash }), vec![4, 4]),
        (json!({}), vec![7, 7]),
    ] {
        assert_eq!(blocks(&server.get("eth_getLogs", json!([filter])).await), wanted, "{filter}");
    }
    let unknown = server.refused("eth_getLogs", json!([{ "blockHash": B256::ZERO }])).await;
    assert_eq!((unknown.code, unknown.message.as_str()), (-32_000, "unknown block"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_name_themselves() {
    let (server, _) = chain_with_logs(RpcConfig { max_logs: 5, max_block_range: 4, ..RpcConfig::default() }).await;
    let many = server.refused("eth_getLogs", json!([{ "fromBlock": "0x4", "toBlock": "0x7" }])).await;
    assert!(many.code == -32_005 && many.message.contains("rpc.max_logs"), "{many:?}");
    assert!(many.message.starts_with("query returned more than 5 results"), "{many:?}");
    let wide = server.refused("eth_getLogs", json!([{ "fromBlock": "0x1" }])).await;
    assert!(wide.code == -32_005 && wide.message.contains("rpc.max_block_range"), "{wide:?}");
    server.stop().await;
}

/// Pages end at either limit, and together are all there is.
#[tokio::test(flavor = "multi_thread")]
async fn pages_are_the_whole() {
    for (max_logs, max_block_range, pages) in [(5, 100, 2), (100, 3, 3), (1, 1, 8), (100, 100, 1)] {
        let rpc = RpcConfig { max_logs, max_block_range, ..RpcConfig::default() };
        let (server, contract) = chain_with_logs(rpc).await;
        let mut filter = json!({ "fromBlock": "0x0", "toBlock": "latest", "address": contract });
        let (mut found, mut count) = (Vec::new(), 0);
        loop {
            let page = server.get("eth_getLogsWithCursor", json!([filter])).await;
            found.extend(blocks(&page["logs"]));
            count += 1;
            match page.get("cursor") {
                Some(cursor) => filter["cursor"] = cursor.clone(),
                None => break,
            }
        }
        assert_eq!((found, count), (vec![2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7], pages), "{max_logs} {max_block_range}");
        let refused = server.refused("eth_getLogsWithCursor", json!([{ "cursor": "x" }])).await;
        assert_eq!(refused.code, -32_602);
        server.stop().await;
    }
}

/// Over a section of the store's index, and what comes after it.
#[tokio::test(flavor = "multi_thread")]
async fn sections_are_searched_at_once() {
    let mut server = Server::start().await;
    let contract = server.deploy();
    let with_events = [2, 1_000, 4_094, 4_095, 4_096, 4_100];
    let (mut pokes, mut transfers) = (1, 0);
    for number in 2..=4_101 {
        if with_events.contains(&number) {
            server.block(&[poke(contract, pokes)]);
            pokes += 1;
        } else {
            server.block(&[crate::testing::transfer(1, transfers)]);
            transfers += 1;
        }
    }
    let complete = server.node.backend.chain().store().log_bits(0, &[]).unwrap();
    assert!(complete.is_some(), "the first section is in the index");
    for filter in [
        json!({ "fromBlock": "0x0", "address": contract }),
        json!({ "fromBlock": "0x0", "topics": [topic()] }),
        json!({ "fromBlock": "0x0", "address": [Address::ZERO, contract], "topics": [[B256::ZERO, topic()]] }),
    ] {
        assert_eq!(blocks(&server.get("eth_getLogs", json!([filter])).await), with_events, "{filter}");
    }
    let part = json!({ "fromBlock": "0x3e9", "toBlock": "0xfff", "address": contract });
    assert_eq!(blocks(&server.get("eth_getLogs", json!([part])).await), [4_094, 4_095]);
    let none = json!({ "fromBlock": "0x0", "address": contract, "topics": [B256::ZERO] });
    assert_eq!(server.get("eth_getLogs", json!([none])).await, json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_misses_nothing() {
    let rpc = RpcConfig { max_logs: 3, max_filters: 3, ..RpcConfig::default() };
    let (mut server, contract) = chain_with_logs(rpc).await;
    let logs = server.get("eth_newFilter", json!([{ "address": contract }])).await;
    let heads = server.get("eth_newBlockFilter", json!([])).await;
    let accepted = server.get("eth_newPendingTransactionFilter", json!([])).await;
    let full = server.refused("eth_newBlockFilter", json!([])).await;
    assert!(full.code == -32_005 && full.message.contains("rpc.max_filters"), "{full:?}");
    for id in [&logs, &heads, &accepted] {
        assert_eq!(server.get("eth_getFilterChanges", json!([id])).await, json!([]));
    }
    let mut hashes = Vec::new();
    for block in 6..10 {
        let full = server.block(&[poke(contract, 1 + 2 * block), poke(contract, 2 + 2 * block)]);
        hashes.push(json!(full.block.hash));
    }
    // Pages end between blocks, and together they are everything, once.
    let mut found = Vec::new();
    loop {
        let page = server.get("eth_getFilterChanges", json!([logs])).await;
        if page.as_array().unwrap().is_empty() {
            break;
        }
        assert_eq!(page.as_array().unwrap().len(), 4);
        found.extend(blocks(&page));
    }
    assert_eq!(found, [8, 8, 9, 9, 10, 10, 11, 11]);
    assert_eq!(server.get("eth_getFilterChanges", json!([heads])).await, json!(hashes[..3]));
    assert_eq!(server.get("eth_getFilterChanges", json!([heads])).await, json!(hashes[3..]));
    let mut count = 0;
    for wanted in [3, 3, 2, 0] {
        let page = server.get("eth_getFilterChanges", json!([accepted])).await;
        assert_eq!(page.as_array().unwrap().len(), wanted);
        count += wanted;
    }
    assert_eq!(count, 8);
    assert_eq!(blocks(&server.get("eth_getFilterLogs", json!([logs])).await), [11, 11]);
    assert_eq!(server.refused("eth_getFilterLogs", json!([heads])).await.message, "filter not found");
    assert_eq!(server.get("eth_uninstallFilter", json!([logs])).await, true);
    assert_eq!(server.get("eth_uninstallFilter", json!([logs])).await, false);
    let gone = server.refused("eth_getFilterChanges", json!([logs])).await;
    assert_eq!((gone.code, gone.message.as_str()), (-32_000, "filter not found"));
    server.stop().await;
}
