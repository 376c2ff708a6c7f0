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

// SAFETY: it is only used through stripes of one matrix, which are disjoint (see `Stripe::target`).
unsafe impl Send for Pointer {}
// SAFETY: as above.
unsafe impl Sync for Pointer {}

impl Stripe<'_> {
    /// This stripe's part of a target row.
    pub(super) fn target(&mut self, row: usize) -> &mut [u8] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let start = row * self.row_len + self.columns.start;
        // SAFETY: `run` made this stripe from an exclusive borrow of `rows` rows of `row_len` bytes that outlives it,
        // with columns within a row that no other stripe has, so nothing else refers to these bytes.
        unsafe { std::slice::from_raw_parts_mut(self.matrix.0.add(start), self.columns.len()) }
    }

    /// This stripe's part of all target rows.
    pub(super) fn targets(&mut self) -> Vec<&mut [u8]> {
        let at = |row: usize| row * self.row_len + self.columns.start;
        // SAFETY: as in `target`; the parts of different rows are disjoint.
        let part = |row| unsafe { std::slice::from_raw_parts_mut(self.matrix.0.add(at(row)), self.columns.len()) };
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
    let rows = targets.len() / row_len;
    let matrix = Pointer(targets.as_mut_ptr());
    let stripes = row_len.div_ceil(width);
    let run = |stripe: usize| {
        let columns = stripe * width..row_len.min((stripe + 1) * width);
        work(Stripe { columns, row_len, rows, matrix, targets: PhantomData })
    };
    match schedule {
        Schedule::Parallel if stripes > 1 => (0..stripes).into_par_iter().with_max_len(1).try_for_each(run),
        _ => (0..stripes).try_for_each(run),
    }
}
