//! Cutting a matrix into column stripes that can be coded apart.
//!
//! Invariant: the stripes of one matrix are disjoint and cover it, so coding
//! them in any order on any number of threads gives the same bytes. Rows are
//! not contiguous within a stripe, so a stripe writes through a pointer; that
//! is the only unsafe part.

use std::marker::PhantomData;
use std::ops::Range;

use rayon::prelude::*;

use super::CodecError;
use crate::schedule::Schedule;

/// One stripe: its columns, and that part of every target row.
pub(super) struct Stripe<'a> {
    pub(super) columns: Range<usize>,
    row_len: usize,
    rows: usize,
    matrix: Pointer,
    targets: PhantomData<&'a mut [u8]>,
}

/// First byte of the target rows.
#[derive(Clone, Copy)]
struct Pointer(*mut u8);

// SAFETY: it is only used through stripes of one matrix, which are disjoint (see `Stripe::part`).
unsafe impl Send for Pointer {}
// SAFETY: as above.
unsafe impl Sync for Pointer {}

/// Bytes of a cache line.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

impl Stripe<'_> {
    /// First byte of this stripe's part of a target row: as many bytes as it has columns. Beyond the last row it must
    /// not be used.
    pub(super) const fn target(&self, row: usize) -> *mut u8 {
        self.matrix.0.wrapping_add(row * self.row_len + self.columns.start)
    }

    /// Target rows.
    #[cfg(target_arch = "x86_64")]
    pub(super) const fn rows(&self) -> usize {
        self.rows
    }

    /// Whether it has `width` columns, and its parts of the target rows begin at cache lines.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn is_whole(&self, width: usize) -> bool {
        let first = self.matrix.0.addr() + self.columns.start;
        self.columns.len() == width && first.is_multiple_of(LINE) && self.row_len.is_multiple_of(LINE)
    }

    /// This stripe's part of a target row.
    pub(super) fn part(&mut self, row: usize) -> &mut [u8] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        // SAFETY: `run` made this stripe from an exclusive borrow of `rows` rows of `row_len` bytes that outlives it,
        // with columns within a row that no other stripe has, so nothing else refers to these bytes.
        unsafe { std::slice::from_raw_parts_mut(self.target(row), self.columns.len()) }
    }

    /// This stripe's part of all target rows.
    pub(super) fn targets(&mut self) -> Vec<&mut [u8]> {
        // SAFETY: as in `part`; the parts of different rows are disjoint.
        let part = |row| unsafe { std::slice::from_raw_parts_mut(self.target(row), self.columns.len()) };
        (0..self.rows).map(part).collect()
    }
}

/// Cuts `targets` (rows of `row_len` bytes) into stripes of `width` columns, the last maybe narrower, and runs `work`
/// on each.
pub(super) fn run(
    targets: &mut [u8],
    row_len: usize,
    width: usize,
    schedule: Schedule,
    work: impl Fn(Stripe<'_>) -> Result<(), CodecError> + Sync + Send,
) -> Result<(), CodecError> {
    let each = |_: &mut (), stripes: &mut dyn Iterator<Item = Stripe<'_>>| {
        for stripe in stripes {
            work(stripe)?;
        }
        Ok(())
    };
    let mut states = vec![(); row_len.div_ceil(width)];
    bands(targets, row_len, (width, width), &mut states, schedule, each).into_iter().collect()
}

/// The same with bands of several stripes: `work` has all stripes of one, in order, and what there is in `states` for it.
/// The widths are a stripe's and a band's.
pub(super) fn bands<S: Send, R: Send>(
    targets: &mut [u8],
    row_len: usize,
    (width, band): (usize, usize),
    states: &mut [S],
    schedule: Schedule,
    work: impl Fn(&mut S, &mut dyn Iterator<Item = Stripe<'_>>) -> R + Sync + Send,
) -> Vec<R> {
    let rows = targets.len() / row_len;
    let matrix = Pointer(targets.as_mut_ptr());
    assert!(states.len() == row_len.div_ceil(band) && band.is_multiple_of(width), "{} bands of {band}", states.len());
    let run = |(at, state): (usize, &mut S)| {
        let end = row_len.min((at + 1) * band);
        let stripes = (at * band..end).step_by(width);
        let stripe =
            |start| Stripe { columns: start..end.min(start + width), row_len, rows, matrix, targets: PhantomData };
        work(state, &mut stripes.map(stripe))
    };
    match schedule {
        Schedule::Parallel if states.len() > 1 => states.par_iter_mut().enumerate().with_max_len(1).map(run).collect(),
        _ => states.iter_mut().enumerate().map(run).collect(),
    }
}
