//! What blocks touch, as far as it was kept.

use alloy_primitives::U256;
use weft_execution::access::{self, BlockAccessList};

use super::*;
use crate::config::Config;
use crate::testing::transfer;

/// Makes blocks with their lists.
fn listing() -> Config {
    let mut config = testing::config();
    config.limits.block_access_lists = true;
    config
}

fn of(list: &Value, address: Address) -> &Value {
    let found = list.as_array().unwrap().iter().find(|account| account["address"] == json!(address));
    found.unwrap_or_else(|| panic!("{address} is not in {list}"))
}

/// An account of which nothing but `changes` is listed.
fn only(address: Address, changes: Value) -> Value {
    let mut account = json!({
        "address": address, "storageChanges": [], "storageReads": [], "balanceChanges": [], "nonceChanges": [],
        "codeChanges": [],
    });
    for (key, value) in changes.as_object().unwrap() {
        account[key] = value.clone();
    }
    account
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_and_contracts() {
    let mut server = Server::over(testing::open(Arc::new(MemoryKv::default()), &listing())).await;
    let contract = server.deploy();
    let created = server.get("eth_getBlockAccessList", json!(["0x1"])).await;
    let code = server.get("eth_getCode", json!([contract, "latest"])).await;
    let new = json!({
        "nonceChanges": [{ "index": "0x1", "value": "0x1" }], "codeChanges": [{ "index": "0x1", "code": code }],
    });
    assert_eq!(of(&created, contract), &only(contract, new));

    let full = server.block(&[transfer(1, 0), poke(contract, 1)]);
    let list = server.get("eth_getBlockAccessList", json!(["latest"])).await;
    let place = |hash| 1 + full.receipts.iter().position(|receipt| receipt.transaction_hash == hash).unwrap();
    let (paid, poked) = (place(transfer(1, 0).hash()), place(poke(contract, 1).hash()));
    let payee = Address::repeat_byte(0x77);
    let received = json!({ "balanceChanges": [{ "index": format!("{paid:#x}"), "value": "0x1" }] });
    assert_eq!(of(&list, payee), &only(payee, received));
    let payer = signer(1).address();
    let left = server.get("eth_getBalance", json!([payer, "latest"])).await;
    let spent = json!({
        "balanceChanges": [{ "index": format!("{paid:#x}"), "value": left }],
        "nonceChanges": [{ "index": format!("{paid:#x}"), "value": "0x1" }],
    });
    assert_eq!(of(&list, payer), &only(payer, spent));
    // Slots and what is in them are 32 bytes.
    let change = json!({ "index": format!("{poked:#x}"), "value": B256::from(U256::from(42)) });
    let stored = json!({ "storageChanges": [{ "key": B256::ZERO, "changes": [change] }] });
    assert_eq!(of(&list, contract), &only(contract, stored));
    // The parent's hash, before all transactions.
    let history = json!(full.block.header.parent_hash);
    let before: Vec<&Value> =
        list.as_array().unwrap().iter().map(|account| &account["storageChanges"][0]["changes"][0]).collect();
    assert!(before.iter().any(|change| change["index"] == "0x0" && change["value"] == history), "{list}");

    for id in [json!("0x2"), json!({ "blockNumber": "0x2" }), json!({ "blockHash": full.block.hash })] {
        assert_eq!(server.get("eth_getBlockAccessList", json!([id])).await, list, "{id}");
        let raw = server.get("debug_getRawBlockAccessList", json!([id])).await;
        let raw: Bytes = serde_json::from_value(raw).unwrap();
        // The bytes, and alloy's reading of the JSON.
        let decoded = access::decode(&raw).unwrap();
        assert_eq!(decoded, serde_json::from_value::<BlockAccessList>(list.clone()).unwrap());
        assert_eq!(access::encode(&decoded), raw);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_kept_is_null() {
    let kv = Arc::new(MemoryKv::default());
    let mut before = testing::open(kv.clone(), &testing::config());
    before.block(&[transfer(1, 0)]).unwrap();
    drop(before);
    let mut server = Server::over(testing::open(kv.clone(), &listing())).await;
    let kept = server.block(&[transfer(1, 1)]);
    server.stop().await;
    // Kept lists are there whether new blocks come with one or not.
    let mut server = Server::over(testing::open(kv, &testing::config())).await;
    server.block(&[transfer(1, 2)]);
    for id in [json!("earliest"), json!("0x1"), json!("latest"), json!("0x9"), json!(B256::repeat_byte(9))] {
        assert_eq!(server.get("eth_getBlockAccessList", json!([id])).await, Value::Null, "{id}");
    }
    let list = server.get("eth_getBlockAccessList", json!([kept.block.hash])).await;
    of(&list, signer(1).address());
    assert_eq!(server.get("debug_getRawBlockAccessList", json!(["0x1"])).await, Value::Null);
    assert_eq!(server.refused("debug_getRawBlockAccessList", json!(["0x9"])).await.code, -32_000);
    assert_eq!(server.refused("eth_getBlockAccessList", json!([])).await.code, -32_602);
    server.stop().await;
}
