//! Which rows were sampled of the newest blocks: numbers alone, in memory, for those who want to see it.
//!
//! Nothing rests on them: a block that is judged again is so by its seed. After a restart they are gone, unless the rows
//! themselves are kept.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use weft_da::row::RowProof;

use crate::judge::Judged;

/// Heights that are remembered.
const MAX_HEIGHTS: usize = 1_000;

/// Most rows of one height: more than any target asks for.
const MAX_ROWS: usize = 256;

/// Row numbers by height.
#[derive(Debug, Default)]
pub(super) struct DrawnRows(Mutex<BTreeMap<u64, Vec<u32>>>);

impl DrawnRows {
    pub(super) fn note(&self, judged: &Judged) {
        self.put(judged.judgement.height, judged.rows.iter().map(|RowProof { index, .. }| *index));
    }

    fn put(&self, height: u64, rows: impl Iterator<Item = u32>) {
        let rows: Vec<u32> = rows.take(MAX_ROWS).collect();
        if rows.is_empty() {
            return;
        }
        let mut heights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heights.insert(height, rows);
        while heights.len() > MAX_HEIGHTS {
            heights.pop_first();
        }
    }

    pub(super) fn get(&self, height: u64) -> Option<Vec<u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&height).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_heights_are_remembered() {
        let drawn = DrawnRows::default();
        for height in 1..=MAX_HEIGHTS as u64 + 2 {
            drawn.put(height, [1, 7].into_iter());
        }
        drawn.put(5_000, std::iter::empty());
        drawn.put(6_000, 0..1_000);
        assert_eq!((drawn.get(3), drawn.get(4), drawn.get(5_000)), (None, Some(vec![1, 7]), None));
        assert_eq!(drawn.get(6_000).map(|rows| rows.len()), Some(MAX_ROWS));
    }
}
