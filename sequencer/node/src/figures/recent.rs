//! The figures of the newest blocks, in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use weft_execution::parallel::Stats;

/// Blocks whose figures are kept: less than a megabyte.
const MAX_KEPT: usize = 1_024;

/// By block. The oldest goes first.
#[derive(Debug, Default)]
pub struct Recent(BTreeMap<u64, Arc<Stats>>);

impl Recent {
    /// A block was made.
    pub fn keep(&mut self, number: u64, stats: Stats) {
        self.0.insert(number, Arc::new(stats));
        if self.0.len() > MAX_KEPT {
            self.0.pop_first();
        }
    }

    /// How a block was executed; `None` if that is no longer known, or never was.
    pub fn get(&self, number: u64) -> Option<Arc<Stats>> {
        self.0.get(&number).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept() {
        let mut recent = Recent::default();
        let (first, most) = (5, MAX_KEPT as u64);
        let ahead = |number: u64| Stats { ahead: number as u32, ..Stats::default() };
        (first..first + most).for_each(|number| recent.keep(number, ahead(number)));
        assert!(recent.get(first - 1).is_none() && recent.get(first + most).is_none());
        assert_eq!(recent.get(first).as_deref(), Some(&ahead(first)));
        recent.keep(first + most, ahead(first + most));
        assert!(recent.get(first).is_none());
        for number in first + 1..=first + most {
            assert_eq!(recent.get(number).as_deref(), Some(&ahead(number)));
        }
        assert_eq!(recent.0.len(), MAX_KEPT);
    }
}
