//! How blocks were executed, as far as a test can know: what depends on timing has relations that always hold.

use alloy_primitives::U256;

use super::*;
use crate::testing::transfer;

/// Counts its calls in slot 0, so that each call depends on the one before.
fn counter() -> Bytes {
    let runtime = hex!("60005460010160005500");
    let deploy = hex!("600a600c600039600a6000f3");
    [&deploy[..], &runtime].concat().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_contract() {
    let mut server = Server::start().await;
    let create = TxEip1559 { to: TxKind::Create, input: counter(), ..fields(0) };
    let counter = server.block(&[sign(&signer(8), create)]).receipts[0].contract_address.unwrap();
    // Enough for several threads, where the machine has them.
    let calls: Vec<Transaction> = (0..40)
        .flat_map(|nonce| (1..=7).map(move |seed| (seed, nonce)))
        .map(|(seed, nonce)| sign(&signer(seed), TxEip1559 { to: TxKind::Call(counter), ..fields(nonce) }))
        .collect();
    let full = server.block(&calls);
    assert_eq!(server.get("eth_getStorageAt", json!([counter, "0x0"])).await, json!(B256::from(U256::from(280))));

    let stats = server.get("weft_blockStats", json!(["latest"])).await;
    let figure = |key: &str| number(&stats[key]);
    assert_eq!((figure("number"), &stats["hash"]), (2, &json!(full.block.hash)));
    assert_eq!((figure("transactions"), figure("gasUsed")), (280, full.block.header.gas_used));
    assert!(figure("threads") >= 1);
    assert_eq!(figure("ahead") + figure("inTurn") + figure("reExecuted"), 280);
    assert_eq!(figure("paid"), 0);
    assert_eq!(figure("executed"), 280 + figure("reExecuted"));
    // Each thread's part of it: nothing is executed by nobody.
    let lanes = stats["lanes"].as_array().unwrap();
    let sum = |key: &str| lanes.iter().map(|lane| number(&lane[key])).sum::<u64>();
    assert_eq!((lanes.len() as u64, sum("reExecuted")), (figure("threads"), figure("reExecuted")));
    assert!(sum("executed") >= 280 && sum("busyMicros") <= figure("busyMicros"), "{stats}");
    assert!(figure("aborted") <= figure("reExecuted"));
    // They can be in conflict about the counter alone: its slot, or whether there is code at all.
    let hottest = stats["hottest"].as_array().unwrap();
    assert!(hottest.iter().all(|place| place["address"] == json!(counter)), "{stats}");
    let conflicts: u64 = hottest.iter().map(|place| number(&place["conflicts"])).sum();
    assert_eq!(conflicts, figure("reExecuted") - figure("aborted"));
    for id in [json!("0x2"), json!({ "blockNumber": "0x2" }), json!(full.block.hash)] {
        assert_eq!(server.get("weft_blockStats", json!([id])).await, stats, "{id}");
    }
    // Older ones are still there.
    let first = server.get("weft_blockStats", json!(["0x1"])).await;
    assert_eq!((number(&first["transactions"]), number(&first["inTurn"])), (1, 1));
    assert_eq!((number(&first["executed"]), number(&first["threads"])), (1, 1));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_process_did_not_execute_is_null() {
    let kv = Arc::new(MemoryKv::default());
    let mut before = testing::open(kv.clone(), &testing::config());
    let old = before.block(&[transfer(1, 0)]).unwrap();
    drop(before);
    let mut server = Server::over(testing::open(kv, &testing::config())).await;
    server.block(&[transfer(1, 1), transfer(2, 0)]);
    for id in [json!("earliest"), json!("0x1"), json!(old.block.hash), json!("0x3"), json!(B256::repeat_byte(9))] {
        assert_eq!(server.get("weft_blockStats", json!([id])).await, Value::Null, "{id}");
    }
    let stats = server.get("weft_blockStats", json!(["pending"])).await;
    assert_eq!((number(&stats["number"]), number(&stats["transactions"])), (2, 2));
    // Payments do without the EVM.
    assert_eq!((number(&stats["paid"]), number(&stats["executed"])), (2, 2));
    for params in [json!([]), json!(["newest"]), json!(["12"])] {
        assert_eq!(server.refused("weft_blockStats", params.clone()).await.code, -32_602, "{params}");
    }
    server.stop().await;
}
