//! Who executes what, in atomics that can only make their legal moves.
//!
//! A transaction is *claimed* by one thread, becomes *ready* when it has been
//! executed ahead of its time, and is *done* once it is committed or left out.
//! Claims and commits go in block order. Claims stay within a window of the
//! commits, so that what is in flight is bounded and each transaction in flight
//! has a place of its own.
//!
//! None of this decides about results: a transaction is committed only if what
//! it read is what those before it committed. A schedule can only be slow.

use std::ops::Range;

use super::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// The next transaction that nobody has claimed.
#[derive(Debug)]
pub(super) struct Claims(AtomicU32);

impl Claims {
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Claims the next transactions, at most `most` of them and all before `end`; an empty range if there are none.
    pub(super) fn next(&self, end: u32, most: u32) -> Range<u32> {
        let mut at = self.0.load(Ordering::Relaxed);
        while at < end {
            let after = at.saturating_add(most).min(end);
            match self.0.compare_exchange_weak(at, after, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return at..after,
                Err(now) => at = now,
            }
        }
        end..end
    }

    /// Whether this transaction is claimed.
    pub(super) fn are_past(&self, at: u32) -> bool {
        self.0.load(Ordering::Relaxed) > at
    }

    /// Claims this transaction; false if it is claimed already.
    pub(super) fn exactly(&self, at: u32) -> bool {
        self.0.compare_exchange(at, at + 1, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// How many transactions are done. Moved by the committer alone.
#[derive(Debug)]
pub(super) struct Done(AtomicU32);

impl Done {
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// What the committer did before it said so is visible to whoever sees this.
    pub(super) fn get(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    /// One more.
    pub(super) fn advance(&self, to: u32) {
        self.0.store(to, Ordering::Release);
    }
}

/// How far transactions may be claimed ahead of their time.
#[derive(Debug)]
pub(super) struct Limit(AtomicU32);

impl Limit {
    pub(super) fn new(end: u32) -> Self {
        Self(AtomicU32::new(end))
    }

    pub(super) fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, end: u32) {
        self.0.store(end, Ordering::Relaxed);
    }
}

/// Whether a place in the window holds an outcome, of which transaction, and who put it there.
#[derive(Debug)]
pub(super) struct Ready(AtomicU64);

impl Ready {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The outcome of `at` lies here. What was written before is visible to whoever sees this.
    pub(super) fn tell(&self, at: u32, owner: u32) {
        self.0.store(u64::from(owner) << 32 | u64::from(at + 1), Ordering::Release);
    }

    /// Whose outcome of `at` lies here, if it does.
    pub(super) fn owner(&self, at: u32) -> Option<u32> {
        let word = self.0.load(Ordering::Acquire);
        (word as u32 == at + 1).then_some((word >> 32) as u32)
    }
}

/// All threads are to end: the block is done, or cannot go on.
#[derive(Debug)]
pub(super) struct Stop(AtomicBool);

impl Stop {
    pub(super) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    pub(super) fn now(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
