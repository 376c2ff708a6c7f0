//! The transactions of an account.

use super::*;
use crate::testing::transfer;

const METHOD: &str = "weft_getAccountTransactions";

fn indexing(kept: bool) -> crate::config::Config {
    let mut config = testing::config();
    config.limits.index_accounts = kept;
    config
}

async fn server() -> Server {
    Server::over(testing::open(Arc::new(MemoryKv::default()), &indexing(true))).await
}

/// Logs `Transfer` from the caller to who is named in the call data.
fn token() -> Bytes {
    let runtime = hex!("60003533 7fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef 6000 6000 a3 00");
    let deploy = hex!("602b600c600039602b6000f3");
    [&deploy[..], &runtime].concat().into()
}

fn kinds(page: &Value) -> Vec<(u64, u64, Vec<&str>)> {
    let names = |entry: &'_ Value| -> Vec<String> {
        entry["kinds"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap().to_owned()).collect()
    };
    let all = ["sent", "received", "created", "token"];
    let known =
        |entry: &Value| names(entry).iter().map(|name| *all.iter().find(|kind| *kind == name).unwrap()).collect();
    let entries = page["transactions"].as_array().unwrap().iter();
    entries.map(|entry| (number(&entry["blockNumber"]), number(&entry["transactionIndex"]), known(entry))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_each_to_the_letter() {
    let mut server = server().await;
    let create = TxEip1559 { to: TxKind::Create, input: token(), gas_limit: 300_000, ..fields(0) };
    let made = server.block(&[transfer(1, 0), sign(&signer(8), create)]);
    let at = |full: &FullBlock, who| full.receipts.iter().position(|own| own.from == who).unwrap();
    let (one, two, maker) = (signer(1).address(), signer(2).address(), signer(8).address());
    let token = made.receipts[at(&made, maker)].contract_address.unwrap();
    let give = TxEip1559 { to: TxKind::Call(token), input: two.into_word().into(), ..fields(1) };
    let given = server.block(&[sign(&signer(8), give)]);

    let page = server.get(METHOD, json!([one])).await;
    let wanted = json!({
        "transactions": [{
            "hash": transfer(1, 0).hash(), "blockNumber": "0x1",
            "transactionIndex": format!("{:#x}", at(&made, one)), "blockTimestamp": "0x6553f100", "kinds": ["sent"],
        }],
        "completeFrom": "0x0",
    });
    assert_eq!(page, wanted);
    let position = at(&made, maker) as u64;
    let page = server.get(METHOD, json!([maker])).await;
    assert_eq!(kinds(&page), [(2, 0, vec!["sent", "token"]), (1, position, vec!["sent"])]);
    assert_eq!(page["transactions"][0]["hash"], json!(given.receipts[0].transaction_hash));
    let page = server.get(METHOD, json!([token, {}])).await;
    assert_eq!(kinds(&page), [(2, 0, vec!["received"]), (1, position, vec!["created"])]);
    assert_eq!(kinds(&server.get(METHOD, json!([two, null])).await), [(2, 0, vec!["token"])]);
    let nobody = server.get(METHOD, json!([Address::repeat_byte(0xaa)])).await;
    assert_eq!(nobody, json!({ "transactions": [], "completeFrom": "0x0" }));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_without_gap_or_double_while_blocks_are_made() {
    let mut server = server().await;
    let (count, limit) = (23_u64, 5);
    for nonce in (0..count).step_by(3) {
        let some: Vec<Transaction> = (nonce..count.min(nonce + 3)).map(|nonce| transfer(1, nonce)).collect();
        server.block(&some);
    }
    let sender = signer(1).address();
    let mut seen: Vec<Value> = Vec::new();
    let (mut cursor, mut later) = (Value::Null, count);
    loop {
        let page = server.get(METHOD, json!([sender, { "limit": format!("{limit:#x}"), "cursor": cursor }])).await;
        let entries = page["transactions"].as_array().unwrap();
        let left = count as usize - seen.len();
        assert_eq!((entries.len(), page["cursor"].is_null()), (left.min(limit), left <= limit));
        seen.extend(entries.iter().map(|entry| entry["hash"].clone()));
        // What comes meanwhile is newer than what is left.
        server.block(&[transfer(1, later)]);
        later += 1;
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    let wanted: Vec<Value> = (0..count).rev().map(|nonce| json!(transfer(1, nonce).hash())).collect();
    assert_eq!(seen, wanted);
    // Behind the end, and ahead of it.
    let end = server.get(METHOD, json!([sender, { "cursor": "0x000000000000000000000000" }])).await;
    assert_eq!((&end["transactions"], &end["cursor"]), (&json!([]), &Value::Null));
    let ahead = server.get(METHOD, json!([sender, { "cursor": "0xffffffffffffffffffffffff", "limit": "0x64" }])).await;
    assert_eq!(ahead["transactions"].as_array().unwrap().len() as u64, later);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused() {
    let server = server().await;
    let one = signer(1).address();
    for params in [
        json!([]),
        json!(["0x12"]),
        json!([one, { "limit": "0x0" }]),
        json!([one, { "limit": "0x65" }]),
        json!([one, { "limit": "0xffffffffffffffff" }]),
        json!([one, { "cursor": "0x00" }]),
        json!([one, { "cursor": 7 }]),
        json!([one, { "page": "0x1" }]),
    ] {
        assert_eq!(server.refused(METHOD, params.clone()).await.code, -32_602, "{params}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_index_nothing_is_said_and_later_from_where_it_is_complete() {
    let kv = Arc::new(MemoryKv::default());
    let mut server = Server::over(testing::open(kv.clone(), &indexing(false))).await;
    server.block(&[transfer(1, 0)]);
    let one = signer(1).address();
    let refused = server.refused(METHOD, json!([one])).await;
    assert_eq!((refused.code, &refused.message[..]), (-32_601, "this node keeps no index by account (index_accounts)"));
    server.stop().await;

    let mut server = Server::over(testing::open(kv, &indexing(true))).await;
    server.block(&[transfer(1, 1)]);
    let page = server.get(METHOD, json!([one])).await;
    assert_eq!((kinds(&page), &page["completeFrom"]), (vec![(2, 0, vec!["sent"])], &json!("0x2")));
    while server.node.backend.chain().store().fill_accounts().unwrap().is_some() {}
    let page = server.get(METHOD, json!([one])).await;
    assert_eq!(kinds(&page), [(2, 0, vec!["sent"]), (1, 0, vec!["sent"])]);
    assert_eq!(page["completeFrom"], "0x0");
    server.stop().await;
}
