//! The memory of a block's rows.
//!
//! A large buffer that is fresh from the system is paid for at the first touch
//! of each page, which takes longer than all that is computed of it. So one
//! buffer is kept when a block is dropped, and the next block of its size
//! takes it over. Invariants: rows begin at a cache line, so that kernels may
//! store whole lines; whoever makes a matrix writes every byte of it. What was
//! in the buffer before decides nothing.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use crate::limits::{DEFAULT_MAX_PAYLOAD_BYTES, EXTENSION};

/// Smaller buffers are not kept: the allocator has them at hand.
const MIN_SPARE_BYTES: usize = 1 << 20;

/// Larger buffers go back to the system: the matrix of the largest payload that a node makes by default.
const MAX_SPARE_BYTES: usize = DEFAULT_MAX_PAYLOAD_BYTES as usize * EXTENSION + LINE_BYTES;

/// A matrix takes a spare buffer of up to so many times its size.
const MAX_EXCESS: usize = 2;

/// A cache line.
const LINE_BYTES: usize = 64;

/// The buffer that is kept.
static SPARE: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Bytes of rows, at a cache line.
#[derive(Debug)]
pub(crate) struct Matrix {
    buffer: Vec<u8>,
    start: usize,
    len: usize,
}

impl Matrix {
    /// `len` bytes with any content: the caller writes all of them.
    pub(crate) fn any(len: usize) -> Self {
        let needed = len + LINE_BYTES;
        let buffer = take_spare(needed).unwrap_or_else(|| vec![0; needed]);
        let start = buffer.as_ptr().align_offset(LINE_BYTES);
        Self { buffer, start, len }
    }

    /// A copy of `bytes`.
    pub(crate) fn copy_of(bytes: &[u8]) -> Self {
        let mut matrix = Self::any(bytes.len());
        matrix.copy_from_slice(bytes);
        matrix
    }
}

fn take_spare(needed: usize) -> Option<Vec<u8>> {
    let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
    let fits = (needed..=needed.saturating_mul(MAX_EXCESS)).contains(&spare.len());
    fits.then(|| std::mem::take(&mut *spare))
}

impl Drop for Matrix {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        if (MIN_SPARE_BYTES..=MAX_SPARE_BYTES).contains(&buffer.len()) {
            // What was kept before is freed when the lock is no longer held.
            let _older = std::mem::replace(&mut *SPARE.lock().unwrap_or_else(PoisonError::into_inner), buffer);
        }
    }
}

impl Deref for Matrix {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer[self.start..][..self.len]
    }
}

impl DerefMut for Matrix {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[self.start..][..self.len]
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
