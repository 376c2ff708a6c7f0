//! The memory of a block's rows.
//!
//! A large buffer that is fresh from the system is paid for at the first touch
//! of each page, which takes longer than all that is computed of it. So one
//! buffer is kept when a block is dropped, and the next block of its size
//! takes it over; it is freed when a larger one is needed, or when many blocks
//! in a row need much less. Invariants: rows begin at a cache line, so that
//! kernels may store whole lines; whoever makes a matrix writes every byte of
//! it. What was in the buffer before decides nothing. A matrix has not a byte more
//! than its lines: one more would be a large page more where pages are large.

use std::ops::{Deref, DerefMut};
use std::sync::{LazyLock, Mutex, PoisonError};

/// Fewer lines are not kept: the allocator has them at hand.
const MIN_SPARE_LINES: usize = (1 << 20) / LINE_BYTES;

/// A matrix takes a buffer of up to so many times its size.
const MAX_EXCESS: usize = 2;

/// Matrices in a row for which the buffer is too large before it is freed.
const MAX_PASSED_OVER: u32 = 16;

/// A cache line.
const LINE_BYTES: usize = 64;

/// The bytes of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
struct Line([u8; LINE_BYTES]);

/// The buffer that is kept; empty if there is none.
struct Spare {
    buffer: Box<[Line]>,
    passed_over: u32,
}

static SPARE: LazyLock<Mutex<Spare>> = LazyLock::new(|| Mutex::new(Spare { buffer: Box::default(), passed_over: 0 }));

impl Spare {
    /// The buffer if it has the lines `needed` and not many more. One that is not wanted is freed.
    fn take(&mut self, needed: usize) -> Option<Box<[Line]>> {
        if self.buffer.len() > needed.saturating_mul(MAX_EXCESS) {
            self.passed_over += 1;
            if self.passed_over < MAX_PASSED_OVER {
                return None;
            }
        }
        let buffer = std::mem::take(&mut self.buffer);
        (needed..=needed.saturating_mul(MAX_EXCESS)).contains(&buffer.len()).then_some(buffer)
    }

    /// Keeps `buffer` instead of what there is, and returns that.
    fn keep(&mut self, buffer: Box<[Line]>) -> Box<[Line]> {
        self.passed_over = 0;
        std::mem::replace(&mut self.buffer, buffer)
    }
}

/// Bytes of rows, at a cache line.
#[derive(Debug)]
pub(crate) struct Matrix {
    lines: Box<[Line]>,
    len: usize,
}

impl Matrix {
    /// `len` bytes with any content: the caller writes all of them.
    pub(crate) fn any(len: usize) -> Self {
        let needed = len.div_ceil(LINE_BYTES);
        let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).take(needed);
        // SAFETY: any bytes are a line, zeros too.
        let lines = spare.unwrap_or_else(|| unsafe { Box::<[Line]>::new_zeroed_slice(needed).assume_init() });
        Self { lines, len }
    }

    /// A copy of `bytes`.
    pub(crate) fn copy_of(bytes: &[u8]) -> Self {
        let mut matrix = Self::any(bytes.len());
        matrix.copy_from_slice(bytes);
        matrix
    }
}

impl Drop for Matrix {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        if lines.len() >= MIN_SPARE_LINES {
            let older = SPARE.lock().unwrap_or_else(PoisonError::into_inner).keep(lines);
            drop(older);
        }
    }
}

impl Deref for Matrix {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the lines are at least `len` bytes in one piece.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Matrix {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and borrowed by this alone.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl Clone for Matrix {
    fn clone(&self) -> Self {
        Self::copy_of(self)
    }
}

impl PartialEq for Matrix {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Matrix {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_buffer_is_kept_as_long_as_it_is_of_use() {
        let lines = |count: usize, value| vec![Line([value; LINE_BYTES]); count].into_boxed_slice();
        let mut spare = Spare { buffer: Box::default(), passed_over: 0 };
        assert_eq!(spare.take(10), None);
        assert!(spare.keep(lines(20, 1)).is_empty());
        assert_eq!(spare.take(9), None);
        assert_eq!(spare.take(10), Some(lines(20, 1)));
        assert!(spare.buffer.is_empty());
        spare.keep(lines(20, 1));
        assert_eq!(spare.keep(lines(30, 2)).len(), 20);
        // Too small: freed before the larger one is made.
        assert_eq!((spare.take(31), spare.buffer.len()), (None, 0));
        spare.keep(lines(30, 3));
        for _ in 1..MAX_PASSED_OVER {
            assert_eq!((spare.take(5), spare.buffer.len()), (None, 30));
        }
        assert_eq!((spare.take(5), spare.buffer.len()), (None, 0));
    }

    #[test]
    fn rows_begin_at_a_line() {
        for len in [0, 1, 63, 64, 1 << 20] {
            let mut matrix = Matrix::any(len);
            matrix.fill(7);
            assert!(matrix.as_ptr().addr().is_multiple_of(LINE_BYTES) && *matrix == vec![7; len][..]);
            assert_eq!(matrix.clone(), matrix);
        }
    }
}
