//! Fair turns between namespaces: deficit round robin by bytes.
//!
//! Each namespace with something waiting gets [`QUANTUM_BYTES`] a round and may
//! save them up for a blob that is larger; one that has nothing waiting saves
//! nothing. Within a namespace the order of arrival stays. While two namespaces
//! both have blobs waiting, neither gets more than a quantum and two largest
//! blobs ahead of the other, however many blobs either brings.
//! (Shreedhar and Varghese, "Efficient fair queuing using deficit round robin", 1995.)

use std::collections::{HashMap, VecDeque};

use weft_primitives::Namespace;

/// What a namespace gets in each round.
pub const QUANTUM_BYTES: u64 = 64 << 10;

#[derive(Debug)]
struct Line<T> {
    /// Lengths and items in order of arrival; never empty.
    waiting: VecDeque<(u64, T)>,
    /// Bytes it may have before its turn ends.
    deficit_bytes: u64,
}

/// What waits, in lines by namespace. The caller bounds how much that is.
#[derive(Debug)]
pub struct Turns<T> {
    lines: HashMap<Namespace, Line<T>>,
    /// Whose turn it is comes first.
    ring: VecDeque<Namespace>,
    /// Whether it has got this round's quantum.
    granted: bool,
    /// Bytes of all that waits.
    bytes: u64,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { lines: HashMap::new(), ring: VecDeque::new(), granted: false, bytes: 0 }
    }
}

impl<T> Turns<T> {
    /// Puts an item at the end of its namespace's line.
    pub fn push(&mut self, namespace: Namespace, len_bytes: u64, item: T) {
        let line = self.lines.entry(namespace).or_insert_with(|| {
            self.ring.push_back(namespace);
            Line { waiting: VecDeque::new(), deficit_bytes: 0 }
        });
        line.waiting.push_back((len_bytes, item));
        self.bytes += len_bytes;
    }

    /// Bytes of all that waits.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// The next items by turns, as long as `fits(count, bytes)` holds for them together; one at least, if any waits.
    pub fn group(&mut self, fits: impl Fn(usize, u64) -> bool) -> Vec<T> {
        let mut group = Vec::new();
        let mut bytes = 0;
        while let Some(len_bytes) = self.next_len() {
            if !group.is_empty() && !fits(group.len() + 1, bytes + len_bytes) {
                break;
            }
            bytes += len_bytes;
            group.extend(self.pop());
        }
        group
    }

    /// Ends turns until the first in line can have its blob; that blob's length.
    fn next_len(&mut self) -> Option<u64> {
        loop {
            let line = self.lines.get_mut(self.ring.front()?)?;
            let (len_bytes, _) = line.waiting.front()?;
            if !self.granted {
                line.deficit_bytes += QUANTUM_BYTES;
                self.granted = true;
            }
            if *len_bytes <= line.deficit_bytes {
                return Some(*len_bytes);
            }
            self.ring.rotate_left(1);
            self.granted = false;
        }
    }

    /// Takes what [`Self::next_len`] told.
    fn pop(&mut self) -> Option<T> {
        let namespace = *self.ring.front()?;
        let line = self.lines.get_mut(&namespace)?;
        let (len_bytes, item) = line.waiting.pop_front()?;
        line.deficit_bytes -= len_bytes;
        self.bytes -= len_bytes;
        if line.waiting.is_empty() {
            self.lines.remove(&namespace);
            self.ring.pop_front();
            self.granted = false;
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX_BYTES: u64 = 300 << 10;

    fn name(number: u8) -> Namespace {
        Namespace([number; 32])
    }

    /// What happens: a blob arrives, or a group is taken.
    fn steps() -> impl Strategy<Value = Vec<Option<(u8, u64)>>> {
        let blob = (0u8..5, 1..MAX_BYTES);
        prop::collection::vec(prop_oneof![6 => blob.prop_map(Some), 1 => Just(None)], 1..200)
    }

    proptest! {
        /// Against lines that are simply kept: nothing is lost, none is overtaken within its namespace, groups fit and
        /// stop only where they must.
        #[test]
        fn keeps_lines(steps in steps(), most in 1usize..9) {
            let mut turns = Turns::default();
            let mut lines: HashMap<u8, VecDeque<(u64, usize)>> = HashMap::new();
            let ends = std::iter::repeat_n(None, steps.len());
            for (id, step) in steps.iter().copied().chain(ends).enumerate() {
                if let Some((number, len)) = step {
                    turns.push(name(number), len, (number, len, id));
                    lines.entry(number).or_default().push_back((len, id));
                    continue;
                }
                let fits = |count: usize, bytes: u64| count <= most && bytes <= 2 * MAX_BYTES;
                let group = turns.group(fits);
                let bytes: u64 = group.iter().map(|(_, len, _)| len).sum();
                prop_assert!(group.len() <= 1 || fits(group.len(), bytes));
                for (number, len, id) in &group {
                    prop_assert_eq!(lines.get_mut(number).and_then(VecDeque::pop_front), Some((*len, *id)));
                }
                let left: usize = lines.values().map(VecDeque::len).sum();
                prop_assert_eq!(turns.is_empty(), left == 0);
                prop_assert_eq!(turns.bytes(), lines.values().flatten().map(|(len, _)| len).sum::<u64>());
                prop_assert!(!group.is_empty() || left == 0);
                let heads = lines.values().filter_map(|line| line.front());
                let all_fit = heads.clone().all(|(len, _)| fits(group.len() + 1, bytes + len));
                prop_assert!(left == 0 || !all_fit, "stopped with room for each");
            }
            prop_assert!(turns.is_empty());
        }

        /// The bound of the paper, over every stretch of time in which both wait.
        #[test]
        fn none_gets_far_ahead(
            first in prop::collection::vec(1..MAX_BYTES, 30..60),
            second in prop::collection::vec(1..MAX_BYTES, 30..60),
            others in prop::collection::vec((2u8..5, 1..MAX_BYTES), 0..60),
        ) {
            let mut turns = Turns::default();
            for (number, len) in others {
                turns.push(name(number), len, (number, len));
            }
            for (number, line) in [(0, &first), (1, &second)] {
                line.iter().for_each(|len| turns.push(name(number), *len, (number, *len)));
            }
            let mut got = [0u64; 2];
            let mut marks = vec![got];
            let mut left = [first.len(), second.len()];
            while left.iter().all(|left| *left > 0) {
                for (number, len) in turns.group(|count, _| count <= 1) {
                    if let Some(got) = got.get_mut(number as usize) {
                        *got += len;
                        left[number as usize] -= 1;
                    }
                }
                marks.push(got);
            }
            for (at, from) in marks.iter().enumerate() {
                for to in &marks[at..] {
                    let apart = (to[0] - from[0]).abs_diff(to[1] - from[1]);
                    prop_assert!(apart <= QUANTUM_BYTES + 2 * MAX_BYTES, "{apart}");
                }
            }
        }
    }

    #[test]
    fn a_flood_does_not_starve_a_newcomer() {
        let mut turns = Turns::default();
        (0..10_000).for_each(|id| turns.push(name(1), 1_000, id));
        turns.group(|count, _| count <= 500);
        turns.push(name(2), 1_000, 10_000);
        let next = turns.group(|count, _| count <= 100);
        assert!(next.contains(&10_000), "it waits for a quantum of the other at most");
    }
}
