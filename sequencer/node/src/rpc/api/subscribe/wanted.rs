//! What a client subscribes to, from the parameters of `eth_subscribe`.

use std::collections::HashSet;

use alloy_eips::BlockNumberOrTag;
use alloy_primitives::B256;
use alloy_rpc_types_eth::{Filter, FilterBlockOption};
use jsonrpsee::types::Params;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::rpc::error::RpcError;

/// Transactions whose receipts one subscription may name: as in go-ethereum.
const MAX_HASHES: usize = 200;

/// A subscription, as asked for. `from` is the first block wanted: the next new one if it is `None`.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// `newHeads`.
    Heads { from: Option<BlockNumberOrTag> },
    /// `logs`; of the first block, those from `first_log` on.
    Logs { filter: Box<Filter>, from: Option<BlockNumberOrTag>, first_log: u64 },
    /// `transactionReceipts`; of these transactions alone, if any are named.
    Receipts { hashes: HashSet<B256>, from: Option<BlockNumberOrTag> },
    /// `newPendingTransactions`: their hashes, or all of each.
    Accepted { full: bool },
    /// `transactionStatus`.
    Status(B256),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    NewHeads,
    Logs,
    NewPendingTransactions,
    TransactionReceipts,
    TransactionStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Start {
    from_block: Option<BlockNumberOrTag>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Receipts {
    transaction_hashes: Option<Vec<B256>>,
    from_block: Option<BlockNumberOrTag>,
}

fn wrong(why: impl ToString) -> RpcError {
    RpcError::Params(why.to_string())
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, RpcError> {
    serde_json::from_value(value).map_err(wrong)
}

impl Wanted {
    /// From the parameters of the call.
    pub fn parse(params: &Params<'_>) -> Result<Self, RpcError> {
        let mut params = params.sequence();
        let kind: Kind = params.next().map_err(|error| wrong(error.message()))?;
        let more: Option<Value> = params.optional_next().map_err(|error| wrong(error.message()))?;
        let more = more.unwrap_or(Value::Null);
        let object = |value: Value| if value.is_null() { Value::Object(Map::new()) } else { value };
        match kind {
            Kind::NewHeads => Ok(Self::Heads { from: read::<Start>(object(more))?.from_block }),
            Kind::Logs => Self::logs(object(more)),
            Kind::NewPendingTransactions => Ok(Self::Accepted { full: !more.is_null() && read(more)? }),
            Kind::TransactionReceipts => {
                let Receipts { transaction_hashes, from_block } = read(object(more))?;
                let hashes = transaction_hashes.unwrap_or_default();
                if hashes.len() > MAX_HASHES {
                    return Err(wrong(format!("transactionHashes: more than {MAX_HASHES}")));
                }
                Ok(Self::Receipts { hashes: hashes.into_iter().collect(), from: from_block })
            }
            Kind::TransactionStatus => Ok(Self::Status(read(more)?)),
        }
    }

    fn logs(mut value: Value) -> Result<Self, RpcError> {
        let first_log = value.as_object_mut().and_then(|fields| fields.remove("fromLogIndex"));
        let first_log = first_log.map_or(Ok(alloy_primitives::U64::ZERO), read)?.to();
        let filter: Filter = read(value)?;
        let FilterBlockOption::Range { from_block: from, to_block } = filter.block_option else {
            return Err(wrong("a subscription has no blockHash"));
        };
        if !matches!(to_block, None | Some(BlockNumberOrTag::Latest | BlockNumberOrTag::Pending)) {
            return Err(wrong("a subscription has no end (toBlock)"));
        }
        Ok(Self::Logs { filter: Box::new(filter), from, first_log })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(params: Value) -> Result<Wanted, RpcError> {
        let text = params.to_string();
        Wanted::parse(&Params::new(Some(&text)))
    }

    #[test]
    fn what_clients_send() {
        let heads = |from| Wanted::Heads { from };
        assert_eq!(parse(json!(["newHeads"])).unwrap(), heads(None));
        assert_eq!(parse(json!(["newHeads", {}])).unwrap(), heads(None));
        let seven = Some(BlockNumberOrTag::Number(7));
        assert_eq!(parse(json!(["newHeads", { "fromBlock": "0x7" }])).unwrap(), heads(seven));
        assert_eq!(parse(json!(["newPendingTransactions"])).unwrap(), Wanted::Accepted { full: false });
        assert_eq!(parse(json!(["newPendingTransactions", true])).unwrap(), Wanted::Accepted { full: true });
        let address = alloy_primitives::Address::repeat_byte(1);
        let logs = parse(json!(["logs", { "address": address, "fromBlock": "0x7", "fromLogIndex": "0x2" }])).unwrap();
        let Wanted::Logs { filter, from, first_log } = logs else { panic!("{logs:?}") };
        assert!(filter.address.matches(&address) && filter.topics.iter().all(|topics| topics.is_empty()));
        assert_eq!((from, first_log), (seven, 2));
        assert!(matches!(parse(json!(["logs"])).unwrap(), Wanted::Logs { from: None, first_log: 0, .. }));
        let hash = B256::repeat_byte(3);
        assert_eq!(
            parse(json!(["transactionReceipts", { "transactionHashes": [hash, hash], "fromBlock": "earliest" }]))
                .unwrap(),
            Wanted::Receipts { hashes: [hash].into(), from: Some(BlockNumberOrTag::Earliest) }
        );
        assert_eq!(parse(json!(["transactionStatus", hash])).unwrap(), Wanted::Status(hash));
    }

    #[test]
    fn what_makes_no_sense() {
        for params in [
            json!([]),
            json!(["newBlocks"]),
            json!(["newHeads", { "from": 1 }]),
            json!(["logs", { "blockHash": B256::ZERO }]),
            json!(["logs", { "toBlock": "0x9" }]),
            json!(["logs", { "fromLogIndex": -1 }]),
            json!(["newPendingTransactions", "full"]),
            json!(["transactionReceipts", { "transactionHashes": vec![B256::ZERO; MAX_HASHES + 1] }]),
            json!(["transactionStatus"]),
            json!(["transactionStatus", "0x12"]),
        ] {
            assert!(matches!(parse(params.clone()), Err(RpcError::Params(_))), "{params}");
        }
    }
}
