//! Transactions that seem to take long, which threads begin before it is their turn to be claimed.
//!
//! Threads that took everything in order would end far apart wherever a long
//! one comes late: all others would wait for it. Each is taken once: by whoever
//! begins it early, or by whoever comes to it in block order.

use super::sync::{AtomicBool, Ordering};

/// A few transactions of a block, the longest first.
#[derive(Debug)]
pub(super) struct Early {
    all: Box<[(u32, AtomicBool)]>,
    /// For each a bit, by its place in the block: nearly all others are told from them by that alone.
    mask: u64,
}

impl Early {
    /// Of these transactions, the longest first.
    pub(super) fn new(longest: &[u32]) -> Self {
        Self {
            all: longest.iter().map(|at| (*at, AtomicBool::new(false))).collect(),
            mask: longest.iter().map(|at| bit(*at)).fold(0, std::ops::BitOr::bitor),
        }
    }

    /// Takes the longest of those before `end` that nobody has taken.
    pub(super) fn next(&self, end: u32) -> Option<u32> {
        let mine = |(at, taken): &&(u32, AtomicBool)| *at < end && take(taken);
        self.all.iter().find(mine).map(|(at, _)| *at)
    }

    /// Whether a transaction that has been claimed in block order is still to be executed. If not, somebody has begun
    /// it early.
    pub(super) fn is_left(&self, at: u32) -> bool {
        let mine = |(early, taken): &(u32, AtomicBool)| *early != at || take(taken);
        self.mask & bit(at) == 0 || self.all.iter().all(mine)
    }

    /// Whether somebody has begun it early.
    pub(super) fn is_begun(&self, at: u32) -> bool {
        let begun = |(early, taken): &(u32, AtomicBool)| *early == at && taken.load(Ordering::Relaxed);
        self.mask & bit(at) != 0 && self.all.iter().any(begun)
    }
}

const fn bit(at: u32) -> u64 {
    1 << (at % u64::BITS)
}

/// Whether nobody had it before.
fn take(taken: &AtomicBool) -> bool {
    !taken.load(Ordering::Relaxed) && !taken.swap(true, Ordering::Relaxed)
}
