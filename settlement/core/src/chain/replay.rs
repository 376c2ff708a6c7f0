//! Replaying a log: every entry must be what the machine would have written.
//!
//! Entries that say what came from outside (a commitment, an inbox item, a
//! verdict) are put into a fresh [`Chain`]; the entries that follow from them
//! must come next. A negative verdict is held until the rejection tells why.

use std::collections::VecDeque;

use super::{Chain, Effect, History, Judgement, Limits, Rules, Sampled};
use crate::log::{Event, LogEntry};

/// A log that is being replayed.
#[derive(Clone, Debug)]
pub struct Replay {
    chain: Chain,
    history: History,
    /// Entries that must come next.
    due: VecDeque<LogEntry>,
    /// A negative verdict whose rejection must come next.
    held: Option<LogEntry>,
}

/// The log is not one that the machine could have written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("settlement log entry {seq}: {fault}")]
pub struct ReplayError {
    /// The entry.
    pub seq: u64,
    /// What is wrong with it.
    pub fault: ReplayFault,
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayFault {
    /// A sequence number is left out or repeated.
    #[error("expected sequence number {0}")]
    Gap(u64),
    /// `prev_hash` is not the hash of the entry before.
    #[error("does not follow the entry before it")]
    BrokenChain,
    /// Earlier than the entry before.
    #[error("its time is before the entry before it")]
    TimeWentBack,
    /// The machine refuses the event.
    #[error("the rules refuse it: {0}")]
    Refused(String),
    /// The machine would have written something else.
    #[error("the rules demand another entry here")]
    Different,
}

impl Replay {
    /// Of an empty log.
    pub fn new(rules: Rules) -> Self {
        Self { chain: Chain::new(rules, Limits::NONE), history: History::default(), due: VecDeque::new(), held: None }
    }

    /// The state after all entries so far.
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The tables after all entries so far.
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// Whether no entry is missing that must follow the last one.
    pub fn is_complete(&self) -> bool {
        self.due.is_empty() && self.held.is_none()
    }

    /// Takes the next entry. After an error the replay is over.
    pub fn push(&mut self, entry: &LogEntry) -> Result<(), ReplayError> {
        self.try_push(entry).map_err(|fault| ReplayError { seq: entry.seq, fault })
    }

    fn try_push(&mut self, entry: &LogEntry) -> Result<(), ReplayFault> {
        if let Some(due) = self.due.pop_front() {
            return if due == *entry { Ok(()) } else { Err(ReplayFault::Different) };
        }
        let held = self.held.take();
        if held.is_none() {
            self.check_link(entry)?;
            if is_negative(&entry.event) {
                self.held = Some(entry.clone());
                return Ok(());
            }
        }
        let mut effects = Vec::new();
        match &held {
            Some(verdict) => self.reject(verdict, &entry.event, &mut effects)?,
            None => self.decide(entry, &mut effects)?,
        }
        effects.iter().for_each(|effect| self.history.absorb(effect));
        self.due = effects.into_iter().filter_map(appended).collect();
        let written: Vec<&LogEntry> = held.iter().chain([entry]).collect();
        let same = written.into_iter().all(|entry| self.due.pop_front().as_ref() == Some(entry));
        if same { Ok(()) } else { Err(ReplayFault::Different) }
    }

    fn check_link(&self, entry: &LogEntry) -> Result<(), ReplayFault> {
        let head = self.chain.head();
        if entry.seq != head.log_seq + 1 {
            return Err(ReplayFault::Gap(head.log_seq + 1));
        }
        if entry.prev_hash != head.log_hash {
            return Err(ReplayFault::BrokenChain);
        }
        if entry.time_ms < head.log_time_ms {
            return Err(ReplayFault::TimeWentBack);
        }
        Ok(())
    }

    /// Events from outside that stand alone.
    fn decide(&mut self, entry: &LogEntry, out: &mut Vec<Effect>) -> Result<(), ReplayFault> {
        let (chain, now_ms) = (&mut self.chain, entry.time_ms);
        match &entry.event {
            Event::Posted(signed) => {
                let facts = self.history.facts(signed);
                chain.post(now_ms, signed, &facts, out).map(drop).map_err(refused)
            }
            // Refused by definition; that the evidence was recorded is seen from the effects.
            Event::Equivocation(evidence) => {
                let facts = self.history.facts(&evidence.second);
                chain.post(now_ms, &evidence.second, &facts, out).map_or(Ok(()), |_| Err(ReplayFault::Different))
            }
            Event::Inbox(item) => chain.submit_inbox(now_ms, item.transaction.clone(), out).map(drop).map_err(refused),
            Event::Availability(verdict) => {
                chain.judge_availability(now_ms, verdict.commitment, Sampled::Available, out).map_err(refused)
            }
            Event::Verdict(verdict) => chain
                .judge_execution(now_ms, verdict.commitment, verdict.stf_version, Judgement::Valid, out)
                .map_err(refused),
            // These follow from others, and nothing is due.
            Event::Finalized(_) | Event::Rejected(_) => Err(ReplayFault::Different),
        }
    }

    /// A negative verdict, now that the entry after it tells why.
    fn reject(&mut self, verdict: &LogEntry, next: &Event, out: &mut Vec<Effect>) -> Result<(), ReplayFault> {
        let Event::Rejected(rejected) = next else { return Err(ReplayFault::Different) };
        let (reason, block) = (rejected.reason, rejected.block);
        let now_ms = verdict.time_ms;
        match &verdict.event {
            Event::Availability(verdict) => {
                let sampled = Sampled::from_reject_reason(reason).ok_or(ReplayFault::Different)?;
                self.chain.judge_availability(now_ms, verdict.commitment, sampled, out).map_err(refused)
            }
            Event::Verdict(verdict) => {
                let judgement = Judgement::Invalid { reason, block };
                let (commitment, version) = (verdict.commitment, verdict.stf_version);
                self.chain.judge_execution(now_ms, commitment, version, judgement, out).map_err(refused)
            }
            _ => Err(ReplayFault::Different),
        }
    }
}

const fn is_negative(event: &Event) -> bool {
    match event {
        Event::Availability(verdict) => !verdict.available,
        Event::Verdict(verdict) => !verdict.valid,
        _ => false,
    }
}

fn appended(effect: Effect) -> Option<LogEntry> {
    match effect {
        Effect::Append(entry) => Some(entry),
        Effect::Save(_) | Effect::Queue(_) => None,
    }
}

fn refused(refusal: impl std::error::Error) -> ReplayFault {
    ReplayFault::Refused(refusal.to_string())
}
