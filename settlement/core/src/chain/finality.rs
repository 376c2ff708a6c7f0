//! When a commitment becomes final, and what falls when one is rejected.

use std::sync::Arc;

use super::record::Rejection;
use super::terms::Mode;
use super::{Chain, Effect, Record, Status};
use crate::log::{Event, Finalized, RejectReason, Rejected};

impl Chain {
    /// In mode `optimistic`: when the window of a commitment ends, in milliseconds of log time. Challenges that come
    /// later are too late. `None` in mode `verified`, and before its data was sampled.
    pub fn window_ends_ms(&self, record: &Record) -> Option<u64> {
        match self.rules.terms.mode {
            Mode::Verified => None,
            Mode::Optimistic { window_ms } => Some(record.available_ms?.saturating_add(window_ms)),
        }
    }

    /// The oldest commitment that waits, if nothing but an entry in the log is missing to make it final.
    pub fn due(&self, now_ms: u64) -> Option<&Record> {
        self.pending.front().map(|record| &**record).filter(|record| self.may_be_final(record, self.log_time(now_ms)))
    }

    /// In mode `optimistic`: makes the oldest commitment that waits final, if its window has passed. One at a time, so
    /// that each is an entry that stands alone in the log.
    pub fn finalize_due(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        if self.rules.terms.mode != Mode::Verified && self.due(now_ms).is_some() {
            self.finalize_front(now_ms, out);
        }
    }

    fn may_be_final(&self, record: &Record, log_time_ms: u64) -> bool {
        let terms = &self.rules.terms;
        let judged = match terms.mode {
            Mode::Verified => record.status == Status::Verified,
            Mode::Optimistic { .. } => self.window_ends_ms(record).is_some_and(|end_ms| end_ms <= log_time_ms),
        };
        judged && record.votes.iter().filter(|vote| vote.valid).count() >= terms.verifiers_needed
    }

    /// In mode `verified`: everything that may be final, now that a verdict came.
    pub(super) fn finalize_judged(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        while self.rules.terms.mode == Mode::Verified && self.due(now_ms).is_some() {
            self.finalize_front(now_ms, out);
        }
    }

    fn finalize_front(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        let Some(record) = self.pending.pop_front() else { return };
        let mut record = Arc::unwrap_or_clone(record);
        let batch_index = record.signed.header.batch_index;
        self.append(now_ms, Event::Finalized(Finalized { batch_index, commitment: record.commitment }), out);
        record.status = Status::Finalized;
        record.finalized_ms = Some(self.head.log_time_ms);
        out.push(Effect::Save(Box::new(record.clone())));
        self.finalized = Some(record);
        self.update_tip();
    }

    /// Rejects the commitment and orphans all after it.
    pub(super) fn reject(
        &mut self,
        now_ms: u64,
        at: usize,
        reason: RejectReason,
        block: Option<u64>,
        out: &mut Vec<Effect>,
    ) {
        let fallen = self.pending.split_off(at);
        for (distance, record) in fallen.into_iter().enumerate() {
            let mut record = Arc::unwrap_or_clone(record);
            if distance == 0 {
                let (batch_index, commitment) = (record.signed.header.batch_index, record.commitment);
                self.append(now_ms, Event::Rejected(Rejected { batch_index, commitment, reason, block }), out);
                record.rejection = Some(Rejection { reason, block });
                record.status = Status::Rejected;
            } else {
                record.status = Status::Orphaned;
            }
            out.push(Effect::Save(Box::new(record)));
        }
        self.head.generation += 1;
        self.update_tip();
    }
}
