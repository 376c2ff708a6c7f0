//! Made-up blocks and traces over sockets.

use alloy_primitives::U256;

use super::*;
use crate::testing::transfer;

#[tokio::test(flavor = "multi_thread")]
async fn made_up_blocks() {
    let mut server = Server::start().await;
    let contract = server.deploy();
    let real = server.block(&[poke(contract, 1)]);
    // The same call on the state before: the same root, though newer blocks are there.
    let (from, parent) = (signer(8).address(), "0x1");
    let call = json!({
        "from": from, "to": contract, "gas": "0x186a0", "nonce": "0x1",
        "maxFeePerGas": "0xb2d05e00", "maxPriorityFeePerGas": "0x3b9aca00",
    });
    let time = format!("{:#x}", real.block.header.timestamp + 1);
    let payload = json!({
        "blockStateCalls": [{ "blockOverrides": { "time": time }, "calls": [call] }],
        "validation": true, "returnFullTransactions": true,
    });
    let made_up = server.get("eth_simulateV1", json!([payload, parent])).await;
    let block = &made_up[0];
    assert_eq!(block["stateRoot"], json!(real.block.header.state_root));
    assert_eq!(block["receiptsRoot"], json!(real.block.header.receipts_root));
    assert_eq!(block["calls"][0]["status"], "0x1");
    assert_eq!(block["calls"][0]["logs"][0]["topics"][0], json!(topic()));
    assert_eq!(block["calls"][0]["logs"][0]["blockHash"], block["hash"]);
    assert_eq!(block["transactions"][0]["from"], json!(from));
    // Nothing of it is there.
    assert_eq!(server.get("eth_blockNumber", json!([])).await, "0x2");
    let refused = server.refused("eth_simulateV1", json!([{ "blockStateCalls": [] }, "latest"])).await;
    assert_eq!(refused.code, -32_602);
    let many = json!({ "blockStateCalls": vec![json!({}); 257] });
    assert_eq!(server.refused("eth_simulateV1", json!([many, "latest"])).await.code, -38_026);
    let pauper = json!({ "from": Address::repeat_byte(9), "to": contract, "value": "0x1" });
    let poor = json!({ "blockStateCalls": [{ "calls": [pauper] }] });
    assert_eq!(server.refused("eth_simulateV1", json!([poor, "latest"])).await.code, -38_014);
    // The state tree has no place for balances of more than 16 bytes.
    let rich = json!({ "blockStateCalls": [{ "stateOverrides": { contract.to_string(): { "balance": U256::MAX } } }] });
    let refused = server.refused("eth_simulateV1", json!([rich, "latest"])).await;
    assert!(refused.code == -32_000 && refused.message.starts_with("state root"), "{refused:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_agree_with_receipts() {
    let mut server = Server::start().await;
    let contract = server.deploy();
    let full = server.block(&[transfer(1, 0), poke(contract, 1), transfer(2, 0)]);
    server.block(&[transfer(1, 1)]);
    let number = "0x2";
    let hash = full.block.body.transactions.iter().find(|one| one.sender() == signer(8).address()).unwrap().hash();
    let gas_of = |hash: B256| {
        let of = |receipt: &&weft_execution::Receipt| receipt.transaction_hash == hash;
        full.receipts.iter().find(of).unwrap().gas_used
    };
    let steps = server.get("debug_traceTransaction", json!([hash])).await;
    assert_eq!(steps["gas"], gas_of(hash));
    assert!(steps["structLogs"].as_array().unwrap().iter().any(|step| step["op"] == "SSTORE"));
    let options = json!({ "tracer": "callTracer", "tracerConfig": { "withLog": true } });
    let calls = server.get("debug_traceBlockByNumber", json!([number, options])).await;
    assert_eq!(calls, server.get("debug_traceBlockByHash", json!([full.block.hash, options])).await);
    for (at, traced) in calls.as_array().unwrap().iter().enumerate() {
        assert_eq!(traced["txHash"], json!(full.block.body.transactions[at].hash()));
        assert_eq!(super::number(&traced["result"]["gasUsed"]), gas_of(full.block.body.transactions[at].hash()));
    }
    let before = json!({ "tracer": "prestateTracer" });
    let before = server.get("debug_traceTransaction", json!([hash, before])).await;
    assert!(before.get(contract.to_string().to_lowercase()).is_some(), "{before}");
    let call = server.get("debug_traceCall", json!([{ "to": contract }, "latest", options])).await;
    assert_eq!(call["output"], json!(B256::with_last_byte(42)));

    let flat = server.get("trace_block", json!([number])).await;
    assert_eq!(flat.as_array().unwrap().len(), 3);
    assert_eq!(flat[1]["transactionHash"], json!(full.block.body.transactions[1].hash()));
    assert_eq!(server.get("trace_transaction", json!([flat[1]["transactionHash"]])).await, json!([flat[1]]));
    assert_eq!(server.get("trace_get", json!([flat[1]["transactionHash"], []])).await, flat[1]);
    let replayed = server.get("trace_replayBlockTransactions", json!([number, ["trace", "stateDiff"]])).await;
    assert_eq!(replayed.as_array().unwrap().len(), 3);
    assert_eq!(replayed[0]["trace"][0]["action"], flat[0]["action"]);
    assert!(replayed[0]["stateDiff"].is_object() && replayed[0]["vmTrace"].is_null());
    assert_eq!(server.get("trace_block", json!(["0x0"])).await, json!([]));
    assert_eq!(server.get("trace_block", json!(["0x9"])).await, Value::Null);

    for (method, params, words) in [
        ("debug_traceTransaction", json!([B256::ZERO]), "transaction not found"),
        ("debug_traceBlockByNumber", json!(["0x0"]), "genesis is not traceable"),
        ("debug_traceBlockByNumber", json!(["0x9"]), "not found"),
    ] {
        let refused = server.refused(method, params).await;
        assert!(refused.code == -32_000 && refused.message.contains(words), "{refused:?}");
    }
    let script = server.refused("debug_traceTransaction", json!([hash, { "tracer": "{ step: function() {} }" }])).await;
    assert!(script.code == -32_602 && script.message.contains("JavaScript"), "{script:?}");
    server.stop().await;
}

/// Calls the account whose address its call data begin with.
fn caller() -> Bytes {
    let runtime = hex!("6000600060006000600060003560601c5af100");
    [&hex!("6013600c60003960136000f3")[..], &runtime].concat().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_found_by_their_ends() {
    let mut server = Server::start().await;
    let contract = server.deploy();
    let made = TxEip1559 { to: TxKind::Create, input: caller(), ..fields(1) };
    let caller = server.block(&[sign(&signer(8), made)]).receipts[0].contract_address.unwrap();
    let inner = TxEip1559 { to: TxKind::Call(caller), input: contract.to_vec().into(), ..fields(2) };
    server.block(&[transfer(1, 0), sign(&signer(8), inner)]);
    server.block(&[transfer(1, 1), transfer(2, 0)]);
    let all = server.get("trace_filter", json!([{}])).await;
    let mut blocks = Vec::new();
    for number in 1..=4 {
        let traced = server.get("trace_block", json!([format!("{number:#x}")])).await;
        blocks.extend(traced.as_array().unwrap().clone());
    }
    assert_eq!((all.as_array().unwrap().len(), &all), (7, &json!(blocks)));
    let sender = signer(8).address();
    for (filter, places) in [
        (json!({ "fromAddress": [sender] }), &[0, 1, 3][..]),
        (json!({ "fromAddress": [caller], "toAddress": null }), &[4]),
        (json!({ "toAddress": [contract] }), &[0, 4]),
        (json!({ "fromAddress": [sender], "toAddress": [contract] }), &[0]),
        (json!({ "fromAddress": [sender], "toAddress": [contract], "mode": "union" }), &[0, 1, 3, 4]),
        (json!({ "fromBlock": "0x3", "toBlock": "0x3" }), &[2, 3, 4]),
        (json!({ "fromBlock": "latest" }), &[5, 6]),
        (json!({ "after": 1, "count": 2 }), &[1, 2]),
        (json!({ "toBlock": "0x1", "after": 1 }), &[]),
        (json!({ "count": 0 }), &[]),
        (json!({ "fromBlock": "0x9", "toBlock": "0x20" }), &[]),
        (json!({ "fromAddress": [Address::repeat_byte(9)] }), &[]),
    ] {
        let wanted: Vec<&Value> = places.iter().map(|place| &all[*place]).collect();
        assert_eq!(server.get("trace_filter", json!([filter.clone()])).await, json!(wanted), "{filter}");
    }
    assert_eq!(all[4]["traceAddress"], json!([0]));
    for bad in
        [json!({ "fromBlock": "0x2", "toBlock": "0x1" }), json!({ "sender": [sender] }), json!({ "mode": "xor" })]
    {
        assert_eq!(server.refused("trace_filter", json!([bad])).await.code, -32_602);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_for_calls_has_bounds() {
    let chain = |rpc: RpcConfig| async move {
        let config = crate::config::Config { rpc, ..testing::config() };
        let mut server = Server::over(testing::open(Arc::new(MemoryKv::default()), &config)).await;
        for nonce in 0..5 {
            server.block(&[transfer(1, nonce)]);
        }
        server
    };
    let server = chain(RpcConfig { max_block_range: 3, max_trace_bytes: 2_000, ..RpcConfig::default() }).await;
    let wide = server.refused("trace_filter", json!([{}])).await;
    assert!(wide.code == -32_005 && wide.message.contains("6 blocks") && wide.message.contains("rpc.max_block_range"));
    let much = server.refused("trace_filter", json!([{ "fromBlock": "0x1", "toBlock": "0x3" }])).await;
    assert!(much.code == -32_005 && much.message.contains("rpc.max_trace_bytes"), "{much:?}");
    let some = server.get("trace_filter", json!([{ "fromBlock": "0x1", "toBlock": "0x3", "count": 2 }])).await;
    assert_eq!(some.as_array().unwrap().len(), 2);
    server.stop().await;
    let server = chain(RpcConfig { call_timeout_ms: 0, ..RpcConfig::default() }).await;
    let late = server.refused("trace_filter", json!([{}])).await;
    assert!(late.code == -32_005 && late.message.contains("rpc.call_timeout_ms"), "{late:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_have_bounds() {
    let rpc = RpcConfig { max_trace_bytes: 4_096, ..RpcConfig::default() };
    let mut server = Server::with(rpc).await;
    let contract = server.deploy();
    let full = server.block(&[poke(contract, 1)]);
    let hash = full.receipts[0].transaction_hash;
    let refused = server.refused("debug_traceTransaction", json!([hash])).await;
    assert!(refused.code == -32_005 && refused.message.contains("rpc.max_trace_bytes"), "{refused:?}");
    server.stop().await;

    let mut config = testing::config();
    config.limits.history_blocks = 1;
    config.rpc.call_timeout_ms = 0;
    let mut server = Server::over(testing::open(Arc::new(MemoryKv::default()), &config)).await;
    let old = server.block(&[transfer(1, 0)]).receipts[0].transaction_hash;
    server.block(&[transfer(1, 1)]);
    let newest = server.block(&[transfer(1, 2)]).receipts[0].transaction_hash;
    let refused = server.refused("debug_traceTransaction", json!([old])).await;
    assert!(refused.message.contains("history_blocks"), "{refused:?}");
    let refused = server.refused("debug_traceTransaction", json!([newest])).await;
    assert!(refused.code == -32_005 && refused.message.contains("rpc.call_timeout_ms"), "{refused:?}");
    let payload = json!({ "blockStateCalls": [{}] });
    let refused = server.refused("eth_simulateV1", json!([payload, "latest"])).await;
    assert!(refused.code == -32_005 && refused.message.contains("rpc.call_timeout_ms"), "{refused:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn access_lists_storage_and_what_the_node_is() {
    let mut server = Server::start().await;
    let contract = server.deploy();
    server.block(&[poke(contract, 1)]);
    let listed = server.get("eth_createAccessList", json!([{ "to": contract, "from": signer(1).address() }])).await;
    assert_eq!(listed["accessList"][0]["storageKeys"], json!([B256::ZERO]));
    assert!(listed.get("error").is_none());
    let reverted = server.get("eth_createAccessList", json!([{ "to": contract, "input": "0x01" }])).await;
    assert_eq!(reverted["error"], "execution reverted");
    let at = json!({ contract.to_string(): [B256::ZERO, topic()] });
    let values = server.get("eth_getStorageValues", json!([at, "latest"])).await;
    assert_eq!(values, json!({ contract.to_string().to_lowercase(): [B256::with_last_byte(42), B256::ZERO] }));
    assert_eq!(server.refused("eth_getStorageValues", json!([{}, "latest"])).await.code, -32_602);
    let many = json!({ contract.to_string(): vec![B256::ZERO; 1_025] });
    assert_eq!(server.refused("eth_getStorageValues", json!([many, "latest"])).await.code, -32_602);
    let config = server.get("eth_config", json!([])).await;
    assert_eq!(config["current"]["chainId"], format!("{CHAIN_ID:#x}"));
    assert_eq!(config["current"]["blobSchedule"]["max"], 0);
    assert!(config["next"].is_null());
    let capabilities = server.get("eth_capabilities", json!([])).await;
    assert_eq!(capabilities["head"]["number"], "0x2");
    assert_eq!(capabilities["stateproofs"], json!({ "disabled": true }));
    server.stop().await;
}

/// From the disk alone: undo records, blocks, receipts and state of a node that was stopped.
#[tokio::test(flavor = "multi_thread")]
async fn the_past_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let open = || testing::open(Arc::new(crate::store::RocksKv::open(folder.path()).unwrap()), &testing::config());
    let mut server = Server::over(open()).await;
    let contract = server.deploy();
    let full = server.block(&[poke(contract, 1)]);
    for nonce in 0..100 {
        server.block(&[transfer(1, nonce)]);
    }
    let hash = full.receipts[0].transaction_hash;
    let trace = json!([hash, { "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } }]);
    let payload = json!({ "blockStateCalls": [{ "calls": [{ "from": signer(8).address(), "to": contract }] }] });
    let before = server.get("debug_traceTransaction", trace.clone()).await;
    let simulated = server.get("eth_simulateV1", json!([payload, "0x1"])).await;
    server.stop().await;
    let server = Server::over(open()).await;
    assert_eq!(server.get("debug_traceTransaction", trace).await, before);
    assert_eq!(server.get("eth_simulateV1", json!([payload, "0x1"])).await, simulated);
    let stored = &before["post"][contract.to_string().to_lowercase()]["storage"];
    assert_eq!(stored[B256::ZERO.to_string()], json!(B256::with_last_byte(42)));
    server.stop().await;
}
