//! The records and their bytes. They are this node's own; nothing of them is part of the protocol.

use alloy_rlp::Decodable;
use weft_primitives::codec::{DecodeError, Reader, put_uvarint};
use weft_primitives::{Address, B256, BatchHeader, BlockBody, BlockHeader, Bytes, SignedBatch, Transaction};
use weft_settlement::ForcedBatch;

/// A sealed block, and the inbox after it.
#[derive(Clone, Debug)]
pub struct StoredBlock {
    /// The header.
    pub header: BlockHeader,
    /// Its hash.
    pub hash: B256,
    /// Transactions and inbox use.
    pub body: BlockBody,
    /// First inbox item not consumed after the block.
    pub inbox_cursor: u64,
    /// Accumulator over the consumed ones.
    pub inbox_acc: B256,
    /// Withdrawals since genesis.
    pub withdrawals: u64,
}

/// The newest block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub number: u64,
}

/// How far the settlement log was followed, and what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogState {
    /// Newest entry seen.
    pub seq: u64,
    /// Its hash.
    pub hash: B256,
    /// Its time, milliseconds.
    pub time_ms: u64,
    /// Newest block whose data is available.
    pub safe: u64,
    /// Newest final block.
    pub finalized: u64,
    /// First inbox item not seen.
    pub inbox_len: u64,
    /// The newest key change, if there was one.
    pub posting: Option<PostingKey>,
}

/// Whose commitments settlement takes, and from which epoch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostingKey {
    /// The key.
    pub address: Address,
    /// The epoch that it opened.
    pub epoch: u64,
}

/// How far a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum BatchStage {
    /// Cut and stored.
    Sealed = 0,
    /// On the DA layer, commitment signed and stored.
    Published = 1,
    /// In the settlement log.
    Posted = 2,
    /// Sampled by settlement.
    Available = 3,
    /// Final.
    Finalized = 4,
    /// Rejected.
    Rejected = 5,
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRecord {
    /// How far it is.
    pub stage: BatchStage,
    /// The claim. What DA and settlement add is filled in when it is published.
    pub header: BatchHeader,
    /// The signed claim, from [`BatchStage::Published`] on.
    pub signed: Option<SignedBatch>,
}

/// A forced batch that takes the place of blocks that are here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewind {
    /// As the log has it.
    pub forced: ForcedBatch,
}

impl Rewind {
    pub(super) fn encode(&self) -> Vec<u8> {
        [&self.forced.header.encode()[..], &self.forced.inbox_len.to_be_bytes()].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let header = BatchHeader::decode(reader.take("forced batch", BatchHeader::ENCODED_LEN)?)?;
        let forced = ForcedBatch { header, inbox_len: reader.u64("inbox length")? };
        reader.finish()?;
        Ok(Self { forced })
    }
}

const fn bad(field: &'static str, why: &'static str) -> DecodeError {
    DecodeError::Invalid { field, why }
}

impl StoredBlock {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let header = alloy_rlp::encode(&self.header);
        let mut out = Vec::with_capacity(header.len() + 64 + self.body.transactions.len() * 160);
        put_uvarint(&mut out, header.len() as u64);
        out.extend_from_slice(&header);
        put_uvarint(&mut out, self.inbox_cursor);
        out.extend_from_slice(self.inbox_acc.as_slice());
        put_uvarint(&mut out, self.body.inbox_count.into());
        put_uvarint(&mut out, self.body.inbox_included.into());
        put_uvarint(&mut out, self.body.transactions.len() as u64);
        for transaction in &self.body.transactions {
            out.extend_from_slice(transaction.sender().as_slice());
            put_uvarint(&mut out, transaction.raw().len() as u64);
            out.extend_from_slice(transaction.raw());
        }
        // Left out where there are none, as in folders from before there were any.
        if self.withdrawals > 0 {
            put_uvarint(&mut out, self.withdrawals);
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let header_len = reader.uvarint("header length")? as usize;
        let header = BlockHeader::decode(&mut reader.take("header", header_len)?)
            .map_err(|_| bad("header", "does not decode"))?;
        let inbox_cursor = reader.uvarint("inbox cursor")?;
        let inbox_acc = reader.b256("inbox accumulator")?;
        let inbox_count = reader.uvarint("inbox count")? as u32;
        let inbox_included = reader.uvarint("inbox included")? as u32;
        let count = reader.uvarint("transactions")?;
        let mut transactions = Vec::new();
        for _ in 0..count {
            let sender = reader.address("sender")?;
            let len = reader.uvarint("transaction length")? as usize;
            let raw = Bytes::copy_from_slice(reader.take("transaction", len)?);
            let transaction = Transaction::with_sender(raw, sender);
            transactions.push(transaction.map_err(|_| bad("transaction", "does not decode"))?);
        }
        let withdrawals = if reader.remaining() > 0 { reader.uvarint("withdrawals")? } else { 0 };
        reader.finish()?;
        let body = BlockBody { inbox_count, inbox_included, transactions };
        Ok(Self { hash: header.hash_slow(), header, body, inbox_cursor, inbox_acc, withdrawals })
    }
}

impl LogState {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(self.hash.as_slice());
        for value in [self.seq, self.time_ms, self.safe, self.finalized, self.inbox_len] {
            out.extend_from_slice(&value.to_be_bytes());
        }
        // Absent in folders from before there were key changes, too.
        if let Some(posting) = self.posting {
            out.extend_from_slice(posting.address.as_slice());
            out.extend_from_slice(&posting.epoch.to_be_bytes());
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut state = Self {
            hash: reader.b256("hash")?,
            seq: reader.u64("seq")?,
            time_ms: reader.u64("time")?,
            safe: reader.u64("safe")?,
            finalized: reader.u64("finalized")?,
            inbox_len: reader.u64("inbox length")?,
            posting: None,
        };
        if reader.remaining() > 0 {
            state.posting = Some(PostingKey { address: reader.address("posting key")?, epoch: reader.u64("epoch")? });
        }
        reader.finish()?;
        Ok(state)
    }
}

impl BatchStage {
    const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Sealed,
            1 => Self::Published,
            2 => Self::Posted,
            3 => Self::Available,
            4 => Self::Finalized,
            5 => Self::Rejected,
            _ => return None,
        })
    }
}

impl BatchRecord {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![self.stage as u8];
        match &self.signed {
            Some(signed) => out.extend(signed.encode()),
            None => out.extend(self.header.encode()),
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (stage, rest) = bytes.split_first().ok_or(bad("stage", "is missing"))?;
        let stage = BatchStage::from_byte(*stage).ok_or(bad("stage", "is unknown"))?;
        if rest.len() == BatchHeader::ENCODED_LEN {
            return Ok(Self { stage, header: BatchHeader::decode(rest)?, signed: None });
        }
        let signed = SignedBatch::decode(rest)?;
        Ok(Self { stage, header: signed.header.clone(), signed: Some(signed) })
    }
}
