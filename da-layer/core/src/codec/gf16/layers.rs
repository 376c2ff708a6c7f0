//! The additive fast Fourier transform of one narrow stripe, written once for all vector kernels.
//!
//! A stripe is so narrow that a register holds the low bytes, another the high
//! bytes of all its symbols in one row (a *block*), and that all `k` blocks stay
//! in the second-level cache. Two layers are done at once; the lowest six
//! layers work on 64 neighbouring blocks, those above on blocks 64 apart,
//! which with a block of padding behind every 64 lie in different cache sets.
//!
//! A layer's constant for a group of `2 d` points that begins at point `p` is
//! the value at `p` of the polynomial that vanishes at the points below `d` and
//! is 1 at `d`. In the Cantor basis it takes `v(n)` to `v(n - log d)`: the
//! constant is the element `p / d`, an even number, and so is at place
//! `p / (2 d)` of the even elements (*twiddles*).
//! Source: Lin, Chung, Han, "Novel polynomial basis and its application to
//! Reed-Solomon erasure codes" (FOCS 2014), in the Cantor basis of the code.

/// Blocks that the lower layers work on.
pub(super) const LOW: usize = super::MIN_ROWS;

/// Place of block `row` in a work area.
#[inline]
pub(super) const fn padded(row: usize) -> usize {
    row + row / LOW
}

/// `inverse` and `forward`, over the module's own `Factor`, `Block`, `Symbols`, and the functions `load`, `store`,
/// `ready`, `plus` and `plus_product`.
macro_rules! layers {
    ($feature:literal) => {
        /// Which blocks a transform is of: `count` (a power of two), `stride` apart, from `first` on; `base` is the
        /// point of the first, less what is below the stride.
        #[derive(Clone, Copy)]
        struct Place {
            first: usize,
            base: usize,
            stride: usize,
            count: usize,
        }

        impl Place {
            /// Neighbours from `first` on, in the coset that begins at point `coset`.
            const fn low(first: usize, coset: usize) -> Self {
                Self { first, base: coset + first, stride: 1, count: LOW }
            }

            /// One of each 64, the `first` in them.
            const fn high(first: usize, k: usize, coset: usize) -> Self {
                Self { first, base: coset, stride: LOW, count: k / LOW }
            }

            /// Offset of block `at`.
            #[inline]
            const fn at(&self, at: usize) -> usize {
                padded(self.first + at * self.stride)
            }
        }

        /// Inverse transform in place.
        ///
        /// # Safety
        ///
        /// All blocks of the place are within the area, and there are half as many twiddles as points up to its last.
        #[target_feature(enable = $feature)]
        #[inline]
        unsafe fn inverse(area: *mut Block, place: Place, twiddles: *const Factor) {
            let Place { base, stride, count, .. } = place;
            let mut apart = 1;
            while 4 * apart <= count {
                let shift = (4 * apart * stride).trailing_zeros();
                for group in (0..count).step_by(4 * apart) {
                    let at = (base + group * stride) >> shift;
                    // SAFETY: as the caller promises; the group's blocks and points are of the place.
                    unsafe {
                        let [low, high, both] = [2 * at, 2 * at + 1, at].map(|at| ready(&*twiddles.add(at)));
                        for at in group..group + apart {
                            let [a, b, c, d] = [0, 1, 2, 3].map(|n| area.add(place.at(at + n * apart)));
                            let (mut w, mut x, mut y, mut z) = (load(&*a), load(&*b), load(&*c), load(&*d));
                            x = plus(x, w);
                            w = plus_product(w, x, low);
                            z = plus(z, y);
                            y = plus_product(y, z, high);
                            y = plus(y, w);
                            w = plus_product(w, y, both);
                            z = plus(z, x);
                            x = plus_product(x, z, both);
                            store(&mut *a, w);
                            store(&mut *b, x);
                            store(&mut *c, y);
                            store(&mut *d, z);
                        }
                    }
                }
                apart *= 4;
            }
            if apart < count {
                // SAFETY: as above; two groups of half of the blocks.
                unsafe {
                    let twiddle = ready(&*twiddles.add(base / (2 * apart * stride)));
                    for at in 0..apart {
                        let [a, b] = [0, 1].map(|n| area.add(place.at(at + n * apart)));
                        let (mut w, mut x) = (load(&*a), load(&*b));
                        x = plus(x, w);
                        w = plus_product(w, x, twiddle);
                        store(&mut *a, w);
                        store(&mut *b, x);
                    }
                }
            }
        }

        /// Forward transform, from one area to the same or another.
        ///
        /// # Safety
        ///
        /// As for [`inverse`], for both areas; more than one block.
        #[target_feature(enable = $feature)]
        #[inline]
        unsafe fn forward(mut from: *const Block, area: *mut Block, place: Place, twiddles: *const Factor) {
            let Place { base, stride, count, .. } = place;
            let mut apart = count / 4;
            if count.trailing_zeros() % 2 == 1 {
                let half = count / 2;
                // SAFETY: as the caller promises; two groups of half of the blocks.
                unsafe {
                    let twiddle = ready(&*twiddles.add(base / (2 * half * stride)));
                    for at in 0..half {
                        let [a, b] = [0, 1].map(|n| place.at(at + n * half));
                        let (mut w, mut x) = (load(&*from.add(a)), load(&*from.add(b)));
                        w = plus_product(w, x, twiddle);
                        x = plus(x, w);
                        store(&mut *area.add(a), w);
                        store(&mut *area.add(b), x);
                    }
                }
                from = area;
                apart = half / 4;
            }
            while apart > 0 {
                let shift = (4 * apart * stride).trailing_zeros();
                for group in (0..count).step_by(4 * apart) {
                    let at = (base + group * stride) >> shift;
                    // SAFETY: as the caller promises; the group's blocks and points are of the place.
                    unsafe {
                        let [low, high, both] = [2 * at, 2 * at + 1, at].map(|at| ready(&*twiddles.add(at)));
                        for at in group..group + apart {
                            let [a, b, c, d] = [0, 1, 2, 3].map(|n| place.at(at + n * apart));
                            let (mut w, mut x) = (load(&*from.add(a)), load(&*from.add(b)));
                            let (mut y, mut z) = (load(&*from.add(c)), load(&*from.add(d)));
                            w = plus_product(w, y, both);
                            y = plus(y, w);
                            x = plus_product(x, z, both);
                            z = plus(z, x);
                            w = plus_product(w, x, low);
                            x = plus(x, w);
                            y = plus_product(y, z, high);
                            z = plus(z, y);
                            store(&mut *area.add(a), w);
                            store(&mut *area.add(b), x);
                            store(&mut *area.add(c), y);
                            store(&mut *area.add(d), z);
                        }
                    }
                }
                apart /= 4;
                from = area;
            }
        }
    };
}
pub(super) use layers;
