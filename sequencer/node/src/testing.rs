//! Signed transactions and a sequencer in memory, for the tests of this crate.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_primitives::{Address, Signature, TxKind, U256};
use weft_primitives::transaction::{Envelope, encode};
use weft_primitives::{B256, ChainConfig, Signer, Transaction};
use weft_service::clock::ManualClock;

use crate::admission::Gap;
use crate::backend::Backend;
use crate::chain::Chain;
use crate::config::{Config, Limits, PoolLimits, RpcConfig};
use crate::mempool::PoolError;
use crate::producer::Producer;
use crate::store::{ChainStore, Kv, MemoryKv};

pub const CHAIN_ID: u64 = 7;
pub const GWEI: u128 = 1_000_000_000;

pub fn signer(seed: u8) -> Signer {
    Signer::from_bytes([seed; 32]).unwrap()
}

/// Accounts of `signer(1)` to `signer(8)` with a million ETH each.
pub fn chain_config() -> ChainConfig {
    let alloc: Vec<String> = (1..=8)
        .map(|seed| format!("\"{}\":{{\"balance\":\"0xd3c21bcecceda1000000\"}}", signer(seed).address()))
        .collect();
    let text = format!(
        r#"{{"config":{{"chainId":{CHAIN_ID},"pragueTime":0,"osakaTime":0,
            "weft":{{"minBaseFeePerGas":1000000000,"feeRecipient":"0x00000000000000000000000000000000000000fe"}}}},
            "gasLimit":"0x1c9c380","difficulty":"0x0","alloc":{{{}}}}}"#,
        alloc.join(",")
    );
    ChainConfig::from_json(&text).unwrap()
}

pub fn sign(from: &Signer, fields: TxEip1559) -> Transaction {
    let signature = Signature::from_raw(&from.sign(fields.signature_hash()).0).unwrap();
    Transaction::decode(encode(&Envelope::from(fields.into_signed(signature))), CHAIN_ID).unwrap()
}

pub fn transfer_with(from: &Signer, nonce: u64, tip: u128, fee: u128) -> Transaction {
    let fields = TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: fee,
        max_priority_fee_per_gas: tip,
        to: TxKind::Call(Address::repeat_byte(0x77)),
        value: U256::from(1),
        ..TxEip1559::default()
    };
    sign(from, fields)
}

pub fn transfer(seed: u8, nonce: u64) -> Transaction {
    transfer_with(&signer(seed), nonce, GWEI, 3 * GWEI)
}

pub fn config() -> Config {
    Config {
        data_dir: "/".into(),
        chain: chain_config(),
        signer: signer(9),
        da_url: "http://127.0.0.1:1".to_owned(),
        settlement_url: "http://127.0.0.1:1".to_owned(),
        limits: Limits { store_min_free_bytes: 0, block_min_interval_ms: 0, ..Limits::default() },
        mempool: PoolLimits::default(),
        rpc: RpcConfig::default(),
    }
}

pub struct TestNode {
    pub backend: Backend,
    pub producer: Producer,
}

/// A sequencer over `kv`, whose blocks are made by hand.
pub fn open(kv: Arc<dyn Kv>, config: &Config) -> TestNode {
    let store = ChainStore::new(kv).index_accounts(config.limits.index_accounts).unwrap();
    let chain = Chain::open(config.chain.clone(), store, &config.limits).unwrap();
    let backend = Backend::new(Arc::new(chain), config).unwrap();
    let clock = Arc::new(ManualClock::default());
    clock.set_ms(1_700_000_000_000);
    let producer = Producer::new(backend.clone(), clock);
    TestNode { backend, producer }
}

pub fn node() -> TestNode {
    open(Arc::new(MemoryKv::default()), &config())
}

impl TestNode {
    /// Waits for the outcome. Admission has threads of its own, so this may block any other; a thread of tokio's too,
    /// whose budget for a task would otherwise run out with nobody to renew it.
    pub fn submit(&self, transaction: &Transaction) -> Result<B256, PoolError> {
        let outcome = self.backend.submit(transaction.raw().clone(), Gap::Wait);
        futures::executor::block_on(tokio::task::unconstrained(outcome))
    }

    /// Submits all and makes one block.
    pub fn block(&mut self, transactions: &[Transaction]) -> Option<Arc<crate::chain::FullBlock>> {
        for transaction in transactions {
            self.submit(transaction).unwrap();
        }
        self.producer.make_block(&[]).unwrap()
    }
}
