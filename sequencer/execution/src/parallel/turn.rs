//! What a thread is to do at the head, from what all threads can see.

use std::ops::Range;

use super::schedule::{Claims, Limit, Owner};
use super::window::Window;

/// What one thread decides by.
pub(super) struct Turn<'a> {
    pub(super) claims: &'a Claims,
    pub(super) limit: &'a Limit,
    pub(super) window: &'a Window,
    /// Transactions in the block.
    pub(super) len: u32,
    /// The thread.
    pub(super) number: u32,
    /// Turns for which it has had nothing to do.
    pub(super) idle: u32,
}

/// What is to be done with the next transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There is none.
    End,
    /// Commit what was executed ahead of its time.
    Commit,
    /// Execute these, which were left to the committer.
    Left(Range<u32>),
    /// Execute these, which nobody else has executed or will.
    InTurn(Range<u32>),
    /// It is for somebody else, or not ready.
    Wait,
}

impl Turn<'_> {
    /// Whether it is for this thread to go to the head, as far as can be seen from outside.
    pub(super) fn may_advance(&self) -> bool {
        let at = self.window.done.get();
        match self.window.owner(at) {
            Some(Owner::Committer(_)) => true,
            Some(Owner::Thread(owner)) => self.commits(owner),
            None => at >= self.len || self.limit.get() <= at,
        }
    }

    /// What to do at the head, where `at` is next and threads may look ahead again from `alone_until` on.
    pub(super) fn step(&self, at: u32, alone_until: u32) -> Step {
        if at >= self.len {
            return Step::End;
        }
        match self.window.owner(at) {
            Some(Owner::Committer(count)) => Step::Left(at..at + count),
            Some(Owner::Thread(owner)) if self.commits(owner) => Step::Commit,
            // Nobody looks ahead, but for those who had begun.
            None if self.limit.get() <= at => {
                let end = alone_until.clamp(at + 1, self.len);
                if self.claims.all(at, end) { Step::InTurn(at..end) } else { Step::Wait }
            }
            Some(Owner::Thread(_)) | None => Step::Wait,
        }
    }

    /// Others' outcomes are left to them, unless there is nothing else to do.
    fn commits(&self, owner: u32) -> bool {
        self.idle > 0 || owner == self.number
    }
}
