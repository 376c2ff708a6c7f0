//! State, calls and estimates, now and in the past.

use alloy_primitives::U256;

use super::*;
use crate::testing::transfer;

#[tokio::test(flavor = "multi_thread")]
async fn state_now_and_then() {
    let mut config = testing::config();
    config.limits.history_blocks = 2;
    let mut server = Server::over(testing::open(Arc::new(MemoryKv::default()), &config)).await;
    let to = Address::repeat_byte(0x77);
    let first = server.block(&[transfer(1, 0)]);
    server.block(&[transfer(1, 1)]);
    server.block(&[transfer(1, 2)]);
    for (block, balance) in [
        (json!("latest"), "0x3"),
        (json!("pending"), "0x3"),
        (json!("0x2"), "0x2"),
        (json!({ "blockNumber": "0x1" }), "0x1"),
        (json!({ "blockHash": first.block.hash, "requireCanonical": true }), "0x1"),
        (json!(first.block.hash), "0x1"),
    ] {
        assert_eq!(server.get("eth_getBalance", json!([to, block])).await, balance, "{block}");
    }
    assert_eq!(server.get("eth_getBalance", json!([to])).await, "0x3");
    let old = server.refused("eth_getBalance", json!([to, "earliest"])).await;
    assert_eq!(old.code, -32_000);
    assert!(old.message.starts_with("historical state of block 0 is not available"), "{old:?}");
    assert!(old.message.contains("history_blocks"), "{old:?}");
    for unknown in [json!("0x9"), json!(B256::repeat_byte(1))] {
        let refusal = server.refused("eth_getBalance", json!([to, unknown])).await;
        assert_eq!((refusal.code, refusal.message.as_str()), (-32_000, "header not found"));
    }
    // In the pool, and one behind a gap.
    server.node.submit(&transfer(1, 3)).unwrap();
    server.node.submit(&transfer(1, 5)).unwrap();
    for (tag, nonce) in [("latest", "0x3"), ("pending", "0x4"), ("0x2", "0x2")] {
        assert_eq!(server.get("eth_getTransactionCount", json!([signer(1).address(), tag])).await, nonce, "{tag}");
    }
    assert_eq!(server.get("eth_getTransactionCount", json!([to, "pending"])).await, "0x0");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_reverts() {
    let mut server = Server::start().await;
    let contract = server.deploy();
    let answer = server.get("eth_call", json!([{ "to": contract }, "latest"])).await;
    assert_eq!(answer, json!(B256::with_last_byte(42)));
    assert_eq!(server.get("eth_getStorageAt", json!([contract, "0x0", "latest"])).await, json!(B256::ZERO));
    server.block(&[poke(contract, 1)]);
    assert_eq!(server.get("eth_getStorageAt", json!([contract, "0x0"])).await, json!(B256::with_last_byte(42)));
    assert_eq!(server.get("eth_getStorageAt", json!([contract, "0x0", "0x1"])).await, json!(B256::ZERO));
    let code = server.get("eth_getCode", json!([contract, "latest"])).await;
    assert_eq!(code.as_str().unwrap().len(), 2 + 2 * 37);
    assert_eq!(server.get("eth_getCode", json!([signer(1).address(), "latest"])).await, "0x");

    let reason = "0x08c379a00000000000000000000000000000000000000000000000000000000000000020000000000000000000000000000000000000000000000000000000000000000a75736572206572726f720000000000000000000000000000000000000000000000";
    for method in ["eth_call", "eth_estimateGas"] {
        let refusal = server.refused(method, json!([{ "to": contract, "data": reason }])).await;
        let wanted = Refusal { code: 3, message: "execution reverted: user error".to_owned(), data: json!(reason) };
        assert_eq!(refusal, wanted, "{method}");
        let refusal = server.refused(method, json!([{ "to": contract, "input": "0x01" }])).await;
        assert_eq!((refusal.code, refusal.message.as_str(), &refusal.data), (3, "execution reverted", &json!("0x01")));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn estimates_suffice_and_are_close() {
    let mut server = Server::start().await;
    let contract = server.deploy();
    let (rich, poor) = (signer(1).address(), Address::repeat_byte(0x55));
    let plain = server.get("eth_estimateGas", json!([{ "from": rich, "to": poor, "value": "0x1" }])).await;
    assert_eq!(plain, "0x5208");
    let estimate = number(&server.get("eth_estimateGas", json!([{ "from": rich, "to": contract }])).await);
    let used = server.block(&[poke(contract, 1)]).receipts[0].gas_used;
    assert!((used..used * 102 / 100 + 1).contains(&estimate), "{estimate} for {used}");
    let too_poor = server.refused("eth_estimateGas", json!([{ "from": poor, "to": rich, "value": "0x1" }])).await;
    assert_eq!(too_poor.code, -32_000);
    assert!(too_poor.message.contains("insufficient funds"), "{too_poor:?}");
    let priced = json!([{ "from": poor, "to": rich, "gas": "0x5208", "gasPrice": "0x77359400" }]);
    let too_poor = server.refused("eth_call", priced).await;
    assert!(too_poor.message.starts_with("insufficient funds for gas * price + value"), "{too_poor:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn estimates_are_for_the_next_block() {
    let mut server = Server::start().await;
    server.deploy();
    let at = Address::repeat_byte(0x99);
    let call = json!({ "from": signer(1).address(), "to": at });
    // Stops in block 2 after 2023, else reverts. The test's blocks are from before.
    let state = json!({ at.to_string(): { "code": "0x4360021442636500000010166012575f5ffd5b00" } });
    for block in [Value::Null, json!("pending")] {
        let estimate = number(&server.get("eth_estimateGas", json!([call, block, state])).await);
        assert!((21_000..22_000).contains(&estimate), "{block}: {estimate}");
        let elsewhere = json!([call, block, state, { "number": "0x3" }]);
        assert_eq!(server.refused("eth_estimateGas", elsewhere).await.code, 3, "{block}");
    }
    for block in ["latest", "0x1"] {
        let refusal = server.refused("eth_estimateGas", json!([call, block, state])).await;
        assert_eq!(refusal.code, 3, "{block}: {refusal:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn overrides() {
    let server = Server::start().await;
    let at = Address::repeat_byte(0x99);
    // Returns the block's number.
    let number_code = "0x4360005260206000f3";
    let call = json!({ "to": at });
    let state = json!({ at.to_string(): { "code": number_code } });
    let answer = server.get("eth_call", json!([call, "latest", state, { "number": "0x1234" }])).await;
    assert_eq!(answer, json!(B256::from(U256::from(0x1234))));
    // Returns slot 1.
    let state = json!({ at.to_string(): { "code": "0x60015460005260206000f3", "stateDiff": { topic().to_string(): topic(), B256::with_last_byte(1).to_string(): topic() } } });
    assert_eq!(server.get("eth_call", json!([call, "latest", state])).await, json!(topic()));
    for (state, code, words) in [
        (json!({ at.to_string(): { "movePrecompileToAddress": at } }), -32_000, "is not a precompile"),
        (json!({ at.to_string(): { "state": {}, "stateDiff": {} } }), -32_602, "both 'state' and 'stateDiff'"),
    ] {
        let refusal = server.refused("eth_call", json!([call, "latest", state])).await;
        assert!(refusal.code == code && refusal.message.contains(words), "{refusal:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_parameters() {
    let server = Server::start().await;
    let a = Address::repeat_byte(1);
    for (method, params) in [
        ("eth_getBalance", json!([])),
        ("eth_getBalance", json!(["0x12", "latest"])),
        ("eth_getBalance", json!([a, "newest"])),
        ("eth_getBalance", json!([a, "12"])),
        ("eth_getBlockByNumber", json!([{}, 3])),
        ("eth_getStorageAt", json!([a, "0xzz"])),
        ("eth_sendRawTransaction", json!(["0xzz"])),
        ("eth_call", json!([{ "to": a, "data": "0x01", "input": "0x02" }])),
        ("eth_call", json!([{ "to": a, "gasPrice": "0x1", "maxFeePerGas": "0x1" }])),
        ("eth_call", json!([{ "to": a, "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x2" }])),
        ("eth_call", json!([{ "to": a, "chainId": "0x1" }])),
        ("eth_call", json!([{ "to": a, "type": "0x3", "blobVersionedHashes": [B256::ZERO] }])),
        ("eth_feeHistory", json!(["0x1", "latest", [50, 40]])),
        ("eth_getLogs", json!([{ "fromBlock": "0x2", "toBlock": "0x1" }])),
        ("eth_getLogs", json!([{ "topics": [null, null, null, null, null] }])),
        ("eth_newFilter", json!([{ "blockHash": B256::ZERO }])),
    ] {
        let refusal = server.refused(method, params.clone()).await;
        assert_eq!(refusal.code, -32_602, "{method} {params}: {refusal:?}");
    }
    let unknown = server.refused("eth_fillTransaction", json!([{}])).await;
    assert_eq!(
        (unknown.code, unknown.message.as_str()),
        (-32_601, "the method eth_fillTransaction does not exist/is not available")
    );
    let proof = server.refused("eth_getProof", json!([a, [], "latest"])).await;
    assert!(proof.code == -32_601 && proof.message.contains("EIP-8297"), "{proof:?}");
    let push = server.refused("eth_subscribe", json!(["newHeads"])).await;
    assert!(push.code == -32_601 && push.message.contains("notifications not supported"), "{push:?}");
    server.stop().await;
}
