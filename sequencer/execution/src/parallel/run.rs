//! A block's transactions on several threads.

use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::Duration;

use revm::context::{BlockEnv, CfgEnv};
use revm::primitives::hardfork::SpecId;

use super::candidate::Candidate;
use super::head::{Head, Progress, Sink};
use super::memory::{Memory, Room};
use super::outcome::Outcome;
use super::schedule::{Claims, Done, Limit, Ready, Stop};
use super::stats::Stats;
use super::worker::Worker;
use crate::changes::Changes;
use crate::view::{Missing, StateView};

/// Transactions in flight for each thread.
const WINDOW_PER_THREAD: usize = 32;

/// How long a thread sleeps that has had nothing to do for long.
const NAP: Duration = Duration::from_micros(20);

/// Threads that execute blocks, and what they keep from one block to the next.
#[derive(Debug)]
pub struct Engine {
    threads: usize,
    room: Room,
}

impl Engine {
    /// On so many threads; none is one.
    pub fn new(threads: usize) -> Self {
        Self { threads: threads.max(1), room: Room::new() }
    }

    /// On all threads that there are.
    pub fn on_all_threads() -> Self {
        Self::new(rayon::current_num_threads())
    }

    /// How many threads.
    pub const fn threads(&self) -> usize {
        self.threads
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
    outcome: Mutex<Outcome>,
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
    head: Mutex<Head<'a, V, S>>,
    failed: Mutex<Option<Missing>>,
}

/// Executes `candidates` in order, with the same result for any number of threads.
pub(crate) fn run<V: StateView + ?Sized, C: Candidate, S: Sink>(
    view: &V,
    config: &CfgEnv,
    block: &BlockEnv,
    candidates: &[C],
    sink: S,
    engine: &mut Engine,
) -> Result<Finished<S>, Missing> {
    let threads = engine.threads;
    let keep_empty = !config.spec.is_enabled_in(SpecId::SPURIOUS_DRAGON);
    let memory = Memory::new(view, keep_empty, &mut engine.room);
    let (sink, codes, stats) = {
        let beneficiary = memory.account(block.beneficiary);
        let run = Block::new(&memory, config, block, candidates, Head::new(&memory, beneficiary, sink), threads);
        run.all(threads);
        let failed = run.failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(missing) = failed {
            return Err(missing);
        }
        let Head { sink, codes, mut stats, conflicts, .. } =
            run.head.into_inner().unwrap_or_else(PoisonError::into_inner);
        stats.threads = threads;
        stats.hottest = conflicts.hottest(|place| memory.name(place));
        (sink, codes, stats)
    };
    Ok(Finished { changes: memory.changes(codes), sink, stats })
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
        let place = |_| Place { ready: Ready::new(), outcome: Mutex::default() };
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
        let mut worker = Worker::new(self.memory, self.config, self.block);
        let mut own = Outcome::default();
        let mut idle = 0;
        while !self.stop.is_set() {
            match self.head.try_lock() {
                Ok(mut head) => {
                    if let Err(missing) = self.advance(&mut head, &mut worker, &mut own) {
                        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(missing);
                        self.stop.now();
                    }
                }
                Err(TryLockError::WouldBlock) => {}
                // Its holder panicked; the panic goes to whoever asked for the block.
                Err(TryLockError::Poisoned(_)) => self.stop.now(),
            }
            let end = self.limit.get().min(self.done.get().saturating_add(self.window.len() as u32));
            match self.claims.next(end) {
                Some(at) => {
                    self.ahead(&mut worker, at, &mut own);
                    idle = 0;
                }
                None => {
                    idle += 1;
                    rest(idle);
                }
            }
        }
    }

    fn place(&self, at: u32) -> &Place {
        &self.window[at as usize % self.window.len()]
    }

    fn ahead(&self, worker: &mut Worker<'a, V>, at: u32, own: &mut Outcome) {
        worker.ahead(at, &self.candidates[at as usize], own);
        self.memory.publish(at, own);
        let place = self.place(at);
        std::mem::swap(own, &mut place.outcome.lock().unwrap_or_else(PoisonError::into_inner));
        place.ready.tell(at);
    }

    /// Commits as far as there is anything to commit.
    fn advance(
        &self,
        head: &mut Head<'a, V, S>,
        worker: &mut Worker<'a, V>,
        own: &mut Outcome,
    ) -> Result<(), Missing> {
        loop {
            let at = self.done.get();
            if at >= self.len() || self.stop.is_set() {
                self.stop.now();
                return Ok(());
            }
            let candidate = &self.candidates[at as usize];
            let place = self.place(at);
            let progress = if place.ready.is(at) {
                std::mem::swap(own, &mut place.outcome.lock().unwrap_or_else(PoisonError::into_inner));
                head.ready(worker, at, candidate, own)?
            } else if self.claims.exactly(at) {
                head.fresh(worker, at, candidate, own)?
            } else {
                return Ok(());
            };
            self.done.advance(at + 1);
            match progress {
                Progress::Next => self.pace(head, at + 1),
                Progress::Stop => self.stop.now(),
            }
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
