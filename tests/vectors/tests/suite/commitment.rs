//! Commitments: bytes, hash, signature.

use alloy_primitives::{B256, hex};
use serde_json::{Value, json};
use weft_primitives::codec::DecodeError;
use weft_primitives::signer::SignatureError;
use weft_primitives::{BatchHeader, SignedBatch, Signer};
use weft_vectors::golden;

/// A different value in every field.
pub fn header(seed: u8) -> BatchHeader {
    let word = |at: u8| B256::from(*blake3::hash(&[seed, at]).as_bytes());
    let base = u64::from(seed) << 40;
    BatchHeader {
        version: 1,
        chain_id: 31_337,
        config_hash: word(1),
        batch_index: base + 2,
        parent_commitment: word(3),
        first_block: base + 4,
        last_block: base + 5,
        last_block_hash: word(6),
        first_timestamp: base + 7,
        last_timestamp: base + 8,
        pre_state_root: word(9),
        post_state_root: word(10),
        da_data_root: word(11),
        payload_hash: word(12),
        payload_len: base + 13,
        da_height: base + 14,
        inbox_from: base + 15,
        inbox_to: base + 16,
        inbox_acc: word(17),
        withdrawals_root: word(18),
        withdrawals_count: base + 19,
        anchor_seq: base + 20,
        anchor_hash: word(21),
        leader_epoch: base + 22,
        tx_count: base + 23,
        gas_used: base + 24,
    }
}

pub fn signer(seed: u8) -> Signer {
    Signer::from_bytes([seed; 32]).unwrap()
}

/// What a signed commitment's bytes are worth.
fn verdict(bytes: &[u8]) -> &'static str {
    let signed = match SignedBatch::decode(bytes) {
        Ok(signed) => signed,
        Err(DecodeError::Invalid { field: "version", .. }) => return "version",
        Err(_) => return "length",
    };
    match signed.signer() {
        Ok(_) => "ok",
        Err(SignatureError::Length(_)) => "length",
        Err(SignatureError::RecoveryId(_)) => "signature_v",
        Err(SignatureError::HighS) => "signature_high_s",
        Err(SignatureError::Unrecoverable) => "signature_unrecoverable",
    }
}

fn accepted(name: &str, header: BatchHeader, seed: u8) -> Value {
    let key = signer(seed);
    let (hash, encoded) = (header.hash(), header.encode());
    let fields = json!({
        "version": header.version,
        "chain_id": header.chain_id,
        "config_hash": hex::encode(header.config_hash),
        "batch_index": header.batch_index,
        "parent_commitment": hex::encode(header.parent_commitment),
        "first_block": header.first_block,
        "last_block": header.last_block,
        "last_block_hash": hex::encode(header.last_block_hash),
        "first_timestamp": header.first_timestamp,
        "last_timestamp": header.last_timestamp,
        "pre_state_root": hex::encode(header.pre_state_root),
        "post_state_root": hex::encode(header.post_state_root),
        "da_data_root": hex::encode(header.da_data_root),
        "payload_hash": hex::encode(header.payload_hash),
        "payload_len": header.payload_len,
        "da_height": header.da_height,
        "inbox_from": header.inbox_from,
        "inbox_to": header.inbox_to,
        "inbox_acc": hex::encode(header.inbox_acc),
        "withdrawals_root": hex::encode(header.withdrawals_root),
        "withdrawals_count": header.withdrawals_count,
        "anchor_seq": header.anchor_seq,
        "anchor_hash": hex::encode(header.anchor_hash),
        "leader_epoch": header.leader_epoch,
        "tx_count": header.tx_count,
        "gas_used": header.gas_used,
    });
    let signed = header.sign(&key);
    assert_eq!(signed.signer(), Ok(key.address()));
    assert_eq!(verdict(&signed.encode()), "ok");
    json!({
        "name": name,
        "fields": fields,
        "commitment": hex::encode(encoded),
        "hash": hex::encode(hash),
        "key": hex::encode(key.secret_bytes()),
        "signed": hex::encode(signed.encode()),
        "signer": hex::encode(key.address()),
        "verdict": "ok",
    })
}

#[test]
fn commitments() {
    let largest = BatchHeader { batch_index: u64::MAX, gas_used: u64::MAX, ..header(3) };
    let genesis = BatchHeader { version: 1, chain_id: 1, ..BatchHeader::default() };
    let mut vectors = vec![
        accepted("a different value in every field", header(1), 1),
        accepted("another key", header(2), 0x77),
        accepted("nothing but a chain", genesis, 1),
        accepted("largest numbers", largest, 9),
    ];
    let good = header(1).sign(&signer(1)).encode();
    let (r, s, v) = (good.len() - 65, good.len() - 33, good.len() - 1);
    let edited = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        edit(&mut bytes);
        bytes
    };
    let order = hex!("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    let refused = [
        ("a byte less", "length", edited(&|bytes| bytes.truncate(v))),
        ("a byte more", "length", edited(&|bytes| bytes.push(0))),
        ("version 2", "version", edited(&|bytes| bytes[3] = 2)),
        ("v of 0", "signature_v", edited(&|bytes| bytes[v] = 0)),
        ("v of 29", "signature_v", edited(&|bytes| bytes[v] = 29)),
        ("s in the upper half", "signature_high_s", edited(&|bytes| bytes[s] = 0x80)),
        ("r is the order", "signature_unrecoverable", edited(&|bytes| bytes[r..s].copy_from_slice(&order))),
        ("r is zero", "signature_unrecoverable", edited(&|bytes| bytes[r..s].fill(0))),
        ("s is zero", "signature_unrecoverable", edited(&|bytes| bytes[s..v].fill(0))),
    ];
    for (name, want, bytes) in refused {
        assert_eq!(verdict(&bytes), want, "{name}");
        vectors.push(json!({ "name": name, "signed": hex::encode(bytes), "verdict": want }));
    }
    golden("commitment", "commitments", "Signed commitments, signed with the nonce of RFC 6979.", vectors);
}
