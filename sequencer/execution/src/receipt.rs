//! Receipts: what a transaction did, and the root that the header commits to.
//!
//! A receipt here is a record of its own, with all that JSON-RPC tells about
//! it besides its place in the block; only part of it is consensus.
//! Deliberately absent: return and revert data.

use alloy_consensus::{Eip658Value, ReceiptEnvelope, ReceiptWithBloom};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bloom, Bytes, Log, LogData};
use alloy_trie::root::ordered_trie_root_with_encoder;
use rayon::prelude::*;
use weft_primitives::codec::{DecodeError, Reader, put_uvarint};

/// Topics of one log (LOG4).
const MAX_TOPICS: u64 = 4;

/// Fewer receipts than this are not worth another thread.
const MIN_PARALLEL: usize = 64;

/// What one transaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Hash of the transaction.
    pub transaction_hash: B256,
    /// Its EIP-2718 type.
    pub transaction_type: u8,
    /// Who sent it.
    pub from: Address,
    /// To whom; `None` for a creation.
    pub to: Option<Address>,
    /// The contract that it created.
    pub contract_address: Option<Address>,
    /// Whether it did not revert or halt.
    pub success: bool,
    /// Gas used by it.
    pub gas_used: u64,
    /// Gas used by the block up to and with it.
    pub cumulative_gas_used: u64,
    /// Wei paid for a gas.
    pub effective_gas_price: u128,
    /// Events in order.
    pub logs: Vec<Log>,
}

impl Receipt {
    /// The bloom filter over its logs.
    pub fn bloom(&self) -> Bloom {
        alloy_primitives::logs_bloom(&self.logs)
    }

    /// As Ethereum encodes it (EIP-2718), for the receipts root.
    pub fn consensus_bytes(&self) -> Vec<u8> {
        self.with_bloom(self.bloom())
    }

    fn with_bloom(&self, logs_bloom: Bloom) -> Vec<u8> {
        let receipt = alloy_consensus::Receipt {
            status: Eip658Value::Eip658(self.success),
            cumulative_gas_used: self.cumulative_gas_used,
            logs: self.logs.clone(),
        };
        let receipt = ReceiptWithBloom { receipt, logs_bloom };
        let envelope = match self.transaction_type {
            1 => ReceiptEnvelope::Eip2930(receipt),
            2 => ReceiptEnvelope::Eip1559(receipt),
            3 => ReceiptEnvelope::Eip4844(receipt),
            4 => ReceiptEnvelope::Eip7702(receipt),
            _ => ReceiptEnvelope::Legacy(receipt),
        };
        envelope.encoded_2718()
    }

    fn encode_into(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.transaction_hash.as_slice());
        out.extend_from_slice(&[self.transaction_type, u8::from(self.success)]);
        out.extend_from_slice(self.from.as_slice());
        put_address(out, self.to);
        put_address(out, self.contract_address);
        put_uvarint(out, self.gas_used);
        put_uvarint(out, self.cumulative_gas_used);
        out.extend_from_slice(&self.effective_gas_price.to_be_bytes());
        put_uvarint(out, self.logs.len() as u64);
        for log in &self.logs {
            out.extend_from_slice(log.address.as_slice());
            put_uvarint(out, log.topics().len() as u64);
            log.topics().iter().for_each(|topic| out.extend_from_slice(topic.as_slice()));
            put_uvarint(out, log.data.data.len() as u64);
            out.extend_from_slice(&log.data.data);
        }
    }

    fn decode_from(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            transaction_hash: reader.b256("transaction hash")?,
            transaction_type: reader.u8("transaction type")?,
            success: reader.u8("success")? != 0,
            from: reader.address("from")?,
            to: take_address(reader)?,
            contract_address: take_address(reader)?,
            gas_used: reader.uvarint("gas used")?,
            cumulative_gas_used: reader.uvarint("cumulative gas used")?,
            effective_gas_price: reader.array("effective gas price").map(u128::from_be_bytes)?,
            logs: take_logs(reader)?,
        })
    }
}

fn put_address(out: &mut Vec<u8>, address: Option<Address>) {
    out.push(u8::from(address.is_some()));
    out.extend_from_slice(address.as_ref().map_or(&[], |address| address.as_slice()));
}

fn take_address(reader: &mut Reader<'_>) -> Result<Option<Address>, DecodeError> {
    match reader.u8("address flag")? {
        0 => Ok(None),
        1 => reader.address("address").map(Some),
        _ => Err(DecodeError::Invalid { field: "address flag", why: "must be 0 or 1" }),
    }
}

fn take_logs(reader: &mut Reader<'_>) -> Result<Vec<Log>, DecodeError> {
    let count = reader.uvarint("logs")?;
    let mut logs = Vec::new();
    for _ in 0..count {
        let address = reader.address("log address")?;
        let topic_count = reader.uvarint("topics")?;
        if topic_count > MAX_TOPICS {
            return Err(DecodeError::TooLarge { field: "topics", value: topic_count, limit: MAX_TOPICS });
        }
        let topics = (0..topic_count).map(|_| reader.b256("topic")).collect::<Result<_, _>>()?;
        let len = usize::try_from(reader.uvarint("log data")?).unwrap_or(usize::MAX);
        let data = Bytes::copy_from_slice(reader.take("log data", len)?);
        logs.push(Log { address, data: LogData::new_unchecked(topics, data) });
    }
    Ok(logs)
}

/// The receipts of a block in one piece, for a store: count, then each.
pub fn encode_all(receipts: &[Receipt]) -> Vec<u8> {
    let mut out = Vec::with_capacity(receipts.len() * 160);
    put_uvarint(&mut out, receipts.len() as u64);
    receipts.iter().for_each(|receipt| receipt.encode_into(&mut out));
    out
}

/// Inverse of [`encode_all`].
pub fn decode_all(bytes: &[u8]) -> Result<Vec<Receipt>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let count = reader.uvarint("receipts")?;
    let mut receipts = Vec::new();
    for _ in 0..count {
        receipts.push(Receipt::decode_from(&mut reader)?);
    }
    reader.finish()?;
    Ok(receipts)
}

/// The header's `receipts_root` and `logs_bloom`.
pub fn receipts_root_and_bloom(receipts: &[Receipt]) -> (B256, Bloom) {
    let encode = |receipt: &Receipt| {
        let bloom = receipt.bloom();
        (receipt.with_bloom(bloom), bloom)
    };
    let encoded: Vec<(Vec<u8>, Bloom)> = receipts.par_iter().with_min_len(MIN_PARALLEL).map(encode).collect();
    let root = ordered_trie_root_with_encoder(&encoded, |(bytes, _), out| out.extend_from_slice(bytes));
    (root, encoded.iter().fold(Bloom::ZERO, |all, (_, bloom)| all | *bloom))
}
