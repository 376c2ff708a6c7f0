//! Rows to stripes and back, for the vector kernels.
//!
//! A thread keeps its work areas, a megabyte for the most rows, so that they
//! are neither cleared nor faulted in again for each stripe.

use super::super::{Geometry, IndexedRow};
use super::locator;
use crate::field;
use crate::limits::EXTENSION;

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

/// The codec's two functions, on one kernel.
macro_rules! on_kernel {
    ($kernel:ident) => {
        pub(super) mod $kernel {
            use std::cell::RefCell;

            use super::super::super::{CodecError, Geometry, IndexedRow, stripes};
            use super::super::$kernel::{self as kernel, FACTORS, Factor, WIDTH, Work};
            use super::Pattern;
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
                        unsafe { kernel::extend(geometry, originals, &mut stripe, work) };
                    });
                    Ok(())
                })
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
