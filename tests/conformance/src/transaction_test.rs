//! Transaction tests: bytes that are a valid transaction by the rules of a fork, or are not.
//!
//! Valid is what Weft's decoder takes and the executor executes, for a sender
//! who has everything it takes. Weft's own chains begin at Prague: what older
//! forks judged otherwise about signatures is not asked.

use std::collections::BTreeMap;
use std::path::Path;

use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, B256, Bytes, U256};
use revm::context::{BlockEnv, TxEnv};
use revm::primitives::hardfork::SpecId;
use serde::Deserialize;
use weft_bench::MapState;
use weft_primitives::Transaction;
use weft_primitives::transaction::TransactionError;

use crate::difference::{Difference, same_hash};
use crate::report::{Report, Verdict};
use crate::transaction::env_of;
use crate::{agree, fork, json};

/// Files with valid transactions whose prices are above 2^128.
const DEAR: [&str; 3] =
    ["/GasLimitPriceProductOverflowtMinusOne.json", "/TransactionWithHighGasPrice.json", "/V_equals38.json"];

#[derive(Debug, Deserialize)]
struct TransactionTest {
    txbytes: Bytes,
    /// By fork.
    result: BTreeMap<String, Expected>,
}

#[derive(Debug, Deserialize)]
struct Expected {
    exception: Option<String>,
    hash: Option<B256>,
    sender: Option<Address>,
}

/// Reports on each fork of each test in a file.
pub fn judge_file(path: &Path, name: &str, [report]: &mut [Report; 1]) {
    let tests = match json::read::<TransactionTest>(path) {
        Ok(tests) => tests,
        Err(difference) => return report.add(name, Err(difference)),
    };
    for (test_name, test) in &tests {
        for (fork_name, expected) in &test.result {
            let ended = match fork::spec_of(fork_name) {
                Ok(_) if expected.exception.is_none() && DEAR.iter().any(|dear| name.ends_with(dear)) => Ok(
                    Verdict::Skipped("prices above 2^128 wei, which nobody can pay: the decoder has no room for them"),
                ),
                Ok(spec) => judge(&test.txbytes, spec, expected),
                Err(why) => Ok(Verdict::Skipped(why)),
            };
            report.add(format!("{name}, {test_name}, {fork_name}"), ended);
        }
    }
}

fn judge(bytes: &Bytes, spec: SpecId, expected: &Expected) -> Result<Verdict, Difference> {
    let decoded = Transaction::decode(bytes.clone(), fork::CHAIN_ID);
    if let Some(why) = older_rules(spec, &decoded, expected) {
        return Ok(Verdict::Skipped(why));
    }
    let refusal = match &decoded {
        // Valid, though there is not so much money.
        Ok(transaction) if expected.exception.is_none() && costs_more_than_there_is(transaction) => None,
        Ok(transaction) => executed(transaction, spec)?.err(),
        Err(error) => Some(error.to_string()),
    };
    match (decoded, refusal, expected) {
        (_, Some(_), Expected { exception: Some(_), .. }) => Ok(Verdict::Passed),
        (_, None, Expected { exception: Some(name), .. }) => Err(Difference::NotRefused(name.clone())),
        (Ok(transaction), None, Expected { hash: Some(hash), sender: Some(sender), .. }) => {
            same_hash("transaction hash", transaction.hash(), *hash)?;
            let (got, want) = (transaction.sender(), *sender);
            if got == want { Ok(Verdict::Passed) } else { Err(Difference::Sender { got, want }) }
        }
        (_, Some(why), _) => Err(Difference::Undecoded(why)),
        (_, None, _) => Err(Difference::Unreadable("neither an exception nor a sender".to_owned())),
    }
}

/// Why a case asks for rules about signatures from before any chain that Weft can run.
fn older_rules(
    spec: SpecId,
    decoded: &Result<Transaction, TransactionError>,
    expected: &Expected,
) -> Option<&'static str> {
    match decoded {
        Ok(transaction) if !spec.is_enabled_in(SpecId::SPURIOUS_DRAGON) && transaction.is_replay_protected() => {
            Some("signatures with a chain id were invalid before EIP-155")
        }
        Err(TransactionError::InvalidSignature)
            if !spec.is_enabled_in(SpecId::HOMESTEAD) && expected.exception.is_none() =>
        {
            Some("signatures with a high s were valid before EIP-2")
        }
        _ => None,
    }
}

fn costs_more_than_there_is(transaction: &Transaction) -> bool {
    let envelope = transaction.envelope();
    let gas = U256::from(envelope.gas_limit()).checked_mul(U256::from(envelope.max_fee_per_gas()));
    gas.and_then(|gas| gas.checked_add(envelope.value())).is_none()
}

/// Executes it for a sender who can pay and is at its nonce; why it was refused, otherwise.
fn executed(transaction: &Transaction, spec: SpecId) -> Result<Result<(), String>, Difference> {
    let mut state = MapState::default();
    state.insert(transaction.sender(), transaction.nonce(), U256::MAX, &Bytes::new(), []);
    let block = BlockEnv {
        number: U256::from(1),
        beneficiary: Address::repeat_byte(0xbe),
        timestamp: U256::from(1),
        gas_limit: u64::MAX,
        basefee: 0,
        prevrandao: Some(B256::ZERO),
        ..BlockEnv::default()
    };
    let one: TxEnv = env_of(transaction.envelope(), transaction.sender());
    let outcome = agree::execute(&state, None, &fork::rules(spec), &block, std::slice::from_ref(&one))?;
    let result = outcome.results.into_iter().next();
    let result = result.ok_or_else(|| Difference::Unreadable("no result".to_owned()))?;
    Ok(result.map(drop).map_err(|reason| format!("{reason} ({} gas)", transaction.envelope().gas_limit())))
}
