//! How hard a batch is compressed: the less there is to do, the harder.
//!
//! A small batch on an idle chain takes milliseconds at the highest level. A full one would take a core for as long as
//! its transactions took to come, and with batches that wait to be posted, time is what there is least of.

use weft_primitives::batch::Level;

/// Most bytes of transactions that are compressed at the highest level: some 4,000 transfers.
const SMALL_BYTES: usize = 512 << 10;

/// The level for a batch with so many bytes of transactions, cut while so many batches wait to be posted.
pub(super) const fn level(bytes: usize, waiting: u64) -> Level {
    match (bytes, waiting) {
        (..=SMALL_BYTES, 0) => Level::SMALLEST,
        _ => Level::FASTEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_to_do_is_done_faster() {
        assert_eq!(level(0, 0), Level::SMALLEST);
        assert_eq!(level(SMALL_BYTES, 0), Level::SMALLEST);
        assert_eq!(level(SMALL_BYTES + 1, 0), Level::FASTEST);
        assert_eq!(level(0, 1), Level::FASTEST);
    }
}
