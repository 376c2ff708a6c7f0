//! Who executes what, in atomics that can only make their legal moves.
//!
//! A transaction is *claimed* by one thread, becomes *ready* when it has been
//! executed ahead of its time, and is *done* once it is committed or left out.
//! Claims and commits go in block order. Claims stay within a window of the
//! commits, so that what is in flight is bounded and each transaction in flight
//! has a place of its own.
//!
//! Each that many threads write has cache lines of its own.
//!
//! None of this decides about results: a transaction is committed only if what
//! it read is what those before it committed. A schedule can only be slow.

use std::ops::Range;

use super::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// The next transaction that nobody has claimed.
#[derive(Debug)]
#[repr(align(128))]
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

    /// Claims all from `at` to `end`; false if `at` is claimed already. What is before `at`, and was never claimed, was
    /// begun early, and is done.
    pub(super) fn all(&self, at: u32, end: u32) -> bool {
        let mut next = self.0.load(Ordering::Relaxed);
        while next <= at {
            match self.0.compare_exchange(next, end, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => next = now,
            }
        }
        false
    }
}

/// How many transactions are done. Moved by the committer alone.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Done(AtomicU32);

impl Done {
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// What the committer did before it said so is visible to whoever sees this.
    #[inline]
    pub(super) fn get(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    /// One more.
    #[inline]
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

    #[inline]
    pub(super) fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, end: u32) {
        self.0.store(end, Ordering::Relaxed);
    }
}

/// Whose turn it is to commit a transaction that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The thread that executed it, in whose cache all lies.
    Thread(u32),
    /// Whoever commits: it and so many in all from it on were left to be executed then.
    Committer(u32),
}

/// In a word, tells the committer from a thread.
const COMMITTER: u32 = 1 << 31;

/// Whether a place in the window is ready for its turn, which transaction's it is, and who made it so.
#[derive(Debug)]
pub(super) struct Ready(AtomicU64);

impl Ready {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The place of `at` is ready. What was written before is visible to whoever sees this.
    pub(super) fn tell(&self, at: u32, owner: Owner) {
        let owner = match owner {
            Owner::Thread(number) => number,
            Owner::Committer(count) => COMMITTER | count,
        };
        self.0.store(u64::from(owner) << 32 | u64::from(at + 1), Ordering::Release);
    }

    /// Who made it ready for `at`, if anyone did.
    #[inline]
    pub(super) fn owner(&self, at: u32) -> Option<Owner> {
        let word = self.0.load(Ordering::Acquire);
        let owner = (word >> 32) as u32;
        (word as u32 == at + 1).then_some(match owner & COMMITTER {
            0 => Owner::Thread(owner),
            _ => Owner::Committer(owner & !COMMITTER),
        })
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

    #[inline]
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Whether somebody is at the head. A hint: so that others need not try the lock, which would take it from the one who
/// is working under it.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Taken(AtomicBool);

impl Taken {
    pub(super) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Somebody is, until what this gives is dropped.
    pub(super) fn here(&self) -> Here<'_> {
        self.0.store(true, Ordering::Relaxed);
        Here(self)
    }

    #[inline]
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Somebody is at the head; also if that ends in a panic.
pub(super) struct Here<'t>(&'t Taken);

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Relaxed);
    }
}

/// The transaction that somebody executes once more, because who claimed it seems to be asleep.
#[derive(Debug)]
pub(super) struct Race(AtomicU32);

impl Race {
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Whether nobody has done this for the transaction at `at`.
    pub(super) fn enter(&self, at: u32) -> bool {
        let last = self.0.load(Ordering::Relaxed);
        last != at + 1 && self.0.compare_exchange(last, at + 1, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// How often the committer had to do what others could have done for it. Tells them to.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Wanted(AtomicU32);

impl Wanted {
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Once more. By the committer alone.
    pub(super) fn more(&self) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}
