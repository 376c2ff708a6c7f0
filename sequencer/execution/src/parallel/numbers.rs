//! Numbers of places that a worker has used lately, found without a lock.

/// Places remembered; a power of two. Small enough to stay in the processor's nearest cache.
const PLACES: usize = 256;

/// Each key has one place, which the last to come takes: nothing grows, and nothing is looked for twice.
#[derive(Debug)]
pub(super) struct Numbers<K>(Box<[Option<(K, u32)>]>);

impl<K: Copy + PartialEq> Numbers<K> {
    pub(super) fn new() -> Self {
        Self(vec![None; PLACES].into())
    }

    /// The number of `key`, whose place is `at` or what is left of it.
    pub(super) fn get(&mut self, at: usize, key: K, find: impl FnOnce() -> u32) -> u32 {
        let place = &mut self.0[at % PLACES];
        match place {
            Some((known, number)) if *known == key => *number,
            _ => {
                let number = find();
                *place = Some((key, number));
                number
            }
        }
    }
}
