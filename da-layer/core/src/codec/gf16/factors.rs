//! Constants of the code's field, prepared as multipliers for a vector kernel.
//!
//! Multiplying by a constant is linear over bits, and so is the multiplier in
//! its constant: the multiplier of any element is the sum of two out of 512.
//! They are made when the crate is compiled: a process has the pages that it
//! reads.

use crate::limits::{EXTENSION, MAX_K};

/// Half as many as points of the largest transform.
pub(super) const TWIDDLES: usize = EXTENSION * MAX_K as usize / 2;

/// `Factors` and `FACTORS`, over the module's own `Factor` with its constant functions `ZERO`, `new` (from the
/// [products](super::tower::products) by a constant) and `plus` (multiplication by the sum of both constants).
macro_rules! factors {
    () => {
        /// Multipliers by every element, and by the constants of the transform.
        pub(super) struct Factors {
            low: [Factor; 256],
            high: [Factor; 256],
            /// By the even elements, in order.
            twiddles: [Factor; TWIDDLES],
        }

        #[allow(long_running_const_eval, reason = "a moment of the compiler's time")]
        pub(super) static FACTORS: Factors = Factors::new();

        impl Factors {
            const fn new() -> Self {
                let (half, twiddles) = ([Factor::ZERO; 256], [Factor::ZERO; TWIDDLES]);
                let mut factors = Self { low: half, high: half, twiddles };
                let mut bit = 0;
                while bit < 16 {
                    let factor = Factor::new(&super::tower::products(1 << bit));
                    // The sums with this bit follow those without it.
                    let sums = if bit < 8 { &mut factors.low } else { &mut factors.high };
                    let width = 1 << (bit % 8);
                    let mut at = 0;
                    while at < width {
                        sums[at + width] = sums[at].plus(factor);
                        at += 1;
                    }
                    bit += 1;
                }
                let mut at = 0;
                while at < TWIDDLES {
                    factors.twiddles[at] = factors.of(2 * at as u16);
                    at += 1;
                }
                factors
            }

            /// The multiplier by `element`.
            pub(super) const fn of(&self, element: u16) -> Factor {
                let [low, high] = element.to_le_bytes();
                self.low[low as usize].plus(self.high[high as usize])
            }
        }
    };
}
pub(super) use factors;
