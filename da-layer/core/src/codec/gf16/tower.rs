//! The code's field as the vector kernels compute in it: pairs over the subfield of 2^8 elements.
//!
//! In the Cantor basis the elements below 256 are that subfield, and `y` (256)
//! satisfies `y^2 + y = delta` with `delta` in it. Every element is
//! `a0 + a1 y`: `a1` is its high byte, `a0` its low byte plus something linear
//! in the high byte. So a product by `b0 + b1 y` takes three products by
//! elements of the subfield,
//! `(a0 b0 + a1 delta b1) + (a0 b0 + (a0 + a1)(b0 + b1)) y`,
//! and one by `b0` alone takes two, by the same element. Each is a matrix of
//! 8 x 8 bits. (The digests' tower has the AES's basis of the subfield, because
//! they multiply by what is not known before; it is dearer to get to.)

use crate::field::{log, mul_log};

/// `y`.
const Y: u16 = 256;

/// What a constant of the subfield makes of each bit of a byte.
pub(super) type Images = [u8; 8];

/// What each bit of the high byte of an element adds to `a0`.
pub(super) const HIGH_TO_A0: Images = high_to_a0();

const fn high_to_a0() -> Images {
    let mut images = [0; 8];
    let mut bit = 0;
    while bit < 8 {
        // `y` times a bit of the subfield has that bit as its high byte, and something below.
        images[bit] = mul_log(1 << bit, log(Y)) as u8;
        bit += 1;
    }
    images
}

/// What `images` make of a byte.
const fn image(images: &Images, byte: u8) -> u8 {
    let (mut sum, mut bit) = (0, 0);
    while bit < 8 {
        if byte >> bit & 1 == 1 {
            sum ^= images[bit];
        }
        bit += 1;
    }
    sum
}

const fn images(constant: u8) -> Images {
    let mut images = [0; 8];
    let mut bit = 0;
    while bit < 8 && constant != 0 {
        images[bit] = mul_log(1 << bit, log(constant as u16)) as u8;
        bit += 1;
    }
    images
}

/// The three products by `element = b0 + b1 y`: by `b0`, by `delta b1`, by `b0 + b1`. Linear in the element.
pub(super) const fn products(element: u16) -> [Images; 3] {
    let [low, b1] = element.to_le_bytes();
    let b0 = low ^ image(&HIGH_TO_A0, b1);
    let delta = (mul_log(Y, log(Y)) ^ Y) as u8;
    [images(b0), images(image(&images(delta), b1)), images(b0 ^ b1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(element: u16) -> (u8, u8) {
        let [low, high] = element.to_le_bytes();
        (low ^ image(&HIGH_TO_A0, high), high)
    }

    #[test]
    fn three_products_are_the_fields() {
        for constant in (0..=u16::MAX).step_by(251).chain([1, 2, 255, 256, 257]) {
            let [by_b0, by_delta_b1, by_sum] = products(constant);
            for element in (1..=u16::MAX).step_by(257).chain([2, 256]) {
                let (a0, a1) = pair(element);
                let first = image(&by_b0, a0);
                let product = (first ^ image(&by_delta_b1, a1), first ^ image(&by_sum, a0 ^ a1));
                let expected = if constant == 0 { 0 } else { mul_log(element, log(constant)) };
                assert_eq!(product, pair(expected), "{element} times {constant}");
                if constant < Y {
                    assert_eq!(pair(expected), (image(&by_b0, a0), image(&by_b0, a1)));
                }
            }
        }
    }
}
