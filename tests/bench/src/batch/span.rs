//! An OP Stack span batch in a brotli channel, for comparison alone.
//!
//! Written from the specification of the Delta upgrade ("Span batches") and, for the channel, of Fjord. Fields come in
//! columns: bits of contract creations and parities, signatures, recipients, then value, fees, calldata and access list
//! of each transaction together as RLP, nonces, gas limits. Left out, in their favour: the frames in which a channel is
//! posted, of 23 bytes each. Absent: decoding.

use std::io;

use alloy_consensus::Transaction as _;
use alloy_eips::Typed2718;
use alloy_eips::eip2718::Decodable2718;
use alloy_eips::eip2930::AccessList;
use alloy_primitives::{Bytes, Signature, U256};
use alloy_rlp::{Encodable, Header};
use brotli::enc::BrotliEncoderParams;
use weft_primitives::batch::Batch;
use weft_primitives::codec::put_uvarint;
use weft_primitives::transaction::Envelope;

/// Version of a batch: span.
const SPAN_BATCH: u8 = 1;

/// Version of a channel: brotli.
const BROTLI_CHANNEL: u8 = 1;

/// As OP's batcher compresses.
const QUALITY: i32 = 10;

/// Its library's default: a window of 4 MiB.
const WINDOW_BITS: i32 = 22;

/// What a span batch cannot say.
#[derive(Debug, thiserror::Error)]
pub enum SpanError {
    /// Not a transaction, or one of a type that rollups of this kind do not take.
    #[error("transaction {0} has no place in a span batch")]
    Transaction(usize),
    /// brotli failed.
    #[error("brotli: {0}")]
    Brotli(#[from] io::Error),
}

/// The channel with the batch as its only content.
pub fn channel(batch: &Batch) -> Result<Vec<u8>, SpanError> {
    let span = [&[SPAN_BATCH][..], &span(batch)?].concat();
    let params = BrotliEncoderParams { quality: QUALITY, lgwin: WINDOW_BITS, ..BrotliEncoderParams::default() };
    let mut out = vec![BROTLI_CHANNEL];
    brotli::BrotliCompress(&mut alloy_rlp::encode(Bytes::from(span)).as_slice(), &mut out, &params)?;
    Ok(out)
}

/// Prefix and payload of the span.
fn span(batch: &Batch) -> Result<Vec<u8>, SpanError> {
    let mut out = Vec::new();
    // Time since the rollup's genesis and number of the L1 block: of the size that they have on a chain of some years.
    put_uvarint(&mut out, 100_000_000);
    put_uvarint(&mut out, 20_000_000);
    // Start of the parent's hash and of the L1 block's.
    out.extend_from_slice(&blake3::hash(b"parent").as_bytes()[..20]);
    out.extend_from_slice(&blake3::hash(b"origin").as_bytes()[..20]);
    put_uvarint(&mut out, batch.blocks.len() as u64);
    // Six blocks in a row have one L1 block.
    put_bits(&mut out, (0..batch.blocks.len()).map(|block| block % 6 == 0));
    for block in &batch.blocks {
        put_uvarint(&mut out, block.transactions.len() as u64);
    }
    let decode = |(at, raw): (usize, &Bytes)| Fields::new(raw).ok_or(SpanError::Transaction(at));
    let all = batch.blocks.iter().flat_map(|block| &block.transactions).enumerate();
    put_transactions(&mut out, &all.map(decode).collect::<Result<Vec<_>, _>>()?);
    Ok(out)
}

/// A transaction whose type span batches know.
struct Fields {
    envelope: Envelope,
    signature: Signature,
}

impl Fields {
    fn new(raw: &Bytes) -> Option<Self> {
        let envelope = Envelope::decode_2718_exact(raw).ok()?;
        let signature = *envelope.signature();
        (envelope.ty() <= 2).then_some(Self { envelope, signature })
    }
}

fn put_transactions(out: &mut Vec<u8>, all: &[Fields]) {
    put_bits(out, all.iter().map(|fields| fields.envelope.to().is_none()));
    put_bits(out, all.iter().map(|fields| fields.signature.v()));
    for Fields { signature, .. } in all {
        out.extend_from_slice(&signature.r().to_be_bytes::<32>());
        out.extend_from_slice(&signature.s().to_be_bytes::<32>());
    }
    for to in all.iter().filter_map(|fields| fields.envelope.to()) {
        out.extend_from_slice(to.as_slice());
    }
    all.iter().for_each(|fields| put_data(out, &fields.envelope));
    all.iter().for_each(|fields| put_uvarint(out, fields.envelope.nonce()));
    all.iter().for_each(|fields| put_uvarint(out, fields.envelope.gas_limit()));
    let legacy = all.iter().filter(|fields| fields.envelope.is_legacy());
    put_bits(out, legacy.map(|fields| fields.envelope.chain_id().is_some()));
}

/// Value, fees, calldata and access list: the type byte of a typed one, and an RLP list.
fn put_data(out: &mut Vec<u8>, envelope: &Envelope) {
    let mut fields = Vec::new();
    envelope.value().encode(&mut fields);
    match (envelope.gas_price(), envelope.max_priority_fee_per_gas()) {
        (Some(price), _) => U256::from(price).encode(&mut fields),
        (None, tip) => {
            U256::from(tip.unwrap_or_default()).encode(&mut fields);
            U256::from(envelope.max_fee_per_gas()).encode(&mut fields);
        }
    }
    envelope.input().encode(&mut fields);
    if !envelope.is_legacy() {
        envelope.access_list().unwrap_or(&AccessList::default()).encode(&mut fields);
        out.push(envelope.ty());
    }
    Header { list: true, payload_length: fields.len() }.encode(out);
    out.extend_from_slice(&fields);
}

/// One big-endian number in as few bytes as hold so many bits; the first bit is the lowest.
fn put_bits(out: &mut Vec<u8>, bits: impl Iterator<Item = bool>) {
    let bits: Vec<bool> = bits.collect();
    let start = out.len();
    out.resize(start + bits.len().div_ceil(8), 0);
    let bytes = &mut out[start..];
    let last = bytes.len().saturating_sub(1);
    for (at, _) in bits.iter().enumerate().filter(|(_, bit)| **bit) {
        bytes[last - at / 8] |= 1 << (at % 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::hex;
    use weft_primitives::batch::BatchBlock;

    #[test]
    fn bits_are_one_number() {
        let mut out = Vec::new();
        put_bits(&mut out, [true, false, true, false, false, false, false, false, true].into_iter());
        assert_eq!(out, [0b0000_0001, 0b0000_0101]);
        put_bits(&mut out, [].into_iter());
        assert_eq!(out.len(), 2);
    }

    /// EIP-155's own example, as the specification spreads it.
    #[test]
    fn columns_of_one_transaction() {
        let raw = hex!(
            "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
        );
        let block = BatchBlock { timestamp: 1, inbox_count: 0, transactions: vec![raw.to_vec().into()] };
        let batch = Batch { chain_id: 1, first_block: 1, inbox_from: 0, blocks: vec![block] };
        let out = span(&batch).expect("a legacy transaction");
        let transactions = hex!(
            "00" "00"
            "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276"
            "67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
            "3535353535353535353535353535353535353535"
            "d0" "880de0b6b3a7640000" "8504a817c800" "80"
            "09" "88a401" "01"
        );
        assert!(out.ends_with(&[&[1, 1, 1][..], &transactions].concat()), "{}", hex::encode(out));
        assert!(channel(&batch).is_ok());
    }
}
