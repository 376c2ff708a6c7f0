//! Rows and domain types: one place for both databases.
//!
//! Unsigned numbers are stored as signed ones with the same bits; only
//! sequence numbers and indices are compared in SQL, and those stay small.

use alloy_primitives::{Address, B256};
use alloy_rlp::Decodable;
use weft_execution::block::Parent;
use weft_execution::verify::Checkpoint;
use weft_primitives::codec::{DecodeError, Reader};
use weft_primitives::inbox::Content;
use weft_primitives::{BlockHeader, InboxItem, SignedBatch};
use weft_settlement::{
    Account, Anchor, Head, InboxRow, LogEntry, PostFacts, Record, RejectReason, Rejection, SignedKeyChange, Status,
    Terms, Totals, Vote,
};
use weft_state::{TreeKey, Value};

use super::StoreError;

/// Reads columns of a row by name.
pub(super) trait Cells {
    fn int(&self, name: &'static str) -> Result<u64, StoreError>;
    fn maybe_int(&self, name: &'static str) -> Result<Option<u64>, StoreError>;
    fn bytes(&self, name: &'static str) -> Result<Vec<u8>, StoreError>;
    fn maybe_bytes(&self, name: &'static str) -> Result<Option<Vec<u8>>, StoreError>;

    fn hash(&self, name: &'static str) -> Result<B256, StoreError> {
        hash(name, &self.bytes(name)?)
    }

    /// 16 bytes, big-endian.
    fn wei(&self, name: &'static str) -> Result<u128, StoreError> {
        let bytes: Result<[u8; 16], _> = self.bytes(name)?.try_into();
        bytes.map(u128::from_be_bytes).map_err(|_| StoreError::damaged(format!("{name} is not 16 bytes")))
    }
}

fn hash(name: &'static str, bytes: &[u8]) -> Result<B256, StoreError> {
    B256::try_from(bytes).map_err(|_| StoreError::damaged(format!("{name} is not 32 bytes")))
}

fn address(name: &'static str, bytes: &[u8]) -> Result<Address, StoreError> {
    Address::try_from(bytes).map_err(|_| StoreError::damaged(format!("{name} is not 20 bytes")))
}

/// As stored.
pub(super) const fn sql(value: u64) -> i64 {
    value.cast_signed()
}

pub(super) fn head(row: &impl Cells) -> Result<(u64, Head), StoreError> {
    let tip_hash = row.maybe_bytes("tip_hash")?;
    let tip = match (row.maybe_int("tip_index")?, tip_hash) {
        (Some(index), Some(bytes)) => Some((index, hash("tip_hash", &bytes)?)),
        (None, None) => None,
        _ => return Err(StoreError::damaged("tip_index without tip_hash")),
    };
    let head = Head {
        log_seq: row.int("log_seq")?,
        log_hash: row.hash("log_hash")?,
        log_time_ms: row.int("log_time_ms")?,
        tip,
        finalized_index: row.maybe_int("finalized_index")?,
        epoch: row.int("epoch")?,
        generation: row.int("generation")?,
        frozen: row.int("frozen")? != 0,
        posting_key: row.maybe_bytes("posting_key")?.map(|bytes| address("posting_key", &bytes)).transpose()?,
        inbox_len: row.int("inbox_len")?,
        inbox_acc: row.hash("inbox_acc")?,
        bridge: Totals {
            fundings: row.int("fundings")?,
            funded: row.wei("funded")?,
            deposited: row.wei("deposited")?,
            escrow: row.wei("escrow")?,
        },
    };
    Ok((row.int("version")?, head))
}

pub(super) fn status(code: u64) -> Result<Status, StoreError> {
    u8::try_from(code)
        .ok()
        .and_then(Status::from_code)
        .ok_or_else(|| StoreError::damaged(format!("unknown commitment status {code}")))
}

pub(super) fn signed(bytes: &[u8]) -> Result<SignedBatch, StoreError> {
    SignedBatch::decode(bytes).map_err(StoreError::damaged)
}

pub(super) fn record(row: &impl Cells) -> Result<Record, StoreError> {
    let rejection = match row.maybe_int("reject_reason")? {
        None => None,
        Some(code) => {
            let reason = u8::try_from(code).ok().and_then(|code| RejectReason::from_code(code).ok());
            let reason = reason.ok_or_else(|| StoreError::damaged(format!("unknown reject reason {code}")))?;
            Some(Rejection { reason, block: row.maybe_int("reject_block")? })
        }
    };
    Ok(Record {
        signed: signed(&row.bytes("signed")?)?,
        commitment: row.hash("commitment")?,
        status: status(row.int("status")?)?,
        log_seq: row.int("log_seq")?,
        posted_ms: row.int("posted_ms")?,
        available_ms: row.maybe_int("available_ms")?,
        finalized_ms: row.maybe_int("finalized_ms")?,
        votes: votes(&row.bytes("votes")?).map_err(StoreError::damaged)?,
        rejection,
        generation: row.int("generation")?,
    })
}

/// `verifier (20) || valid (1) || log_seq (8)` for each.
pub(super) fn votes_bytes(votes: &[Vote]) -> Vec<u8> {
    let mut out = Vec::new();
    for vote in votes {
        out.extend_from_slice(vote.verifier.as_slice());
        out.push(u8::from(vote.valid));
        out.extend_from_slice(&vote.log_seq.to_be_bytes());
    }
    out
}

fn votes(bytes: &[u8]) -> Result<Vec<Vote>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut votes = Vec::new();
    while reader.remaining() > 0 {
        let verifier = reader.address("verifier")?;
        let valid = reader.u8("valid")? != 0;
        votes.push(Vote { verifier, valid, log_seq: reader.u64("log_seq")? });
    }
    Ok(votes)
}

/// A chain keeps the terms that it began with.
pub(super) fn check_terms(row: &impl Cells, expected: &Terms) -> Result<(), StoreError> {
    let found = Terms::decode(&row.bytes("terms")?).map_err(StoreError::damaged)?;
    if found == *expected {
        return Ok(());
    }
    Err(StoreError::WrongTerms { found: found.to_string(), expected: expected.to_string() })
}

pub(super) fn facts(row: &impl Cells, inbox_to: u64) -> Result<PostFacts, StoreError> {
    let known = match (row.maybe_int("known_seq")?, row.maybe_int("known_status")?) {
        (Some(log_seq), Some(code)) => Some((log_seq, status(code)?)),
        _ => None,
    };
    let anchor = match (row.maybe_bytes("anchor_hash")?, row.maybe_int("anchor_ms")?) {
        (Some(bytes), Some(time_ms)) => Some(Anchor { hash: hash("anchor_hash", &bytes)?, time_ms }),
        _ => None,
    };
    let inbox_acc = match row.maybe_bytes("inbox_acc")? {
        _ if inbox_to == 0 => Some(B256::ZERO),
        acc => acc.map(|bytes| hash("inbox_acc", &bytes)).transpose()?,
    };
    Ok(PostFacts {
        known,
        rival: row.maybe_bytes("rival")?.map(|bytes| signed(&bytes)).transpose()?,
        anchor,
        inbox_acc,
        first_left_ms: row.maybe_int("first_left_ms")?,
        oldest_ms: row.maybe_int("oldest_ms")?,
    })
}

pub(super) fn key_change(row: &impl Cells) -> Result<(u64, SignedKeyChange), StoreError> {
    let signed = SignedKeyChange::decode(&row.bytes("signed")?).map_err(StoreError::damaged)?;
    Ok((row.int("log_seq")?, signed))
}

pub(super) fn entry(row: &impl Cells) -> Result<LogEntry, StoreError> {
    LogEntry::decode(&row.bytes("entry")?).map_err(StoreError::damaged)
}

pub(super) fn inbox_row(row: &impl Cells) -> Result<InboxRow, StoreError> {
    let content = Content::decode(&row.bytes("content")?).map_err(StoreError::damaged)?;
    let item = InboxItem { index: row.int("item_index")?, time_ms: row.int("time_ms")?, content };
    Ok(InboxRow { item, acc: row.hash("acc")? })
}

pub(super) fn account(address: Address, row: &impl Cells) -> Result<Account, StoreError> {
    Ok(Account { address, balance: row.wei("balance")?, nonce: row.int("nonce")? })
}

pub(super) fn checkpoint(row: &impl Cells) -> Result<Checkpoint, StoreError> {
    let header = BlockHeader::decode(&mut row.bytes("block_header")?.as_slice()).map_err(StoreError::damaged)?;
    let hash = header.hash_slow();
    Ok(Checkpoint {
        next_batch: row.int("next_batch")?,
        commitment: row.hash("commitment")?,
        block: Parent { header, hash },
        inbox_cursor: row.int("inbox_cursor")?,
        inbox_acc: row.hash("inbox_acc")?,
    })
}

pub(super) fn leaf(row: &impl Cells) -> Result<(TreeKey, Value), StoreError> {
    let key = TreeKey::new(&row.bytes("leaf_key")?).map_err(StoreError::damaged)?;
    Ok((key, row.hash("value")?.0))
}
