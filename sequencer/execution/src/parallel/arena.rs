//! Things with a number that never move: appended by anyone, read without a lock.
//!
//! Segments double in size, so that a number leads to its place in two steps
//! and nothing is ever copied.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Things in the first segment; each later one holds as many as all before it.
const FIRST: u32 = 1_024;

/// Segments: enough for 2^31 things.
const SEGMENTS: usize = 22;

/// Append-only.
#[derive(Debug)]
pub(super) struct Arena<T> {
    len: AtomicU32,
    segments: [OnceLock<Box<[T]>>; SEGMENTS],
}

impl<T: Default> Arena<T> {
    pub(super) fn new() -> Self {
        Self { len: AtomicU32::new(0), segments: [const { OnceLock::new() }; SEGMENTS] }
    }

    /// Forgets all things, but keeps their room.
    pub(super) fn clear(&mut self) {
        *self.len.get_mut() = 0;
    }

    /// The number of a new thing; whoever asked for it makes it so. It may be an old one that was forgotten.
    pub(super) fn push(&self) -> u32 {
        let number = self.len.fetch_add(1, Ordering::Relaxed);
        let (segment, _) = place(number);
        self.segments[segment].get_or_init(|| (0..size(segment)).map(|_| T::default()).collect());
        number
    }

    /// The thing with a number that [`Arena::push`] gave.
    pub(super) fn get(&self, number: u32) -> &T {
        let (segment, offset) = place(number);
        // Whoever has the number has it from the push that made the segment.
        &self.segments[segment].get().map_or(&[] as &[T], |things| things)[offset]
    }

    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        self.len.load(Ordering::Relaxed)
    }
}

/// Segment, and offset in it.
const fn place(number: u32) -> (usize, usize) {
    let segment = (number / FIRST + 1).ilog2();
    (segment as usize, (number - FIRST * ((1 << segment) - 1)) as usize)
}

const fn size(segment: usize) -> usize {
    (FIRST as usize) << segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_distinct_places() {
        let mut next = (0, 0);
        for number in 0..100_000 {
            assert_eq!(place(number), next);
            next = if next.1 + 1 == size(next.0) { (next.0 + 1, 0) } else { (next.0, next.1 + 1) };
        }
    }

    #[test]
    fn things_stay_where_they_are() {
        let arena = Arena::<std::sync::Mutex<u32>>::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        let number = arena.push();
                        if let Ok(mut thing) = arena.get(number).lock() {
                            *thing = number + 1;
                        }
                    }
                });
            }
        });
        assert_eq!(arena.len(), 20_000);
        assert!((0..20_000).all(|number| arena.get(number).lock().is_ok_and(|thing| *thing == number + 1)));
        let mut arena = arena;
        arena.clear();
        assert_eq!((arena.len(), arena.push()), (0, 0));
    }
}
