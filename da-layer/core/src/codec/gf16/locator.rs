//! The polynomial that is zero exactly at the lost rows.
//!
//! Row `x` of the code is the value at field element `x`. Its factors are
//! `x + y` for every lost `y`, so the logarithm of its value is a sum over
//! `log(x ^ y)`: a convolution over exclusive or, which a Walsh-Hadamard
//! transform computes for all `x` at once. Logarithms live mod 65535.

use crate::field;

const ORDER: i32 = 65_535;

/// For each of the `lost.len()` (a power of two) rows the logarithm of the product of `x + y` over all lost `y` other
/// than `x`: the polynomial's value at a row that is there, its derivative's at a lost one.
pub(super) fn logarithms(lost: &[bool]) -> Vec<u16> {
    let rows = lost.len();
    debug_assert!(rows.is_power_of_two() && rows <= 1 << 14, "sums must fit 31 bits");
    // The transform of logarithms is at most rows * ORDER in size, that of the lost rows at most rows.
    let mut logs: Vec<i32> = (0..rows).map(|x| if x == 0 { 0 } else { field::log(x as u16).into() }).collect();
    let mut sums: Vec<i32> = lost.iter().map(|lost| i32::from(*lost)).collect();
    transform(&mut logs);
    transform(&mut sums);
    for (sum, log) in sums.iter_mut().zip(&logs) {
        let product = i64::from(*sum) * i64::from(log.rem_euclid(ORDER));
        *sum = product.rem_euclid(i64::from(ORDER)) as i32;
    }
    transform(&mut sums);
    // Twice transformed is multiplied by `rows`; 2^16 is 1 mod ORDER, so that is undone by a power of two.
    let undo = 1i64 << (16 - rows.trailing_zeros());
    sums.into_iter().map(|sum| (i64::from(sum) * undo).rem_euclid(i64::from(ORDER)) as u16).collect()
}

/// Walsh-Hadamard transform in place.
fn transform(values: &mut [i32]) {
    let mut width = 1;
    while width < values.len() {
        for pair in values.chunks_exact_mut(2 * width) {
            let (low, high) = pair.split_at_mut(width);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        width *= 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn equals_the_product(bits in 6u32..9, seed: [bool; 512]) {
            let lost = &seed[..1 << bits];
            let found = logarithms(lost);
            for (x, log) in found.into_iter().enumerate() {
                let factors = (0..lost.len()).filter(|y| lost[*y] && *y != x);
                let product = factors.fold(1, |product, y| field::mul_log(product, field::log((x ^ y) as u16)));
                prop_assert_eq!(field::mul_log(1, log), product);
            }
        }
    }
}
