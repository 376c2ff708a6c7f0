//! Signed commitments and promises.

use weft_primitives::{BatchHeader, Promise, SignedBatch, SignedPromise};

use super::field::{WireError, bytes, hash, required, signature};
use crate::pb::common::v1 as pb;

impl From<&BatchHeader> for pb::BatchHeader {
    fn from(header: &BatchHeader) -> Self {
        Self {
            version: header.version,
            chain_id: header.chain_id,
            config_hash: bytes(header.config_hash),
            batch_index: header.batch_index,
            parent_commitment: bytes(header.parent_commitment),
            first_block: header.first_block,
            last_block: header.last_block,
            last_block_hash: bytes(header.last_block_hash),
            first_timestamp_s: header.first_timestamp,
            last_timestamp_s: header.last_timestamp,
            pre_state_root: bytes(header.pre_state_root),
            post_state_root: bytes(header.post_state_root),
            da_data_root: bytes(header.da_data_root),
            payload_hash: bytes(header.payload_hash),
            payload_len: header.payload_len,
            da_height: header.da_height,
            inbox_from: header.inbox_from,
            inbox_to: header.inbox_to,
            inbox_acc: bytes(header.inbox_acc),
            withdrawals_root: bytes(header.withdrawals_root),
            withdrawals_count: header.withdrawals_count,
            anchor_seq: header.anchor_seq,
            anchor_hash: bytes(header.anchor_hash),
            leader_epoch: header.leader_epoch,
            tx_count: header.tx_count,
            gas_used: header.gas_used,
        }
    }
}

impl TryFrom<pb::BatchHeader> for BatchHeader {
    type Error = WireError;

    fn try_from(header: pb::BatchHeader) -> Result<Self, WireError> {
        if header.version != weft_primitives::commitment::VERSION {
            return Err(WireError::new("version", "unknown commitment version"));
        }
        Ok(Self {
            version: header.version,
            chain_id: header.chain_id,
            config_hash: hash("config_hash", &header.config_hash)?,
            batch_index: header.batch_index,
            parent_commitment: hash("parent_commitment", &header.parent_commitment)?,
            first_block: header.first_block,
            last_block: header.last_block,
            last_block_hash: hash("last_block_hash", &header.last_block_hash)?,
            first_timestamp: header.first_timestamp_s,
            last_timestamp: header.last_timestamp_s,
            pre_state_root: hash("pre_state_root", &header.pre_state_root)?,
            post_state_root: hash("post_state_root", &header.post_state_root)?,
            da_data_root: hash("da_data_root", &header.da_data_root)?,
            payload_hash: hash("payload_hash", &header.payload_hash)?,
            payload_len: header.payload_len,
            da_height: header.da_height,
            inbox_from: header.inbox_from,
            inbox_to: header.inbox_to,
            inbox_acc: hash("inbox_acc", &header.inbox_acc)?,
            withdrawals_root: hash("withdrawals_root", &header.withdrawals_root)?,
            withdrawals_count: header.withdrawals_count,
            anchor_seq: header.anchor_seq,
            anchor_hash: hash("anchor_hash", &header.anchor_hash)?,
            leader_epoch: header.leader_epoch,
            tx_count: header.tx_count,
            gas_used: header.gas_used,
        })
    }
}

impl From<&SignedBatch> for pb::SignedBatch {
    fn from(signed: &SignedBatch) -> Self {
        Self { header: Some((&signed.header).into()), signature: bytes(signed.signature.0) }
    }
}

impl TryFrom<pb::SignedBatch> for SignedBatch {
    type Error = WireError;

    fn try_from(signed: pb::SignedBatch) -> Result<Self, WireError> {
        Ok(Self {
            header: required("header", signed.header)?.try_into()?,
            signature: signature("signature", &signed.signature)?,
        })
    }
}

impl From<&SignedPromise> for pb::SignedPromise {
    fn from(signed: &SignedPromise) -> Self {
        let promise = &signed.promise;
        Self {
            version: weft_primitives::promise::VERSION,
            chain_id: promise.chain_id,
            config_hash: bytes(promise.config_hash),
            base_commitment: bytes(promise.base),
            block_number: promise.number,
            block_hash: bytes(promise.block_hash),
            signature: bytes(signed.signature.0),
        }
    }
}

impl TryFrom<pb::SignedPromise> for SignedPromise {
    type Error = WireError;

    fn try_from(signed: pb::SignedPromise) -> Result<Self, WireError> {
        if signed.version != weft_primitives::promise::VERSION {
            return Err(WireError::new("version", "unknown promise version"));
        }
        let promise = Promise {
            chain_id: signed.chain_id,
            config_hash: hash("config_hash", &signed.config_hash)?,
            base: hash("base_commitment", &signed.base_commitment)?,
            number: signed.block_number,
            block_hash: hash("block_hash", &signed.block_hash)?,
        };
        Ok(Self { promise, signature: signature("signature", &signed.signature)? })
    }
}
