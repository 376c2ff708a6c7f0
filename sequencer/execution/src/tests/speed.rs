//! What the steps of a block cost, beside plain revm. Run with
//! `cargo test --release -p weft-execution -- --ignored --nocapture speed`.

use std::time::{Duration, Instant};

use alloy_primitives::{Address, TxKind, U256, keccak256};
use revm::database::{CacheDB, EmptyDB};
use revm::handler::{ExecuteCommitEvm, MainBuilder, MainContext};
use revm::state::AccountInfo;
use weft_primitives::transaction::{Envelope, encode};

use super::*;
use crate::env;

const TRANSACTIONS: u64 = 20_000;
const ROUNDS: usize = 7;

fn who(number: u64) -> Address {
    Address::from_word(keccak256(number.to_be_bytes()))
}

/// A chain on which `who(0..2 * TRANSACTIONS)` have money.
fn rich_chain() -> ChainConfig {
    let mut alloc: Vec<String> = (0..2 * TRANSACTIONS)
        .map(|number| format!(r#""{}":{{"balance":"0xd3c21bcecceda1000000"}}"#, who(number)))
        .collect();
    let (store, code) = contracts::STORE;
    alloc.push(format!(r#""{store}":{{"balance":"0x0","nonce":"0x1","code":"{}"}}"#, hex(code)));
    let text = format!(
        r#"{{"config":{{"chainId":{CHAIN_ID},"pragueTime":0,"osakaTime":0}},"gasLimit":"0xe8d4a51000",
            "difficulty":"0x0","alloc":{{{}}}}}"#,
        alloc.join(",")
    );
    ChainConfig::from_json(&text).unwrap()
}

/// Signed by nobody: the sender is given.
fn from_to(number: u64, fields: TxEip1559) -> Transaction {
    let signature = Signature::new(U256::from(1), U256::from(1), false);
    Transaction::with_sender(encode(&Envelope::from(fields.into_signed(signature))), who(number)).unwrap()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6 / TRANSACTIONS as f64
}

fn measure(name: &str, chain: &ChainConfig, world: &World, head: &Parent, transactions: &[Transaction]) {
    let mut reference = CacheDB::new(EmptyDB::new());
    for address in (0..2 * TRANSACTIONS).map(who).chain([contracts::STORE.0]) {
        let account = world.account(address).unwrap().unwrap().account;
        let code = Some(world.code(account.code_hash).unwrap());
        let (balance, nonce, code_hash) = (account.balance, account.nonce, account.code_hash);
        reference.insert_account_info(address, AccountInfo { balance, nonce, code_hash, code, ..Default::default() });
    }
    let [mut plain, mut built, mut sealed] = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let (db, all) = (reference.clone(), transactions.to_vec());
        let start = Instant::now();
        let block = env::next_block(chain, &head.header, head.hash, 100);
        let config = env::config(chain, 100);
        let mut evm = revm::Context::mainnet().with_db(db).with_cfg(config).with_block(block).build_mainnet();
        for transaction in &all {
            assert!(evm.transact_commit(env::transaction(transaction)).unwrap().is_success());
        }
        plain.push(start.elapsed());

        let mut world = world.clone();
        let start = Instant::now();
        let mut builder = BlockBuilder::new(chain, head, 100, &world).unwrap();
        for transaction in all {
            assert_eq!(builder.transaction(transaction), Ok(Ok(())));
        }
        let block = builder.finish();
        built.push(start.elapsed());
        let start = Instant::now();
        block.seal(chain, head, &mut world).unwrap();
        sealed.push(start.elapsed());
    }
    println!(
        "{name}: plain revm {:.2}, build {:.2}, seal {:.2} us a transaction",
        median(plain),
        median(built),
        median(sealed)
    );
}

#[test]
#[ignore = "a measurement"]
fn speed() {
    let chain = rich_chain();
    let (world, header, _) = World::genesis(&chain).unwrap();
    let head = Parent::new(header);
    let each = |make: fn(u64) -> TxEip1559| (0..TRANSACTIONS).map(|number| from_to(number, make(number))).collect();
    let transfers: Vec<Transaction> = each(|number| TxEip1559 {
        value: U256::from(1),
        gas_limit: 21_000,
        ..fields(0, TxKind::Call(who(TRANSACTIONS + number)))
    });
    let stores: Vec<Transaction> =
        each(|number| TxEip1559 { input: words(number, 1), ..fields(0, TxKind::Call(contracts::STORE.0)) });
    measure("transfer", &chain, &world, &head, &transfers);
    measure("store", &chain, &world, &head, &stores);
}
