//! Broken promises: evidence that a batch has another block than was promised.

use alloy_primitives::{B256, Bytes, hex};
use serde_json::{Value, json};
use weft_primitives::promise::EvidenceFault;
use weft_primitives::{BatchHeader, BlockHeader, Evidence, Promise};
use weft_vectors::golden;

use crate::commitment::signer;
use crate::fields;

/// Headers of blocks 5 to 8, linked.
fn headers() -> Vec<BlockHeader> {
    let mut headers: Vec<BlockHeader> = Vec::new();
    for number in 5..=8 {
        let parent_hash = headers.last().map_or(B256::ZERO, BlockHeader::hash_slow);
        headers.push(BlockHeader { number, parent_hash, gas_used: 300 * number, ..Default::default() });
    }
    headers
}

/// Evidence about block `number`.
fn about(number: u64) -> Evidence {
    let promise = Promise {
        chain_id: 31_337,
        config_hash: B256::repeat_byte(2),
        base: B256::repeat_byte(3),
        number,
        block_hash: B256::repeat_byte(4),
    };
    let after = headers().into_iter().rev().filter(|header| header.number > number);
    let headers = after.map(|header| alloy_rlp::encode(header).into()).collect();
    Evidence { promise: promise.sign(&signer(1)), commitment: B256::repeat_byte(5), headers }
}

fn vector(name: &str, bytes: &[u8]) -> Value {
    let headers = headers();
    let claim = BatchHeader {
        first_block: 5,
        last_block: 8,
        last_block_hash: headers[3].hash_slow(),
        ..BatchHeader::default()
    };
    let mut vector = json!({
        "name": name,
        "evidence": hex::encode(bytes),
        "first_block": claim.first_block,
        "last_block": claim.last_block,
        "last_block_hash": hex::encode(claim.last_block_hash),
    });
    let Ok(evidence) = Evidence::decode(bytes) else {
        vector["verdict"] = "decode".into();
        return vector;
    };
    vector["promise"] = fields::promise(&evidence.promise);
    vector["promise_hash"] = hex::encode(evidence.promise.promise.hash()).into();
    vector["signer"] = hex::encode(evidence.promise.signer().unwrap()).into();
    vector["verdict"] = match evidence.stands(&claim) {
        Ok(hash) => hex::encode(hash).into(),
        Err(EvidenceFault::OutsideBatch { .. }) => "OUTSIDE_BATCH".into(),
        Err(EvidenceFault::Short { .. } | EvidenceFault::Unlinked(_)) => "UNLINKED".into(),
    };
    vector
}

#[test]
fn evidence() {
    let of = |name: &str, number: u64| vector(name, &about(number).encode());
    let with = |name: &str, edit: &dyn Fn(&mut Vec<Bytes>)| {
        let mut evidence = about(6);
        edit(&mut evidence.headers);
        vector(name, &evidence.encode())
    };
    let good = about(6).encode();
    let vectors = vec![
        of("the batch's first block", 5),
        of("a block in its midst", 6),
        of("its last block", 8),
        of("the block before it", 4),
        of("the block after it", 9),
        with("a header too few", &|headers| drop(headers.pop())),
        with("a header too many", &|headers| headers.push(headers[1].clone())),
        with("headers in another order", &|headers| headers.swap(0, 1)),
        with("a header with a byte more", &|headers| headers[1] = [&headers[1][..], &[0]].concat().into()),
        with("an empty header", &|headers| headers[1] = Bytes::new()),
        with("a header of 2,049 bytes", &|headers| headers[0] = vec![0; 2_049].into()),
        vector("cut in a header", &good[..good.len() - 1]),
        vector("cut in a length", &about(8).encode()[..].iter().copied().chain([0; 3]).collect::<Vec<_>>()),
        vector("cut in the promise", &good[..180]),
        vector("version 2", &[&[0, 0, 0, 2], &good[4..]].concat()),
    ];
    golden("commitment", "evidence", "Evidence of a broken promise, against what a commitment says.", vectors);
}
