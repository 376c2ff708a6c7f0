//! The part of a file before the state: what it is the state of.

use weft_execution::Receipt;
use weft_execution::receipt::{self, receipts_root_and_bloom};
use weft_primitives::block::transactions_root;
use weft_primitives::codec::{DecodeError, Reader};
use weft_primitives::{BatchHeader, ChainConfig, SignedBatch, Transaction};

use super::SnapshotError;
use crate::store::StoredBlock;

/// Bytes of a signed commitment.
const SIGNED_BYTES: usize = BatchHeader::ENCODED_LEN + 65;

#[derive(Debug)]
pub(super) struct FileHead {
    pub(super) signed: SignedBatch,
    pub(super) block: StoredBlock,
    pub(super) receipts: Vec<Receipt>,
    pub(super) leaves: u64,
    pub(super) codes: u64,
}

fn put_part(part: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(part.len() as u32).to_be_bytes());
    out.extend_from_slice(part);
}

fn take_part<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<&'a [u8], DecodeError> {
    let len = reader.u32(field)? as usize;
    reader.take(field, len)
}

impl FileHead {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = self.signed.encode();
        put_part(&self.block.encode(), &mut out);
        put_part(&receipt::encode_all(&self.receipts), &mut out);
        out.extend_from_slice(&self.leaves.to_be_bytes());
        out.extend_from_slice(&self.codes.to_be_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let signed = SignedBatch::decode(reader.take("commitment", SIGNED_BYTES)?)?;
        let block = StoredBlock::decode(take_part(&mut reader, "block")?)?;
        let receipts = receipt::decode_all(take_part(&mut reader, "receipts")?)?;
        let (leaves, codes) = (reader.u64("leaves")?, reader.u64("codes")?);
        reader.finish()?;
        Ok(Self { signed, block, receipts, leaves, codes })
    }

    /// All of it must be what the commitment says.
    pub(super) fn check(&self, chain: &ChainConfig) -> Result<(), SnapshotError> {
        let (claim, block) = (&self.signed.header, &self.block);
        let header = &block.header;
        // Senders are no part of what a header commits to.
        let senders = block.body.transactions.iter().all(|own| {
            Transaction::decode(own.raw().clone(), chain.chain_id()).is_ok_and(|fresh| fresh.sender() == own.sender())
        });
        let (receipts_root, _) = receipts_root_and_bloom(&self.receipts);
        let checks = [
            (claim.chain_id == chain.chain_id() && claim.config_hash == chain.hash(), "it is of another chain"),
            (block.hash == claim.last_block_hash, "its block is not the commitment's last"),
            (header.state_root == claim.post_state_root, "its block has another state root than the commitment"),
            (block.inbox_cursor == claim.inbox_to && block.inbox_acc == claim.inbox_acc, "its inbox cursor"),
            (transactions_root(&block.body.transactions) == header.transactions_root, "its block's transactions"),
            (senders, "its block's senders"),
            (receipts_root == header.receipts_root, "its block's receipts"),
        ];
        let broken = checks.into_iter().find(|(holds, _)| !holds);
        broken.map_or(Ok(()), |(_, what)| Err(SnapshotError::Wrong(what)))
    }
}
