//! A chain with its tables, and a sequencer that makes commitments for it.

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_primitives::{B256, Bytes, Signature};
use weft_primitives::{BatchHeader, SignedBatch, Signer};

use super::super::*;
use crate::log::Event;

pub(super) const CHAIN_ID: u64 = 31337;
pub(super) const START_MS: u64 = 1_700_000_000_000;
pub(super) const DEADLINE_MS: u64 = 60_000;

/// A signed transaction of the chain.
pub(super) fn transaction(nonce: u64) -> Bytes {
    let unsigned = TxEip1559 { chain_id: CHAIN_ID, nonce, gas_limit: 21_000, ..Default::default() };
    let signature = sequencer().sign(unsigned.signature_hash());
    let signature = Signature::from_raw(&signature.0).unwrap();
    weft_primitives::transaction::encode(&unsigned.into_signed(signature).into())
}

pub(super) fn sequencer() -> Signer {
    Signer::from_bytes([1; 32]).unwrap()
}

pub(super) fn rules() -> Rules {
    Rules {
        chain_id: CHAIN_ID,
        config_hash: B256::repeat_byte(0xc0),
        sequencer: sequencer().address(),
        genesis: Parent::genesis(B256::repeat_byte(0x60), B256::repeat_byte(0x61), START_MS / 1000),
        stf_version: 1,
        availability_deadline_ms: DEADLINE_MS,
    }
}

/// The machine and all that it said.
#[derive(Clone)]
pub(super) struct World {
    pub chain: Chain,
    pub history: History,
    pub now_ms: u64,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    pub(super) fn with_limits(limits: Limits) -> Self {
        Self { chain: Chain::new(rules(), limits), history: History::default(), now_ms: START_MS }
    }

    fn absorb(&mut self, effects: &[Effect]) {
        effects.iter().for_each(|effect| self.history.absorb(effect));
    }

    pub(super) fn post(&mut self, signed: &SignedBatch) -> Result<PostReceipt, PostRefusal> {
        let mut out = Vec::new();
        let result = self.chain.post(self.now_ms, signed, &self.history.facts(signed), &mut out);
        self.absorb(&out);
        result
    }

    pub(super) fn submit(&mut self) -> Result<InboxReceipt, InboxRefusal> {
        let mut out = Vec::new();
        let result = self.chain.submit_inbox(self.now_ms, transaction(self.chain.head().inbox_len), &mut out);
        self.absorb(&out);
        result
    }

    pub(super) fn sampled(&mut self, commitment: B256, sampled: Sampled) -> Result<(), VerdictRefusal> {
        let mut out = Vec::new();
        let result = self.chain.judge_availability(self.now_ms, commitment, sampled, &mut out);
        self.absorb(&out);
        result
    }

    pub(super) fn judged(&mut self, commitment: B256, judgement: Judgement) -> Result<(), VerdictRefusal> {
        let mut out = Vec::new();
        let result = self.chain.judge_execution(self.now_ms, commitment, 1, judgement, &mut out);
        self.absorb(&out);
        result
    }

    /// An honest next commitment that consumes `items` of the inbox. `salt` makes it one of its kind.
    pub(super) fn next(&self, items: u64, salt: u64) -> BatchHeader {
        let (parent, head) = (self.chain.parent(), self.chain.head());
        let inbox_to = parent.inbox_cursor.saturating_add(items).min(head.inbox_len);
        let post_state_root = alloy_primitives::keccak256(format!("{}/{salt}", parent.state_root));
        BatchHeader {
            version: 1,
            chain_id: CHAIN_ID,
            config_hash: rules().config_hash,
            batch_index: parent.next_index,
            parent_commitment: parent.commitment,
            first_block: parent.block + 1,
            last_block: parent.block + 3,
            first_timestamp: parent.timestamp,
            last_timestamp: parent.timestamp.max(self.now_ms / 1000),
            pre_state_root: parent.state_root,
            post_state_root,
            payload_len: 100,
            da_height: 1,
            inbox_from: parent.inbox_cursor,
            inbox_to,
            inbox_acc: inbox_to.checked_sub(1).map_or(B256::ZERO, |at| self.history.inbox_row(at).unwrap().acc),
            anchor_seq: head.log_seq,
            anchor_hash: head.log_hash,
            leader_epoch: head.epoch,
            ..Default::default()
        }
    }

    /// Posts an honest commitment.
    pub(super) fn post_next(&mut self, salt: u64) -> B256 {
        let signed = self.next(u64::MAX, salt).sign(&sequencer());
        self.post(&signed).unwrap().commitment
    }

    pub(super) fn status(&self, commitment: B256) -> Status {
        self.history.record(commitment).unwrap().status
    }

    pub(super) fn last_event(&self) -> &Event {
        &self.history.entries().last().unwrap().event
    }
}
