//! Batches: what they decode to, and what is refused.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_eips::eip7702::{Authorization, SignedAuthorization};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, hex};
use serde_json::{Value, json};
use weft_primitives::batch::{Batch, BatchBlock, Level};
use weft_primitives::transaction::{Envelope, encode};
use weft_vectors::{golden, kept, writing};

use crate::batch_bytes::refusals;

const CHAIN_ID: u64 = 31_337;

/// A made-up signature that is right in form.
fn signature(seed: u8, parity: bool) -> Signature {
    let half = |byte: u8| U256::from_be_bytes(*blake3::hash(&[seed, byte]).as_bytes());
    Signature::new(half(1), half(2) >> 1, parity)
}

fn who(seed: u8) -> Address {
    Address::from_slice(&blake3::hash(&[seed]).as_bytes()[..20])
}

/// An ERC-20 call: selector, addresses, amount.
fn call(selector: [u8; 4], addresses: &[Address], amount: U256) -> Bytes {
    let mut data = selector.to_vec();
    addresses.iter().for_each(|address| data.extend_from_slice(address.into_word().as_slice()));
    data.extend_from_slice(&amount.to_be_bytes::<32>());
    data.into()
}

fn list() -> AccessList {
    AccessList(vec![AccessListItem { address: who(9), storage_keys: vec![B256::repeat_byte(1), B256::ZERO] }])
}

fn legacy(chain_id: Option<u64>, nonce: u64, value: U256) -> TxLegacy {
    let (gas_price, gas_limit, to) = (2_000_000_000, 21_000, TxKind::Call(who(1)));
    TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input: Bytes::new() }
}

fn dynamic(nonce: u64, to: TxKind, value: U256, input: Bytes) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 100_000,
        max_fee_per_gas: 3_000_000_000,
        max_priority_fee_per_gas: 1_000_000,
        to,
        value,
        access_list: AccessList::default(),
        input,
    }
}

fn signed(seed: u8, transaction: impl Into<EnvelopeOf>) -> Bytes {
    transaction.into().signed(signature(seed, seed % 2 == 1))
}

/// A transaction of any type that can be signed here.
enum EnvelopeOf {
    Legacy(TxLegacy),
    List(TxEip2930),
    Dynamic(TxEip1559),
    SetCode(TxEip7702),
}

impl EnvelopeOf {
    fn signed(self, signature: Signature) -> Bytes {
        let envelope: Envelope = match self {
            Self::Legacy(transaction) => transaction.into_signed(signature).into(),
            Self::List(transaction) => transaction.into_signed(signature).into(),
            Self::Dynamic(transaction) => transaction.into_signed(signature).into(),
            Self::SetCode(transaction) => transaction.into_signed(signature).into(),
        };
        encode(&envelope)
    }
}

macro_rules! envelope_of {
    ($($variant:ident: $transaction:ty,)*) => {
        $(impl From<$transaction> for EnvelopeOf {
            fn from(transaction: $transaction) -> Self {
                Self::$variant(transaction)
            }
        })*
    };
}

envelope_of! {
    Legacy: TxLegacy,
    List: TxEip2930,
    Dynamic: TxEip1559,
    SetCode: TxEip7702,
}

fn ether(amount: u64) -> U256 {
    U256::from(amount) * U256::from(10u64).pow(U256::from(18))
}

/// A transaction of each type and shape.
fn every_kind() -> Vec<Bytes> {
    let to = |seed| TxKind::Call(who(seed));
    let (transfer, transfer_from, approve) = ([0xa9, 5, 0x9c, 0xbb], [0x23, 0xb8, 0x72, 0xdd], [9, 0x5e, 0xa7, 0xb3]);
    let authorization = Authorization { chain_id: U256::from(CHAIN_ID), address: who(4), nonce: 7 };
    let authorization = SignedAuthorization::new_unchecked(authorization, 1, U256::from(5), U256::from(6));
    let create = TxEip2930 {
        chain_id: CHAIN_ID,
        nonce: 300,
        gas_price: 2_000_000_000,
        gas_limit: 1_000_000,
        to: TxKind::Create,
        value: U256::ZERO,
        access_list: list(),
        input: hex!("600a600c600039600a6000f3").into(),
    };
    let set_code = TxEip7702 {
        chain_id: CHAIN_ID,
        nonce: 1 << 40,
        gas_limit: 100_000,
        max_fee_per_gas: 3_000_000_000,
        max_priority_fee_per_gas: 1_000_000,
        to: who(3),
        value: U256::from(1),
        access_list: list(),
        authorization_list: vec![authorization],
        input: hex!("01").into(),
    };
    let with_list = TxEip1559 { access_list: list(), ..dynamic(4, to(2), U256::ZERO, hex!("00").into()) };
    vec![
        signed(1, legacy(None, 0, ether(1))),
        signed(2, legacy(Some(CHAIN_ID), 127, ether(15) / U256::from(10))),
        signed(3, create),
        signed(4, dynamic(128, to(1), U256::ZERO, Bytes::new())),
        signed(5, dynamic(2, to(2), U256::ZERO, call(transfer, &[who(1)], U256::from(1_500_000)))),
        signed(6, dynamic(3, to(2), U256::ZERO, call(transfer_from, &[who(5), who(1)], U256::ZERO))),
        signed(7, dynamic(u64::MAX, to(2), U256::from(1), call(approve, &[who(6)], U256::MAX))),
        signed(8, with_list),
        signed(9, set_code),
        // A mantissa of more than 64 bits; a word that is no address; bytes after a call.
        signed(10, dynamic(5, to(1), (U256::from(1) << 64) + U256::from(3), Bytes::new())),
        signed(11, dynamic(6, to(2), U256::ZERO, [&transfer[..], &[1; 64]].concat().into())),
        signed(
            12,
            dynamic(7, to(2), U256::ZERO, [&call(transfer, &[who(1)], U256::from(1))[..], &[0]].concat().into()),
        ),
        signed(13, dynamic(8, TxKind::Create, ether(1), hex!("fe").into())),
    ]
}

/// What only the escape column carries.
fn escapes() -> Vec<Bytes> {
    let dear = TxEip1559 { max_fee_per_gas: 1 << 64, ..dynamic(0, TxKind::Call(who(1)), ether(1), Bytes::new()) };
    let mut high_s = signed(1, legacy(None, 0, ether(1))).to_vec();
    let s = high_s.len() - 32;
    high_s[s] |= 0x80;
    vec![
        Bytes::new(),
        hex!("03c0").into(),
        hex!("ff").into(),
        signed(2, legacy(Some(CHAIN_ID + 1), 0, ether(1))),
        signed(3, dear),
        high_s.into(),
        signed(4, legacy(None, 0, ether(1))).slice(1..),
    ]
}

fn batch(first_block: u64, inbox_from: u64, blocks: Vec<BatchBlock>) -> Batch {
    Batch { chain_id: CHAIN_ID, first_block, inbox_from, blocks }
}

fn block(timestamp: u64, inbox_count: u32, transactions: Vec<Bytes>) -> BatchBlock {
    BatchBlock { timestamp, inbox_count, transactions }
}

fn batches() -> Vec<(&'static str, Batch)> {
    let kinds = every_kind();
    let many = (0..300).map(|at| block(1_800_000_000 + at / 7, 0, vec![kinds[at as usize % kinds.len()].clone()]));
    vec![
        ("one empty block", batch(1, 0, vec![block(0, 0, vec![])])),
        ("inbox alone", batch(128, 2, vec![block(200, 3, vec![]), block(200, 1024, vec![])])),
        ("every kind", batch(1_000, 5, vec![block(1_700_000_000, 2, kinds.clone())])),
        ("escapes", batch(u64::MAX, 0, vec![block(u64::MAX, 0, escapes())])),
        ("blocks and both", {
            let mixed = kinds.iter().zip(escapes()).map(|(one, other)| vec![one.clone(), other]);
            let blocks = mixed.zip(0..).map(|(both, at)| block(1_700_000_000 + 1_000 * at, at as u32, both));
            batch(7, 1 << 33, blocks.collect())
        }),
        ("references", batch(9, 0, many.collect())),
    ]
}

fn vector(name: &str, bytes: &[u8], batch: &Batch) -> Value {
    let block = |block: &BatchBlock| {
        let transactions: Vec<String> = block.transactions.iter().map(hex::encode).collect();
        json!({ "timestamp": block.timestamp, "inbox_count": block.inbox_count, "transactions": transactions })
    };
    json!({
        "name": name,
        "batch": hex::encode(bytes),
        "verdict": "ok",
        "chain_id": batch.chain_id,
        "first_block": batch.first_block,
        "inbox_from": batch.inbox_from,
        "blocks": batch.blocks.iter().map(block).collect::<Vec<_>>(),
    })
}

#[test]
fn plain() {
    let made = batches().into_iter().map(|(name, batch)| {
        let bytes = batch.encode(Level::NONE).unwrap();
        assert_eq!(Batch::decode(&bytes).as_ref(), Ok(&batch), "{name}");
        vector(name, &bytes, &batch)
    });
    golden("batch", "plain", "Batches whose columns are all raw: an encoder has no choice.", made.collect());
}

/// What zstd makes of a column is the encoder's choice, and may change with its version: what counts is decoding.
#[test]
fn compressed() {
    let about = "The same batches with columns compressed by zstd. Another encoder's bytes may differ.";
    let made = batches().into_iter().enumerate().map(|(at, (name, batch))| {
        let bytes = if writing() {
            batch.encode(Level::SMALLEST).unwrap()
        } else {
            hex::decode(kept("batch", "compressed")["vectors"][at]["batch"].as_str().unwrap()).unwrap()
        };
        assert_eq!(Batch::decode(&bytes).as_ref(), Ok(&batch), "{name}");
        vector(name, &bytes, &batch)
    });
    golden("batch", "compressed", about, made.collect());
}

#[test]
fn refused() {
    let about = "Bytes that no encoder makes of a batch. The first is a batch, and the others differ from it in what \
                 their name says.";
    let made = refusals().into_iter().map(|(name, bytes, verdict)| {
        let found = if Batch::decode(&bytes).is_ok() { "ok" } else { "refused" };
        assert_eq!(found, verdict, "{name}: {:?}", Batch::decode(&bytes));
        json!({ "name": name, "batch": hex::encode(bytes), "verdict": verdict })
    });
    golden("batch", "refused", about, made.collect());
}

/// Damage to golden batches is refused or is another batch, which then has its own one encoding; nothing panics.
#[test]
fn damage() {
    if writing() {
        return;
    }
    for file in ["plain", "compressed", "refused"] {
        for vector in kept("batch", file)["vectors"].as_array().unwrap() {
            let golden = hex::decode(vector["batch"].as_str().unwrap()).unwrap();
            for at in 0..golden.len().min(4_000) {
                for flip in [1, 0x80, 0xff] {
                    let mut bytes = golden.clone();
                    bytes[at] ^= flip;
                    if let Ok(batch) = Batch::decode(&bytes) {
                        let again = batch.encode(Level::NONE).unwrap();
                        assert_eq!(Batch::decode(&again), Ok(batch), "{file}, {}: byte {at}", vector["name"]);
                        assert!(file != "plain" || again == bytes, "{}: byte {at}", vector["name"]);
                    }
                }
                // One of those refused is a batch and a byte.
                if vector["verdict"] == "ok" {
                    assert!(Batch::decode(&golden[..at]).is_err(), "{file}, {}: cut at {at}", vector["name"]);
                }
            }
        }
    }
}
