//! Transactions in flight: a place for each, where its outcome waits for its turn.

use std::sync::{PoisonError, TryLockError};

use super::outcome::Outcome;
use super::schedule::{Done, Owner, Ready};
use super::sync::{Mutex, MutexGuard};

/// All transactions between those that are done and those that wait to be claimed.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) done: Done,
    /// By transaction, modulo their number.
    places: Box<[Place]>,
}

/// One transaction in flight. On cache lines of its own: its neighbours are other threads'.
#[derive(Debug)]
#[repr(align(128))]
struct Place {
    ready: Ready,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    outcome: Outcome,
    /// Whose outcome that is, while it may be looked at.
    of: Option<u32>,
    /// Transactions before this one are done without an outcome from here.
    too_late: u32,
}

impl Window {
    pub(super) fn new(len: usize) -> Self {
        let kept = || Mutex::new(Kept { outcome: Outcome::default(), of: None, too_late: 0 });
        let places = (0..len.max(1)).map(|_| Place { ready: Ready::new(), kept: kept() }).collect();
        Self { done: Done::new(), places }
    }

    /// Transactions in flight, at most.
    pub(super) fn len(&self) -> u32 {
        self.places.len() as u32
    }

    fn place(&self, at: u32) -> &Place {
        &self.places[at as usize % self.places.len()]
    }

    /// Keeps an outcome until its turn, and hands it to `publish` before the committer knows of it. False if that is
    /// too late. `outcome` is then any other.
    pub(super) fn keep(&self, at: u32, owner: u32, outcome: &mut Outcome, publish: impl FnOnce(&Outcome)) -> bool {
        let place = self.place(at);
        let mut kept = place.lock();
        if kept.too_late > at {
            return false;
        }
        std::mem::swap(outcome, &mut kept.outcome);
        kept.of = Some(at);
        publish(&kept.outcome);
        place.ready.tell(at, Owner::Thread(owner));
        true
    }

    /// Leaves `count` transactions, from the one at `at` on, to the committer. False if that is too late: the first of
    /// them is done, or about to be.
    pub(super) fn leave(&self, at: u32, count: u32) -> bool {
        let place = self.place(at);
        let kept = place.lock();
        let in_time = kept.too_late <= at;
        if in_time {
            place.ready.tell(at, Owner::Committer(count));
        }
        in_time
    }

    /// Whose turn it is to commit this transaction, if it is ready.
    pub(super) fn owner(&self, at: u32) -> Option<Owner> {
        self.place(at).ready.owner(at)
    }

    /// Whether there is no more need to execute this transaction.
    pub(super) fn is_late(&self, at: u32) -> bool {
        self.owner(at).is_some() || self.done.get() > at
    }

    /// Its outcome, which nobody sees from now on.
    pub(super) fn take(&self, at: u32, outcome: &mut Outcome) {
        let mut kept = self.place(at).lock();
        kept.of = None;
        std::mem::swap(outcome, &mut kept.outcome);
    }

    /// Looks at an outcome that was published and is not committed.
    pub(super) fn look<R>(&self, at: u32, look: impl FnOnce(&Outcome) -> R) -> Option<R> {
        let kept = self.place(at).lock();
        (kept.of == Some(at)).then(|| look(&kept.outcome))
    }

    /// Whether a transaction that another thread has claimed, and has not executed yet, is now the committer's.
    pub(super) fn take_over(&self, at: u32) -> bool {
        let place = self.place(at);
        let mut kept = match place.kept.try_lock() {
            Ok(kept) => kept,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // It is just coming, or somebody looks at what was here before.
            Err(TryLockError::WouldBlock) => return false,
        };
        if place.ready.owner(at).is_some() {
            return false;
        }
        kept.too_late = at + 1;
        true
    }
}

impl Place {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
