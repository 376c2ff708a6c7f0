//! Which transactions in flight would write a place.
//!
//! Their numbers alone: what they would write lies with their outcomes in the
//! [`super::window`], so that a place stays small, and marking it costs no
//! memory unless several do.

/// No transaction.
const NONE: u32 = u32::MAX;

/// Marks that a reader takes into account, at most: a place with more is one on which looking ahead fails anyway.
pub(super) const MOST_READ: usize = 16;

/// Numbers of transactions, in block order.
#[derive(Debug)]
pub(super) enum Marks {
    /// Ends where the first is none.
    Few([u32; 2]),
    /// Once there were more. Kept from then on: places that many write stay such.
    Many(Box<Crowd>),
}

/// More than a few.
#[derive(Debug, Default)]
pub(super) struct Crowd(Vec<u32>);

impl Default for Marks {
    fn default() -> Self {
        Self::Few([NONE; 2])
    }
}

impl Marks {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Few([first, _]) => *first == NONE,
            Self::Many(crowd) => crowd.0.is_empty(),
        }
    }

    /// The transaction at `at` would write here.
    pub(super) fn add(&mut self, at: u32) {
        match self {
            Self::Few([first, second]) => {
                if at == *first || at == *second {
                } else if at < *first && *second == NONE {
                    (*first, *second) = (at, *first);
                } else if *second == NONE {
                    *second = at;
                } else {
                    let mut all = Vec::with_capacity(8);
                    all.extend([*first, *second, at]);
                    all.sort_unstable();
                    *self = Self::Many(Box::new(Crowd(all)));
                }
            }
            Self::Many(crowd) => {
                if let Err(place) = crowd.0.binary_search(&at) {
                    crowd.0.insert(place, at);
                }
            }
        }
    }

    /// It would not, or it has.
    #[inline]
    pub(super) fn remove(&mut self, at: u32) {
        match self {
            Self::Few([first, second]) => {
                if *first == at {
                    (*first, *second) = (*second, NONE);
                } else if *second == at {
                    *second = NONE;
                }
            }
            Self::Many(crowd) => {
                if let Ok(place) = crowd.0.binary_search(&at) {
                    crowd.0.remove(place);
                }
            }
        }
    }

    /// Those before `at`, in order, if there are not too many.
    pub(super) fn before(&self, at: u32) -> Before {
        let mut before = Before::default();
        match self {
            Self::Few(few) => before.take(few, at),
            Self::Many(crowd) => before.take(&crowd.0, at),
        }
        before
    }

    /// The last one before `at`.
    #[inline]
    pub(super) fn last_before(&self, at: u32) -> Option<u32> {
        match self {
            Self::Few(few) => few.iter().rev().copied().find(|mark| *mark < at),
            Self::Many(crowd) => {
                let end = crowd.0.partition_point(|mark| *mark < at);
                end.checked_sub(1).map(|last| crowd.0[last])
            }
        }
    }
}

/// Some marks, taken along.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Before {
    marks: [u32; MOST_READ],
    len: usize,
}

impl Before {
    fn take(&mut self, marks: &[u32], at: u32) {
        let end = marks.partition_point(|mark| *mark < at);
        if end <= MOST_READ {
            self.marks[..end].copy_from_slice(&marks[..end]);
            self.len = end;
        }
    }

    pub(super) fn as_slice(&self) -> &[u32] {
        &self.marks[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_a_set(steps in prop::collection::vec((any::<bool>(), 0u32..12), 0..80), at in 0u32..14) {
            let (mut marks, mut model) = (Marks::default(), BTreeSet::new());
            for (add, mark) in steps {
                if add {
                    marks.add(mark);
                    model.insert(mark);
                } else {
                    marks.remove(mark);
                    model.remove(&mark);
                }
                let before: Vec<u32> = model.range(..at).copied().collect();
                let seen = marks.before(at);
                prop_assert_eq!(seen.as_slice(), &before[..]);
                prop_assert_eq!(marks.last_before(at), before.last().copied());
                prop_assert_eq!(marks.is_empty(), model.is_empty());
            }
        }
    }

    #[test]
    fn of_too_many_none_are_read() {
        let mut marks = Marks::default();
        (0..20).for_each(|at| marks.add(at));
        assert_eq!(marks.before(MOST_READ as u32).as_slice().len(), MOST_READ);
        assert!(marks.before(20).as_slice().is_empty());
        assert_eq!(marks.last_before(20), Some(19));
    }
}
