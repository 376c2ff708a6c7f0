//! The additive fast Fourier transform of one narrow stripe, written once for all vector kernels.
//!
//! A stripe is so narrow that registers hold all its symbols in one row (a
//! *block*, as pairs of [`super::tower`]), and that all `k` blocks stay in the
//! second-level cache. As many layers as the registers allow are done at once
//! (a *pass*); the lowest six layers work on 64 neighbouring blocks, those above
//! on blocks 64 apart, which with a block of padding behind every 64 lie in
//! different cache sets.
//!
//! A layer's constant for a group of `2 d` points that begins at point `p` is
//! the value at `p` of the polynomial that vanishes at the points below `d` and
//! is 1 at `d`. In the Cantor basis it takes `v(n)` to `v(n - log d)`: the
//! constant is the element `p / d`, an even number, and so is at place
//! `p / (2 d)` of the even elements (*twiddles*). In the layers above the lowest
//! six, `d` is at least 64 and `p` below `4 * 4096`: their constants are below
//! 256, in the subfield.
//! Source: Lin, Chung, Han, "Novel polynomial basis and its application to
//! Reed-Solomon erasure codes" (FOCS 2014), in the Cantor basis of the code.

/// Blocks that the lower layers work on.
pub(super) const LOW: usize = super::MIN_ROWS;

/// Place of block `row` in a work area.
#[inline]
pub(super) const fn padded(row: usize) -> usize {
    row + row / LOW
}

/// `inverse` and `forward`, over the module's own `Factor`, `Block`, `Symbols`, `RADIX` (blocks of a pass), and the
/// functions `load`, `store`, `plus`, `plus_product` and `plus_subfield_product`.
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

        /// Inverse transform of blocks that `source` gives, into an area. `HIGH`: its constants are of the subfield.
        ///
        /// # Safety
        ///
        /// All blocks of the place are within the area, and there are half as many twiddles as points up to its last.
        /// More than one block.
        #[target_feature(enable = $feature)]
        #[inline]
        unsafe fn inverse<const HIGH: bool>(
            source: impl Fn(usize) -> Symbols,
            area: *mut Block,
            place: Place,
            twiddles: *const Factor,
        ) {
            // SAFETY: as the caller promises.
            unsafe {
                let from_area = |at| load(&*area.add(place.at(at)));
                let to_area = |at, symbols| store(&mut *area.add(place.at(at)), symbols);
                let radix = place.count.min(RADIX);
                match radix {
                    2 => inverse_pass::<HIGH, 2>(source, to_area, place, 1, twiddles),
                    4 => inverse_pass::<HIGH, 4>(source, to_area, place, 1, twiddles),
                    _ => inverse_pass::<HIGH, RADIX>(source, to_area, place, 1, twiddles),
                }
                let mut apart = radix;
                while apart < place.count {
                    let radix = RADIX.min(place.count / apart);
                    match radix {
                        2 => inverse_pass::<HIGH, 2>(from_area, to_area, place, apart, twiddles),
                        4 => inverse_pass::<HIGH, 4>(from_area, to_area, place, apart, twiddles),
                        _ => inverse_pass::<HIGH, RADIX>(from_area, to_area, place, apart, twiddles),
                    }
                    apart *= radix;
                }
            }
        }

        /// The same in place.
        ///
        /// # Safety
        ///
        /// As for [`inverse`].
        #[target_feature(enable = $feature)]
        #[inline]
        unsafe fn inverse_in<const HIGH: bool>(area: *mut Block, place: Place, twiddles: *const Factor) {
            // SAFETY: as the caller promises.
            unsafe { inverse::<HIGH>(|at| load(&*area.add(place.at(at))), area, place, twiddles) };
        }

        /// Forward transform of the blocks of an area, in another or the same; `sink` takes the last values.
        ///
        /// # Safety
        ///
        /// As for [`inverse`], for both areas and `sink`; more than one block.
        #[target_feature(enable = $feature)]
        #[inline]
        unsafe fn forward<const HIGH: bool>(
            mut from: *const Block,
            area: *mut Block,
            sink: impl FnMut(usize, Symbols),
            place: Place,
            twiddles: *const Factor,
        ) {
            // SAFETY: as the caller promises.
            unsafe {
                let to_area = |at, symbols| store(&mut *area.add(place.at(at)), symbols);
                // Passes of fewer blocks first: the last is mostly of neighbours.
                let mut apart = place.count;
                while apart > RADIX {
                    let rest = 1 << (apart.trailing_zeros() % RADIX.trailing_zeros());
                    let radix = if rest == 1 { RADIX } else { rest };
                    apart /= radix;
                    let source = |at| load(&*from.add(place.at(at)));
                    match radix {
                        2 => forward_pass::<HIGH, 2>(source, to_area, place, apart, twiddles),
                        4 => forward_pass::<HIGH, 4>(source, to_area, place, apart, twiddles),
                        _ => forward_pass::<HIGH, RADIX>(source, to_area, place, apart, twiddles),
                    }
                    from = area;
                }
                let source = |at| load(&*from.add(place.at(at)));
                match apart {
                    2 => forward_pass::<HIGH, 2>(source, sink, place, 1, twiddles),
                    4 => forward_pass::<HIGH, 4>(source, sink, place, 1, twiddles),
                    _ => forward_pass::<HIGH, RADIX>(source, sink, place, 1, twiddles),
                }
            }
        }

        /// The same, and the last values to the other area too.
        ///
        /// # Safety
        ///
        /// As for [`forward`].
        #[target_feature(enable = $feature)]
        #[inline]
        unsafe fn forward_to<const HIGH: bool>(
            from: *const Block,
            area: *mut Block,
            place: Place,
            twiddles: *const Factor,
        ) {
            // SAFETY: as the caller promises.
            unsafe {
                let sink = |at, symbols| store(&mut *area.add(place.at(at)), symbols);
                forward::<HIGH>(from, area, sink, place, twiddles);
            }
        }

        /// The layers from `apart` on, as many as `R` blocks have.
        ///
        /// # Safety
        ///
        /// There are half as many twiddles as points up to the place's last.
        #[target_feature(enable = $feature)]
        #[inline]
        unsafe fn inverse_pass<const HIGH: bool, const R: usize>(
            source: impl Fn(usize) -> Symbols,
            mut sink: impl FnMut(usize, Symbols),
            place: Place,
            apart: usize,
            twiddles: *const Factor,
        ) {
            for group in (0..place.count).step_by(R * apart) {
                let twiddle = place.twiddle(group, R * apart);
                for first in group..group + apart {
                    let mut blocks: [Symbols; R] = std::array::from_fn(|n| source(first + n * apart));
                    let mut half = 1;
                    while half < R {
                        for part in 0..R / (2 * half) {
                            // SAFETY: as the caller promises; the group's points are of the place.
                            let factor = unsafe { &*twiddles.add(R / (2 * half) * twiddle + part) };
                            for at in 2 * half * part..2 * half * part + half {
                                let (w, mut x) = (blocks[at], blocks[at + half]);
                                x = plus(x, w);
                                blocks[at] = by_twiddle::<HIGH>(w, x, factor);
                                blocks[at + half] = x;
                            }
                        }
                        half *= 2;
                    }
                    for (n, block) in blocks.into_iter().enumerate() {
                        sink(first + n * apart, block);
                    }
                }
            }
        }

        /// The layers down to `apart`, as many as `R` blocks have.
        ///
        /// # Safety
        ///
        /// As for [`inverse_pass`].
        #[target_feature(enable = $feature)]
        #[inline]
        unsafe fn forward_pass<const HIGH: bool, const R: usize>(
            source: impl Fn(usize) -> Symbols,
            mut sink: impl FnMut(usize, Symbols),
            place: Place,
            apart: usize,
            twiddles: *const Factor,
        ) {
            for group in (0..place.count).step_by(R * apart) {
                let twiddle = place.twiddle(group, R * apart);
                for first in group..group + apart {
                    let mut blocks: [Symbols; R] = std::array::from_fn(|n| source(first + n * apart));
                    let mut half = R / 2;
                    while half > 0 {
                        for part in 0..R / (2 * half) {
                            // SAFETY: as the caller promises; the group's points are of the place.
                            let factor = unsafe { &*twiddles.add(R / (2 * half) * twiddle + part) };
                            for at in 2 * half * part..2 * half * part + half {
                                let (mut w, x) = (blocks[at], blocks[at + half]);
                                w = by_twiddle::<HIGH>(w, x, factor);
                                blocks[at] = w;
                                blocks[at + half] = plus(x, w);
                            }
                        }
                        half /= 2;
                    }
                    for (n, block) in blocks.into_iter().enumerate() {
                        sink(first + n * apart, block);
                    }
                }
            }
        }

        impl Place {
            /// Which twiddle the layer has that takes `blocks` from block `group` on for one group.
            #[inline]
            const fn twiddle(&self, group: usize, blocks: usize) -> usize {
                (self.base + group * self.stride) >> (blocks * self.stride).trailing_zeros()
            }
        }

        /// `a + b * factor`.
        #[target_feature(enable = $feature)]
        #[inline]
        fn by_twiddle<const HIGH: bool>(a: Symbols, b: Symbols, factor: &Factor) -> Symbols {
            if HIGH { plus_subfield_product(a, b, factor) } else { plus_product(a, b, factor) }
        }
    };
}
pub(super) use layers;
