//! Blocks built, published and judged again.
#![allow(clippy::unwrap_used)]

mod blocks;
mod verdicts;

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip7702};
use alloy_eips::eip7702::Authorization;
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256};
use weft_primitives::transaction::{Envelope, encode};
use weft_primitives::{ChainConfig, Signer, Transaction};

use crate::{BlockBuilder, Parent, Sealed, SkipReason, StateView, World};

pub(crate) const CHAIN_ID: u64 = 7;
pub(crate) const GWEI: u128 = 1_000_000_000;

pub(crate) fn signer(seed: u8) -> Signer {
    Signer::from_bytes([seed; 32]).unwrap()
}

/// Accounts of `signer(1)` to `signer(8)` with a million ETH each.
pub(crate) fn chain() -> ChainConfig {
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

pub(crate) struct Node {
    pub(crate) chain: ChainConfig,
    pub(crate) world: World,
    pub(crate) head: Parent,
}

impl Node {
    pub(crate) fn new() -> Self {
        let chain = chain();
        let (world, header, _) = World::genesis(&chain).unwrap();
        Self { chain, world, head: Parent::new(header) }
    }

    pub(crate) fn block(&mut self, transactions: Vec<Transaction>) -> (Sealed, Vec<SkipReason>) {
        let mut builder = BlockBuilder::new(&self.chain, &self.head, 100, &self.world).unwrap();
        let skipped = transactions
            .into_iter()
            .filter_map(|transaction| builder.transaction(transaction).unwrap().err())
            .collect();
        let sealed = builder.finish().seal(&self.chain, &self.head, &mut self.world).unwrap();
        self.head = Parent { header: sealed.header.clone(), hash: sealed.hash };
        (sealed, skipped)
    }

    pub(crate) fn balance(&self, address: Address) -> U256 {
        self.world.account(address).unwrap().map_or(U256::ZERO, |stored| stored.account.balance)
    }
}

pub(crate) fn fields(nonce: u64, to: TxKind) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 1_000_000,
        max_fee_per_gas: 3 * GWEI,
        max_priority_fee_per_gas: GWEI,
        to,
        ..TxEip1559::default()
    }
}

pub(crate) fn sign(from: &Signer, fields: TxEip1559) -> Transaction {
    let signature = Signature::from_raw(&from.sign(fields.signature_hash()).0).unwrap();
    Transaction::decode(encode(&Envelope::from(fields.into_signed(signature))), CHAIN_ID).unwrap()
}

pub(crate) fn transfer(from: &Signer, nonce: u64, to: Address, value: u64) -> Transaction {
    sign(from, TxEip1559 { value: U256::from(value), gas_limit: 21_000, ..fields(nonce, TxKind::Call(to)) })
}

/// Init code that deploys `runtime`.
pub(crate) fn deployment(runtime: &[u8]) -> Bytes {
    let len = runtime.len() as u8;
    // PUSH1 len, DUP1, PUSH1 9, PUSH0, CODECOPY, PUSH0, RETURN
    let mut code = vec![0x60, len, 0x80, 0x60, 0x09, 0x5f, 0x39, 0x5f, 0xf3];
    code.extend_from_slice(runtime);
    code.into()
}

pub(crate) fn delegate(from: &Signer, nonce: u64, target: Address) -> Transaction {
    let authorization = Authorization { chain_id: U256::from(CHAIN_ID), address: target, nonce: nonce + 1 };
    let signature = Signature::from_raw(&from.sign(authorization.signature_hash()).0).unwrap();
    let fields = TxEip7702 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 200_000,
        max_fee_per_gas: 3 * GWEI,
        max_priority_fee_per_gas: GWEI,
        to: from.address(),
        authorization_list: vec![authorization.into_signed(signature)],
        ..TxEip7702::default()
    };
    let signature = Signature::from_raw(&from.sign(fields.signature_hash()).0).unwrap();
    Transaction::decode(encode(&Envelope::from(fields.into_signed(signature))), CHAIN_ID).unwrap()
}
