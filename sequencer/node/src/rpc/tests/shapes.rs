//! What blocks, transactions, receipts and logs look like. The keys are those of ethereum/execution-apis' recorded
//! answers, with `yParity` where clients still want it.

use alloy_consensus::{SignableTransaction, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_eips::eip7702::Authorization;
use alloy_primitives::{Signature, U256};
use alloy_rlp::Decodable;
use weft_primitives::transaction::{Envelope, encode};

use super::*;
use crate::testing::transfer;

const BLOCK: &[&str] = &[
    "baseFeePerGas",
    "blobGasUsed",
    "difficulty",
    "excessBlobGas",
    "extraData",
    "gasLimit",
    "gasUsed",
    "hash",
    "logsBloom",
    "miner",
    "mixHash",
    "nonce",
    "number",
    "parentBeaconBlockRoot",
    "parentHash",
    "receiptsRoot",
    "requestsHash",
    "sha3Uncles",
    "size",
    "stateRoot",
    "timestamp",
    "transactions",
    "transactionsRoot",
    "uncles",
    "withdrawals",
    "withdrawalsRoot",
];

const RECEIPT: &[&str] = &[
    "blockHash",
    "blockNumber",
    "contractAddress",
    "cumulativeGasUsed",
    "effectiveGasPrice",
    "from",
    "gasUsed",
    "logs",
    "logsBloom",
    "status",
    "to",
    "transactionHash",
    "transactionIndex",
    "type",
];

const LOG: &[&str] = &[
    "address",
    "blockHash",
    "blockNumber",
    "blockTimestamp",
    "data",
    "logIndex",
    "removed",
    "topics",
    "transactionHash",
    "transactionIndex",
];

const LEGACY: &[&str] = &[
    "blockHash",
    "blockNumber",
    "blockTimestamp",
    "chainId",
    "from",
    "gas",
    "gasPrice",
    "hash",
    "input",
    "nonce",
    "r",
    "s",
    "to",
    "transactionIndex",
    "type",
    "v",
    "value",
];

fn set<'a>(parts: &[&[&'a str]]) -> BTreeSet<&'a str> {
    parts.iter().copied().flatten().copied().collect()
}

/// One of each type, from the seeds 1, 2, 3.
fn other_types() -> Vec<Transaction> {
    let to = Address::repeat_byte(0x77);
    let price = 3 * GWEI;
    let access_list = AccessList(vec![AccessListItem { address: to, storage_keys: vec![topic()] }]);
    let legacy = TxLegacy {
        chain_id: Some(CHAIN_ID),
        gas_price: price,
        gas_limit: 21_000,
        to: TxKind::Call(to),
        ..Default::default()
    };
    let listed = TxEip2930 {
        chain_id: CHAIN_ID,
        gas_price: price,
        gas_limit: 50_000,
        to: TxKind::Call(to),
        access_list,
        ..Default::default()
    };
    let authorization = Authorization { chain_id: U256::from(CHAIN_ID), address: to, nonce: 0 };
    let signature = Signature::from_raw(&signer(4).sign(authorization.signature_hash()).0).unwrap();
    let delegating = TxEip7702 {
        chain_id: CHAIN_ID,
        max_fee_per_gas: price,
        max_priority_fee_per_gas: GWEI,
        gas_limit: 100_000,
        to,
        authorization_list: vec![authorization.into_signed(signature)],
        ..Default::default()
    };
    fn signed<T: SignableTransaction<Signature>>(seed: u8, fields: T) -> Transaction
    where
        Envelope: From<alloy_consensus::Signed<T>>,
    {
        let signature = Signature::from_raw(&signer(seed).sign(fields.signature_hash()).0).unwrap();
        Transaction::decode(encode(&Envelope::from(fields.into_signed(signature))), CHAIN_ID).unwrap()
    }
    vec![signed(1, legacy), signed(2, listed), signed(3, delegating)]
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks() {
    let mut server = Server::start().await;
    let full = server.block(&[transfer(1, 0), transfer(2, 0)]);
    let block = server.get("eth_getBlockByNumber", json!(["latest", false])).await;
    assert_eq!(keys(&block), set(&[BLOCK]));
    let hashes: Vec<B256> = full.block.body.transactions.iter().map(Transaction::hash).collect();
    for (key, wanted) in [
        ("number", json!("0x1")),
        ("hash", json!(full.block.hash)),
        ("transactions", json!(hashes)),
        ("difficulty", json!("0x0")),
        ("nonce", json!("0x0000000000000000")),
        ("extraData", json!("0x")),
        ("timestamp", json!("0x6553f100")),
        ("gasUsed", json!("0xa410")),
        ("uncles", json!([])),
        ("withdrawals", json!([])),
        ("miner", json!("0x00000000000000000000000000000000000000fe")),
    ] {
        assert_eq!(block[key], wanted, "{key}");
    }
    // The header that clients rebuild has the hash that they were told.
    let parsed: alloy_rpc_types_eth::Block = serde_json::from_value(block.clone()).unwrap();
    assert_eq!(parsed.header.inner.hash_slow(), full.block.hash);
    // And so does the block as bytes, of the size that they were told.
    let raw: Bytes = serde_json::from_value(server.get("debug_getRawBlock", json!(["0x1"])).await).unwrap();
    assert_eq!(number(&block["size"]), raw.len() as u64);
    let decoded = alloy_consensus::Block::<Envelope>::decode(&mut &raw[..]).unwrap();
    assert_eq!((decoded.header.hash_slow(), decoded.body.transactions.len()), (full.block.hash, 2));

    let same = server.get("eth_getBlockByHash", json!([full.block.hash, false])).await;
    assert_eq!(same, block);
    let detailed = server.get("eth_getBlockByNumber", json!(["0x1", true])).await;
    let transactions = detailed["transactions"].as_array().unwrap();
    for (index, transaction) in transactions.iter().enumerate() {
        let by_hash = server.get("eth_getTransactionByHash", json!([hashes[index]])).await;
        assert_eq!(by_hash, *transaction);
        let position = json!(format!("{index:#x}"));
        assert_eq!(server.get("eth_getTransactionByBlockNumberAndIndex", json!(["0x1", position])).await, by_hash);
        let by_block = json!([full.block.hash, position]);
        assert_eq!(server.get("eth_getTransactionByBlockHashAndIndex", by_block).await, by_hash);
    }
    assert_eq!(server.get("eth_getBlockTransactionCountByNumber", json!(["latest"])).await, "0x2");
    assert_eq!(server.get("eth_getBlockTransactionCountByHash", json!([full.block.hash])).await, "0x2");
    assert_eq!(server.get("eth_getUncleCountByBlockNumber", json!(["latest"])).await, "0x0");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_null() {
    let server = Server::start().await;
    let nothing = B256::repeat_byte(9);
    for (method, params) in [
        ("eth_getBlockByNumber", json!(["0x5", true])),
        ("eth_getBlockByHash", json!([nothing, false])),
        ("eth_getBlockReceipts", json!(["0x5"])),
        ("eth_getBlockReceipts", json!([nothing])),
        ("eth_getBlockTransactionCountByHash", json!([nothing])),
        ("eth_getTransactionByHash", json!([nothing])),
        ("eth_getTransactionByBlockNumberAndIndex", json!(["0x0", "0x0"])),
        ("eth_getTransactionReceipt", json!([nothing])),
        ("debug_getRawTransaction", json!([nothing])),
        ("weft_batch", json!([0])),
    ] {
        assert_eq!(server.get(method, params).await, Value::Null, "{method}");
    }
    for (tag, wanted) in
        [("latest", "0x0"), ("pending", "0x0"), ("safe", "0x0"), ("finalized", "0x0"), ("earliest", "0x0")]
    {
        assert_eq!(server.get("eth_getBlockByNumber", json!([tag, false])).await["number"], wanted, "{tag}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_all_types() {
    let mut server = Server::start().await;
    let sent = [other_types(), vec![transfer(5, 0)]].concat();
    let full = server.block(&sent);
    let fees: &[&str] = &["maxFeePerGas", "maxPriorityFeePerGas"];
    let typed: &[&str] = &["accessList", "yParity"];
    for transaction in &sent {
        let shown = server.get("eth_getTransactionByHash", json!([transaction.hash()])).await;
        let (tag, wanted) = match transaction.transaction_type() {
            0 => ("0x0", set(&[LEGACY])),
            1 => ("0x1", set(&[LEGACY, typed])),
            2 => ("0x2", set(&[LEGACY, typed, fees])),
            _ => ("0x4", set(&[LEGACY, typed, fees, &["authorizationList"]])),
        };
        assert_eq!((keys(&shown), &shown["type"]), (wanted, &json!(tag)));
        // 1 gwei base fee and 1 gwei tip, or the 3 gwei that were offered.
        let price = if transaction.transaction_type() >= 2 { 2 * GWEI } else { 3 * GWEI };
        assert_eq!(number(&shown["gasPrice"]), price as u64);
        // What a client reads signs to the same sender and hash.
        let parsed: alloy_rpc_types_eth::Transaction = serde_json::from_value(shown).unwrap();
        assert_eq!(parsed.inner.tx_hash(), &transaction.hash());
        assert_eq!(parsed.inner.signer(), transaction.sender());
        assert_eq!(parsed.block_hash, Some(full.block.hash));
        let raw = server.get("eth_getRawTransactionByHash", json!([transaction.hash()])).await;
        assert_eq!(raw, json!(transaction.raw()));
    }
    let code = server.get("eth_getCode", json!([signer(4).address()])).await;
    assert_eq!(code, json!(format!("0xef0100{}", "77".repeat(20))));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_to_the_letter() {
    let mut server = Server::start().await;
    let transaction = transfer(1, 0);
    let full = server.block(std::slice::from_ref(&transaction));
    let signature = transaction.envelope().signature();
    let wanted = json!({
        "blockHash": full.block.hash, "blockNumber": "0x1", "blockTimestamp": "0x6553f100", "transactionIndex": "0x0",
        "hash": transaction.hash(), "type": "0x2", "chainId": "0x7", "nonce": "0x0", "gas": "0x5208",
        "maxFeePerGas": "0xb2d05e00", "maxPriorityFeePerGas": "0x3b9aca00", "gasPrice": "0x77359400",
        "from": signer(1).address().to_string().to_lowercase(), "to": "0x7777777777777777777777777777777777777777",
        "value": "0x1", "input": "0x", "accessList": [], "r": signature.r(), "s": signature.s(),
        "v": if signature.v() { "0x1" } else { "0x0" }, "yParity": if signature.v() { "0x1" } else { "0x0" },
    });
    assert_eq!(server.get("eth_getTransactionByHash", json!([transaction.hash()])).await, wanted);
    let bloom = format!("0x{}", "0".repeat(512));
    let wanted = json!({
        "blockHash": full.block.hash, "blockNumber": "0x1", "transactionIndex": "0x0",
        "transactionHash": transaction.hash(), "type": "0x2", "status": "0x1", "gasUsed": "0x5208",
        "cumulativeGasUsed": "0x5208", "effectiveGasPrice": "0x77359400", "contractAddress": null,
        "from": signer(1).address().to_string().to_lowercase(), "to": "0x7777777777777777777777777777777777777777",
        "logs": [], "logsBloom": bloom,
    });
    assert_eq!(server.get("eth_getTransactionReceipt", json!([transaction.hash()])).await, wanted);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_and_logs() {
    let mut server = Server::start().await;
    let contract = server.deploy();
    let full = server.block(&[poke(contract, 1), transfer(1, 0), poke(contract, 2)]);
    let receipts = server.get("eth_getBlockReceipts", json!(["latest"])).await;
    let receipts = receipts.as_array().unwrap();
    let mut logs = 0;
    for (index, receipt) in receipts.iter().enumerate() {
        assert_eq!(keys(receipt), set(&[RECEIPT]));
        assert_eq!(number(&receipt["transactionIndex"]), index as u64);
        assert_eq!(server.get("eth_getTransactionReceipt", json!([receipt["transactionHash"]])).await, *receipt);
        for log in receipt["logs"].as_array().unwrap() {
            assert_eq!(keys(log), set(&[LOG]));
            assert_eq!((&log["topics"], number(&log["logIndex"])), (&json!([topic()]), logs));
            assert_eq!(log["data"], json!(B256::with_last_byte(42)));
            logs += 1;
        }
    }
    assert_eq!((receipts.len(), logs), (3, 2));
    let raw: Vec<Bytes> = serde_json::from_value(server.get("debug_getRawReceipts", json!(["latest"])).await).unwrap();
    assert_eq!(raw, full.receipts.iter().map(|receipt| receipt.consensus_bytes().into()).collect::<Vec<Bytes>>());
    let created = server.get("eth_getBlockReceipts", json!(["0x1"])).await;
    assert_eq!(
        (&created[0]["contractAddress"], &created[0]["to"]),
        (&json!(contract.to_string().to_lowercase()), &Value::Null)
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_and_its_prices() {
    let mut server = Server::start().await;
    server.block(&[transfer(1, 0)]);
    assert_eq!(server.get("eth_chainId", json!([])).await, "0x7");
    assert_eq!(server.get("net_version", json!([])).await, "7");
    assert_eq!(server.get("eth_blockNumber", json!([])).await, "0x1");
    assert_eq!(server.get("eth_syncing", json!([])).await, false);
    assert_eq!(server.get("eth_accounts", json!([])).await, json!([]));
    assert_eq!(server.get("net_listening", json!([])).await, true);
    assert!(server.get("web3_clientVersion", json!([])).await.as_str().unwrap().starts_with("weft/"));
    let empty = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
    assert_eq!(server.get("web3_sha3", json!(["0x"])).await, empty);
    assert_eq!(server.get("eth_maxPriorityFeePerGas", json!([])).await, "0x3b9aca00");
    assert_eq!(server.get("eth_gasPrice", json!([])).await, "0x77359400");
    assert_eq!(server.get("eth_blobBaseFee", json!([])).await, "0x1");
    let history = server.get("eth_feeHistory", json!(["0xa", "latest", [20, 50]])).await;
    assert_eq!(
        history,
        json!({
            "oldestBlock": "0x0", "baseFeePerGas": ["0x3b9aca00", "0x3b9aca00", "0x3b9aca00"],
            "gasUsedRatio": [0.0, 0.0007], "baseFeePerBlobGas": ["0x1", "0x1", "0x1"],
            "blobGasUsedRatio": [0.0, 0.0], "reward": [["0x0", "0x0"], ["0x3b9aca00", "0x3b9aca00"]],
        })
    );
    assert!(server.get("eth_feeHistory", json!([1, "latest"])).await.get("reward").is_none());
    let info = server.get("weft_info", json!([])).await;
    assert_eq!((&info["latestBlock"], &info["safeBlock"]), (&json!("0x1"), &json!("0x0")));
    assert_eq!(info["configHash"], json!(server.node.backend.config().hash()));
    let mut status = server.get("weft_transactionStatus", json!([transfer(1, 0).hash()])).await;
    assert!(number(&status["acceptedMs"].take()) > 1_700_000_000_000);
    let wanted = json!({
        "stage": "executed", "blockNumber": "0x1", "transactionIndex": "0x0", "batchIndex": null, "acceptedMs": null,
    });
    assert_eq!(status, wanted);
    server.stop().await;
}
