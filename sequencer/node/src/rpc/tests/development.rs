//! The methods of a developer's own node, and what any other says to those who ask for them.

use super::*;
use crate::config::Development;

async fn unlocked() -> Server {
    let accounts = vec![signer(1), signer(2)];
    Server::with(RpcConfig { development: Some(Development { accounts }), ..RpcConfig::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_unlocked_accounts() {
    let mut server = unlocked().await;
    let (first, to) = (signer(1).address(), Address::repeat_byte(0x55));
    assert_eq!(server.get("eth_accounts", json!([])).await, json!([first, signer(2).address()]));
    // At once: each has a nonce of its own, and all fit into one block.
    let send = json!([{ "from": first, "to": to, "value": "0x5" }]);
    let sent = futures::future::join_all((0..8).map(|_| server.get("eth_sendTransaction", send.clone()))).await;
    let full = server.block(&[]);
    let mut hashes: Vec<Value> = full.receipts.iter().map(|receipt| json!(receipt.transaction_hash)).collect();
    assert_eq!((hashes.len(), full.receipts.iter().all(|receipt| receipt.success)), (8, true));
    let mut wanted = sent;
    hashes.sort_by_key(Value::to_string);
    wanted.sort_by_key(Value::to_string);
    assert_eq!(hashes, wanted);
    assert_eq!(server.get("eth_getBalance", json!([to, "latest"])).await, "0x28");
    // Legacy, by price; a creation; both with the gas that they need.
    let legacy =
        server.get("eth_sendTransaction", json!([{ "from": first, "to": to, "gasPrice": "0xb2d05e00" }])).await;
    let made = server.get("eth_sendTransaction", json!([{ "from": first, "data": contract() }])).await;
    let full = server.block(&[]);
    assert!(full.receipts.iter().all(|receipt| receipt.success) && full.receipts.len() == 2);
    assert_eq!(server.get("eth_getTransactionByHash", json!([legacy])).await["type"], "0x0");
    assert!(server.get("eth_getTransactionReceipt", json!([made])).await["contractAddress"].is_string());
    for (request, words) in [
        (json!({ "to": to }), "from is missing"),
        (json!({ "from": to, "to": to }), "unknown account"),
        (json!({ "from": first, "to": to, "value": "0xffffffffffffffffffffffffff" }), "insufficient funds"),
        (json!({ "from": first, "to": to, "chainId": "0x1", "gas": "0x5208", "nonce": "0x0" }), "nonce too low"),
    ] {
        let refused = server.refused("eth_sendTransaction", json!([request])).await;
        assert!(refused.message.contains(words), "{request}: {refused:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_metadata() {
    let server = unlocked().await;
    let (account, message) = (signer(1).address(), "0x77656674");
    let signature = server.get("personal_sign", json!([message, account])).await;
    assert_eq!(server.get("eth_sign", json!([account, message])).await, signature);
    let signature: alloy_primitives::Signature = signature.as_str().unwrap().parse().unwrap();
    assert_eq!(signature.recover_address_from_msg("weft").unwrap(), account);
    let metadata = server.get("hardhat_metadata", json!([])).await;
    assert_eq!((&metadata["chainId"], &metadata["latestBlockNumber"]), (&json!(CHAIN_ID), &json!(0)));
    let again = unlocked().await;
    assert_eq!(again.get("hardhat_metadata", json!([])).await["instanceId"], metadata["instanceId"]);
    again.stop().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn elsewhere_they_are_not_there_and_say_why() {
    let server = Server::start().await;
    assert_eq!(server.get("eth_accounts", json!([])).await, json!([]));
    for (method, words) in [
        ("hardhat_metadata", "`weft dev` has it"),
        ("eth_sendTransaction", "eth_sendRawTransaction"),
        ("evm_snapshot", "--load-state"),
        ("evm_increaseTime", "time"),
    ] {
        let refused = server.refused(method, json!([])).await;
        assert!(refused.code == -32_601 && refused.message.contains(words), "{refused:?}");
        assert!(refused.message.starts_with(&format!("the method {method} does not exist")), "{refused:?}");
    }
    server.stop().await;
}
