//! Real mainnet blocks as one batch: their signed transactions, put together again from what JSON-RPC tells.

use std::path::Path;

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxLegacy};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U64, U128, U256, keccak256};
use serde::Deserialize;
use weft_primitives::batch::{Batch, BatchBlock};
use weft_primitives::transaction::{Envelope, encode};

use crate::mainnet::{self, MainnetError};

/// Mainnet's chain id.
const CHAIN_ID: u64 = 1;

/// Why a folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RealError {
    /// The files.
    #[error(transparent)]
    Folder(#[from] MainnetError),
    /// The bytes put together have another hash than the transaction.
    #[error("transaction {0} cannot be put together from its fields")]
    Hash(B256),
}

#[derive(Deserialize)]
struct JsonBlock {
    timestamp: U64,
    transactions: Vec<JsonTransaction>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonTransaction {
    hash: B256,
    #[serde(rename = "type", default)]
    kind: Option<U64>,
    to: Option<Address>,
    input: Bytes,
    gas: U64,
    gas_price: Option<U128>,
    max_fee_per_gas: Option<U128>,
    max_priority_fee_per_gas: Option<U128>,
    nonce: U64,
    value: U256,
    access_list: Option<Vec<JsonAccess>>,
    v: U64,
    r: U256,
    s: U256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonAccess {
    address: Address,
    storage_keys: Vec<B256>,
}

/// All blocks in a folder, by number, without their blob transactions, which neither format carries.
pub fn read(folder: &Path) -> Result<Batch, RealError> {
    let numbers = mainnet::numbers(folder)?;
    let blocks = numbers.iter().map(|number| read_block(&folder.join(number.to_string()).join("block.json")));
    let blocks = blocks.collect::<Result<_, _>>()?;
    Ok(Batch { chain_id: CHAIN_ID, first_block: numbers[0], inbox_from: 0, blocks })
}

fn read_block(path: &Path) -> Result<BatchBlock, RealError> {
    let block: JsonBlock = mainnet::read(path)?;
    let transactions = block.transactions.into_iter().filter_map(|json| {
        let hash = json.hash;
        let raw = signed(json)?;
        Some(if keccak256(&raw) == hash { Ok(raw) } else { Err(RealError::Hash(hash)) })
    });
    Ok(BatchBlock {
        timestamp: block.timestamp.to(),
        inbox_count: 0,
        transactions: transactions.collect::<Result<_, _>>()?,
    })
}

/// The signed bytes; `None` of a blob transaction.
fn signed(json: JsonTransaction) -> Option<Bytes> {
    let wei = |value: Option<U128>| value.unwrap_or_default().to::<u128>();
    let (nonce, gas_limit, value, input) = (json.nonce.to(), json.gas.to(), json.value, json.input);
    let (gas_price, to) = (wei(json.gas_price), json.to.map_or(TxKind::Create, TxKind::Call));
    let item = |item: JsonAccess| AccessListItem { address: item.address, storage_keys: item.storage_keys };
    let access_list = AccessList(json.access_list.unwrap_or_default().into_iter().map(item).collect());
    let (kind, v) = (json.kind.unwrap_or_default().to::<u64>(), json.v.to::<u64>());
    // 0 and 1 of typed ones, 27 and 28, and from 37 on with the chain id (EIP-155).
    let parity = if kind == 0 { v % 2 == 0 } else { v == 1 };
    let signature = Signature::new(json.r, json.s, parity);
    let envelope: Envelope = match kind {
        0 => TxLegacy { chain_id: (v >= 35).then_some(CHAIN_ID), nonce, gas_price, gas_limit, to, value, input }
            .into_signed(signature)
            .into(),
        1 => TxEip2930 { chain_id: CHAIN_ID, nonce, gas_price, gas_limit, to, value, access_list, input }
            .into_signed(signature)
            .into(),
        2 => TxEip1559 {
            chain_id: CHAIN_ID,
            nonce,
            gas_limit,
            max_fee_per_gas: wei(json.max_fee_per_gas),
            max_priority_fee_per_gas: wei(json.max_priority_fee_per_gas),
            to,
            value,
            access_list,
            input,
        }
        .into_signed(signature)
        .into(),
        _ => return None,
    };
    Some(encode(&envelope))
}
