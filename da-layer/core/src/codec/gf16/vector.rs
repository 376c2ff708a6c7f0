//! Rows to stripes and back, for the vector kernels.
//!
//! A thread keeps its work areas, a megabyte for the most rows, so that they
//! are neither cleared nor faulted in again for each stripe.

use rayon::prelude::*;
use weft_hash::{Columns, Hash};

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
    let (whole, rest) = (row_len / Columns::CHUNK, row_len % Columns::CHUNK);
    // What is left of a row goes to a thread that has had one band less, if there is one.
    let rest = if whole.is_multiple_of(threads) { rest } else { 0 };
    let longest = whole.div_ceil(threads) * Columns::CHUNK + rest;
    longest * threads <= row_len + row_len / 8
}

/// Makes the first chunk's values the hashes of all rows.
fn join(columns: Columns, first: &mut [Hash], others: &[&mut [Hash]], schedule: Schedule) {
    let part = |(part, hashes): (usize, &mut [Hash])| {
        let rows = part * ROWS_PER_TASK..part * ROWS_PER_TASK + hashes.len();
        let others: Vec<&[Hash]> = others.iter().map(|values| &values[rows.clone()]).collect();
        columns.join(hashes, &others);
    };
    match schedule {
        Schedule::Parallel => first.par_chunks_mut(ROWS_PER_TASK).enumerate().for_each(part),
        Schedule::Sequential => first.chunks_mut(ROWS_PER_TASK).enumerate().for_each(part),
    }
}

/// The codec's functions, on one kernel.
macro_rules! on_kernel {
    ($kernel:ident) => {
        pub(super) mod $kernel {
            use std::cell::RefCell;

            use weft_hash::{Columns, Hash, Lanes};

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

            /// The same, and hashes of all rows, if bands of a chunk are a fair share for each thread. As many hashes
            /// `beside` them are overwritten: with them there is room for two chunks.
            pub(in super::super) fn extend_hashing(
                geometry: Geometry,
                originals: &[u8],
                parity: &mut [u8],
                key: &[u8; 32],
                (hashes, beside): (&mut [Hash], &mut [Hash]),
                schedule: Schedule,
            ) -> bool {
                let Geometry { k, row_len } = geometry;
                let columns = Columns::new(Lanes::best(), key, row_len);
                let Some(columns) = columns.filter(|_| super::is_fair(row_len, schedule)) else { return false };
                let mut more = vec![vec![[0; 32]; EXTENSION * k]; columns.chunks().saturating_sub(2)];
                let mut chunks: Vec<&mut [Hash]> = vec![hashes];
                chunks.extend((columns.chunks() > 1).then_some(beside));
                chunks.extend(more.iter_mut().map(Vec::as_mut_slice));
                let widths = (WIDTH, Columns::CHUNK);
                let coded = |values: &mut &mut [Hash], stripes: &mut dyn Iterator<Item = stripes::Stripe<'_>>| {
                    columns.begin(values);
                    WORK.with_borrow_mut(|work| {
                        for mut stripe in stripes {
                            let hashing = Some((columns, &mut **values));
                            // SAFETY: the processor has the instructions, as the caller has asked.
                            unsafe { kernel::extend(geometry, originals, &mut stripe, work, hashing) };
                        }
                    });
                };
                stripes::bands(parity, row_len, widths, &mut chunks, schedule, coded);
                if let Some((first, others)) = chunks.split_first_mut() {
                    super::join(columns, first, others, schedule);
                }
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
