//! A block's transactions on several threads.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use revm::context::{BlockEnv, CfgEnv};

use super::candidate::Candidate;
use super::early::Early;
use super::engine::Engine;
use super::head::{Head, Progress, Sink};
use super::memory::Memory;
use super::outcome::Outcome;
use super::prospect::{Prospect, longest};
use super::schedule::{Claims, Limit, Race, Stop, Taken};
use super::scratch::Scratches;
use super::stats::Lane;
use super::turn::{Step, Turn};
use super::worker::Worker;
use crate::view::{Missing, StateView};

/// Transactions that a thread claims at once, at most: neighbours, which it executes and commits with all they touch
/// in its own cache.
const MOST_AT_ONCE: u32 = 16;

/// Claims that a thread makes in a block, at least, so that all end at about the same time.
const CLAIMS_PER_THREAD: usize = 32;

/// Commits after which others are told.
const DONE_EVERY: u32 = 8;

/// Turns without anything to do after which a thread does the work of one that may be asleep.
const PATIENCE: u32 = 192;

/// How long a thread sleeps that has had nothing to do for long.
const NAP: Duration = Duration::from_micros(20);

/// Claims in a row that may come to nothing but payments before a thread gets out of the committer's way.
const USELESS: u32 = 1;

/// Times [`NAP`] that it sleeps then, at most.
const MOST_NAPS: u32 = 16;

/// What a thread works with.
struct Hand<'a, V: StateView + ?Sized> {
    number: u32,
    worker: Worker<'a, V>,
    outcome: Outcome,
    /// Claims in a row that were nothing but payments, and left to the committer.
    useless: u32,
    since: Instant,
    rested: Duration,
    lane: Lane,
}

/// One block in the making.
pub(super) struct Block<'a, V: StateView + ?Sized, C, S> {
    memory: &'a Memory<'a, V>,
    scratches: &'a Scratches,
    config: &'a CfgEnv,
    block: &'a BlockEnv,
    candidates: &'a [C],
    claims: Claims,
    /// Once several threads work on it.
    early: OnceLock<Early>,
    limit: Limit,
    stop: Stop,
    at_once: u32,
    race: Race,
    records: bool,
    taken: Taken,
    head: Mutex<Head<'a, V, S>>,
    failed: Mutex<Option<Missing>>,
    workers: Mutex<Vec<Thread>>,
    /// What each thread did, by its number.
    lanes: Mutex<Vec<(u32, Lane)>>,
}

impl<'a, V: StateView + ?Sized, C: Candidate, S: Sink> Block<'a, V, C, S> {
    pub(super) fn new(
        memory: &'a Memory<'a, V>,
        scratches: &'a Scratches,
        (config, block): (&'a CfgEnv, &'a BlockEnv),
        candidates: &'a [C],
        head: Head<'a, V, S>,
        threads: usize,
    ) -> Self {
        let len = candidates.len() as u32;
        Self {
            memory,
            scratches,
            config,
            block,
            candidates,
            claims: Claims::new(),
            early: OnceLock::new(),
            limit: Limit::new(len),
            stop: Stop::new(),
            records: head.record.is_some(),
            at_once: (len / (threads * CLAIMS_PER_THREAD) as u32).clamp(1, MOST_AT_ONCE),
            race: Race::new(),
            taken: Taken::new(),
            head: Mutex::new(head),
            failed: Mutex::new(None),
            workers: Mutex::default(),
            lanes: Mutex::default(),
        }
    }

    /// Executes everything.
    pub(super) fn all(&self, engine: &Engine) {
        let mut hand = self.hand(0);
        if engine.threads == 1 {
            self.at_head(|head| self.in_turn(head, &mut hand, 0..self.len(), None));
        } else {
            let Memory { window, wanted, .. } = self.memory;
            let mut prospect = Prospect::new(self.candidates, engine.head_start);
            let mut until = engine.head_start;
            while !self.stop.is_set() && window.done.get() < self.len() {
                let deadline = Some(hand.since + until);
                let mut may_part = false;
                self.at_head(|head| {
                    let done = self.in_turn(head, &mut hand, head.next..self.len(), deadline);
                    may_part = head.may_part();
                    done
                });
                let (done, took, cold) = (window.done.get() as usize, hand.since.elapsed(), wanted.count() > 0);
                let apart = self.limit.get() >= self.len() && (may_part || !self.is_like_those_before(done));
                let worth = engine.head_start.is_zero() || apart && prospect.is_worth(done, took, cold);
                if !self.stop.is_set() && worth {
                    self.together(engine, &mut hand);
                }
                until = took + engine.head_start;
            }
        }
        self.rests(hand);
    }

    /// Whether a transaction calls what others have called shortly before it: then it may depend on them.
    fn is_like_those_before(&self, at: usize) -> bool {
        let called = |candidate: &C| candidate.to().filter(|_| candidate.pays().is_none());
        let next = self.candidates.get(at).and_then(called);
        let before = &self.candidates[at.saturating_sub(MOST_AT_ONCE as usize)..at];
        next.is_some() && before.iter().any(|candidate| called(candidate) == next)
    }

    /// What came of it, and what each thread did.
    pub(super) fn end(self) -> Result<(Head<'a, V, S>, Vec<Lane>), Missing> {
        if let Some(missing) = self.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(missing);
        }
        let head = self.head.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut lanes = self.lanes.into_inner().unwrap_or_else(PoisonError::into_inner);
        lanes.sort_unstable_by_key(|(number, _)| *number);
        Ok((head, lanes.into_iter().map(|(_, lane)| lane).collect()))
    }

    fn together(&self, engine: &Engine, hand: &mut Hand<'a, V>) {
        let done = self.memory.window.done.get();
        self.claims.all(0, done);
        let Some(others) = engine.others() else {
            return self.at_head(|head| self.in_turn(head, hand, head.next..self.len(), None));
        };
        self.early.get_or_init(|| Early::new(&longest(self.candidates, done as usize, engine.threads)));
        let help = |number| {
            let mut hand = self.hand(number);
            self.work(&mut hand);
            self.rests(hand);
        };
        others.in_place_scope(|scope| {
            for number in 1..engine.threads as u32 {
                scope.spawn(move |_| help(number));
            }
            self.work(hand);
        });
    }

    fn hand(&self, number: u32) -> Hand<'a, V> {
        let worker = Worker::new(self.memory, self.scratches, (self.config, self.block), self.records);
        let (outcome, since, rested) = (Outcome::default(), Instant::now(), Duration::ZERO);
        Hand { number, worker, outcome, useless: 0, since, rested, lane: Lane::default() }
    }

    /// A thread is done.
    fn rests(&self, hand: Hand<'a, V>) {
        let lane = Lane { busy: hand.since.elapsed().saturating_sub(hand.rested), ..hand.lane };
        hand.worker.ends();
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).push((hand.number, lane));
    }

    fn len(&self) -> u32 {
        self.candidates.len() as u32
    }

    /// What every thread does until the block is done.
    fn work(&self, hand: &mut Hand<'a, V>) {
        self.workers().push(std::thread::current());
        let mut idle = 0;
        let mut idle_since = None;
        while !self.stop.is_set() {
            if self.turn(hand.number, idle).may_advance() {
                self.at_head(|head| self.advance(head, hand, idle));
            }
            let end = self.limit.get().min(self.memory.window.done.get().saturating_add(self.memory.window.len()));
            if let Some(at) = self.early.get().and_then(|early| early.next(end)) {
                self.ahead(hand, at);
                continue;
            }
            let claimed = self.claims.next(end, self.at_once);
            if claimed.is_empty() {
                idle_since.get_or_insert_with(Instant::now);
                idle += 1;
                if idle >= PATIENCE {
                    self.race(hand);
                }
                rest(idle);
                continue;
            }
            hand.rested += idle_since.take().map_or(Duration::ZERO, |since| since.elapsed());
            idle = 0;
            self.claimed(hand, claimed);
            if hand.useless > USELESS {
                let start = Instant::now();
                std::thread::park_timeout(NAP * hand.useless.min(MOST_NAPS));
                hand.rested += start.elapsed();
            }
        }
        hand.rested += idle_since.map_or(Duration::ZERO, |since| since.elapsed());
        // Nobody is to sleep on.
        self.workers().iter().for_each(Thread::unpark);
    }

    fn workers(&self) -> MutexGuard<'_, Vec<Thread>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Executes transactions ahead of their time; at the head, as soon as their time has come.
    fn claimed(&self, hand: &mut Hand<'a, V>, claimed: Range<u32>) {
        hand.worker.expect(self.candidates_of(&claimed).iter().filter(|candidate| candidate.pays().is_none()));
        let mut at = claimed.start;
        while at < claimed.end && !self.stop.is_set() {
            if self.memory.window.done.get() == at {
                self.at_head(|head| {
                    // Somebody else may have had the head.
                    if head.next == at { self.in_turn(head, hand, at..claimed.end, None) } else { Ok(()) }
                });
            }
            if self.memory.window.done.get() > at {
                at = self.memory.window.done.get();
                continue;
            }
            let rest = self.candidates_of(&(at..claimed.end));
            let left = rest.iter().take_while(|candidate| hand.worker.leaves(*candidate)).count() as u32;
            if left > 0 {
                // The others of them are nobody else's.
                at += if self.memory.window.leave(at, left) { left } else { 1 };
                hand.useless = if left == self.at_once { hand.useless + 1 } else { 0 };
            } else {
                if self.is_left(at) {
                    self.ahead(hand, at);
                }
                at += 1;
                hand.useless = 0;
            }
        }
    }

    /// Whether nobody has begun this transaction early.
    fn is_left(&self, at: u32) -> bool {
        self.early.get().is_none_or(|early| early.is_left(at))
    }

    fn candidates_of(&self, range: &Range<u32>) -> &[C] {
        &self.candidates[range.start as usize..range.end as usize]
    }

    fn ahead(&self, hand: &mut Hand<'a, V>, at: u32) {
        hand.worker.ahead(at, &self.candidates[at as usize], &mut hand.outcome);
        hand.lane.executed += 1;
        let publish = |outcome: &Outcome| self.memory.publish(at, outcome);
        self.memory.window.keep(at, hand.number, &mut hand.outcome, publish);
    }

    /// Does something at the head, if nobody else is there.
    fn at_head(&self, work: impl FnOnce(&mut Head<'a, V, S>) -> Result<(), Missing>) {
        if self.taken.is_set() {
            return;
        }
        match self.head.try_lock() {
            Ok(mut head) => {
                let _here = self.taken.here();
                let result = work(&mut head);
                self.memory.window.done.advance(head.next);
                if let Err(missing) = result {
                    *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(missing);
                    self.stop.now();
                }
            }
            Err(TryLockError::WouldBlock) => {}
            // Its holder panicked; the panic goes to whoever asked for the block.
            Err(TryLockError::Poisoned(_)) => self.stop.now(),
        }
    }

    fn turn(&self, number: u32, idle: u32) -> Turn<'_> {
        Turn { claims: &self.claims, limit: &self.limit, window: &self.memory.window, len: self.len(), number, idle }
    }

    /// Executes the next transaction, which somebody else has claimed, and is first if they are asleep.
    fn race(&self, hand: &mut Hand<'a, V>) {
        let window = &self.memory.window;
        let at = window.done.get();
        // Who executes it at the head cannot be overtaken.
        if self.taken.is_set() || !self.claims.are_past(at) || window.owner(at).is_some() || !self.race.enter(at) {
            return;
        }
        let candidate = &self.candidates[at as usize];
        hand.lane.executed += 1;
        if hand.worker.race(at, candidate, &mut hand.outcome) {
            self.at_head(|head| {
                if head.next != at || !window.take_over(at) {
                    return Ok(());
                }
                let progress = self.ready(head, hand, candidate)?;
                self.went(head, progress);
                Ok(())
            });
        }
    }

    /// Commits what is ready: one's own outcomes; anybody's, if there has been nothing else to do.
    fn advance(&self, head: &mut Head<'a, V, S>, hand: &mut Hand<'a, V>, idle: u32) -> Result<(), Missing> {
        let (window, turn) = (&self.memory.window, self.turn(hand.number, idle));
        while !self.stop.is_set() {
            let at = head.next;
            match turn.step(at, head.alone_until) {
                Step::End => self.stop.now(),
                Step::Commit => {
                    let progress = self.take(head, hand, at)?;
                    // Not each time: all the others look at it all the time.
                    if head.next.is_multiple_of(DONE_EVERY) {
                        window.done.advance(head.next);
                    }
                    self.went(head, progress);
                }
                Step::Left(range) => {
                    hand.useless = 0;
                    self.in_turn(head, hand, range, None)?;
                }
                Step::InTurn(range) => {
                    while head.next < range.end && !self.stop.is_set() {
                        self.begun(head, hand)?;
                        self.in_turn(head, hand, head.next..range.end, None)?;
                    }
                }
                Step::Wait => break,
            }
        }
        Ok(())
    }

    /// Takes the next transaction, which waits in the window.
    fn take(&self, head: &mut Head<'a, V, S>, hand: &mut Hand<'a, V>, at: u32) -> Result<Progress, Missing> {
        self.memory.window.take(at, &mut hand.outcome);
        self.ready(head, hand, &self.candidates[at as usize])
    }

    /// Takes the next transaction, if somebody has begun it early; if it is not ready, executes it once more, in case they
    /// are asleep.
    fn begun(&self, head: &mut Head<'a, V, S>, hand: &mut Hand<'a, V>) -> Result<(), Missing> {
        let (window, at) = (&self.memory.window, head.next);
        if !self.early.get().is_some_and(|early| early.is_begun(at)) {
            return Ok(());
        }
        let candidate = &self.candidates[at as usize];
        if window.owner(at).is_none() {
            hand.lane.executed += 1;
            hand.worker.race(at, candidate, &mut hand.outcome);
        }
        // Either is ready by now; the place may be in use for a moment.
        while window.owner(at).is_none() && !window.take_over(at) {
            std::thread::yield_now();
        }
        let progress =
            if window.owner(at).is_some() { self.take(head, hand, at)? } else { self.ready(head, hand, candidate)? };
        self.went(head, progress);
        Ok(())
    }

    /// Takes the next transaction, whose outcome the hand holds.
    fn ready(&self, head: &mut Head<'a, V, S>, hand: &mut Hand<'a, V>, candidate: &C) -> Result<Progress, Missing> {
        if let Some(progress) = head.ready(&mut hand.outcome)? {
            return Ok(progress);
        }
        // Before it is executed again: what others begin meanwhile may be in vain too.
        self.pace(head);
        hand.lane.repeated += 1;
        head.again(&mut hand.worker, candidate, &mut hand.outcome)
    }

    /// Executes the next transactions, which nobody else has claimed or will; up to one that somebody has begun early, and
    /// that is not ready.
    fn in_turn(
        &self,
        head: &mut Head<'a, V, S>,
        hand: &mut Hand<'a, V>,
        range: Range<u32>,
        until: Option<Instant>,
    ) -> Result<(), Missing> {
        // Until then all that was done before would be in flight together with it.
        let watched = until.map_or(0, |_| self.memory.window.len());
        for at in range.clone() {
            if (at - range.start).is_multiple_of(MOST_AT_ONCE) {
                self.memory.window.done.advance(at);
                hand.worker.expect(self.candidates_of(&(at..range.end.min(at + MOST_AT_ONCE))).iter());
            }
            let progress = if self.is_left(at) {
                hand.lane.executed += 1;
                head.fresh(&mut hand.worker, &self.candidates[at as usize], &mut hand.outcome, at < watched)?
            } else if self.memory.window.owner(at).is_some() {
                self.take(head, hand, at)?
            } else {
                break;
            };
            self.went(head, progress);
            if self.stop.is_set() || until.is_some_and(|until| Instant::now() >= until) {
                break;
            }
        }
        Ok(())
    }

    fn went(&self, head: &mut Head<'a, V, S>, progress: Progress) {
        match progress {
            Progress::Next if head.next < self.len() => self.pace(head),
            Progress::Next | Progress::Stop => self.stop.now(),
        }
    }

    /// Lets threads look ahead, or not, as the conflicts have it.
    fn pace(&self, head: &mut Head<'a, V, S>) {
        if head.next < head.alone_until {
            return;
        }
        match head.alone() {
            Some(count) => {
                head.alone_until = head.next.saturating_add(count);
                self.limit.set(head.next);
            }
            None => self.limit.set(self.len()),
        }
    }
}

/// Waits the longer the longer there was nothing to do.
fn rest(idle: u32) {
    match idle {
        // The longer, the less those who work are disturbed.
        0..64 => (0..idle).for_each(|_| std::hint::spin_loop()),
        64..256 => std::thread::yield_now(),
        _ => std::thread::park_timeout(NAP),
    }
}
