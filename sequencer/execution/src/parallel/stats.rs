//! What the executor did with a block: how much was done twice, and why.

use std::time::Duration;

use alloy_primitives::map::HashMap;
use alloy_primitives::{Address, U256};

use super::memory::Place;

/// Places that are named, at most.
const HOTTEST: usize = 8;

/// A place of the state that made transactions depend on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HotPlace {
    /// The account.
    pub address: Address,
    /// The slot of its storage; `None`: the account itself.
    pub slot: Option<U256>,
    /// Transactions that were executed again because of it.
    pub conflicts: u32,
}

/// What one thread did for a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    /// Transactions that it executed, ahead of their time or in turn, payments among them. What another thread was
    /// quicker with, or the block had no room for, counts too.
    pub executed: u32,
    /// Transactions that it executed again when their time had come, whoever had executed them first.
    pub repeated: u32,
    /// How long it was at work.
    pub busy: Duration,
}

/// How a block was executed. Depends on timing: never part of any result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Threads that took part.
    pub threads: usize,
    /// Transactions committed as they were executed ahead of their time.
    pub ahead: u32,
    /// Transactions executed when their time had come, and only then.
    pub in_turn: u32,
    /// Payments made without the EVM when their time had come.
    pub paid: u32,
    /// Transactions executed again, because what they had read changed.
    pub repeated: u32,
    /// Of those, the ones that had come to nothing the first time.
    pub aborted: u32,
    /// How long it took.
    pub wall: Duration,
    /// How long all threads together were at work on transactions. Over [`Stats::wall`], this is the speed-up over one
    /// thread that does the same.
    pub busy: Duration,
    /// Each thread that took part, the first one first; empty where that was not measured.
    pub lanes: Vec<Lane>,
    /// What made transactions depend on each other, the hottest first.
    pub hottest: Vec<HotPlace>,
}

/// Where conflicts were.
#[derive(Debug, Default)]
pub(super) struct Conflicts(HashMap<Place, u32>);

impl Conflicts {
    pub(super) fn note(&mut self, place: Place) {
        *self.0.entry(place).or_default() += 1;
    }

    pub(super) fn hottest(self, name: impl Fn(Place) -> (Address, Option<U256>)) -> Vec<HotPlace> {
        let mut all: Vec<(Place, u32)> = self.0.into_iter().collect();
        all.sort_unstable_by_key(|(_, conflicts)| std::cmp::Reverse(*conflicts));
        all.truncate(HOTTEST);
        let named = all.into_iter().map(|(place, conflicts)| {
            let (address, slot) = name(place);
            HotPlace { address, slot, conflicts }
        });
        named.collect()
    }
}
