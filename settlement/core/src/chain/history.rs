//! Everything a log says, in memory: tables for replays, audits and tests. Grows with the log.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use weft_primitives::withdrawal::Claim;
use weft_primitives::{Address, Promise, SignedBatch};

use super::{Account, Anchor, ClaimFacts, Effect, InboxRow, PostFacts, PromiseFacts, Record};
use crate::log::{BrokenPromise, Event, LogEntry};
use crate::statement::SignedKeyChange;

/// All entries, commitments and inbox items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    entries: Vec<LogEntry>,
    anchors: Vec<Anchor>,
    records: BTreeMap<B256, Record>,
    canonical: BTreeMap<u64, B256>,
    inbox: Vec<InboxRow>,
    /// Key changes by epoch, each with its log entry.
    keys: BTreeMap<u64, (u64, SignedKeyChange)>,
    accounts: BTreeMap<Address, Account>,
    claimed: BTreeMap<u64, u64>,
    /// Broken promises, each with its log entry.
    broken: Vec<(u64, BrokenPromise)>,
}

impl History {
    /// Takes in what an operation of the chain did.
    pub fn absorb(&mut self, effect: &Effect) {
        match effect {
            Effect::Append(entry) => {
                self.anchors.push(Anchor { hash: entry.hash(), time_ms: entry.time_ms });
                if let Event::KeyChange(signed) = &entry.event {
                    self.keys.insert(signed.change.epoch, (entry.seq, **signed));
                }
                if let Event::BrokenPromise(broken) = &entry.event {
                    self.broken.push((entry.seq, **broken));
                }
                self.entries.push(entry.clone());
            }
            Effect::Save(record) => {
                let index = record.signed.header.batch_index;
                if record.status.is_canonical() {
                    self.canonical.insert(index, record.commitment);
                } else if self.canonical.get(&index) == Some(&record.commitment) {
                    self.canonical.remove(&index);
                }
                self.records.insert(record.commitment, (**record).clone());
            }
            Effect::Queue(row) => self.inbox.push(row.clone()),
            Effect::Account(account) => drop(self.accounts.insert(account.address, *account)),
            Effect::Claimed(claimed) => drop(self.claimed.insert(claimed.index, claimed.log_seq)),
        }
    }

    /// What has to be looked up to judge a commitment.
    pub fn facts(&self, signed: &SignedBatch) -> PostFacts {
        let header = &signed.header;
        let known = self.records.get(&header.hash());
        let rival = self.canonical(header.batch_index);
        let inbox_acc = match header.inbox_to.checked_sub(1) {
            None => Some(B256::ZERO),
            Some(last) => self.inbox_row(last).map(|row| row.acc),
        };
        PostFacts {
            known: known.map(|record| (record.log_seq, record.status)),
            rival: rival.map(|record| record.signed.clone()),
            anchor: header.anchor_seq.checked_sub(1).and_then(|at| get(&self.anchors, at)).copied(),
            inbox_acc,
            first_left_ms: self.inbox_row(header.inbox_to).map(|row| row.item.time_ms),
            oldest_ms: self.inbox_row(header.inbox_from).map(|row| row.item.time_ms),
        }
    }

    /// The key change that opened an epoch, with its log entry.
    pub fn key_change(&self, epoch: u64) -> Option<(u64, SignedKeyChange)> {
        self.keys.get(&epoch).copied()
    }

    /// Items that were in the inbox when a forced batch was appended, if that is what the entry `log_seq` is.
    pub fn forced_from(&self, log_seq: u64) -> Option<u64> {
        let entry = log_seq.checked_sub(1).and_then(|at| get(&self.entries, at))?;
        if let Event::Forced(forced) = &entry.event { Some(forced.inbox_len) } else { None }
    }

    /// What has to be looked up to judge a claim.
    pub fn claim_facts(&self, claim: &Claim) -> ClaimFacts {
        ClaimFacts {
            commitment: self.canonical(claim.batch_index).cloned(),
            paid: self.paid(claim.withdrawal.index),
            recipient: self.account(claim.withdrawal.recipient),
        }
    }

    /// What has to be looked up to judge a promise against a commitment.
    pub fn promise_facts(&self, promise: &Promise, commitment: B256) -> PromiseFacts {
        let base = self.records.get(&promise.base);
        let commitment = self.records.get(&commitment);
        PromiseFacts {
            known: self.broken_promise(promise.hash()),
            base: base.cloned(),
            commitment: commitment.cloned(),
            voided: self.voided(base.map_or(0, |base| base.log_seq), commitment.map_or(0, |record| record.log_seq)),
        }
    }

    /// The log entry that has recorded a promise, by its hash, as broken.
    pub fn broken_promise(&self, promise: B256) -> Option<u64> {
        let found = self.broken.iter().find(|(_, broken)| broken.promise.promise.hash() == promise);
        found.map(|(log_seq, _)| *log_seq)
    }

    /// The first log entry after `base` that is a key change, or a forced batch not after the entry `commitment`.
    pub fn voided(&self, base: u64, commitment: u64) -> Option<u64> {
        let forced =
            || self.entries.iter().filter(|entry| matches!(entry.event, Event::Forced(_))).map(|entry| entry.seq);
        let forced = forced().find(|seq| (base + 1..=commitment).contains(seq));
        let changed = self.keys.values().map(|(seq, _)| *seq).find(|seq| *seq > base);
        forced.into_iter().chain(changed).min()
    }

    /// All broken promises, each with its log entry.
    pub fn broken_promises(&self) -> &[(u64, BrokenPromise)] {
        &self.broken
    }

    /// An account; an empty one if it was never credited.
    pub fn account(&self, address: Address) -> Account {
        self.accounts.get(&address).copied().unwrap_or(Account::empty(address))
    }

    /// All accounts that were ever credited, by address.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// The log entry that has paid a withdrawal.
    pub fn paid(&self, index: u64) -> Option<u64> {
        self.claimed.get(&index).copied()
    }

    /// All entries; the one at position i has sequence number i + 1.
    pub fn entries(&self) -> &[LogEntry] {
        &self.entries
    }

    /// A commitment by hash.
    pub fn record(&self, commitment: B256) -> Option<&Record> {
        self.records.get(&commitment)
    }

    /// All commitments, those that fell included, by hash.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// The canonical commitment at an index.
    pub fn canonical(&self, index: u64) -> Option<&Record> {
        self.canonical.get(&index).and_then(|hash| self.records.get(hash))
    }

    /// Canonical commitments from an index on, ascending.
    pub fn canonical_from(&self, index: u64) -> impl Iterator<Item = &Record> {
        self.canonical.range(index..).filter_map(|(_, hash)| self.records.get(hash))
    }

    /// An inbox item and the accumulator after it.
    pub fn inbox_row(&self, index: u64) -> Option<&InboxRow> {
        get(&self.inbox, index)
    }

    /// All inbox items, ascending.
    pub fn inbox(&self) -> &[InboxRow] {
        &self.inbox
    }
}

fn get<T>(items: &[T], at: u64) -> Option<&T> {
    usize::try_from(at).ok().and_then(|at| items.get(at))
}
