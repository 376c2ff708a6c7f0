//! When transactions were accepted, as long as this process remembers: the newest [`MAX_ARRIVALS`] of them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use weft_primitives::B256;

/// Transactions remembered: about 24 MB.
const MAX_ARRIVALS: usize = 262_144;

/// Times of acceptance by hash.
#[derive(Default)]
pub struct Arrivals(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    times_ms: HashMap<B256, u64>,
    /// The oldest first.
    order: VecDeque<B256>,
}

impl Arrivals {
    /// These were accepted now. One that comes again, because a block was taken back, keeps its first time.
    pub fn note<'a>(&self, hashes: impl Iterator<Item = &'a B256>, now_ms: u64) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Remembered { times_ms, order } = &mut *remembered;
        for hash in hashes {
            if let std::collections::hash_map::Entry::Vacant(place) = times_ms.entry(*hash) {
                place.insert(now_ms);
                order.push_back(*hash);
            }
            if order.len() > MAX_ARRIVALS
                && let Some(oldest) = order.pop_front()
            {
                times_ms.remove(&oldest);
            }
        }
    }

    /// When a transaction was accepted, in milliseconds since 1970, if that is still known.
    pub fn of(&self, hash: &B256) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).times_ms.get(hash).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::U256;

    #[test]
    fn the_newest_are_remembered() {
        let arrivals = Arrivals::default();
        let hash = |number: usize| B256::from(U256::from(number));
        for number in 0..MAX_ARRIVALS + 10 {
            arrivals.note([&hash(number), &hash(number)].into_iter(), number as u64);
        }
        assert_eq!((arrivals.of(&hash(9)), arrivals.of(&hash(10))), (None, Some(10)));
        arrivals.note([&hash(10)].into_iter(), 7);
        assert_eq!(arrivals.of(&hash(10)), Some(10), "its first time");
        assert_eq!(arrivals.0.lock().map(|all| all.times_ms.len()).ok(), Some(MAX_ARRIVALS));
    }
}
