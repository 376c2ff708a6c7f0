//! Blocks built, published and judged again.
#![allow(clippy::unwrap_used)]

mod batches;
mod blocks;
mod calls;
mod dependence;
mod deposits;
mod evm;
mod forced;
mod genesis;
mod inbox;
mod lists;
mod random;
mod recovery;
mod simulations;
mod traces;
mod verdicts;
mod withdrawals;
mod witnesses;

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip7702};
use alloy_eips::eip7702::Authorization;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use weft_primitives::transaction::{Envelope, encode};
use weft_primitives::{ChainConfig, Signer, Transaction};
use weft_state::{Schedule, Tree, TreeKey, Value};

use crate::{BlockBuilder, Parent, Sealed, SkipReason, StateView, World};

pub(crate) const CHAIN_ID: u64 = 7;
pub(crate) const GWEI: u128 = 1_000_000_000;

pub(crate) fn signer(seed: u8) -> Signer {
    Signer::from_bytes([seed; 32]).unwrap()
}

/// Contracts that are there from the start: address and code.
pub(crate) mod contracts {
    use alloy_primitives::{Address, address};

    /// `sstore(calldataload(0), calldataload(32))`
    pub(crate) const STORE: (Address, &[u8]) =
        (address!("00000000000000000000000000000000000000c0"), &[0x60, 0x20, 0x35, 0x5f, 0x35, 0x55, 0x00]);
    /// Stores like [`STORE`], then `revert(0, 32)`.
    pub(crate) const REVERT: (Address, &[u8]) = (
        address!("00000000000000000000000000000000000000c1"),
        &[0x60, 0x20, 0x35, 0x5f, 0x35, 0x55, 0x60, 0x20, 0x5f, 0xfd],
    );
    /// A loop without end.
    pub(crate) const LOOP: (Address, &[u8]) =
        (address!("00000000000000000000000000000000000000c2"), &[0x5b, 0x5f, 0x56]);
    /// `log1(0, 32, calldataload(0))`
    pub(crate) const LOG: (Address, &[u8]) =
        (address!("00000000000000000000000000000000000000c3"), &[0x5f, 0x35, 0x60, 0x20, 0x5f, 0xa1, 0x00]);
    /// `create2` with the call data as init code, the call's value and salt 0; returns the address.
    pub(crate) const FACTORY: (Address, &[u8]) = (
        address!("00000000000000000000000000000000000000c4"),
        &[0x36, 0x5f, 0x5f, 0x37, 0x5f, 0x36, 0x5f, 0x34, 0xf5, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3],
    );
    /// `selfdestruct(caller)`
    pub(crate) const DESTRUCT: (Address, &[u8]) = (address!("00000000000000000000000000000000000000c5"), &[0x33, 0xff]);

    /// Slots of [`STORE`] that hold 3 from the start: enough for the tree to have depth there.
    pub(crate) fn slots() -> impl Iterator<Item = u64> {
        (0..16).map(|group| 1_000 + 256 * group)
    }

    pub(crate) const ALL: [(Address, &[u8]); 6] = [STORE, REVERT, LOOP, LOG, FACTORY, DESTRUCT];
}

/// Accounts of `signer(1)` to `signer(8)` with a million ETH each, and [`contracts`].
pub(crate) fn chain() -> ChainConfig {
    chain_with("")
}

/// The same with more parameters of Weft's own, each followed by a comma.
pub(crate) fn chain_with(parameters: &str) -> ChainConfig {
    let mut alloc: Vec<String> = (1..=8)
        .map(|seed| format!("\"{}\":{{\"balance\":\"0xd3c21bcecceda1000000\"}}", signer(seed).address()))
        .collect();
    let word = |value: u64| B256::from(U256::from(value));
    let slots: Vec<String> = contracts::slots().map(|slot| format!("\"{}\":\"{}\"", word(slot), word(3))).collect();
    alloc.extend(contracts::ALL.map(|(address, code)| {
        let slots = if address == contracts::STORE.0 { slots.join(",") } else { String::new() };
        let code = hex(code);
        format!(r#""{address}":{{"balance":"0x7","nonce":"0x1","code":"{code}","storage":{{{slots}}}}}"#)
    }));
    let text = format!(
        r#"{{"config":{{"chainId":{CHAIN_ID},"pragueTime":0,"osakaTime":0,
            "weft":{{{parameters}"minBaseFeePerGas":1000000000,"feeRecipient":"0x00000000000000000000000000000000000000fe"}}}},
            "gasLimit":"0x1c9c380","difficulty":"0x0","alloc":{{{}}}}}"#,
        alloc.join(",")
    );
    ChainConfig::from_json(&text).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    alloy_primitives::hex::encode_prefixed(bytes)
}

/// Two words.
pub(crate) fn words(first: u64, second: u64) -> Bytes {
    [U256::from(first).to_be_bytes::<32>(), U256::from(second).to_be_bytes::<32>()].concat().into()
}

pub(crate) fn call(from: &Signer, nonce: u64, to: Address, input: Bytes) -> Transaction {
    sign(from, TxEip1559 { input, ..fields(nonce, TxKind::Call(to)) })
}

/// The tree's root, computed from its leaves alone.
pub(crate) fn rebuilt_root(world: &World) -> B256 {
    Tree::from_leaves(leaves(world), Schedule::Sequential).unwrap().root()
}

pub(crate) type Leaves = Vec<(TreeKey, Value)>;

pub(crate) fn leaves(world: &World) -> Leaves {
    world.tree().leaves().collect::<Result<_, _>>().unwrap()
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
