//! Places by key: inserted by anyone, found without a lock, never moved while they are in use.
//!
//! Places lie close together, in the order in which they were first asked for.
//! An index by open addressing leads to them; it is small enough to stay in a
//! cache, so that a look costs one miss, at the place. An index that runs full
//! goes on in a second one, twice as large; between blocks [`Table::settle`]
//! makes one of all. Numbers never change.

use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

use alloy_primitives::map::DefaultHashBuilder;
use alloy_primitives::{Address, U256};

use super::sync::{AtomicU32, AtomicU64, Ordering};

/// Places in the first part; each next one has twice as many.
const FIRST: u32 = 1_024;

/// Entries of the smallest index; each next one has twice as many. Far more than most blocks need, so that one that
/// touches thousands of places that nobody expected finds them at once all the same: in a full index it takes long.
const FIRST_INDEX: u32 = 16_384;

/// Parts: up to 2^31 places.
const PARTS: usize = 21;

/// Indices: up to 2^31 entries.
const LEVELS: usize = 17;

/// Entries looked at in one index. At three quarters full nearly all keys are within ten of where they belong.
const MOST_PROBES: u32 = 128;

/// What places are found by.
pub(super) trait Key: Copy + Eq {
    /// Gives a hasher all of it, in words: hashers are slower with bytes.
    fn feed(&self, hasher: &mut impl Hasher);
}

impl Key for Address {
    #[inline]
    fn feed(&self, hasher: &mut impl Hasher) {
        // Cut where a copy of it is: a processor that is to read across two writes waits until both are done, and all
        // that was begun before them.
        let (words, _) = self.0.0.as_chunks::<8>();
        words.iter().for_each(|word| hasher.write_u64(u64::from_le_bytes(*word)));
        hasher.write_u32(self.0.0.last_chunk().map_or(0, |word| u32::from_le_bytes(*word)));
    }
}

/// An account's number, and a slot.
impl Key for (u32, U256) {
    #[inline]
    fn feed(&self, hasher: &mut impl Hasher) {
        hasher.write_u32(self.0);
        self.1.as_limbs().iter().for_each(|limb| hasher.write_u64(*limb));
    }
}

/// Two cache lines, which processors fetch together.
#[derive(Debug)]
#[repr(align(128))]
struct Bucket<K, T> {
    key: OnceLock<K>,
    place: T,
}

/// Each entry 0, or half of a key's hash and one more than its number.
type Index = Box<[AtomicU64]>;

/// Places next to each other.
type Part<K, T> = Box<[Bucket<K, T>]>;

/// Insert-only. Each key has a number, by which its place is found without looking for it.
pub(super) struct Table<K, T> {
    hasher: DefaultHashBuilder,
    /// Numbers given. Not all were used: of two who insert a key at the same time one is second.
    len: AtomicU32,
    /// The index in which everything is looked for first.
    main: usize,
    indices: [OnceLock<Index>; LEVELS],
    parts: [OnceLock<Part<K, T>>; PARTS],
}

impl<K, T> fmt::Debug for Table<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("len", &self.len).field("main", &self.main).finish_non_exhaustive()
    }
}

impl<K: Key, T: Default> Table<K, T> {
    pub(super) fn new() -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            len: AtomicU32::new(0),
            main: 0,
            indices: [const { OnceLock::new() }; LEVELS],
            parts: [const { OnceLock::new() }; PARTS],
        }
    }

    fn index(&self, level: usize) -> &[AtomicU64] {
        self.indices[level].get_or_init(|| (0..entries(level)).map(|_| AtomicU64::new(0)).collect())
    }

    fn bucket(&self, number: u32) -> &Bucket<K, T> {
        let part = (number / FIRST + 1).ilog2() as usize;
        let empty = |_| Bucket { key: OnceLock::new(), place: T::default() };
        let buckets = self.parts[part].get_or_init(|| (0..size(part)).map(empty).collect());
        &buckets[(number - base(part)) as usize]
    }

    fn hash(&self, key: &K) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        key.feed(&mut hasher);
        hasher.finish()
    }

    /// The number of a key. The place of a new one is as [`Default`] makes it.
    pub(super) fn number(&self, key: K) -> u32 {
        let hash = self.hash(&key);
        let mut mine = None;
        for level in self.main..LEVELS {
            let index = self.index(level);
            for probe in 0..MOST_PROBES {
                let entry = &index[((hash as u32).wrapping_add(probe) & (entries(level) - 1)) as usize];
                let mut found = entry.load(Ordering::Acquire);
                if found == 0 {
                    let number = *mine.get_or_insert_with(|| self.insert(key));
                    match entry.compare_exchange(0, word(hash, number), Ordering::AcqRel, Ordering::Acquire) {
                        Ok(_) => return number,
                        Err(other) => found = other,
                    }
                }
                if found >> 32 == hash >> 32 {
                    let number = found as u32 - 1;
                    if self.bucket(number).key.get() == Some(&key) {
                        return number;
                    }
                }
            }
        }
        unreachable!("2^31 places are more than memory holds")
    }

    /// A place of its own for a key that seems to be new.
    fn insert(&self, key: K) -> u32 {
        let number = self.len.fetch_add(1, Ordering::Relaxed);
        self.bucket(number).key.get_or_init(|| key);
        number
    }

    /// The place with a number that [`Table::number`] gave.
    pub(super) fn place(&self, number: u32) -> &T {
        &self.bucket(number).place
    }

    /// Its key.
    pub(super) fn key(&self, number: u32) -> Option<K> {
        self.bucket(number).key.get().copied()
    }

    /// How many there are, at least nearly.
    pub(super) fn len(&self) -> u32 {
        self.len.load(Ordering::Relaxed)
    }

    /// Memory that it holds.
    pub(super) fn bytes(&self) -> usize {
        let places = self.parts.iter().filter_map(OnceLock::get).map(|part| size_of_val(&**part)).sum::<usize>();
        let entries = self.indices.iter().filter_map(OnceLock::get).map(|index| size_of_val(&**index)).sum::<usize>();
        places + entries
    }

    /// Forgets everything, but keeps the room.
    pub(super) fn clear(&mut self) {
        let mut left = std::mem::replace(&mut self.len, AtomicU32::new(0)).into_inner() as usize;
        for part in self.parts.iter_mut().filter_map(OnceLock::get_mut) {
            let used = left.min(part.len());
            left -= used;
            part[..used].fill_with(|| Bucket { key: OnceLock::new(), place: T::default() });
        }
        for index in self.indices.iter_mut().filter_map(OnceLock::get_mut) {
            index.fill_with(|| AtomicU64::new(0));
        }
    }

    /// Makes one index, with room for `expected` more.
    pub(super) fn settle(&mut self, expected: u32) {
        let spilled = self.indices[self.main + 1..].iter().any(|index| index.get().is_some());
        let wanted = self.len().saturating_add(expected).saturating_mul(3) / 2;
        if !spilled && entries(self.main) >= wanted {
            return;
        }
        let fits = (0..LEVELS).find(|level| entries(*level) >= wanted).unwrap_or(LEVELS - 1);
        self.main = fits.max(self.main);
        let old = std::mem::replace(&mut self.indices, [const { OnceLock::new() }; LEVELS]);
        // Only what was found before: a number that was given up has the same key as the one that counts.
        for entry in old.into_iter().filter_map(OnceLock::into_inner).flatten() {
            let entry = entry.into_inner();
            if entry != 0
                && let number = entry as u32 - 1
                && let Some(key) = self.key(number)
            {
                self.enter(self.hash(&key), number);
            }
        }
    }

    fn enter(&self, hash: u64, number: u32) {
        for level in self.main..LEVELS {
            let index = self.index(level);
            for probe in 0..MOST_PROBES {
                let entry = &index[((hash as u32).wrapping_add(probe) & (entries(level) - 1)) as usize];
                if entry.load(Ordering::Relaxed) == 0 {
                    return entry.store(word(hash, number), Ordering::Relaxed);
                }
            }
        }
    }
}

/// Entry of an index.
const fn word(hash: u64, number: u32) -> u64 {
    hash >> 32 << 32 | (number + 1) as u64
}

/// Number of a part's first place.
const fn base(part: usize) -> u32 {
    FIRST * ((1 << part) - 1)
}

/// Places of a part.
const fn size(part: usize) -> u32 {
    FIRST << part
}

/// Entries of an index.
const fn entries(level: usize) -> u32 {
    FIRST_INDEX << level
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::{HashMap, HashSet};
    use std::sync::Mutex;

    use super::*;

    impl Key for u64 {
        fn feed(&self, hasher: &mut impl Hasher) {
            hasher.write_u64(*self);
        }
    }

    #[test]
    fn every_key_has_one_number() {
        let table = Table::<u64, Mutex<u64>>::new();
        let run = |turn: u64| -> Vec<u32> {
            let numbers = (0..20_000u64).map(|key| {
                // Each thread in an order of its own.
                let key = (key * 7 + turn * 5_000) % 20_000;
                let number = table.number(key);
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
        assert_eq!(threads[0].iter().collect::<HashSet<_>>().len(), 20_000);
        // Of those that insert the same key at the same time all but one give their number up.
        assert!((20_000..=80_000).contains(&table.len()), "{}", table.len());
        for (key, number) in (0..).zip(&threads[0]) {
            assert_eq!((table.key(*number), *table.place(*number).lock().unwrap()), (Some(key), 4));
        }
    }

    #[test]
    fn numbers_that_were_given_up_stay_so() {
        let mut table = Table::<u64, Mutex<u64>>::new();
        // As by one who inserts every key, and is second.
        let second = (0..3_000).map(|key| table.insert(key));
        assert!(second.eq(0..3_000));
        let numbers: Vec<u32> = (0..3_000).map(|key| table.number(key)).collect();
        table.settle(50_000);
        assert_eq!((0..3_000).map(|key| table.number(key)).collect::<Vec<u32>>(), numbers);
        assert!(numbers.iter().all(|number| *number >= 3_000));
    }

    #[test]
    fn settling_keeps_numbers() {
        let mut table = Table::<u64, Mutex<u64>>::new();
        for key in 0..20_000 {
            assert_eq!(table.number(key), key as u32);
            *table.place(key as u32).lock().unwrap() = key * 3;
        }
        table.settle(20_000);
        assert_eq!((table.len(), entries(table.main)), (20_000, 65_536));
        assert!(table.indices[table.main + 1..].iter().all(|index| index.get().is_none()));
        for key in 0..20_000 {
            let number = table.number(key);
            assert_eq!((number, *table.place(number).lock().unwrap()), (key as u32, key * 3));
        }
        table.clear();
        assert_eq!(table.len(), 0);
        assert_eq!((table.number(7), *table.place(0).lock().unwrap()), (0, 0));
    }
}
