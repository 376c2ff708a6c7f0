//! Cutting a matrix into column stripes that can be coded apart.
//!
//! Invariant: the stripes of one matrix are disjoint and cover it, so coding
//! them in any order on any number of threads gives the same bytes.

use std::ops::Range;

use rayon::prelude::*;

use super::CodecError;
use crate::schedule::Schedule;

/// One stripe: its columns, and that part of every target row.
pub(super) struct Stripe<'a> {
    pub(super) columns: Range<usize>,
    pub(super) targets: Vec<&'a mut [u8]>,
}

/// Cuts `targets` (rows of `row_len` bytes) into stripes of `width` columns; the last may be narrower.
pub(super) fn cut(targets: &mut [u8], row_len: usize, width: usize) -> Vec<Stripe<'_>> {
    let rows = targets.len() / row_len;
    let mut stripes: Vec<_> = (0..row_len)
        .step_by(width)
        .map(|start| Stripe { columns: start..row_len.min(start + width), targets: Vec::with_capacity(rows) })
        .collect();
    for row in targets.chunks_exact_mut(row_len) {
        for (stripe, part) in stripes.iter_mut().zip(row.chunks_mut(width)) {
            stripe.targets.push(part);
        }
    }
    stripes
}

/// Runs `work` on every stripe. `S` is a worker's own scratch space, kept from stripe to stripe.
pub(super) fn run<'a, S: Send>(
    stripes: Vec<Stripe<'a>>,
    schedule: Schedule,
    scratch: impl Fn() -> S + Sync + Send,
    work: impl Fn(&mut S, Stripe<'a>) -> Result<(), CodecError> + Sync + Send,
) -> Result<(), CodecError> {
    match schedule {
        Schedule::Parallel if stripes.len() > 1 => stripes.into_par_iter().try_for_each_init(scratch, work),
        _ => {
            let mut state = scratch();
            stripes.into_iter().try_for_each(|stripe| work(&mut state, stripe))
        }
    }
}
