//! Replaying a log: every entry must be what the machine would have written.
//!
//! Entries that say what came from outside (a commitment, an inbox item, a
//! verdict) are put into a fresh [`Chain`]; the entries that follow from them
//! must come next. What only later entries tell the whole of is held until
//! they come: a negative verdict until the rejection says why, a challenge
//! until its outcome.

use std::collections::VecDeque;

use weft_primitives::inbox::Content;

use super::{Chain, Effect, History, Judgement, Limits, Rules, Sampled};
use crate::log::{Event, LogEntry, Rejected};

/// A log that is being replayed.
#[derive(Clone, Debug)]
pub struct Replay {
    chain: Chain,
    history: History,
    /// Entries that must come next.
    due: VecDeque<LogEntry>,
    /// The beginning of something whose rest must come next; at most two entries.
    held: Vec<LogEntry>,
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
        Self {
            chain: Chain::new(rules, Limits::NONE),
            history: History::default(),
            due: VecDeque::new(),
            held: Vec::new(),
        }
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
        self.due.is_empty() && self.held.is_empty()
    }

    /// Takes the next entry. Returns what was decided with it: the transition that it completes or begins. After an
    /// error the replay is over.
    pub fn push(&mut self, entry: &LogEntry) -> Result<Vec<Effect>, ReplayError> {
        self.try_push(entry).map_err(|fault| ReplayError { seq: entry.seq, fault })
    }

    fn try_push(&mut self, entry: &LogEntry) -> Result<Vec<Effect>, ReplayFault> {
        if let Some(due) = self.due.pop_front() {
            return if due == *entry { Ok(Vec::new()) } else { Err(ReplayFault::Different) };
        }
        if self.held.is_empty() {
            self.check_link(entry)?;
        }
        let half = is_half(&entry.event);
        let fits = match &self.held[..] {
            [] => true,
            [first] => {
                !half || matches!((&first.event, &entry.event), (Event::Challenge(_), Event::ChallengeOutcome(_)))
            }
            _ => !half,
        };
        if !fits {
            return Err(ReplayFault::Different);
        }
        self.held.push(entry.clone());
        if half {
            return Ok(Vec::new());
        }
        let written = std::mem::take(&mut self.held);
        let mut effects = Vec::new();
        match &written[..] {
            [entry] => self.decide(entry, &mut effects)?,
            [verdict, rest @ ..] => self.decide_held(verdict, rest, &mut effects)?,
            [] => return Err(ReplayFault::Different),
        }
        effects.iter().for_each(|effect| self.history.absorb(effect));
        self.due = effects.iter().filter_map(appended).collect();
        let same = written.iter().all(|entry| self.due.pop_front().as_ref() == Some(entry));
        if same { Ok(effects) } else { Err(ReplayFault::Different) }
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
            Event::BrokenPromise(broken) => {
                let facts = self.history.promise_facts(&broken.promise.promise, broken.commitment);
                chain.report_promise(now_ms, broken, &facts, out).map(drop).map_err(refused)
            }
            Event::Inbox(item) => match &item.content {
                Content::Transaction(raw) => chain.submit_inbox(now_ms, raw.clone(), out).map(drop).map_err(refused),
                Content::Deposit(deposit) => {
                    let account = self.history.account(deposit.account);
                    chain.deposit(now_ms, deposit, account, out).map(drop).map_err(refused)
                }
            },
            Event::Forced(forced) => {
                let facts = self.history.facts(&forced.header.clone().forced());
                chain.force(now_ms, &forced.header, &facts, out).map(drop).map_err(refused)
            }
            Event::Funding(funding) => {
                let account = self.history.account(funding.account);
                chain.fund(now_ms, funding, account, out).map(drop).map_err(refused)
            }
            Event::Claim(claim) => {
                let facts = self.history.claim_facts(claim);
                chain.claim(now_ms, claim, &facts, out).map(drop).map_err(refused)
            }
            Event::Availability(verdict) => {
                chain.judge_availability(now_ms, verdict.commitment, Sampled::Available, out).map_err(refused)
            }
            Event::Verdict(verdict) => chain
                .judge_execution(now_ms, verdict.commitment, verdict.stf_version, Judgement::Valid, out)
                .map_err(refused),
            Event::KeyChange(signed) => chain.change_key(now_ms, signed, None, out).map(drop).map_err(refused),
            Event::SignedVerdict(signed) => chain.vote(now_ms, signed, out).map(drop).map_err(refused),
            // In mode optimistic time alone makes final; else nothing is done, and nothing is what must not be.
            Event::Finalized(_) => {
                chain.finalize_due(now_ms, out);
                Ok(())
            }
            // These follow from others, and nothing is due.
            Event::Rejected(_) | Event::Challenge(_) | Event::ChallengeOutcome(_) => Err(ReplayFault::Different),
        }
    }

    /// Events from outside that only the entries after them tell the whole of.
    fn decide_held(&mut self, first: &LogEntry, rest: &[LogEntry], out: &mut Vec<Effect>) -> Result<(), ReplayFault> {
        let (chain, now_ms) = (&mut self.chain, first.time_ms);
        let rest: Vec<&Event> = rest.iter().map(|entry| &entry.event).collect();
        match (&first.event, &rest[..]) {
            (Event::Availability(verdict), [Event::Rejected(rejected)]) => {
                let sampled = Sampled::from_reject_reason(rejected.reason).ok_or(ReplayFault::Different)?;
                chain.judge_availability(now_ms, verdict.commitment, sampled, out).map_err(refused)
            }
            (Event::Verdict(verdict), [Event::Rejected(rejected)]) => {
                let (commitment, version) = (verdict.commitment, verdict.stf_version);
                chain.judge_execution(now_ms, commitment, version, invalid(rejected), out).map_err(refused)
            }
            (Event::Challenge(challenge), [Event::ChallengeOutcome(outcome), reasons @ ..]) => {
                let judgement = match reasons {
                    [] if outcome.valid => Judgement::Valid,
                    [Event::Rejected(rejected)] if !outcome.valid => invalid(rejected),
                    _ => return Err(ReplayFault::Different),
                };
                let (commitment, witness) = (challenge.commitment, challenge.witness_hash);
                let taken = chain.challenge(now_ms, commitment, witness, outcome.stf_version, judgement, out);
                taken.map(drop).map_err(refused)
            }
            _ => Err(ReplayFault::Different),
        }
    }
}

const fn invalid(rejected: &Rejected) -> Judgement {
    Judgement::Invalid { reason: rejected.reason, block: rejected.block }
}

/// Whether the next entry is needed to know what happened.
const fn is_half(event: &Event) -> bool {
    match event {
        Event::Availability(verdict) => !verdict.available,
        Event::Verdict(verdict) | Event::ChallengeOutcome(verdict) => !verdict.valid,
        Event::Challenge(_) => true,
        _ => false,
    }
}

fn appended(effect: &Effect) -> Option<LogEntry> {
    match effect {
        Effect::Append(entry) => Some(entry.clone()),
        Effect::Save(_) | Effect::Queue(_) | Effect::Account(_) | Effect::Claimed(_) => None,
    }
}

fn refused(refusal: impl std::error::Error) -> ReplayFault {
    ReplayFault::Refused(refusal.to_string())
}
