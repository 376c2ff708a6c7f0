//! The code's GF(2^16) as a tower over the field of bytes that the AES uses.
//!
//! In the Cantor basis the elements below 256 are the subfield of 2^8 elements,
//! and `y` (256) satisfies `y^2 + y = delta` with `delta` in it. So an element
//! is `a0 + a1 y`, and in the AES's basis of the subfield one instruction
//! multiplies 64 pairs of bytes. A product, with three of them:
//! `(a0 + a1 y)(b0 + b1 y) = (m0 + delta m1) + (m0 + m2) y` where `m0 = a0 b0`,
//! `m1 = a1 b1`, `m2 = (a0 + a1)(b0 + b1)`.

use std::sync::LazyLock;

use super::reference::gf16_mul;

/// The map from the code's elements to pairs of bytes and back, both linear over bits.
pub(super) struct Tower {
    /// `a0` and `a1` (the high byte) of each low byte, and of each high byte, of an element.
    to: [[u16; 256]; 2],
    /// The element of each `a0`, and of each `a1`.
    from: [[u16; 256]; 2],
    /// `delta` in the AES's basis.
    pub(super) delta: u8,
    /// Bit matrices, as `gf2p8affineqb` wants them: low byte to `a0`, high byte to `a0`, high byte to `a1`.
    pub(super) matrices: [u64; 3],
}

/// `y`, the element whose products with the subfield are the rest of the field.
const Y: u16 = 256;

pub(super) static TOWER: LazyLock<Tower> = LazyLock::new(Tower::new);

impl Tower {
    fn new() -> Self {
        // A root of the AES's polynomial x^8 + x^4 + x^3 + x + 1 in the subfield: any of the eight will do.
        let power = |base: u16, exponent: usize| (0..exponent).fold(1, |product, _| gf16_mul(product, base));
        let is_root = |base: u16| [8, 4, 3, 1, 0].into_iter().fold(0, |sum, n| sum ^ power(base, n)) == 0;
        let root = (2..256).find(|base| is_root(*base)).expect("the polynomial splits in a field of 2^8 elements");
        let powers: [u16; 8] = std::array::from_fn(|n| power(root, n));
        let subfield = |byte: usize| (0..8).filter(|bit| byte >> bit & 1 == 1).fold(0, |sum, bit| sum ^ powers[bit]);
        let low: [u16; 256] = std::array::from_fn(subfield);
        let high = low.map(|element| gf16_mul(element, Y));

        let mut to = [[0; 256]; 2];
        let bits = (0..8).flat_map(|bit| [(0, 1u16 << bit), (1, 1 << bit)]);
        for (half, bit) in bits {
            let element = if half == 0 { bit } else { bit << 8 };
            // `a1` is what the high byte says: nothing below 256 has a `y`.
            let pair = |a1: usize| {
                let a0 = low.iter().position(|value| *value == element ^ high[a1])?;
                Some((a1 << 8 | a0) as u16)
            };
            let image = (0..256).find_map(pair).expect("every element is one of the pairs");
            for value in 0..usize::from(bit) {
                to[half][value | usize::from(bit)] = to[half][value] ^ image;
            }
        }
        let delta = low.iter().position(|value| *value == gf16_mul(Y, Y) ^ Y).expect("y is of degree two");
        let matrices = [matrix(&to[0], 0), matrix(&to[1], 0), matrix(&to[1], 1)];
        Self { to, from: [low, high], delta: delta as u8, matrices }
    }

    /// `[a0, a1]` of an element.
    pub(super) fn pair(&self, element: u16) -> [u8; 2] {
        let [low, high] = element.to_le_bytes();
        (self.to[0][usize::from(low)] ^ self.to[1][usize::from(high)]).to_le_bytes()
    }

    /// The element of a pair.
    pub(super) fn element(&self, [a0, a1]: [u8; 2]) -> u16 {
        self.from[0][usize::from(a0)] ^ self.from[1][usize::from(a1)]
    }
}

/// The map from a byte to one byte of its pair.
fn matrix(to: &[u16; 256], output: usize) -> u64 {
    // Row `i` of the matrix, byte `7 - i`, has bit `j` where input bit `j` reaches output bit `i`.
    (0..8).fold(0, |matrix, i| {
        let reaches = |j: usize| to[1 << j].to_le_bytes()[output] >> i & 1;
        let row = (0..8).fold(0u64, |row, j| row | u64::from(reaches(j)) << j);
        matrix | row << (8 * (7 - i))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Product in the AES's field.
    fn aes_mul(a: u8, b: u8) -> u8 {
        let product = (0..8).filter(|bit| b >> bit & 1 == 1).fold(0u16, |sum, bit| sum ^ u16::from(a) << bit);
        (8..16).rev().fold(product, |product, bit| product ^ ((product >> bit & 1) * (0x11B << (bit - 8)))) as u8
    }

    #[test]
    fn the_tower_is_the_field() {
        let tower = &*TOWER;
        for element in 0..=u16::MAX {
            assert_eq!(tower.element(tower.pair(element)), element);
            assert!(element >= 256 || tower.pair(element)[1] == 0, "{element} is in the subfield");
            let other = element.wrapping_mul(40_503) ^ 0x5A5A;
            let ([a0, a1], [b0, b1]) = (tower.pair(element), tower.pair(other));
            let (m0, m1, m2) = (aes_mul(a0, b0), aes_mul(a1, b1), aes_mul(a0 ^ a1, b0 ^ b1));
            let product = tower.element([m0 ^ aes_mul(tower.delta, m1), m0 ^ m2]);
            assert_eq!(product, gf16_mul(element, other), "{element} * {other}");
        }
    }
}
