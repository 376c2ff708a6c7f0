//! The judgements in memory: the newest of each height, a bounded number.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::log::Record;

/// Judgements by height.
pub(super) struct KeptRecords {
    limit: usize,
    by_height: BTreeMap<u64, Record>,
    open: BTreeSet<u64>,
    /// End of the run of linked heights.
    through: Option<u64>,
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
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, by_height: BTreeMap::new(), open: BTreeSet::new(), through: None }
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
        if record.judgement.linked && self.through.is_none() {
            self.through = Some(height);
        }
        self.by_height.insert(height, record);
        while let Some(next) = self.through.and_then(|through| through.checked_add(1))
            && self.by_height.get(&next).is_some_and(|record| record.judgement.linked)
        {
            self.through = Some(next);
        }
        self.shrink();
    }

    /// Forgets the lowest heights, but never where to go on.
    fn shrink(&mut self) {
        while self.by_height.len() > self.limit {
            let lowest = self.by_height.keys().next().copied();
            let Some(height) = lowest.filter(|lowest| self.through.is_none_or(|through| *lowest < through)) else {
                break;
            };
            self.by_height.remove(&height);
            self.open.remove(&height);
        }
    }

    pub(super) fn through(&self) -> Option<&Record> {
        self.get(self.through?)
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
