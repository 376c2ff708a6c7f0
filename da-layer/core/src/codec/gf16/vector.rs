//! Rows to stripes and back, for the vector kernels.
//!
//! A thread keeps its work areas, a megabyte for the most rows, so that they
//! are neither cleared nor faulted in again for each stripe.

use rayon::prelude::*;
use weft_hash::{Band, Hash};

use super::super::{Geometry, IndexedRow};
use super::locator;
use crate::field;
use crate::limits::EXTENSION;
use crate::schedule::Schedule;

/// All `4k` rows by index, those that are there with the element that they are to be multiplied by, and the lost
/// originals with theirs.
struct Pattern<'a> {
    rows: Vec<Option<(&'a [u8], u16)>>,
    lost: Vec<(usize, u16)>,
}

impl<'a> Pattern<'a> {
    fn new(geometry: Geometry, picked: &[IndexedRow<'a>]) -> Self {
        let mut rows = vec![None; geometry.k * EXTENSION];
        for (index, row) in picked {
            rows[*index as usize] = Some((*row, 0));
        }
        let lost: Vec<bool> = rows.iter().map(Option::is_none).collect();
        let logs = locator::logarithms(&lost);
        for (row, log) in rows.iter_mut().zip(&logs) {
            if let Some((_, factor)) = row {
                *factor = field::mul_log(1, *log);
            }
        }
        let inverse = |row: usize| field::mul_log(1, (u16::MAX - logs[row]) % u16::MAX);
        let lost = (0..geometry.k).filter(|row| lost[*row]).map(|row| (row, inverse(row))).collect();
        Self { rows, lost }
    }
}

/// Rows whose hashes a thread joins at a time.
const ROWS_PER_TASK: usize = 1_024;

/// Whether threads that take a band of columns each are nearly as busy as threads that take a stripe each.
fn is_fair(row_len: usize, schedule: Schedule) -> bool {
    let threads = match schedule {
        Schedule::Parallel => rayon::current_num_threads(),
        Schedule::Sequential => 1,
    };
    let (whole, rest) = (row_len / Band::WIDTH, row_len % Band::WIDTH);
    // What is left of a row goes to a thread that has had one band less, if there is one.
    let rest = if whole.is_multiple_of(threads) { rest } else { 0 };
    let longest = whole.div_ceil(threads) * Band::WIDTH + rest;
    longest * threads <= row_len + row_len / 8
}

/// Hashes of all rows from their bands.
fn join(bands: &[Band], hashes: &mut [Hash], schedule: Schedule) {
    match schedule {
        Schedule::Parallel => {
            let parts = hashes.par_chunks_mut(ROWS_PER_TASK).enumerate();
            parts.for_each(|(part, hashes)| Band::hashes(bands, part * ROWS_PER_TASK, hashes));
        }
        Schedule::Sequential => Band::hashes(bands, 0, hashes),
    }
}

/// The codec's functions, on one kernel.
macro_rules! on_kernel {
    ($kernel:ident) => {
        pub(super) mod $kernel {
            use std::cell::RefCell;

            use weft_hash::{Band, Hash, Lanes};

            use super::super::super::{CodecError, Geometry, IndexedRow, stripes};
            use super::super::$kernel::{self as kernel, FACTORS, Factor, WIDTH, Work};
            use super::Pattern;
            use crate::limits::EXTENSION;
            use crate::schedule::Schedule;

            thread_local! {
                static WORK: RefCell<Work> = RefCell::default();
            }

            /// Fills `parity`. The geometry fits, lengths are checked, the processor has the instructions.
            pub(in super::super) fn extend(
                geometry: Geometry,
                originals: &[u8],
                parity: &mut [u8],
                schedule: Schedule,
            ) -> Result<(), CodecError> {
                stripes::run(parity, geometry.row_len, WIDTH, schedule, |mut stripe| {
                    WORK.with_borrow_mut(|work| {
                        // SAFETY: the processor has the instructions, as the caller has asked.
                        unsafe { kernel::extend(geometry, originals, &mut stripe, work, None) };
                    });
                    Ok(())
                })
            }

            /// The same, and hashes of all rows, if their bands are a fair share for each thread.
            pub(in super::super) fn extend_hashing(
                geometry: Geometry,
                originals: &[u8],
                parity: &mut [u8],
                key: &[u8; 32],
                hashes: &mut [Hash],
                schedule: Schedule,
            ) -> bool {
                let Geometry { k, row_len } = geometry;
                let lanes = Lanes::best();
                let first = Band::new(lanes, key, row_len, EXTENSION * k, 0);
                if first.is_none() || !super::is_fair(row_len, schedule) {
                    return false;
                }
                let bands = stripes::bands(parity, row_len, WIDTH, Band::WIDTH, schedule, |chunk, stripes| {
                    let mut band = Band::new(lanes, key, row_len, EXTENSION * k, chunk).expect("as the first");
                    WORK.with_borrow_mut(|work| {
                        for mut stripe in stripes {
                            // SAFETY: the processor has the instructions, as the caller has asked.
                            unsafe { kernel::extend(geometry, originals, &mut stripe, work, Some(&mut band)) };
                        }
                    });
                    band
                });
                super::join(&bands, hashes, schedule);
                true
            }

            /// Fills the originals that are not among `picked`, under the conditions of [`extend`].
            pub(in super::super) fn restore(
                geometry: Geometry,
                picked: &[IndexedRow<'_>],
                originals: &mut [u8],
                schedule: Schedule,
            ) -> Result<(), CodecError> {
                let Pattern { rows, lost } = Pattern::new(geometry, picked);
                let ready = |row: &Option<(_, u16)>| row.map(|(row, element)| (row, FACTORS.of(element)));
                let rows: Vec<Option<(&[u8], Factor)>> = rows.iter().map(ready).collect();
                let lost: Vec<_> = lost.iter().map(|(row, element)| (*row, FACTORS.of(*element))).collect();
                stripes::run(originals, geometry.row_len, WIDTH, schedule, |mut stripe| {
                    WORK.with_borrow_mut(|work| {
                        // SAFETY: the processor has the instructions, as the caller has asked.
                        unsafe { kernel::restore(&rows, &lost, &mut stripe, work) };
                    });
                    Ok(())
                })
            }
        }
    };
}

on_kernel!(avx2);
on_kernel!(avx512);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_taken_where_they_keep_all_threads_busy() {
        let on = |threads, row_len| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| is_fair(row_len, Schedule::Parallel))
        };
        // 8 MiB, the same with its index, 32 MiB.
        for (row_len, threads) in [(2_048, 2), (2_112, 2), (8_192, 2), (8_192, 4), (8_192, 8), (64, 1), (3_072, 3)] {
            assert!(on(threads, row_len), "{row_len} bytes on {threads}");
        }
        for (row_len, threads) in [(64, 2), (1_024, 2), (2_048, 3), (3_072, 2), (2_048, 64)] {
            assert!(!on(threads, row_len), "{row_len} bytes on {threads}");
        }
        assert!(is_fair(64, Schedule::Sequential));
    }
}
