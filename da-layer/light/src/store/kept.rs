//! The judgements in memory: the newest of each height, a bounded number, and what they are worth together.
//!
//! The run of linked heights without a gap is the *chain* of which a confidence
//! is told; heights that were judged by themselves are not part of it until
//! the run reaches them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use weft_verdict::confidence::Forgotten;
use weft_verdict::{ChainConfidence, Span};

use super::log::Record;

/// Judgements by height.
pub(super) struct KeptRecords {
    limit: usize,
    by_height: BTreeMap<u64, Record>,
    open: BTreeSet<u64>,
    /// The run of linked heights.
    run: Span,
}

/// Sums over the judgements kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    /// Judgements kept.
    pub judged: usize,
    /// Of blocks that are available.
    pub available: usize,
    /// Of blocks that were not available yet, or could not be decided.
    pub open: usize,
    /// Of blocks that the producer made wrongly.
    pub wrong: usize,
    /// Lowest confidence of any; 1 if there is none.
    pub lowest_confidence: f64,
}

impl KeptRecords {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, by_height: BTreeMap::new(), open: BTreeSet::new(), run: Span::default() }
    }

    /// What an earlier process forgot. Must come before any judgement.
    pub(super) fn resume(&mut self, forgotten: Forgotten) {
        self.run = Span::resume(forgotten);
    }

    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn insert(&mut self, mut record: Record) {
        let height = record.judgement.height;
        let known = self.by_height.get(&height);
        // Linked once is linked for ever.
        record.judgement.linked |= known.is_some_and(|known| known.judgement.linked);
        if record.judgement.verdict.is_final() {
            self.open.remove(&height);
        } else {
            self.open.insert(height);
        }
        let begins = record.judgement.linked && self.run.to_height().is_none();
        if begins || self.run.keeps(height) {
            self.run.insert(&record.judgement);
        }
        self.by_height.insert(height, record);
        while let Some(next) = self.run.to_height().and_then(|to| to.checked_add(1))
            && let Some(record) = self.by_height.get(&next).filter(|record| record.judgement.linked)
        {
            self.run.insert(&record.judgement);
        }
        self.shrink();
    }

    /// Forgets the lowest heights, but never where to go on.
    fn shrink(&mut self) {
        while self.by_height.len() > self.limit {
            let through = self.run.to_height();
            let lowest = self.by_height.keys().next().copied();
            let Some(height) = lowest.filter(|lowest| through.is_none_or(|through| *lowest < through)) else {
                break;
            };
            if self.run.keeps(height) {
                self.run.forget_lowest();
            }
            self.by_height.remove(&height);
            self.open.remove(&height);
        }
    }

    pub(super) fn through(&self) -> Option<&Record> {
        self.get(self.run.to_height()?)
    }

    pub(super) fn forgotten(&self) -> Option<&Forgotten> {
        self.run.forgotten()
    }

    pub(super) fn confidence(&self) -> Option<ChainConfidence> {
        self.run.confidence()
    }

    pub(super) fn confidence_between(&self, from: u64, to: u64) -> Option<ChainConfidence> {
        self.run.between(from, to)
    }

    /// Judgements from a height on, ascending.
    pub(super) fn from(&self, height: u64) -> impl Iterator<Item = &Record> {
        self.by_height.range(height..).map(|(_, record)| record)
    }

    /// Lowest height of the run of which a judgement is kept.
    pub(super) fn run_start(&self) -> Option<u64> {
        self.run.kept_from()
    }

    pub(super) fn get(&self, height: u64) -> Option<&Record> {
        self.by_height.get(&height)
    }

    pub(super) fn newest(&self) -> impl Iterator<Item = &Record> {
        self.by_height.values().rev()
    }

    pub(super) fn oldest_first(&self) -> impl Iterator<Item = &Record> {
        self.by_height.values()
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &Record> {
        self.open.iter().filter_map(|height| self.by_height.get(height))
    }

    pub(super) fn open_count(&self) -> usize {
        self.open.len()
    }

    pub(super) fn totals(&self, up_to_height: u64) -> Totals {
        let none = Totals { lowest_confidence: 1.0, ..Totals::default() };
        self.by_height.range(..=up_to_height).fold(none, |mut sum, (_, Record { judgement, .. })| {
            sum.judged += 1;
            match (judgement.verdict.is_available(), judgement.verdict.is_final()) {
                (true, _) => sum.available += 1,
                (false, true) => sum.wrong += 1,
                (false, false) => sum.open += 1,
            }
            sum.lowest_confidence = sum.lowest_confidence.min(judgement.confidence());
            sum
        })
    }
}
