//! What the settlement log says, as far as an auditor needs it.

use futures::StreamExt;
use weft_execution::forced::ForcedContext;
use weft_execution::verify::LogContext;
use weft_primitives::{B256, BatchHeader, ChainConfig, InboxItem, SignedBatch};
use weft_sequencer::derive::{rules, terms};
use weft_settlement::{BrokenPromise, Effect, LogEntry, Record, Replay};
use weft_wire::SettlementClient;

use super::Judged;
use crate::output::Failure;

/// A canonical commitment.
#[derive(Clone, Debug)]
pub struct Posted {
    /// What was posted.
    pub signed: SignedBatch,
    /// When, in milliseconds of log time.
    pub posted_ms: u64,
    /// Of a forced batch, the items in the inbox when it was appended.
    pub forced_from: Option<u64>,
}

/// The log, run through the rules of settlement once more: all that it says has followed them.
#[derive(Debug)]
pub struct Log {
    replay: Replay,
    next_seq: u64,
    /// As the judge wants them, in one piece.
    inbox: Vec<InboxItem>,
    commitments: Vec<Posted>,
}

impl Log {
    /// Nothing yet, of the chain that `settlement` tells of. Its terms are taken by its word, as they are the operator's
    /// choice.
    pub async fn begin(chain: &ChainConfig, settlement: &SettlementClient) -> Result<Self, Failure> {
        let replay = Replay::new(rules(chain, terms(&settlement.info().await?)?)?);
        Ok(Self { replay, next_seq: 1, inbox: Vec::new(), commitments: Vec::new() })
    }

    /// The log up to its present end.
    pub async fn read(chain: &ChainConfig, settlement: &SettlementClient) -> Result<Self, Failure> {
        let mut log = Self::begin(chain, settlement).await?;
        let (end, _) = settlement.tip().await?.log;
        if end == 0 {
            return Ok(log);
        }
        let mut entries = settlement.subscribe_log(1).await?;
        while let Some(entry) = entries.next().await {
            let entry = entry?;
            let seq = entry.seq;
            log.add(&entry)?;
            if seq == end {
                return Ok(log);
            }
        }
        Err(Failure(format!("settlement's log ended before entry {end}")))
    }

    /// Takes in the next entry. What it decides may need entries after it: until they come the log is as before.
    pub fn add(&mut self, entry: &LogEntry) -> Result<(), Failure> {
        for effect in self.replay.push(entry)? {
            match effect {
                Effect::Save(record) => self.save(&record),
                Effect::Queue(row) => self.inbox.push(row.item),
                Effect::Append(_) | Effect::Account(_) | Effect::Claimed(_) => {}
            }
        }
        self.next_seq = entry.seq + 1;
        Ok(())
    }

    /// A commitment is new, or something has become of it.
    fn save(&mut self, record: &Record) {
        let at = record.signed.header.batch_index as usize;
        if !record.status.is_canonical() {
            self.commitments.truncate(at);
        } else if at == self.commitments.len() {
            let (signed, posted_ms) = (record.signed.clone(), record.posted_ms);
            let forced_from = self.replay.history().forced_from(record.log_seq);
            self.commitments.push(Posted { signed, posted_ms, forced_from });
        }
    }

    /// Sequence number of the entry that comes next.
    pub const fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Canonical commitments, from batch 0 on.
    pub fn commitments(&self) -> &[Posted] {
        &self.commitments
    }

    /// How many of them are final.
    pub fn finals(&self) -> u64 {
        self.replay.chain().head().finalized_index.map_or(0, |index| index + 1)
    }

    /// Promises that a commitment has broken, by the log.
    pub fn broken_by(&self, commitment: B256) -> impl Iterator<Item = &BrokenPromise> {
        let broken = self.replay.history().broken_promises().iter().map(|(_, broken)| broken);
        broken.filter(move |broken| broken.commitment == commitment)
    }

    /// What a forced batch follows from that was appended with `inbox_len` items in the inbox.
    pub fn forced(&self, claim: &BatchHeader, inbox_len: u64) -> Result<ForcedContext<'_>, Judged> {
        let before = claim.anchor_seq.checked_sub(1).and_then(|at| self.replay.history().entries().get(at as usize));
        let Some(before) = before.filter(|entry| entry.hash() == claim.anchor_hash) else {
            return Err(Judged::invalid("UNKNOWN_ANCHOR", "the forced batch is anchored to no entry of the log"));
        };
        let waiting = self.inbox.get(claim.inbox_from as usize..inbox_len as usize).unwrap_or_default();
        let anchor = (claim.anchor_seq, claim.anchor_hash, before.time_ms);
        Ok(ForcedContext { waiting, anchor, leader_epoch: claim.leader_epoch })
    }

    /// What a forced batch would follow from that took the items from `cursor` on now.
    pub fn next_forced(&self, cursor: u64) -> ForcedContext<'_> {
        let waiting = self.inbox.get(cursor as usize..).unwrap_or_default();
        let head = self.replay.chain().head();
        ForcedContext { waiting, anchor: (head.log_seq, head.log_hash, head.log_time_ms), leader_epoch: head.epoch }
    }

    /// What the judge has to know of the log around a commitment.
    pub fn around(&self, posted: &Posted) -> LogContext<'_> {
        let claim = &posted.signed.header;
        let (from, to) = (claim.inbox_from as usize, claim.inbox_to as usize);
        LogContext {
            inbox: self.inbox.get(from..to).unwrap_or_default(),
            next_item_ms: self.inbox.get(to).map(|item| item.time_ms),
            posted_ms: posted.posted_ms,
        }
    }
}
