//! States of anvil (`anvil --dump-state`, or the answer to `anvil_dumpState` unpacked): its accounts become the genesis
//! accounts of a new chain. Blocks, transactions and receipts of the file are left out, because they are not of this
//! chain: their hashes, fees and signatures would be another's.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::output::Failure;

#[derive(Deserialize)]
struct State {
    accounts: BTreeMap<Address, Account>,
}

#[derive(Deserialize)]
struct Account {
    #[serde(default)]
    nonce: Number,
    #[serde(default)]
    balance: Number,
    #[serde(default)]
    code: Bytes,
    #[serde(default)]
    storage: BTreeMap<Number, Number>,
}

/// As a JSON number, or as text in decimal or hexadecimal digits, leading zeros or not: anvil has had all of them.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Number(U256);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = match Value::deserialize(deserializer)? {
            Value::Number(number) => number.as_u64().map(U256::from),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        number.map(Self).ok_or_else(|| serde::de::Error::custom("not a number of at most 256 bits"))
    }
}

/// The genesis file with the accounts of a state: they replace those of the same addresses.
pub fn into_genesis(state: &str, genesis: &str) -> Result<String, Failure> {
    let state: State = serde_json::from_str(state)
        .map_err(|error| Failure(format!("neither a state of weft dev nor one of anvil: {error}")))?;
    let mut genesis: Value = serde_json::from_str(genesis)?;
    let alloc = genesis["alloc"].as_object_mut().ok_or_else(|| Failure("the genesis file has no alloc".to_owned()))?;
    let there = state.accounts.keys().map(|address| address.to_string().to_lowercase()).collect::<Vec<_>>();
    alloc.retain(|address, _| !there.contains(&address.to_lowercase()));
    for (address, Account { nonce, balance, code, storage }) in state.accounts {
        let word = |Number(value): &Number| B256::from(*value).to_string();
        let storage: BTreeMap<String, String> = storage.iter().map(|(slot, value)| (word(slot), word(value))).collect();
        let account = json!({
            "nonce": format!("{:#x}", nonce.0), "balance": format!("{:#x}", balance.0), "code": code, "storage": storage,
        });
        alloc.insert(address.to_string(), account);
    }
    Ok(serde_json::to_string(&genesis)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use weft_primitives::ChainConfig;

    #[test]
    fn accounts_of_both_are_there() {
        let state = r#"{
            "block": { "number": 7 }, "best_block_number": "0x7", "blocks": [],
            "accounts": {
                "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266": { "nonce": 3, "balance": "0x0de0b6b3a7640000", "code": "0x", "storage": {} },
                "0x5fbdb2315678afecb367f032d93f642f64180aa3": {
                    "nonce": "0x1", "balance": "0", "code": "0x6001",
                    "storage": { "0x2": "0x000000000000000000000000000000000000000000000000000000000000002a" }
                }
            }
        }"#;
        let chain = ChainConfig::from_json(&into_genesis(state, crate::DEV_GENESIS).unwrap()).unwrap();
        let alloc = &chain.genesis().alloc;
        let usual = ChainConfig::from_json(crate::DEV_GENESIS).unwrap().genesis().alloc.len();
        assert_eq!(alloc.len(), usual + 1);
        let rich = &alloc[&"0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266".parse::<Address>().unwrap()];
        assert_eq!((rich.nonce, rich.balance), (Some(3), U256::from(10).pow(U256::from(18))));
        let contract = &alloc[&"0x5FbDB2315678afecb367f032d93F642f64180aa3".parse::<Address>().unwrap()];
        assert_eq!(contract.code, Some(Bytes::from_static(&[0x60, 1])));
        let storage = contract.storage.as_ref().unwrap();
        assert_eq!(storage[&B256::with_last_byte(2)], B256::with_last_byte(42));
    }

    #[test]
    fn what_is_no_state_is_refused() {
        for bad in ["", "[]", "{}", r#"{"accounts":{"0x12":{}}}"#, r#"{"accounts":[{"nonce":-1}]}"#] {
            assert!(into_genesis(bad, crate::DEV_GENESIS).is_err(), "{bad}");
        }
    }
}
