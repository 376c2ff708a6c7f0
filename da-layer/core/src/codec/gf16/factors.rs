//! Constants of the code's field, prepared as multipliers for a vector kernel.
//!
//! Multiplying by a constant is linear over bits, and so is the multiplier in
//! its constant: the multiplier of any element is the sum of two out of 512.

use crate::field;
use crate::limits::{EXTENSION, MAX_K};

/// Half as many as points of the largest transform.
const TWIDDLES: u16 = (EXTENSION * MAX_K as usize / 2) as u16;

/// Multiplication by a constant as a kernel wants it.
pub(super) trait Factor: Copy + Send + Sync {
    /// From the products of the constant and `1 << bit`, for each bit.
    fn new(images: &[u16; 16]) -> Self;

    /// Multiplication by the sum of both constants.
    fn plus(self, other: Self) -> Self;
}

/// Multipliers by every element, and by the constants of the transform.
pub(super) struct Factors<F> {
    low: Vec<F>,
    high: Vec<F>,
    twiddles: Vec<F>,
}

impl<F: Factor> Factors<F> {
    pub(super) fn new() -> Self {
        let bits: [F; 16] = std::array::from_fn(|bit| {
            let log = field::log(1 << bit);
            F::new(&std::array::from_fn(|other| field::mul_log(1 << other, log)))
        });
        let (low, high) = (subset_sums(&bits[..8]), subset_sums(&bits[8..]));
        let mut factors = Self { low, high, twiddles: Vec::new() };
        factors.twiddles = (0..TWIDDLES).map(|at| factors.of(2 * at)).collect();
        factors
    }

    /// The multiplier by `element`.
    pub(super) fn of(&self, element: u16) -> F {
        let [low, high] = element.to_le_bytes();
        self.low[usize::from(low)].plus(self.high[usize::from(high)])
    }

    /// Constants of the transform: the even elements, in order.
    pub(super) fn twiddles(&self) -> &[F] {
        &self.twiddles
    }
}

/// The sum of each subset of `bits`, by its mask.
fn subset_sums<F: Factor>(bits: &[F]) -> Vec<F> {
    let mut sums = vec![F::new(&[0; 16])];
    for bit in bits {
        for at in 0..sums.len() {
            sums.push(sums[at].plus(*bit));
        }
    }
    sums
}
