//! Golden hashes, signers, and what a bit flip does.
#![allow(clippy::unwrap_used)]

use alloy_primitives::{Address, B256, b256};
use proptest::prelude::*;
use weft_primitives::Signer;

use super::*;
use crate::log::ExecutionVerdict;

fn signer() -> Signer {
    Signer::from_bytes([1; 32]).unwrap()
}

fn change() -> KeyChange {
    let (config_hash, new_key) = (B256::repeat_byte(2), Address::repeat_byte(3));
    KeyChange { chain_id: 31337, config_hash, new_key, epoch: 4 }
}

fn verdict() -> ExecutionVerdict {
    ExecutionVerdict { batch_index: 3, commitment: B256::repeat_byte(9), valid: true, stf_version: 1 }
}

#[test]
fn golden_hashes() {
    assert_eq!(change().hash(), b256!("5b301a03c2e06b955e8ecead9f67aeb89fbd0042fe0e60cf5c7ba73ac258e22c"));
    assert_eq!(verdict().hash(), b256!("c84cbd3e9e7a1bf31c00aacc64113263e2a84aa31940096115e863200e45ec93"));
}

fn head() -> LogHead {
    LogHead { chain_id: 31337, config_hash: B256::repeat_byte(2), seq: 7, hash: B256::repeat_byte(8) }
}

#[test]
fn a_signed_head_is_bound_to_chain_place_and_entry() {
    let (head, signer) = (head(), signer());
    let signature = head.sign(&signer);
    assert_eq!(head.signer(&signature), Ok(signer.address()));
    let others = [
        LogHead { chain_id: 1, ..head },
        LogHead { config_hash: B256::ZERO, ..head },
        LogHead { seq: 8, ..head },
        LogHead { hash: B256::ZERO, ..head },
    ];
    for other in others {
        assert_ne!(other.signer(&signature), Ok(signer.address()));
    }
}

#[test]
fn signers_are_recovered() {
    let signed = change().sign(&signer());
    assert_eq!(signed.signer(), Ok(signer().address()));
    assert_eq!(SignedKeyChange::decode(&signed.encode()), Ok(signed));
    assert_eq!(signed.encode().len(), SignedKeyChange::ENCODED_LEN);
    assert_eq!(verdict().sign(&signer()).verifier(), Ok(signer().address()));
    let other = ExecutionVerdict { valid: false, ..verdict() };
    let forged = SignedVerdict { verdict: other, ..verdict().sign(&signer()) };
    assert_ne!(forged.verifier(), Ok(signer().address()));
}

proptest! {
    #[test]
    fn any_bit_flip_of_a_key_change_breaks_its_signature(bit in 0..8 * KeyChange::ENCODED_LEN) {
        let mut bytes = change().sign(&signer()).encode();
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_ne!(SignedKeyChange::decode(&bytes).unwrap().signer(), Ok(signer().address()));
    }

    #[test]
    fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(signed) = SignedKeyChange::decode(&bytes) {
            prop_assert_eq!(signed.encode(), bytes);
        }
    }
}
