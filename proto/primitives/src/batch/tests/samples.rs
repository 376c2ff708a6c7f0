//! Strategies for transactions of every kind, and for what is none.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip4844, TxEip7702, TxLegacy};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_eips::eip7702::{Authorization, SignedAuthorization};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::batch::{Batch, BatchBlock};
use crate::transaction::{Envelope, encode};

/// The chain of all samples.
pub const CHAIN_ID: u64 = 31_337;

/// Few enough that they recur, so that tables get references.
fn address() -> impl Strategy<Value = Address> {
    prop_oneof![3 => (0u8..20).prop_map(Address::repeat_byte), 1 => any::<[u8; 20]>().prop_map(Address::new)]
}

fn word() -> impl Strategy<Value = U256> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(U256::from_be_bytes),
        any::<u64>().prop_map(U256::from),
        (0u64..1000, 0u32..60).prop_map(|(digits, zeros)| U256::from(digits) * U256::from(10).pow(U256::from(zeros))),
        Just(U256::ZERO),
        Just(U256::MAX),
    ]
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..200, prop::sample::select(vec![0, 21_000, 1_000_000_000, u64::MAX]), any::<u64>()]
}

/// r and s in range, as the curve makes them: s in the lower half.
pub fn signature() -> impl Strategy<Value = Signature> {
    (any::<[u8; 32]>(), any::<[u8; 32]>(), any::<bool>()).prop_map(|(r, mut s, y_parity)| {
        s[0] &= 0x7f;
        Signature::new(U256::from_be_bytes(r), U256::from_be_bytes(s), y_parity)
    })
}

/// ERC-20's calls, nearly ERC-20's calls, other calldata, none.
fn calldata() -> impl Strategy<Value = Bytes> {
    let selector =
        prop::sample::select(vec![[0xa9, 0x05, 0x9c, 0xbb], [0x23, 0xb8, 0x72, 0xdd], [0x09, 0x5e, 0xa7, 0xb3]]);
    let call = (selector, vec(address(), 1..3), word(), vec(any::<u8>(), 0..3), 0u32..12).prop_map(
        |(selector, addresses, amount, extra, odd)| {
            let mut data = selector.to_vec();
            for address in addresses {
                data.extend_from_slice(address.into_word().as_slice());
            }
            data.extend_from_slice(&amount.to_be_bytes::<32>());
            match odd {
                0 => data.extend_from_slice(&extra),
                1 => data[4] = 1,
                2 => data.truncate(50),
                _ => {}
            }
            data
        },
    );
    prop_oneof![Just(vec![]), call, vec(any::<u8>(), 1..300), vec(Just(0u8), 1..60)].prop_map(Bytes::from)
}

fn access_list() -> impl Strategy<Value = AccessList> {
    let item = (address(), vec(any::<[u8; 32]>().prop_map(B256::new), 0..3))
        .prop_map(|(address, storage_keys)| AccessListItem { address, storage_keys });
    vec(item, 0..3).prop_map(AccessList)
}

fn authorizations() -> impl Strategy<Value = Vec<SignedAuthorization>> {
    let one = (word(), address(), number(), signature()).prop_map(|(chain_id, address, nonce, signature)| {
        let inner = Authorization { chain_id, address, nonce };
        SignedAuthorization::new_unchecked(inner, signature.v().into(), signature.r(), signature.s())
    });
    vec(one, 0..3)
}

prop_compose! {
    /// A transaction of any type that the columns can hold; garbage may be signed, but not malformed.
    pub fn columnar()(
        form in 0u8..5, nonce in number(), fee in number(), tip in number(), gas_limit in number(),
        to in prop_oneof![4 => address().prop_map(TxKind::Call), 1 => Just(TxKind::Create)],
        value in word(), input in calldata(), access_list in access_list(),
        authorization_list in authorizations(), signature in signature(),
    ) -> Bytes {
        let (gas_price, max_fee_per_gas, max_priority_fee_per_gas) = (fee.into(), fee.into(), tip.into());
        let envelope: Envelope = match form {
            0 | 1 => TxLegacy { chain_id: (form == 1).then_some(CHAIN_ID), nonce, gas_price, gas_limit, to, value, input }
                .into_signed(signature).into(),
            2 => TxEip2930 { chain_id: CHAIN_ID, nonce, gas_price, gas_limit, to, value, access_list, input }
                .into_signed(signature).into(),
            3 => TxEip1559 {
                chain_id: CHAIN_ID, nonce, gas_limit, max_fee_per_gas, max_priority_fee_per_gas, to, value,
                access_list, input,
            }.into_signed(signature).into(),
            _ => TxEip7702 {
                chain_id: CHAIN_ID, nonce, gas_limit, max_fee_per_gas, max_priority_fee_per_gas,
                to: to.to().copied().unwrap_or_default(), value, access_list, authorization_list, input,
            }.into_signed(signature).into(),
        };
        encode(&envelope)
    }
}

prop_compose! {
    /// Transactions that alloy can make but the columns do not hold.
    pub fn odd()(
        which in 0u8..5, nonce in number(), other_chain in any::<u64>(), wide_fee in any::<u128>(),
        to in address(), value in word(), input in calldata(), signature in signature(),
        blob_versioned_hashes in vec(any::<[u8; 32]>().prop_map(B256::new), 1..3),
    ) -> Bytes {
        let chain_id = if which == 0 || which == 1 { CHAIN_ID ^ other_chain.max(1) } else { CHAIN_ID };
        let fee = if which == 2 { wide_fee | 1 << 64 } else { 7 };
        let high_s = Signature::new(signature.r(), signature.s() | U256::from(1) << 255, signature.v());
        let signature = if which == 3 { high_s } else { signature };
        let (gas_limit, access_list) = (21_000, AccessList::default());
        let envelope: Envelope = match which {
            0 => TxLegacy { chain_id: Some(chain_id >> 2), nonce, gas_price: fee, gas_limit, to: to.into(), value, input }
                .into_signed(signature).into(),
            1..=3 => TxEip1559 {
                chain_id, nonce, gas_limit, max_fee_per_gas: fee, max_priority_fee_per_gas: 1, to: to.into(), value,
                access_list, input,
            }.into_signed(signature).into(),
            _ => Envelope::Eip4844(TxEip4844 {
                chain_id, nonce, gas_limit, max_fee_per_gas: fee, max_priority_fee_per_gas: 1, to, value,
                access_list, input, blob_versioned_hashes, max_fee_per_blob_gas: 1,
            }.into_signed(signature)),
        };
        encode(&envelope)
    }
}

/// Bytes that are no transaction, or nearly one.
pub fn garbage() -> impl Strategy<Value = Bytes> {
    let random = vec(any::<u8>(), 0..200);
    let list = (0u8..6, vec(any::<u8>(), 0..55)).prop_map(|(first, payload)| {
        let mut bytes = vec![first, 0xc0 + payload.len() as u8];
        bytes.extend_from_slice(&payload);
        bytes
    });
    let mutated = (columnar(), any::<prop::sample::Index>(), any::<u8>(), 0u8..4).prop_map(|(raw, at, byte, how)| {
        let mut raw = raw.to_vec();
        let at = at.index(raw.len());
        match how {
            0 => raw[at] = byte,
            1 => raw.insert(at, byte),
            2 => raw.truncate(at),
            _ => raw.push(byte),
        }
        raw
    });
    prop_oneof![random, list, mutated].prop_map(Bytes::from)
}

/// A batch of anything.
pub fn batch() -> impl Strategy<Value = Batch> {
    let transaction = prop_oneof![6 => columnar(), 1 => odd(), 1 => garbage()];
    let block = (0u64..100, 0u32..5, vec(transaction, 0..6));
    (0..u64::MAX / 2, 0..u64::MAX / 2, 0..u64::MAX / 2, vec(block, 1..6)).prop_map(
        |(first_block, inbox_from, mut timestamp, blocks)| {
            let blocks = blocks.into_iter().map(|(delta, inbox_count, transactions)| {
                timestamp += delta;
                BatchBlock { timestamp, inbox_count, transactions }
            });
            Batch { chain_id: CHAIN_ID, first_block, inbox_from, blocks: blocks.collect() }
        },
    )
}
