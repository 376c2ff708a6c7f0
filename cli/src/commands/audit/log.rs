//! What the settlement log says, as far as an auditor needs it.

use futures::StreamExt;
use weft_execution::forced::ForcedContext;
use weft_primitives::{Address, B256, BatchHeader, InboxItem, SignedBatch};
use weft_settlement::{BrokenPromise, Event, ForcedBatch, LogEntry, SignedKeyChange};
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
    /// Whose commitments were taken then.
    pub key: Address,
    /// Of a forced batch, the items in the inbox when it was appended.
    pub forced_from: Option<u64>,
}

/// The log, its hash chain checked.
#[derive(Debug)]
pub struct Log {
    /// Hash and time of each entry; entry `seq` is at `seq - 1`.
    entries: Vec<(B256, u64)>,
    inbox: Vec<InboxItem>,
    commitments: Vec<Posted>,
    /// Promises that were broken, by the log.
    broken: Vec<BrokenPromise>,
    /// Commitments that are final.
    finals: u64,
    posting_key: Address,
    admin: Option<Address>,
}

impl Log {
    /// Nothing yet, of the chain that `settlement` tells of.
    pub async fn begin(settlement: &SettlementClient) -> Result<Self, Failure> {
        let info = settlement.info().await?;
        let posting_key = Address::try_from(&info.sequencer_address[..])?;
        let admin = (!info.admin_address.is_empty()).then(|| Address::try_from(&info.admin_address[..])).transpose()?;
        let (entries, inbox, commitments, broken) = Default::default();
        Ok(Self { entries, inbox, commitments, broken, finals: 0, posting_key, admin })
    }

    /// The log up to its present end.
    pub async fn read(settlement: &SettlementClient) -> Result<Self, Failure> {
        let mut log = Self::begin(settlement).await?;
        let (end, _) = settlement.tip().await?.log;
        if end == 0 {
            return Ok(log);
        }
        let mut entries = settlement.subscribe_log(1).await?;
        while let Some(entry) = entries.next().await {
            let entry = entry?;
            let seq = entry.seq;
            log.add(entry)?;
            if seq == end {
                return Ok(log);
            }
        }
        Err(Failure(format!("settlement's log ended before entry {end}")))
    }

    /// Takes in the next entry.
    pub fn add(&mut self, entry: LogEntry) -> Result<(), Failure> {
        let before = self.entries.last().map_or(B256::ZERO, |(hash, _)| *hash);
        if entry.seq != self.next_seq() || entry.prev_hash != before {
            return Err(Failure(format!("settlement's log is broken at entry {}", entry.seq)));
        }
        self.entries.push((entry.hash(), entry.time_ms));
        match entry.event {
            Event::Posted(signed) => {
                self.post(*signed, entry.time_ms, None);
            }
            Event::Forced(forced) => {
                let ForcedBatch { header, inbox_len } = *forced;
                self.post(header.forced(), entry.time_ms, Some(inbox_len));
            }
            Event::Rejected(rejected) => self.commitments.truncate(rejected.batch_index as usize),
            Event::Finalized(finalized) => self.finals = finalized.batch_index + 1,
            Event::Inbox(item) => self.inbox.push(item),
            Event::BrokenPromise(broken) => self.broken.push(*broken),
            Event::KeyChange(signed) => self.change_key(entry.seq, &signed)?,
            _ => {}
        }
        Ok(())
    }

    fn post(&mut self, signed: SignedBatch, posted_ms: u64, forced_from: Option<u64>) {
        self.commitments.push(Posted { signed, posted_ms, key: self.posting_key, forced_from });
    }

    fn change_key(&mut self, seq: u64, signed: &SignedKeyChange) -> Result<(), Failure> {
        let signer = signed.signer().ok();
        if signer != Some(self.posting_key) && (signer.is_none() || signer != self.admin) {
            return Err(Failure(format!("log entry {seq} changes the posting key, but nobody who may has signed it")));
        }
        self.posting_key = signed.change.new_key;
        Ok(())
    }

    /// Sequence number of the entry that comes next.
    pub fn next_seq(&self) -> u64 {
        self.entries.len() as u64 + 1
    }

    /// Canonical commitments, from batch 0 on.
    pub fn commitments(&self) -> &[Posted] {
        &self.commitments
    }

    /// How many of them are final.
    pub const fn finals(&self) -> u64 {
        self.finals
    }

    /// Promises that a commitment has broken, by the log.
    pub fn broken_by(&self, commitment: B256) -> impl Iterator<Item = &BrokenPromise> {
        self.broken.iter().filter(move |broken| broken.commitment == commitment)
    }

    /// All inbox items.
    pub fn inbox(&self) -> &[InboxItem] {
        &self.inbox
    }

    /// What a forced batch follows from that was appended with `inbox_len` items in the inbox.
    pub fn forced(&self, claim: &BatchHeader, inbox_len: u64) -> Result<ForcedContext<'_>, Judged> {
        let Some(anchor_ms) = self.anchor(claim.anchor_seq, claim.anchor_hash) else {
            return Err(Judged::invalid("UNKNOWN_ANCHOR", "the forced batch is anchored to no entry of the log"));
        };
        let waiting = self.inbox.get(claim.inbox_from as usize..inbox_len as usize).unwrap_or_default();
        let anchor = (claim.anchor_seq, claim.anchor_hash, anchor_ms);
        Ok(ForcedContext { waiting, anchor, leader_epoch: claim.leader_epoch })
    }

    /// Time of the entry that a commitment is anchored to; `None` if there is no such entry.
    pub fn anchor(&self, seq: u64, hash: B256) -> Option<u64> {
        let Some(at) = seq.checked_sub(1) else { return hash.is_zero().then_some(0) };
        let (found, time_ms) = self.entries.get(at as usize)?;
        (*found == hash).then_some(*time_ms)
    }
}
