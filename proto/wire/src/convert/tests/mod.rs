//! Round trips, and refusals of what peers may send.
#![allow(clippy::unwrap_used)]

mod da;
mod light;
mod sequencer;
mod settlement;

use std::fmt::Debug;

use alloy_primitives::{B256, U256};
use proptest::prelude::*;
use prost::Message;
use weft_primitives::{BatchHeader, Signature, SignedBatch, Signer};

use super::{WireError, u256, wei};

fn signer() -> Signer {
    Signer::from_bytes([5; 32]).unwrap()
}

fn hashes() -> impl Strategy<Value = B256> + Clone {
    any::<[u8; 32]>().prop_map(B256::new)
}

/// Commitments with any values in all fields, and any signature.
fn commitments() -> impl Strategy<Value = SignedBatch> {
    let bytes = prop::collection::vec(any::<u8>(), BatchHeader::ENCODED_LEN);
    (bytes, prop::collection::vec(any::<u8>(), 65)).prop_map(|(mut header, signature)| {
        header[..4].copy_from_slice(&weft_primitives::commitment::VERSION.to_be_bytes());
        let header = BatchHeader::decode(&header).unwrap();
        SignedBatch { header, signature: Signature::from_slice(&signature).unwrap() }
    })
}

/// A byte of a message to damage, and how.
fn damage() -> impl Strategy<Value = (prop::sample::Index, u8)> {
    (any::<prop::sample::Index>(), 1u8..)
}

/// Damaged bytes are refused, or give a value that survives the way to the wire and back; they do no other harm.
fn survives<M, T>(message: &M, (at, flip): (prop::sample::Index, u8))
where
    M: Message + Default + for<'a> From<&'a T>,
    T: TryFrom<M, Error = WireError> + PartialEq + Debug,
{
    let mut bytes = message.encode_to_vec();
    let at = at.index(bytes.len());
    bytes[at] ^= flip;
    if let Ok(Ok(value)) = M::decode(&bytes[..]).map(T::try_from) {
        assert_eq!(T::try_from(M::from(&value)), Ok(value));
    }
}

#[test]
fn amounts() {
    for value in [U256::ZERO, U256::from(300), U256::MAX] {
        assert_eq!(u256("x", &wei(value)), Ok(value));
    }
    assert!(u256("x", &[0, 1]).is_err());
    assert!(u256("x", &[1; 33]).is_err());
}
