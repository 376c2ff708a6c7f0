//! A block's transactions on several threads.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use alloy_primitives::{Address, B256, U256};
use revm::context::{BlockEnv, CfgEnv};
use revm::primitives::hardfork::SpecId;

use super::candidate::Candidate;
use super::head::{Head, Progress, Sink};
use super::memory::{Changed, Memory, Room};
use super::outcome::Outcome;
use super::schedule::{Claims, Done, Limit, Ready, Stop};
use super::stats::Stats;
use super::sync::{AtomicU32, Ordering};
use super::worker::Worker;
use crate::changes::Changes;
use crate::codes::analyse;
use crate::view::{Missing, StateView};

/// Transactions in flight for each thread, at most.
const WINDOW_PER_THREAD: usize = 64;

/// Transactions that a thread claims at once, at most: neighbours, which it executes and commits with all they touch
/// in its own cache.
const MOST_AT_ONCE: usize = 16;

/// Claims that a thread makes in a block, at least, so that all end at about the same time.
const CLAIMS_PER_THREAD: usize = 32;

/// Turns without anything to do after which a thread does the work of one that may be asleep.
const PATIENCE: u32 = 96;

/// How long a thread sleeps that has had nothing to do for long.
const NAP: Duration = Duration::from_micros(20);

/// Threads that execute blocks, and what they keep from one block to the next.
#[derive(Debug)]
pub struct Engine {
    threads: usize,
    room: Room,
    /// The last block was executed to its end.
    finished: bool,
}

impl Engine {
    /// On so many threads; none is one.
    pub fn new(threads: usize) -> Self {
        Self { threads: threads.max(1), room: Room::new(), finished: false }
    }

    /// On all threads that there are.
    pub fn on_all_threads() -> Self {
        Self::new(rayon::current_num_threads())
    }

    /// How many threads.
    pub const fn threads(&self) -> usize {
        self.threads
    }

    /// The block that was executed last is now part of the state, which has this root: the next block on top of it
    /// finds what this one has used. Without this call, or on any other state, the next block starts afresh.
    pub fn applied(&mut self, state_root: B256) {
        if std::mem::take(&mut self.finished) {
            self.room.reflect(state_root);
        }
    }

    /// Reads accounts and slots of the state with this root before a block of `expected` transactions needs them.
    pub fn warm<V: StateView + ?Sized>(
        &mut self,
        view: &V,
        state_root: B256,
        accounts: impl IntoIterator<Item = Address>,
        slots: impl IntoIterator<Item = (Address, U256)>,
        expected: usize,
    ) -> Result<(), Missing> {
        self.room.begin(Some(state_root), expected);
        let memory = Memory::new(view, false, &self.room);
        for address in accounts {
            memory.read_account(memory.account(address), None)?;
        }
        for (address, slot) in slots {
            let owner = memory.account(address);
            memory.read_slot(memory.slot(owner, slot), (owner, address), slot, None)?;
        }
        self.room.reflect(state_root);
        Ok(())
    }
}

/// What came of it.
pub(crate) struct Finished<S> {
    /// What the block changed.
    pub(crate) changes: Changes,
    /// The block's maker.
    pub(crate) sink: S,
    /// How it went.
    pub(crate) stats: Stats,
}

/// One transaction in flight.
struct Place {
    ready: Ready,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    outcome: Outcome,
    /// Transactions before this one are done without an outcome from here.
    too_late: u32,
}

impl Place {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a thread works with.
struct Hand<'a, V: StateView + ?Sized> {
    number: u32,
    worker: Worker<'a, V>,
    outcome: Outcome,
}

struct Block<'a, V: StateView + ?Sized, C, S> {
    memory: &'a Memory<'a, V>,
    config: &'a CfgEnv,
    block: &'a BlockEnv,
    candidates: &'a [C],
    claims: Claims,
    done: Done,
    limit: Limit,
    stop: Stop,
    window: Box<[Place]>,
    at_once: u32,
    threads: AtomicU32,
    head: Mutex<Head<'a, V, S>>,
    failed: Mutex<Option<Missing>>,
}

/// Where a block is executed: on a state, by rules, in an environment, after changes that were made before it.
pub(crate) struct Setting<'a, V: ?Sized> {
    pub(crate) view: &'a V,
    /// Root of that state, where known.
    pub(crate) state_root: Option<B256>,
    pub(crate) config: &'a CfgEnv,
    pub(crate) block: &'a BlockEnv,
    pub(crate) before: &'a Changes,
}

/// Executes `candidates` in order, with the same result for any number of threads. The changes include those before.
pub(crate) fn run<V: StateView + ?Sized, C: Candidate, S: Sink>(
    engine: &mut Engine,
    setting: &Setting<'_, V>,
    candidates: &[C],
    sink: S,
    threads: usize,
) -> Result<Finished<S>, Missing> {
    let Setting { view, state_root, config, block, before } = *setting;
    engine.finished = false;
    engine.room.begin(state_root, candidates.len());
    let memory = Memory::new(view, !config.spec.is_enabled_in(SpecId::SPURIOUS_DRAGON), &engine.room);
    let mut changed = Changed::default();
    memory.absorb(before, &mut changed);
    let head = Head::new(&memory, memory.account(block.beneficiary), sink, changed);
    let run = Block::new(&memory, config, block, candidates, head, threads);
    run.all(threads);
    if let Some(missing) = run.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(missing);
    }
    let head = run.head.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Head { sink, changed, mut codes, mut stats, conflicts, .. } = head;
    codes.extend(before.codes.iter().map(|(hash, code)| (*hash, analyse(code.clone()))));
    stats.threads = threads;
    stats.hottest = conflicts.hottest(|place| memory.name(place));
    let changes = memory.changes(changed, codes);
    engine.finished = run.done.get() as usize == candidates.len();
    Ok(Finished { changes, sink, stats })
}

impl<'a, V: StateView + ?Sized, C: Candidate, S: Sink> Block<'a, V, C, S> {
    fn new(
        memory: &'a Memory<'a, V>,
        config: &'a CfgEnv,
        block: &'a BlockEnv,
        candidates: &'a [C],
        head: Head<'a, V, S>,
        threads: usize,
    ) -> Self {
        let window = if threads > 1 { threads * WINDOW_PER_THREAD } else { 1 };
        let place = |_| Place { ready: Ready::new(), kept: Mutex::default() };
        Self {
            memory,
            config,
            block,
            candidates,
            claims: Claims::new(),
            done: Done::new(),
            limit: Limit::new(if threads > 1 { candidates.len() as u32 } else { 0 }),
            stop: Stop::new(),
            window: (0..window).map(place).collect(),
            at_once: (candidates.len() / (threads * CLAIMS_PER_THREAD)).clamp(1, MOST_AT_ONCE) as u32,
            threads: AtomicU32::new(0),
            head: Mutex::new(head),
            failed: Mutex::new(None),
        }
    }

    fn all(&self, threads: usize) {
        if threads <= 1 {
            return self.work();
        }
        rayon::scope(|scope| {
            (1..threads).for_each(|_| scope.spawn(|_| self.work()));
            self.work();
        });
    }

    fn len(&self) -> u32 {
        self.candidates.len() as u32
    }

    /// What every thread does until the block is done.
    fn work(&self) {
        let mut hand = Hand {
            number: self.threads.fetch_add(1, Ordering::Relaxed),
            worker: Worker::new(self.memory, self.config, self.block),
            outcome: Outcome::default(),
        };
        let mut idle = 0;
        while !self.stop.is_set() {
            // Others' outcomes are left to them, unless there is nothing else to do.
            self.at_head(|head| self.advance(head, &mut hand, idle));
            let end = self.limit.get().min(self.done.get().saturating_add(self.window.len() as u32));
            let claimed = self.claims.next(end, self.at_once);
            if claimed.is_empty() {
                idle += 1;
                rest(idle);
                continue;
            }
            idle = 0;
            for at in claimed {
                if self.done.get() == at {
                    self.at_head(|head| self.in_turn(head, &mut hand, at));
                }
                // Somebody else may have had the head.
                if self.done.get() <= at && !self.stop.is_set() {
                    self.ahead(&mut hand, at);
                }
            }
        }
    }

    /// Does something at the head, if nobody else is there.
    fn at_head(&self, work: impl FnOnce(&mut Head<'a, V, S>) -> Result<(), Missing>) {
        match self.head.try_lock() {
            Ok(mut head) => {
                if let Err(missing) = work(&mut head) {
                    *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(missing);
                    self.stop.now();
                }
            }
            Err(TryLockError::WouldBlock) => {}
            // Its holder panicked; the panic goes to whoever asked for the block.
            Err(TryLockError::Poisoned(_)) => self.stop.now(),
        }
    }

    fn place(&self, at: u32) -> &Place {
        &self.window[at as usize % self.window.len()]
    }

    fn ahead(&self, hand: &mut Hand<'a, V>, at: u32) {
        hand.worker.ahead(at, &self.candidates[at as usize], &mut hand.outcome);
        self.memory.publish(at, &hand.outcome);
        let place = self.place(at);
        let mut kept = place.lock();
        if kept.too_late > at {
            drop(kept);
            self.memory.retract(at, &hand.outcome);
            return;
        }
        std::mem::swap(&mut hand.outcome, &mut kept.outcome);
        place.ready.tell(at, hand.number);
    }

    /// Whether the next transaction, claimed by a thread that seems to be asleep, is now to be executed by another.
    fn take_over(&self, at: u32) -> bool {
        let place = self.place(at);
        let mut kept = place.lock();
        if place.ready.owner(at).is_some() {
            return false;
        }
        kept.too_late = at + 1;
        true
    }

    /// The next transaction, which nobody has executed.
    fn in_turn(&self, head: &mut Head<'a, V, S>, hand: &mut Hand<'a, V>, at: u32) -> Result<(), Missing> {
        let progress = head.fresh(&mut hand.worker, at, &self.candidates[at as usize], &mut hand.outcome)?;
        self.went(head, at, progress);
        Ok(())
    }

    /// Commits what is ready: one's own outcomes; anybody's, if there has been nothing else to do; and if that was so
    /// for long, even what is not ready.
    fn advance(&self, head: &mut Head<'a, V, S>, hand: &mut Hand<'a, V>, idle: u32) -> Result<(), Missing> {
        while !self.stop.is_set() {
            let at = self.done.get();
            if at >= self.len() {
                self.stop.now();
                break;
            }
            let place = self.place(at);
            match place.ready.owner(at) {
                Some(owner) if idle > 0 || owner == hand.number => {
                    std::mem::swap(&mut hand.outcome, &mut place.lock().outcome);
                    let candidate = &self.candidates[at as usize];
                    let progress = head.ready(&mut hand.worker, at, candidate, &mut hand.outcome)?;
                    self.went(head, at, progress);
                }
                // Nobody looks ahead.
                None if self.limit.get() <= at && self.claims.exactly(at) => self.in_turn(head, hand, at)?,
                None if idle > PATIENCE && self.claims.are_past(at) && self.take_over(at) => {
                    self.in_turn(head, hand, at)?;
                }
                Some(_) | None => break,
            }
        }
        Ok(())
    }

    fn went(&self, head: &mut Head<'a, V, S>, at: u32, progress: Progress) {
        self.done.advance(at + 1);
        match progress {
            Progress::Next => self.pace(head, at + 1),
            Progress::Stop => self.stop.now(),
        }
    }

    /// Lets threads look ahead, or not, as the conflicts have it.
    fn pace(&self, head: &mut Head<'a, V, S>, next: u32) {
        if next < head.alone_until || self.window.len() == 1 {
            return;
        }
        match head.alone() {
            Some(count) => {
                head.alone_until = next.saturating_add(count);
                self.limit.set(next);
            }
            None => self.limit.set(self.len()),
        }
    }
}

/// Waits the longer the longer there was nothing to do.
fn rest(idle: u32) {
    match idle {
        0..64 => std::hint::spin_loop(),
        64..256 => std::thread::yield_now(),
        _ => std::thread::sleep(NAP),
    }
}
