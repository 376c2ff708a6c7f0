//! The one place where transactions become part of the block, in its order.

use alloy_primitives::U256;
use alloy_primitives::map::B256Map;
use revm::bytecode::Bytecode;

use super::candidate::{Candidate, TRANSFER_GAS};
use super::changed::Changed;
use super::commit::Commit;
use super::memory::{Memory, Place};
use super::outcome::{Gave, Outcome};
use super::record::Record;
use super::stats::{Conflicts, Stats};
use super::worker::Worker;
use crate::executed::Executed;
use crate::skip::SkipReason;
use crate::view::{Missing, StateView};

/// What is to be done with the next transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Execute it.
    Execute,
    /// Leave it out.
    Skip,
    /// Leave it and all after it out.
    Stop,
}

/// Whoever makes the block. Called in block order.
pub(crate) trait Sink: Send {
    /// Before the transaction at `at` counts.
    fn admit(&mut self, at: usize) -> Admission;
    /// It is part of the block.
    fn include(&mut self, at: usize, executed: Executed);
    /// It cannot be executed; whether the block goes on.
    fn skip(&mut self, at: usize, reason: SkipReason) -> Admission;
}

/// Transactions over which the share of conflicts is watched.
const WATCHED: u32 = 32;

/// As few are enough at the beginning: in a block of a few long ones, later is too late.
const FIRST_WATCHED: u32 = 2;

/// Transactions that are executed in turn before looking ahead is tried again: at first, and at most. Few at first: two
/// conflicts may mean nothing.
const ALONE: std::ops::RangeInclusive<u32> = 4..=4_096;

/// Commits. Held by one thread at a time.
pub(super) struct Head<'a, V: StateView + ?Sized, S> {
    memory: &'a Memory<'a, V>,
    beneficiary: u32,
    pub(super) sink: S,
    pub(super) changed: Changed,
    pub(super) codes: B256Map<Bytecode>,
    pub(super) stats: Stats,
    pub(super) conflicts: Conflicts,
    /// Of what is committed, if anyone asked.
    pub(super) record: Option<Record>,
    /// The newest outcomes, a bit each: whether it was in conflict, or would have been; and how many.
    watched: u32,
    watching: u32,
    /// Conflicts among [`WATCHED`] from which on looking ahead does not pay.
    too_many: u32,
    alone_next: u32,
    /// Where looking ahead begins again.
    pub(super) alone_until: u32,
    /// The next transaction: all before it are done.
    pub(super) next: u32,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Next,
    Stop,
}

impl<'a, V: StateView + ?Sized, S: Sink> Head<'a, V, S> {
    pub(super) fn new(
        memory: &'a Memory<'a, V>,
        beneficiary: u32,
        sink: S,
        (changed, record): (Changed, Option<Record>),
        threads: usize,
    ) -> Self {
        Self {
            memory,
            beneficiary,
            sink,
            changed,
            codes: B256Map::default(),
            stats: Stats::default(),
            conflicts: Conflicts::default(),
            record,
            watched: 0,
            watching: 0,
            // Who looks ahead in vain costs nothing but the time of those who could do something else.
            too_many: WATCHED - WATCHED * 3 / 4 / threads as u32,
            alone_next: *ALONE.start(),
            alone_until: 0,
            next: 0,
        }
    }

    /// Takes the next transaction, which was executed ahead of its time, if that holds. Otherwise it is to be executed
    /// [`Head::again`], which nobody else is to do before it.
    pub(super) fn ready(&mut self, outcome: &mut Outcome) -> Result<Option<Progress>, Missing> {
        let at = self.next;
        self.next += 1;
        match self.sink.admit(at as usize) {
            Admission::Execute => {}
            refused => {
                self.memory.retract(at, outcome);
                return Ok(Some(progress(refused)));
            }
        }
        let conflict = match (&outcome.gave, self.memory.check(outcome)) {
            (Some(_), Ok(())) => {
                self.watch(false);
                self.stats.ahead += 1;
                self.include(at, outcome)?;
                return Ok(Some(Progress::Next));
            }
            (Some(_), Err(place)) => Some(place),
            (None, _) => None,
        };
        self.watch(true);
        self.stats.repeated += 1;
        self.note(conflict);
        self.memory.retract(at, outcome);
        Ok(None)
    }

    /// Executes the transaction that was just found not to hold.
    pub(super) fn again<C: Candidate>(
        &mut self,
        worker: &mut Worker<'a, V>,
        candidate: &C,
        outcome: &mut Outcome,
    ) -> Result<Progress, Missing> {
        self.execute(worker, self.next - 1, candidate, outcome)
    }

    fn note(&mut self, conflict: Option<Place>) {
        match conflict {
            Some(place) => self.conflicts.note(place),
            None => self.stats.aborted += 1,
        }
    }

    /// Takes the next transaction, which nobody has executed. If it is one that might have been executed ahead, it is
    /// `watched` whether that would have been in vain.
    pub(super) fn fresh<C: Candidate>(
        &mut self,
        worker: &mut Worker<'a, V>,
        candidate: &C,
        outcome: &mut Outcome,
        watched: bool,
    ) -> Result<Progress, Missing> {
        let at = self.next;
        self.next += 1;
        match self.sink.admit(at as usize) {
            Admission::Execute => {}
            refused => return Ok(progress(refused)),
        }
        if let Some(record) = &mut self.record {
            record.before_payment(self.memory, worker.parties(candidate))?;
        }
        if let Some(fee) = worker.pay(candidate, &mut self.changed)? {
            self.stats.paid += 1;
            if let Some(record) = &mut self.record {
                record.before_reward(self.memory, self.beneficiary)?;
            }
            self.reward(Some(fee))?;
            if let Some(record) = &mut self.record {
                record.after_payment(self.memory)?;
            }
            self.sink.include(at as usize, Executed { success: true, gas_used: TRANSFER_GAS, logs: Vec::new() });
            return Ok(Progress::Next);
        }
        // The first one has nothing to depend on.
        let watched = watched && self.stats.in_turn > 0;
        self.stats.in_turn += 1;
        worker.watches(watched);
        let progress = self.execute(worker, at, candidate, outcome)?;
        if watched {
            self.watch(worker.depended());
        }
        Ok(progress)
    }

    fn execute<C: Candidate>(
        &mut self,
        worker: &mut Worker<'a, V>,
        at: u32,
        candidate: &C,
        outcome: &mut Outcome,
    ) -> Result<Progress, Missing> {
        let done = if self.record.is_some() {
            outcome.clear();
            worker.now(at, candidate, outcome)?
        } else {
            let Self { memory, changed, codes, .. } = self;
            worker.now(at, candidate, &mut Commit { memory, changed, codes, at })?
        };
        match done {
            Ok(gave) if self.record.is_some() => {
                outcome.gave = Some(gave);
                self.include(at, outcome)?;
            }
            Ok(gave) => {
                self.reward(gave.fee)?;
                self.sink.include(at as usize, gave.executed);
            }
            Err(reason) => return Ok(progress(self.sink.skip(at as usize, reason))),
        }
        Ok(Progress::Next)
    }

    fn include(&mut self, at: u32, outcome: &mut Outcome) -> Result<(), Missing> {
        let Some(Gave { executed, fee }) = outcome.gave.take() else { return Ok(()) };
        if let Some(record) = &mut self.record {
            record.before(self.memory, outcome)?;
            record.before_reward(self.memory, self.beneficiary)?;
        }
        self.memory.commit(at, outcome, &mut self.changed)?;
        self.reward(fee)?;
        if let Some(record) = &mut self.record {
            record.after(self.memory, outcome)?;
        }
        self.codes.extend(outcome.codes.drain(..));
        self.sink.include(at as usize, executed);
        Ok(())
    }

    fn reward(&mut self, fee: Option<U256>) -> Result<(), Missing> {
        fee.map_or(Ok(()), |fee| self.memory.credit(self.beneficiary, fee, &mut self.changed))
    }

    fn watch(&mut self, conflict: bool) {
        self.watched = (self.watched << 1) | u32::from(conflict);
        self.watching = (self.watching + 1).min(WATCHED);
    }

    /// Whether a transaction that is like the last one may be independent of those before it, as far as is known.
    pub(super) const fn may_part(&self) -> bool {
        self.knows() && self.watched & 1 == 0
    }

    /// Whether anything is known of how transactions depend on each other.
    const fn knows(&self) -> bool {
        self.watching >= FIRST_WATCHED
    }

    /// How many transactions to execute in turn from here on, if looking ahead does not pay.
    pub(super) fn alone(&mut self) -> Option<u32> {
        let conflicts = self.watched.count_ones();
        if !self.knows() || conflicts * WATCHED < self.too_many * self.watching {
            if self.watched == 0 {
                self.alone_next = *ALONE.start();
            }
            return None;
        }
        let alone = self.alone_next;
        self.alone_next = (alone * 2).min(*ALONE.end());
        // Half of the watch is left, so that it does not take a whole one to see that nothing has changed.
        self.watching /= 2;
        self.watched &= (1 << self.watching) - 1;
        Some(alone)
    }
}

const fn progress(admission: Admission) -> Progress {
    match admission {
        Admission::Stop => Progress::Stop,
        Admission::Execute | Admission::Skip => Progress::Next,
    }
}
