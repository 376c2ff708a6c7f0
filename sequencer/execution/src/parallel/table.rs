//! Places by key: inserted by anyone, found without a lock, never moved while they are in use.
//!
//! Open addressing with the place beside its key, so that a look costs one miss
//! of the cache. A table that runs full goes on in a second one, twice as
//! large; between blocks [`Table::settle`] brings all back into one.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::OnceLock;

use alloy_primitives::map::DefaultHashBuilder;

use super::sync::{AtomicU32, Ordering};

/// Buckets of the smallest part; each part has twice as many as the one before.
const FIRST: u32 = 1_024;

/// Parts: up to 2^31 buckets.
const PARTS: usize = 21;

/// Buckets looked at in one part. At half full nearly all keys are within two of where they belong.
const MOST_PROBES: u32 = 128;

#[derive(Debug)]
struct Bucket<K, T> {
    key: OnceLock<K>,
    place: T,
}

/// Buckets of one size.
type Part<K, T> = Box<[Bucket<K, T>]>;

/// Insert-only. Each key has a number, by which its place is found without looking for it.
pub(super) struct Table<K, T> {
    hasher: DefaultHashBuilder,
    len: AtomicU32,
    /// The part in which everything is looked for first.
    main: usize,
    parts: [OnceLock<Part<K, T>>; PARTS],
}

impl<K, T> fmt::Debug for Table<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("len", &self.len).field("main", &self.main).finish_non_exhaustive()
    }
}

impl<K: Copy + Eq + Hash, T: Default> Table<K, T> {
    pub(super) fn new() -> Self {
        let parts = [const { OnceLock::new() }; PARTS];
        Self { hasher: DefaultHashBuilder::default(), len: AtomicU32::new(0), main: 0, parts }
    }

    fn part(&self, part: usize) -> &[Bucket<K, T>] {
        let bucket = |_| Bucket { key: OnceLock::new(), place: T::default() };
        self.parts[part].get_or_init(|| (0..size(part)).map(bucket).collect())
    }

    /// The number of a key, and whether it is new. Its place is then as [`Default`] makes it.
    pub(super) fn number(&self, key: K) -> (u32, bool) {
        let hash = self.hasher.hash_one(key);
        for part in self.main..PARTS {
            let buckets = self.part(part);
            for probe in 0..MOST_PROBES {
                let at = (hash as u32).wrapping_add(probe) & (size(part) - 1);
                let bucket = &buckets[at as usize];
                let mut new = false;
                let found = bucket.key.get_or_init(|| {
                    new = true;
                    key
                });
                if *found == key {
                    if new {
                        self.len.fetch_add(1, Ordering::Relaxed);
                    }
                    return (base(part) + at, new);
                }
            }
        }
        unreachable!("2^31 buckets are more than memory holds")
    }

    /// The place with a number that [`Table::number`] gave.
    pub(super) fn place(&self, number: u32) -> &T {
        &self.bucket(number).place
    }

    /// Its key.
    pub(super) fn key(&self, number: u32) -> Option<K> {
        self.bucket(number).key.get().copied()
    }

    fn bucket(&self, number: u32) -> &Bucket<K, T> {
        let part = (number / FIRST + 1).ilog2() as usize;
        &self.part(part)[(number - base(part)) as usize]
    }

    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        self.len.load(Ordering::Relaxed)
    }

    /// Forgets everything, but keeps the room.
    pub(super) fn clear(&mut self) {
        self.len = AtomicU32::new(0);
        for part in &mut self.parts[self.main..] {
            for bucket in part.get_mut().into_iter().flatten().filter(|bucket| bucket.key.get().is_some()) {
                *bucket = Bucket { key: OnceLock::new(), place: T::default() };
            }
        }
    }

    fn wanted(&self, expected: u32) -> u32 {
        self.len().saturating_add(expected).saturating_mul(2).max(FIRST)
    }

    /// Whether so many are there that looking for them takes long.
    pub(super) fn is_crowded(&self) -> bool {
        let spilled = self.parts[self.main + 1..].iter().any(|part| part.get().is_some());
        spilled || self.len() > size(self.main) / 4 * 3
    }

    /// Makes room for `expected` more, in one part. Numbers change.
    pub(super) fn settle(&mut self, expected: u32) {
        let wanted = self.wanted(expected);
        if !self.is_crowded() && size(self.main) >= wanted {
            return;
        }
        let fits = (0..PARTS).find(|part| size(*part) >= wanted).unwrap_or(PARTS - 1);
        let old: Vec<Part<K, T>> = self.parts.iter_mut().filter_map(OnceLock::take).collect();
        self.main = fits.max(self.main);
        self.len = AtomicU32::new(0);
        for bucket in old.into_iter().flatten() {
            let Some(key) = bucket.key.get() else { continue };
            let (number, _) = self.number(*key);
            let part = (number / FIRST + 1).ilog2() as usize;
            let place = self.parts[part].get_mut().and_then(|part_| part_.get_mut((number - base(part)) as usize));
            if let Some(new) = place {
                new.place = bucket.place;
            }
        }
    }
}

/// Number of a part's first bucket.
const fn base(part: usize) -> u32 {
    FIRST * ((1 << part) - 1)
}

const fn size(part: usize) -> u32 {
    FIRST << part
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn every_key_has_one_number() {
        let table = Table::<u64, Mutex<u64>>::new();
        let run = |turn: u64| -> Vec<u32> {
            let numbers = (0..20_000u64).map(|key| {
                // Each thread in an order of its own.
                let key = (key * 7 + turn * 5_000) % 20_000;
                let (number, _) = table.number(key);
                *table.place(number).lock().unwrap() += 1;
                (key, number)
            });
            let by_key: HashMap<u64, u32> = numbers.collect();
            (0..20_000).map(|key| by_key[&key]).collect()
        };
        let threads: Vec<Vec<u32>> = std::thread::scope(|scope| {
            let run = &run;
            let threads: Vec<_> = (0..4).map(|turn| scope.spawn(move || run(turn))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(threads.iter().all(|numbers| *numbers == threads[0]));
        assert_eq!(table.len(), 20_000);
        for (key, number) in (0..).zip(&threads[0]) {
            assert_eq!((table.key(*number), *table.place(*number).lock().unwrap()), (Some(key), 4));
        }
    }

    #[test]
    fn settling_moves_places_along() {
        let mut table = Table::<u64, Mutex<u64>>::new();
        for key in 0..5_000 {
            let (number, new) = table.number(key);
            assert!(new);
            *table.place(number).lock().unwrap() = key * 3;
        }
        table.settle(5_000);
        assert_eq!((table.len(), size(table.main)), (5_000, 32_768));
        assert!(table.parts[table.main + 1..].iter().all(|part| part.get().is_none()));
        for key in 0..5_000 {
            let (number, new) = table.number(key);
            assert_eq!((new, *table.place(number).lock().unwrap()), (false, key * 3));
        }
        table.clear();
        assert_eq!(table.len(), 0);
        assert!(table.number(7).1);
    }
}
