//! Encoding and restoring of one narrow stripe, written once for all vector kernels.
//!
//! Encoding: inverse transform of the originals, then the forward transform of
//! the result at each of the three other cosets of `k` points.
//!
//! Restoring: let `f` be the codeword's polynomial (degree below `k`), `e` the
//! locator of the lost rows. `f e` has degree below `4k` and is known at all
//! `4k` points; at a lost point `(f e)' = f e'`. Of the transform of `4k` points
//! little is needed: with `H0..H3` the inverse transforms of the four cosets by
//! themselves, the coefficients of `f e` below `3k` are `H0`, `H0 + H1` and
//! `H0 + H2 + t (H2 + H3)` (the upper two layers, whose other constants are
//! zero), those of the derivative below `k` are `d(H0) + H1 + H2 + t (H2 + H3)`,
//! and these alone make its values at the first `k` points. In the basis of the
//! transform the derivative's coefficient `j` is the sum of the coefficients
//! `j + 2^b` over the zero bits `b` of `j`.

/// Low bytes, then high bytes, of a part of a row that is not a whole stripe: chunks of 64 bytes of 32 symbols, the
/// last maybe shorter.
pub(super) fn gather(part: &[u8], low: &mut [u8], high: &mut [u8]) {
    low.fill(0);
    high.fill(0);
    let halves = low.chunks_mut(32).zip(high.chunks_mut(32));
    for (chunk, (low, high)) in part.chunks(64).zip(halves) {
        let (from_low, from_high) = chunk.split_at(chunk.len() / 2);
        low[..from_low.len()].copy_from_slice(from_low);
        high[..from_high.len()].copy_from_slice(from_high);
    }
}

/// The reverse of [`gather`].
pub(super) fn scatter(low: &[u8], high: &[u8], part: &mut [u8]) {
    for (chunk, (low, high)) in part.chunks_mut(64).zip(low.chunks(32).zip(high.chunks(32))) {
        let half = chunk.len() / 2;
        chunk[..half].copy_from_slice(&low[..half]);
        chunk[half..].copy_from_slice(&high[..half]);
    }
}

/// `extend` and `restore`, over what [`super::layers`] needs and makes, and the module's own functions `zero`, `read`,
/// `write` (rows' bytes to symbols and back), `keep` (as `write`, to the cache), `fence` and `prefetch`.
macro_rules! transform {
    ($feature:literal) => {
        /// A stripe's part of neighbouring rows.
        #[repr(C, align(64))]
        struct Together([[u8; WIDTH]; LOW]);

        /// Blocks of two transforms, in one piece.
        #[derive(Default)]
        pub(super) struct Work(Vec<Block>);

        impl Work {
            /// Both areas, with room for `k` blocks each.
            fn areas(&mut self, k: usize) -> (*mut Block, *mut Block) {
                let len = padded(k);
                if self.0.len() < 2 * len {
                    self.0 = vec![Block::ZERO; 2 * len];
                }
                let (first, second) = self.0.split_at_mut(len);
                (first.as_mut_ptr(), second.as_mut_ptr())
            }
        }

        /// How columns of the rows are hashed, and the values of their chunk of all rows, originals first.
        type Hashing<'a> = (Columns, &'a mut [Hash]);

        /// Fills a stripe of the parity rows; its columns of all rows are taken into the hashes.
        #[target_feature(enable = $feature)]
        pub(super) fn extend(
            geometry: Geometry,
            originals: &[u8],
            stripe: &mut Stripe<'_>,
            work: &mut Work,
            hashing: Option<Hashing<'_>>,
        ) {
            let Geometry { k, row_len } = geometry;
            assert!(k.is_power_of_two() && k >= LOW && EXTENSION * k <= 2 * TWIDDLES, "{k} rows");
            assert!(originals.len() == k * row_len && stripe.columns.end <= row_len, "{} bytes", originals.len());
            assert_eq!(stripe.rows(), (EXTENSION - 1) * k);
            // SAFETY: the originals are `k` rows that have the stripe's columns, its target rows the others.
            unsafe {
                match (stripe.is_whole(WIDTH), hashing.is_some()) {
                    (true, true) => extend_as::<true, true>(geometry, originals, stripe, work, hashing),
                    (true, false) => extend_as::<true, false>(geometry, originals, stripe, work, hashing),
                    (false, true) => extend_as::<false, true>(geometry, originals, stripe, work, hashing),
                    (false, false) => extend_as::<false, false>(geometry, originals, stripe, work, hashing),
                }
            }
        }

        /// # Safety
        ///
        /// As [`extend`] asserts; if the stripe is `WHOLE`, it is; there are hashes if rows are to be `HASHED`.
        #[target_feature(enable = $feature)]
        unsafe fn extend_as<const WHOLE: bool, const HASHED: bool>(
            geometry: Geometry,
            originals: &[u8],
            stripe: &mut Stripe<'_>,
            work: &mut Work,
            mut hashing: Option<Hashing<'_>>,
        ) {
            let Geometry { k, row_len } = geometry;
            let (start, len) = (stripe.columns.start, stripe.columns.len());
            let mut hash = |first: usize, bytes: &[u8]| {
                if let Some((columns, values)) = &mut hashing {
                    columns.absorb(&mut values[first..first + LOW], start, len, bytes, WIDTH);
                }
            };
            let part = |row: usize| originals.as_ptr().wrapping_add(row * row_len + start);
            let twiddles = FACTORS.twiddles.as_ptr();
            let (coefficients, values) = work.areas(k);
            // What was just read or written of neighbouring rows, for the hashes: the rows themselves are past the
            // caches or, at some lengths, fall on each other in them.
            let mut together = Together([[0; WIDTH]; LOW]);
            let rows = together.0.as_mut_ptr();
            // SAFETY: both areas have `k` blocks with their padding; the points of the four cosets are below `4k`,
            // and there are half as many twiddles. Rows read are below `k`, rows written below `3k`.
            unsafe {
                for first in (0..k).step_by(LOW) {
                    let source = |at: usize| {
                        prefetch(part(first + at + LOW));
                        if HASHED {
                            rows.add(at).cast::<u8>().copy_from_nonoverlapping(part(first + at), len);
                        }
                        read::<WHOLE>(part(first + at), len)
                    };
                    inverse::<false>(source, coefficients, Place::low(first, 0), twiddles);
                    if HASHED {
                        hash(first, std::slice::from_raw_parts(rows.cast(), WIDTH * LOW));
                    }
                }
                if k > LOW {
                    (0..LOW).for_each(|first| inverse_in::<true>(coefficients, Place::high(first, k, 0), twiddles));
                }
                for coset in 1..EXTENSION {
                    let mut from = coefficients;
                    if k > LOW {
                        for place in (0..LOW).map(|first| Place::high(first, k, coset * k)) {
                            forward_to::<true>(coefficients, values, place, twiddles);
                        }
                        from = values;
                    }
                    for first in (0..k).step_by(LOW) {
                        let row = (coset - 1) * k + first;
                        let sink = |at, symbols| {
                            write::<WHOLE>(stripe.target(row + at), len, symbols);
                            if HASHED {
                                keep::<WHOLE>(rows.add(at).cast(), len, symbols);
                            }
                        };
                        forward::<false>(from, values, sink, Place::low(first, coset * k), twiddles);
                        if HASHED {
                            hash(k + row, std::slice::from_raw_parts(rows.cast(), WIDTH * LOW));
                        }
                    }
                }
            }
            fence();
        }

        /// Fills a stripe of the lost original rows: `rows` are all `4k`, where present with the multiplier by the
        /// locator, `lost` the lost original rows with the multiplier by the inverse of its derivative.
        #[target_feature(enable = $feature)]
        pub(super) fn restore(
            rows: &[Option<(&[u8], Factor)>],
            lost: &[(usize, Factor)],
            stripe: &mut Stripe<'_>,
            work: &mut Work,
        ) {
            let k = rows.len() / EXTENSION;
            assert!(k.is_power_of_two() && k >= LOW && EXTENSION * k <= 2 * TWIDDLES, "{k} rows");
            assert!(rows.iter().flatten().all(|(row, _)| stripe.columns.end <= row.len()), "a row is short");
            assert!(lost.iter().all(|(row, _)| *row < k) && stripe.rows() == k, "a lost row is no original");
            // SAFETY: the rows have the stripe's columns, and its target rows are the originals.
            unsafe {
                if stripe.is_whole(WIDTH) {
                    restore_as::<true>(rows, lost, stripe, work);
                } else {
                    restore_as::<false>(rows, lost, stripe, work);
                }
            }
        }

        /// # Safety
        ///
        /// As [`restore`] asserts; if the stripe is `WHOLE`, it is.
        #[target_feature(enable = $feature)]
        unsafe fn restore_as<const WHOLE: bool>(
            rows: &[Option<(&[u8], Factor)>],
            lost: &[(usize, Factor)],
            stripe: &mut Stripe<'_>,
            work: &mut Work,
        ) {
            let k = rows.len() / EXTENSION;
            let twiddles = FACTORS.twiddles.as_ptr();
            let (coset_area, sum_area) = work.areas(k);
            // SAFETY: both areas have `k` blocks with their padding; the points of the four cosets are below `4k`,
            // and there are half as many twiddles.
            unsafe {
                for row in 0..k {
                    store(&mut *sum_area.add(padded(row)), zero());
                }
                // The constant of the upper half in the layer above the cosets: of the subfield.
                let upper = &FACTORS.twiddles[1];
                for (coset, rows) in rows.chunks_exact(k).enumerate() {
                    if rows.iter().all(Option::is_none) {
                        continue;
                    }
                    coefficients::<WHOLE>(coset_area, rows, coset * k, stripe, twiddles);
                    for row in 0..k {
                        let sum = &mut *sum_area.add(padded(row));
                        let own = |row: usize| load(&*coset_area.add(padded(row)));
                        let term = match coset {
                            0 => {
                                let mut zeros = !row & (k - 1);
                                let mut derivative = zero();
                                while zeros != 0 {
                                    derivative = plus(derivative, own(row | (zeros & zeros.wrapping_neg())));
                                    zeros &= zeros - 1;
                                }
                                derivative
                            }
                            1 => own(row),
                            2 => plus_subfield_product(own(row), own(row), upper),
                            _ => plus_subfield_product(zero(), own(row), upper),
                        };
                        store(sum, plus(load(sum), term));
                    }
                }
                if k > LOW {
                    for place in (0..LOW).map(|first| Place::high(first, k, 0)) {
                        forward_to::<true>(sum_area, sum_area, place, twiddles);
                    }
                }
                for place in (0..k).step_by(LOW).map(|first| Place::low(first, 0)) {
                    forward_to::<false>(sum_area, sum_area, place, twiddles);
                }
                let len = stripe.columns.len();
                for (row, factor) in lost {
                    let value = load(&*sum_area.add(padded(*row)));
                    write::<WHOLE>(stripe.target(*row), len, plus_product(zero(), value, factor));
                }
            }
            fence();
        }

        /// Inverse transform of the rows of the coset that begins at point `coset`, each times its factor; absent ones
        /// are zero.
        ///
        /// # Safety
        ///
        /// The area has a padded block for each row, and there are half as many twiddles as points up to the last row's;
        /// the rows have the stripe's columns.
        #[target_feature(enable = $feature)]
        unsafe fn coefficients<const WHOLE: bool>(
            area: *mut Block,
            rows: &[Option<(&[u8], Factor)>],
            coset: usize,
            stripe: &Stripe<'_>,
            twiddles: *const Factor,
        ) {
            let k = rows.len();
            // SAFETY: as the caller promises.
            unsafe {
                for (first, rows) in (0..k).step_by(LOW).zip(rows.chunks_exact(LOW)) {
                    let source = |at: usize| match &rows[at] {
                        Some((row, factor)) => {
                            let part = row.as_ptr().add(stripe.columns.start);
                            plus_product(zero(), read::<WHOLE>(part, stripe.columns.len()), factor)
                        }
                        None => zero(),
                    };
                    inverse::<false>(source, area, Place::low(first, coset), twiddles);
                }
                if k > LOW {
                    (0..LOW).for_each(|first| inverse_in::<true>(area, Place::high(first, k, coset), twiddles));
                }
            }
        }
    };
}
pub(super) use transform;
