//! What executes blocks, and what it keeps from one block to the next.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, U256};
use rayon::{ThreadPool, ThreadPoolBuilder};
use revm::context::{BlockEnv, CfgEnv};
use revm::primitives::hardfork::SpecId;

use super::candidate::Candidate;
use super::changed::Changed;
use super::head::{Head, Sink};
use super::memory::{Memory, Room};
use super::record::Record;
use super::run::Block;
use super::scratch::Scratches;
use super::stats::Stats;
use crate::access::Builder;
use crate::changes::Changes;
use crate::codes::analyse;
use crate::view::{Missing, StateView};

/// Transactions in flight for each thread, at most.
const WINDOW_PER_THREAD: usize = 64;

/// How long one thread works on a block before it calls others: about as long as it takes them to come.
const HEAD_START: Duration = Duration::from_micros(40);

/// Threads that execute blocks, and what they keep from one block to the next.
#[derive(Debug)]
pub struct Engine {
    pub(super) threads: usize,
    /// Of all threads but the caller's, once there was work for them. Their own, so that no block waits for anyone
    /// else's work.
    others: OnceLock<Option<ThreadPool>>,
    pub(super) head_start: Duration,
    scratches: Scratches,
    room: Room,
    /// The last block was executed to its end.
    finished: bool,
}

impl Engine {
    /// On so many threads; none is one.
    pub fn new(threads: usize) -> Self {
        Self {
            threads: threads.max(1),
            others: OnceLock::new(),
            head_start: HEAD_START,
            scratches: Scratches::default(),
            room: Room::new(),
            finished: false,
        }
    }

    /// On all threads that there are.
    pub fn on_all_threads() -> Self {
        Self::new(rayon::current_num_threads())
    }

    /// All threads begin at once, however small the block: slower, but the way to test them.
    pub fn without_head_start(mut self) -> Self {
        self.head_start = Duration::ZERO;
        self
    }

    /// With another head start for the first thread.
    #[cfg(test)]
    pub(crate) fn with_head_start(mut self, head_start: Duration) -> Self {
        self.head_start = head_start;
        self
    }

    /// How many threads.
    pub const fn threads(&self) -> usize {
        self.threads
    }

    /// Bytes of memory that are kept for the next block: nearly all that executing one takes, but for what it gives.
    pub fn bytes(&self) -> usize {
        self.room.accounts.bytes() + self.room.slots.bytes()
    }

    /// `None` if the system has no threads to give: then one has to do.
    pub(super) fn others(&self) -> Option<&ThreadPool> {
        let name = |number| format!("execute-{}", number + 1);
        let build = || ThreadPoolBuilder::new().num_threads(self.threads - 1).thread_name(name).build().ok();
        if self.threads > 1 { self.others.get_or_init(build).as_ref() } else { None }
    }

    /// Has every thread do the same, this one too.
    pub(crate) fn on_each(&self, work: impl Fn() + Sync) {
        let Some(others) = self.others() else { return work() };
        others.in_place_scope(|scope| {
            for _ in 1..self.threads {
                scope.spawn(|_| work());
            }
            work();
        });
    }

    /// A block is executed in another way: what is kept here does not become part of the state.
    pub(crate) fn leave(&mut self) {
        self.finished = false;
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
        let memory = Memory::new(view, false, &self.room, 1);
        for address in accounts {
            memory.committed(memory.account(address), |_| ())?;
        }
        for (address, slot) in slots {
            let owner = memory.account(address);
            memory.read_slot(memory.slot(owner, slot), (owner, address), slot, None)?;
        }
        self.room.settle(expected);
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
    /// What it touched, if anyone asked.
    pub(crate) list: Option<Builder>,
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
/// What is touched goes to `list`, if there is one.
pub(crate) fn run<V: StateView + ?Sized, C: Candidate, S: Sink>(
    engine: &mut Engine,
    setting: &Setting<'_, V>,
    candidates: &[C],
    sink: S,
    list: Option<Builder>,
) -> Result<Finished<S>, Missing> {
    let start = Instant::now();
    let Setting { view, state_root, config, block, before } = *setting;
    engine.finished = false;
    engine.room.begin(state_root, candidates.len());
    engine.scratches.begin(engine.room.generation());
    let in_flight = if engine.threads > 1 { (engine.threads * WINDOW_PER_THREAD).min(candidates.len()) } else { 1 };
    let keep_empty = !config.spec.is_enabled_in(SpecId::SPURIOUS_DRAGON);
    let memory = Memory::new(view, keep_empty, &engine.room, in_flight);
    let mut changed = Changed::new(engine.room.block(), candidates.len());
    memory.absorb(before, &mut changed);
    let made = (changed, list.map(Record::new));
    let head = Head::new(&memory, memory.account(block.beneficiary), sink, made, engine.threads);
    let run = Block::new(&memory, &engine.scratches, (config, block), candidates, head, engine.threads);
    run.all(engine);
    let (head, lanes) = run.end()?;
    let Head { sink, changed, mut codes, mut stats, conflicts, next, record, .. } = head;
    codes.extend(before.codes.iter().map(|(hash, code)| (*hash, analyse(code.clone()))));
    stats.hottest = conflicts.hottest(|place| memory.name(place));
    (stats.threads, stats.busy) = (lanes.len(), lanes.iter().map(|lane| lane.busy).sum());
    stats.lanes = lanes;
    let changes = Changes::new(changed.into_accounts(), codes);
    stats.wall = start.elapsed();
    engine.finished = next as usize == candidates.len();
    Ok(Finished { changes, sink, stats, list: record.map(Record::into_list) })
}
