//! Blocks and receipts.

use alloy_primitives::{B256, Log, LogData, U256, keccak256};
use alloy_rlp::Decodable;
use bytes::Bytes;
use weft_primitives::limits::MAX_TRANSACTION_BYTES;
use weft_primitives::{Block, BlockHeader};

use super::field::{WireError, address, bytes, hash, hashes, wei};
use crate::pb::sequencer::v1 as pb;

/// A block from a peer: its header fits its hash; the transactions are as they came.
#[derive(Clone, Debug)]
pub struct WireBlock {
    /// The header.
    pub header: BlockHeader,
    /// Its hash.
    pub hash: B256,
    /// Inbox items consumed.
    pub inbox_count: u32,
    /// Leading transactions that came from the inbox.
    pub inbox_included: u32,
    /// EIP-2718 bytes.
    pub transactions: Vec<Bytes>,
}

/// A header from a peer: well formed, and nothing else.
pub fn header(mut rlp: &[u8]) -> Result<BlockHeader, WireError> {
    let header = BlockHeader::decode(&mut rlp).map_err(|error| WireError::new("header_rlp", error.to_string()))?;
    if rlp.is_empty() { Ok(header) } else { Err(WireError::new("header_rlp", "has bytes after it")) }
}

/// A block for the wire.
pub fn block(block: &Block, block_hash: B256) -> pb::Block {
    pb::Block {
        number: block.header.number,
        hash: bytes(block_hash),
        timestamp_s: block.header.timestamp,
        header_rlp: alloy_rlp::encode(&block.header).into(),
        inbox_count: block.body.inbox_count,
        inbox_included: block.body.inbox_included,
        transactions: block.body.transactions.iter().map(|transaction| transaction.raw().0.clone()).collect(),
    }
}

impl TryFrom<pb::Block> for WireBlock {
    type Error = WireError;

    fn try_from(block: pb::Block) -> Result<Self, WireError> {
        let block_hash = hash("hash", &block.hash)?;
        let header = header(&block.header_rlp)?;
        // The bytes and what was read from them: another encoding of the same header is not taken.
        if keccak256(&block.header_rlp) != block_hash || header.hash_slow() != block_hash {
            return Err(WireError::new("hash", "is not that of header_rlp"));
        }
        if header.number != block.number || header.timestamp != block.timestamp_s {
            return Err(WireError::new("number", "or time differs from the header's"));
        }
        if block.inbox_included > block.inbox_count || block.inbox_included as usize > block.transactions.len() {
            return Err(WireError::new("inbox_included", "is more than was consumed, or than there are transactions"));
        }
        if block.transactions.iter().any(|transaction| transaction.len() > MAX_TRANSACTION_BYTES) {
            return Err(WireError::new("transactions", format!("one is longer than {MAX_TRANSACTION_BYTES} bytes")));
        }
        Ok(Self {
            header,
            hash: block_hash,
            inbox_count: block.inbox_count,
            inbox_included: block.inbox_included,
            transactions: block.transactions,
        })
    }
}

/// Where a receipt stands and the parts that weft-execution's receipt has; that crate is not known here.
pub mod receipt {
    use alloy_primitives::Address;

    use super::*;

    /// A receipt's fields.
    #[derive(Clone, Debug)]
    pub struct Parts<'a> {
        /// Hash of the transaction.
        pub transaction_hash: B256,
        /// Position in the block.
        pub transaction_index: u32,
        /// Height of the block.
        pub block_number: u64,
        /// Hash of the block.
        pub block_hash: B256,
        /// EIP-2718 type.
        pub transaction_type: u8,
        /// Whether it did not revert.
        pub success: bool,
        /// Sender.
        pub from: Address,
        /// Recipient.
        pub to: Option<Address>,
        /// Created contract.
        pub contract_address: Option<Address>,
        /// Gas used.
        pub gas_used: u64,
        /// Gas used by the block up to it.
        pub cumulative_gas_used: u64,
        /// Wei a gas.
        pub effective_gas_price: u128,
        /// Events.
        pub logs: &'a [Log],
        /// Position of the first event in the block.
        pub first_log_index: u32,
    }

    /// For the wire.
    pub fn encode(parts: Parts<'_>) -> pb::Receipt {
        let logs = (parts.first_log_index..).zip(parts.logs).map(|(log_index, log)| pb::Log {
            address: bytes(log.address),
            topics: log.topics().iter().map(bytes).collect(),
            data: log.data.data.0.clone(),
            log_index,
        });
        pb::Receipt {
            transaction_hash: bytes(parts.transaction_hash),
            transaction_index: parts.transaction_index,
            block_number: parts.block_number,
            block_hash: bytes(parts.block_hash),
            transaction_type: parts.transaction_type.into(),
            success: parts.success,
            from: bytes(parts.from),
            to: parts.to.map(bytes).unwrap_or_default(),
            contract_address: parts.contract_address.map(bytes).unwrap_or_default(),
            gas_used: parts.gas_used,
            cumulative_gas_used: parts.cumulative_gas_used,
            effective_gas_price_wei: wei(U256::from(parts.effective_gas_price)),
            logs: logs.collect(),
        }
    }

    /// The events of a receipt from the wire.
    pub fn logs(receipt: &pb::Receipt) -> Result<Vec<Log>, WireError> {
        let log = |log: &pb::Log| {
            let topics = hashes("topics", &log.topics)?;
            let data = LogData::new(topics, log.data.clone().into())
                .ok_or_else(|| WireError::new("topics", "more than four"))?;
            Ok(Log { address: address("address", &log.address)?, data })
        };
        receipt.logs.iter().map(log).collect()
    }
}
