//! Rows and domain types: one place for both databases.
//!
//! Unsigned numbers are stored as signed ones with the same bits; only
//! sequence numbers and indices are compared in SQL, and those stay small.

use alloy_primitives::{B256, Bytes};
use alloy_rlp::Decodable;
use weft_execution::block::Parent;
use weft_execution::verify::Checkpoint;
use weft_primitives::{BlockHeader, InboxItem, SignedBatch};
use weft_settlement::{Head, InboxRow, LogEntry, Record, RejectReason, Rejection, Status};
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
}

fn hash(name: &'static str, bytes: &[u8]) -> Result<B256, StoreError> {
    B256::try_from(bytes).map_err(|_| StoreError::damaged(format!("{name} is not 32 bytes")))
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
        inbox_len: row.int("inbox_len")?,
        inbox_acc: row.hash("inbox_acc")?,
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
        finalized_ms: row.maybe_int("finalized_ms")?,
        rejection,
        generation: row.int("generation")?,
    })
}

pub(super) fn entry(row: &impl Cells) -> Result<LogEntry, StoreError> {
    LogEntry::decode(&row.bytes("entry")?).map_err(StoreError::damaged)
}

pub(super) fn inbox_row(row: &impl Cells) -> Result<InboxRow, StoreError> {
    let transaction = Bytes::from(row.bytes("signed_transaction")?);
    let item = InboxItem { index: row.int("item_index")?, time_ms: row.int("time_ms")?, transaction };
    Ok(InboxRow { item, acc: row.hash("acc")? })
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
