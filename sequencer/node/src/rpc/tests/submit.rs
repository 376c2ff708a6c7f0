//! Sending transactions, and what is refused.

use std::time::Duration;

use alloy_primitives::U256;

use super::*;
use crate::testing::{transfer, transfer_with};

#[tokio::test(flavor = "multi_thread")]
async fn from_the_pool_into_a_block() {
    let mut server = Server::start().await;
    let transaction = transfer(1, 0);
    let hash = server.get("eth_sendRawTransaction", json!([transaction.raw()])).await;
    assert_eq!(hash, json!(transaction.hash()));
    let waiting = server.get("eth_getTransactionByHash", json!([hash])).await;
    for key in ["blockHash", "blockNumber", "transactionIndex"] {
        assert_eq!(waiting[key], Value::Null, "{key}");
    }
    assert_eq!(number(&waiting["gasPrice"]), 3 * GWEI as u64);
    assert_eq!(server.get("eth_getTransactionReceipt", json!([hash])).await, Value::Null);
    assert_eq!(server.get("txpool_status", json!([])).await, json!({ "pending": "0x1", "queued": "0x0" }));
    let sender = signer(1).address();
    let content = server.get("txpool_content", json!([])).await;
    assert_eq!(content["pending"][sender.to_string().to_lowercase()]["0"], waiting);
    assert_eq!(server.get("txpool_contentFrom", json!([sender])).await["pending"]["0"], waiting);
    assert_eq!(server.get("weft_transactionStatus", json!([hash])).await["stage"], "pending");
    server.block(&[]);
    assert_eq!(server.get("eth_getTransactionByHash", json!([hash])).await["blockNumber"], "0x1");
    assert_eq!(server.get("eth_getTransactionReceipt", json!([hash])).await["status"], "0x1");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_in_the_words_that_clients_know() {
    let mut server = Server::start().await;
    server.block(&[transfer(1, 0)]);
    server.node.submit(&transfer(1, 1)).unwrap();
    let gas = |gas_limit| sign(&signer(2), TxEip1559 { gas_limit, to: TxKind::Call(Address::ZERO), ..fields(0) });
    let rich = TxEip1559 { value: U256::MAX >> 8, to: TxKind::Call(Address::ZERO), ..fields(0) };
    let mut forged = transfer(2, 0).raw().to_vec();
    let start = forged.len() - 32;
    forged[start..].fill(0xff);
    let mut foreign = fields(0);
    foreign.chain_id = 1;
    foreign.to = TxKind::Call(Address::ZERO);
    let foreign = {
        use alloy_consensus::SignableTransaction;
        use weft_primitives::transaction::{Envelope, encode};
        let signature = alloy_primitives::Signature::from_raw(&signer(2).sign(foreign.signature_hash()).0).unwrap();
        encode(&Envelope::from(foreign.into_signed(signature)))
    };
    for (name, raw, words) in [
        ("old nonce", transfer(1, 0).raw().clone(), "nonce too low"),
        ("twice", transfer(1, 1).raw().clone(), "already known"),
        (
            "too cheap a replacement",
            transfer_with(&signer(1), 1, GWEI + 1, 3 * GWEI).raw().clone(),
            "replacement transaction underpriced",
        ),
        ("too poor", sign(&signer(2), rich).raw().clone(), "insufficient funds for gas * price + value"),
        ("little gas", gas(20_999).raw().clone(), "intrinsic gas too low"),
        ("much gas", gas(u64::MAX / 2).raw().clone(), "exceeds block gas limit"),
        ("low fee", transfer_with(&signer(2), 0, 1, 1).raw().clone(), "max fee per gas less than block base fee"),
        (
            "high tip",
            transfer_with(&signer(2), 0, 4 * GWEI, 3 * GWEI).raw().clone(),
            "max priority fee per gas higher than max fee per gas",
        ),
        ("blob", Bytes::from_static(&[3, 0xc0]), "transaction type not supported: blob transactions"),
        ("other chain", foreign, "invalid chain id for signer: have 1 want 7"),
        ("forged", forged.into(), "invalid sender"),
        ("huge", vec![2; 200_000].into(), "oversized data"),
        ("nonsense", Bytes::from_static(&[2, 0xc0, 1]), "not a valid EIP-2718 transaction"),
    ] {
        for method in ["eth_sendRawTransaction", "eth_sendRawTransactionSync"] {
            // A transaction that waits already is waited for.
            if (name, method) == ("twice", "eth_sendRawTransactionSync") {
                continue;
            }
            let refusal = server.refused(method, json!([raw])).await;
            assert_eq!(refusal.code, -32_000, "{name}: {refusal:?}");
            assert!(refusal.message.starts_with(words), "{name}: {refusal:?}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_sends() {
    let mut server = Server::start().await;
    // Not in a block in time: error 4, but in the pool.
    let slow = transfer(1, 0);
    let refusal = server.refused("eth_sendRawTransactionSync", json!([slow.raw(), "0x14"])).await;
    assert_eq!((refusal.code, &refusal.data), (4, &json!(slow.hash())));
    assert!(server.node.backend.pool().get(&slow.hash()).is_some());
    // A gap: error 6, not in the pool.
    let early = transfer(1, 2);
    let refusal = server.refused("eth_sendRawTransactionSync", json!([early.raw(), 20])).await;
    assert_eq!((refusal.code, &refusal.data), (6, &json!("0x1")));
    assert!(server.node.backend.pool().get(&early.hash()).is_none());
    // Closed: error 5, not in the pool.
    server.node.backend.gate().set_backpressure(Some("settlement is behind".to_owned()));
    let next = transfer(1, 1);
    let refusal = server.refused("eth_sendRawTransactionSync", json!([next.raw(), 20])).await;
    assert_eq!((refusal.code, &refusal.data), (5, &json!(next.hash())));
    assert!(server.node.backend.pool().get(&next.hash()).is_none());
    let refusal = server.refused("eth_sendRawTransaction", json!([next.raw()])).await;
    assert!(refusal.code == -32_005 && refusal.message.contains("settlement is behind"), "{refusal:?}");
    server.node.backend.gate().set_backpressure(None);
    // In time: the receipt. Sending what waits already waits too.
    let http = server.http.clone();
    let url = format!("http://{}", server.address);
    let call = |raw: Bytes| {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransactionSync", "params": [raw, 9_000] });
        let request = http.post(&url).json(&body);
        tokio::spawn(async move { request.send().await.unwrap().json::<Value>().await.unwrap() })
    };
    let waiting = [call(slow.raw().clone()), call(next.raw().clone())];
    while server.node.backend.pool().len() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.block(&[]);
    for (task, sent) in waiting.into_iter().zip([slow, next]) {
        let receipt = answer(task.await.unwrap()).unwrap();
        assert_eq!((&receipt["transactionHash"], &receipt["status"]), (&json!(sent.hash()), &json!("0x1")));
        assert_eq!(server.get("eth_getTransactionReceipt", json!([sent.hash()])).await, receipt);
    }
    server.stop().await;
}
